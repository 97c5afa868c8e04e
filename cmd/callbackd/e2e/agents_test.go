package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// dial lets an agent's phone dial a code, hear that prompt to its end, and be hung up on.
func (s *stage) dial(p *phone.Phone, code, prompt string) {
	s.t.Helper()
	call, err := p.Call(s.ctx, "", code)
	s.must("dial "+code, err)
	s.must("have "+code+" answered", call.AwaitAnswered(s.within(10*time.Second)))
	ended, err := call.AwaitEnded(s.within(20 * time.Second))
	s.must("be hung up on after "+code, err)
	if ended.By != phone.Them {
		s.t.Errorf("the call to %s ended: %v", code, ended)
	}
	if got := heard(s.t, call); got != prompt {
		s.t.Errorf("the answer to %s was the prompt %q, want %q", code, got, prompt)
	}
}

// agentIs waits until the list of agents has that state and reason, or "".
func (s *stage) agentIs(extension, state, reason string) {
	s.t.Helper()
	var line string
	err := site.Await(s.within(5*time.Second), func() error { return fmt.Errorf("agent %s is %s", extension, line) }, func() (bool, error) {
		err := s.DB.GetContext(s.ctx, &line, `
			SELECT concat_ws('/', agent_state(presence, activity, activity_until, now()), nullif(presence_reason, ''))
			FROM agent WHERE extension = $1`, extension)
		return line == strings.TrimSuffix(state+"/"+reason, "/"), err
	})
	s.must("see the agent "+state, err)
}

// lamp waits until the lamp shows that.
func (s *stage) lamp(l *phone.Lamp, want phone.LampState) {
	s.t.Helper()
	s.must("see the lamp", l.Await(s.within(5*time.Second), want))
}

func (s *stage) watch(p *phone.Phone, extension string) *phone.Lamp {
	s.t.Helper()
	l, err := p.Watch(s.within(5*time.Second), extension)
	s.must("watch "+extension, err)
	return l
}

// TestAnAgentNeedsNothingButAPhone takes an agent through a day by codes and lamps.
func TestAnAgentNeedsNothingButAPhone(t *testing.T) {
	s := newStage(t, func(o *site.Options) {
		o.Agents = []string{"1001"}
		o.Skill = append(o.Skill, "after_call_work: 10m")
	})
	_, err := s.Command(s.ctx, "agent", "state", "1001", "logged_out")
	s.must("log out", err)
	agent := s.agent("1001")
	own, pause, queue := s.watch(agent, "*45*1001"), s.watch(agent, "*46*1001"), s.watch(agent, "queue-support")
	s.lamp(own, phone.LampDark)
	s.lamp(pause, phone.LampDark)
	s.lamp(queue, phone.LampDark)

	s.dial(agent, "*45", "agent-logged-in")
	s.agentIs("1001", "available", "")
	s.lamp(own, phone.LampLit)

	caller := s.call()
	first := s.contact()
	s.lamp(queue, phone.LampLit)
	offered := s.ringing(agent)
	s.lamp(own, phone.LampFlashing)
	s.answer(offered, agentHz)
	s.lamp(own, phone.LampLit)
	s.lamp(queue, phone.LampDark)
	s.must("send a tone", caller.SendTone(callerHz))
	s.hear(offered, agentHz, caller, callerHz)
	s.hangup(caller, offered)
	s.agentIs("1001", "after_call", "")
	s.lamp(own, phone.LampHeld)

	// The next caller waits until the agent is ready.
	next := s.call()
	s.lamp(queue, phone.LampLit)
	if n := len(agent.Calls()); n != 2 {
		t.Fatalf("the agent's phone has had %d calls, want the code and one offer", n)
	}
	s.dial(agent, "*48", "agent-ready")
	offered = s.ringing(agent)
	s.must("decline", offered.Decline(s.ctx, 486))
	s.agentIs("1001", "refused", "")

	// Paused with a reason: the time of refused is over, and nothing is offered.
	s.dial(agent, "*461", "agent-paused")
	s.agentIs("1001", "unavailable", "1")
	s.lamp(pause, phone.LampLit)
	s.lamp(own, phone.LampHeld)
	s.must("let the time of refused pass", site.Await(s.within(10*time.Second), func() error { return errors.New("still refused") }, func() (bool, error) {
		return s.count(`SELECT count(*) FROM agent_history WHERE activity = 'free' AND reason = 'the time of refused is over'`) == 1, nil
	}))
	s.dial(agent, "*48", "agent-paused") // ready, and still paused
	s.agentIs("1001", "unavailable", "1")
	if n := s.count(`SELECT count(*) FROM offer WHERE ended_at IS NULL`); n != 0 {
		t.Errorf("%d contacts are offered to an agent who is paused", n)
	}

	s.dial(agent, "*46", "agent-unpaused")
	s.lamp(pause, phone.LampDark)
	offered = s.ringing(agent)
	s.answer(offered, agentHz)
	s.hangup(next, offered)
	s.dial(agent, "*45", "agent-logged-out")
	s.agentIs("1001", "logged_out", "")
	s.lamp(own, phone.LampDark)
	s.ended(first, "served")
	if n := s.count(`SELECT count(*) FROM agent_history WHERE asked_by = 'phone PJSIP/1001'`); n != 6 {
		t.Errorf("%d requests by the phone stand in the history, want 6", n)
	}
}

func TestAgentsCodesAreAnsweredWhoeverIsAway(t *testing.T) {
	var proxy *postgrestest.Proxy
	s := newStage(t, func(o *site.Options) {
		o.Agents = []string{"1001"}
		proxied(t, &proxy)(o)
	})
	agent, stranger := s.agent("1001"), s.agent("1002")
	s.dial(stranger, "*45", "agent-unknown")
	s.dial(agent, "*45", "agent-logged-out")
	s.dial(agent, "*46", "agent-not-logged-in")
	s.dial(agent, "*45*1002", "agent-failed") // the key that shows somebody else
	s.dial(agent, "*45*1001", "agent-logged-in")
	s.must("take the database away", proxy.Refuse())
	s.dial(agent, "*45", "agent-failed")
	s.must("bring the database back", proxy.Restore())
	s.must("be ready again", s.AwaitReady(s.within(20*time.Second)))
	s.must("end callbackd", s.Terminate(s.within(20*time.Second)))
	s.dial(agent, "*45", "agent-failed")
	s.agentIs("1001", "available", "")
	if n := s.count(`SELECT count(*) FROM contact`); n != 0 {
		t.Errorf("%d contacts were made of codes", n)
	}
	s.must("leave nothing in Asterisk", s.AwaitEmpty(s.within(10*time.Second)))
}

func TestThePauseHasTheNameThatTheSiteGivesItsReason(t *testing.T) {
	s := newStage(t, func(o *site.Options) { o.Agents = []string{"1001"} })
	_, err := s.Asterisk.CLI(s.ctx, "dialplan set global CALLBACKD_REASON_12 lunch,long")
	s.must("name the reason", err)
	agent := s.agent("1001")
	s.dial(agent, "*4612", "agent-paused")
	s.agentIs("1001", "unavailable", "lunch,long")
	s.dial(agent, "*467", "agent-paused")
	s.agentIs("1001", "unavailable", "7")
	s.dial(agent, "*467", "agent-unpaused")
	s.agentIs("1001", "available", "")
}

// A lamp follows whoever changes what it shows, and stands through a restart of the daemon.
func TestLampsFollowTheCommandLineAndARestart(t *testing.T) {
	s := newStage(t, func(o *site.Options) { o.Agents = []string{"1001"} })
	agent := s.agent("1002")
	own, pause := s.watch(agent, "*45*1001"), s.watch(agent, "*46*1001")
	s.lamp(own, phone.LampLit)
	_, err := s.Command(s.ctx, "agent", "state", "1001", "unavailable", "--reason", "lunch")
	s.must("pause", err)
	s.lamp(pause, phone.LampLit)
	s.lamp(own, phone.LampHeld)
	shown := len(pause.Shown())
	s.must("end callbackd", s.Terminate(s.within(20*time.Second)))
	s.must("start again", s.Start(s.within(30*time.Second)))
	_, err = s.Command(s.ctx, "agent", "state", "1001", "logged_out")
	s.must("log out", err)
	s.lamp(own, phone.LampDark)
	s.lamp(pause, phone.LampDark)
	if got := pause.Shown()[shown:]; len(got) != 1 {
		t.Errorf("the lamp has shown %v since before the restart, want one change", got)
	}
}

// TestAPhoneThatIsBusyWithSomethingElseIsOfferedNothing has one agent who is the first to be offered a
// contact, and another who is offered it when that one's phone can't be rung.
func TestAPhoneThatIsBusyWithSomethingElseIsOfferedNothing(t *testing.T) {
	s := newStage(t, func(o *site.Options) { o.Agents = nil })
	for extension, skill := range map[string]string{"1001": "support=1", "1003": "support=5"} {
		_, err := s.Command(s.ctx, "agent", "add", extension, "--skill", skill)
		s.must("add an agent", err)
	}
	s.setAgent("1001", "available")
	second, colleague := s.agent("1003"), s.agent("1002")
	s.goesTo(second, "nobody is registered at the first agent's extension")
	first := s.agent("1001")
	for _, busy := range []struct {
		how string
		is  func() (end func())
	}{
		{"in a call of its own", func() func() {
			own, other := s.talk(first, colleague)
			return func() { s.hangup(own, other) }
		}},
		{"ringing from elsewhere", func() func() {
			call, err := colleague.Call(s.ctx, "", "1001")
			s.must("call the agent", err)
			s.ringing(first)
			return func() { s.must("hang up", call.Hangup(s.within(5*time.Second))) }
		}},
		{"with a call on hold", func() func() {
			own, other := s.talk(first, colleague)
			s.must("hold", own.Hold(s.within(5*time.Second)))
			return func() { s.hangup(other, own) }
		}},
		{"on hold by the other", func() func() {
			own, other := s.talk(first, colleague)
			s.must("hold", other.Hold(s.within(5*time.Second)))
			return func() { s.hangup(other, own) }
		}},
		{"with one call on hold and a second one that is over", func() func() {
			own, other := s.talk(first, colleague)
			s.must("hold", own.Hold(s.within(5*time.Second)))
			again, third := s.talk(first, s.agent("1004"))
			s.hangup(third, again)
			return func() { s.hangup(own, other) }
		}},
		{"in a call that a colleague placed", func() func() {
			other, own := s.talk(colleague, first)
			return func() { s.hangup(other, own) }
		}},
	} {
		s.goesTo(first, "the first agent is free before "+busy.how)
		end := busy.is()
		s.goesTo(second, "the first agent's phone is "+busy.how)
		end()
	}
	s.goesTo(first, "the first agent is free again")
	s.must("unregister", first.Unregister(s.within(5*time.Second)))
	s.goesTo(second, "the first agent's phone is gone")
}

func (s *stage) setAgent(extension, state string) {
	s.t.Helper()
	_, err := s.Command(s.ctx, "agent", "state", extension, state)
	s.must("set the agent's state", err)
}

// talk has two phones talk to each other, without callbackd.
func (s *stage) talk(from, to *phone.Phone) (placed, received *phone.Call) {
	s.t.Helper()
	placed, err := from.Call(s.ctx, "", to.Number())
	s.must("call", err)
	received = s.ringing(to)
	s.must("answer", received.Answer(s.within(5*time.Second)))
	s.must("be answered", placed.AwaitAnswered(s.within(5*time.Second)))
	return placed, received
}

// goesTo lets somebody call, and wants that this phone is rung and the other agent's is not; why says what
// was to make it so. The second agent is there only to be rung in place of the first.
func (s *stage) goesTo(p *phone.Phone, why string) {
	s.t.Helper()
	s.setAgent("1003", map[bool]string{true: "available", false: "logged_out"}[p.Number() == "1003"])
	call, err := s.Carrier.Call(s.ctx, callerANI, s.Asterisk.DID)
	s.must("call", err)
	offered, err := p.AwaitCall(s.within(10 * time.Second))
	s.must("be rung since "+why, err)
	s.answer(offered, agentHz)
	_, err = call.AwaitTone(s.within(10*time.Second), agentHz)
	s.must("hear the agent", err)
	s.hangup(call, offered)
	contact := s.count(`SELECT max(id) FROM contact`)
	if n := s.count(`SELECT count(*) FROM offer WHERE contact_id = $1`, contact); n != 1 {
		s.t.Errorf("the contact was offered %d times, want once, since %s", n, why)
	}
	err = site.Await(s.within(5*time.Second), func() error { return errors.New("an agent is still at work") }, func() (bool, error) {
		return s.count(`SELECT count(*) FROM agent WHERE activity NOT IN ('free', 'working_outbound')`) == 0, nil
	})
	s.must("free the agent", err)
}
