package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
)

// afterCallWork is long enough to be seen.
func afterCallWork(o *site.Options) {
	o.Skill = append(append([]string{}, o.Skill...), "after_call_work: 30s")
	o.Agents = []string{"1001"}
}

// talk is a contact and an agent who hear each other.
type talk struct {
	contact int64
	call    *phone.Call // the contact's
	agent   *phone.Phone
	offer   *phone.Call // the agent's
}

// talking brings a live caller and the agent 1001 together.
func (s *stage) talking() talk {
	s.t.Helper()
	call := s.call()
	k := talk{contact: s.contact(), call: call, agent: s.agent("1001")}
	s.must("send a tone", call.SendTone(callerHz))
	k.offer = s.ringing(k.agent)
	s.answer(k.offer, agentHz)
	s.connected(k)
	return k
}

// calledBackTalking brings a contact who is called back and the agent 1001 together.
func (s *stage) calledBackTalking() talk {
	s.t.Helper()
	k := talk{contact: s.promised(), agent: s.agent("1001")}
	k.offer = s.ringing(k.agent)
	s.answer(k.offer, agentHz)
	k.call = s.calledBack()
	s.answer(k.call, callerHz)
	s.connected(k)
	return k
}

func (s *stage) connected(k talk) {
	s.t.Helper()
	s.hear(k.offer, agentHz, k.call, callerHz)
	s.await(k.contact, "connected", 5*time.Second)
}

// letGo waits until calls were hung up by Asterisk.
func (s *stage) letGo(calls ...*phone.Call) {
	s.t.Helper()
	for _, call := range calls {
		_, err := call.AwaitEnded(s.within(10 * time.Second))
		s.must("be let go", err)
	}
}

// wantTransferred proves that the contact's outcome is "transferred", that its agent is in after-call work, and
// that the legs of the two who talk on are open.
func (s *stage) wantTransferred(contact int64) {
	s.t.Helper()
	fact := s.await(contact, "ended", 10*time.Second)
	if fact.Data["outcome"] != "transferred" {
		s.t.Errorf("the contact's outcome is %s, want transferred", fact.Data["outcome"])
	}
	s.awaitCount("the agent in after-call work", 1,
		`SELECT count(*) FROM agent WHERE extension = '1001' AND activity = 'after_call'`)
	s.awaitCount("the two legs that talk on", 2,
		`SELECT count(*) FROM leg WHERE contact_id = $1 AND party <> 'agent' AND answered_at IS NOT NULL AND ended_at IS NULL`, contact)
}

func (s *stage) awaitCount(what string, want int, query string, args ...any) {
	s.t.Helper()
	var n int
	err := site.Await(s.within(10*time.Second), func() error { return nil }, func() (bool, error) {
		err := s.DB.GetContext(s.ctx, &n, query, args...)
		return n == want, err
	})
	s.must("look for "+what, err)
	if n != want {
		s.t.Fatalf("%s: %d, want %d", what, n, want)
	}
}

// wantOver proves that all legs have an end and that Asterisk has nothing left.
func (s *stage) wantOver(contact int64) {
	s.t.Helper()
	s.must("leave nothing in Asterisk", s.AwaitEmpty(s.within(10*time.Second)))
	s.awaitCount("open legs", 0, `SELECT count(*) FROM leg WHERE contact_id = $1 AND ended_at IS NULL`, contact)
}

func TestABlindTransferKeepsTheContactAndFreesTheAgent(t *testing.T) {
	for name, begin := range map[string]func(*stage) talk{"live": (*stage).talking, "called back": (*stage).calledBackTalking} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, afterCallWork)
			other := s.agent("1002")
			k := begin(s)
			s.must("transfer", k.offer.Transfer(s.within(10*time.Second), "1002"))
			s.hangup(k.offer) // as a phone does then
			third := s.ringing(other)
			_, err := k.call.AwaitTone(s.within(5*time.Second), 440)
			s.must("hear the other phone ring", err)
			s.answer(third, agent2Hz)
			s.hear(third, agent2Hz, k.call, callerHz)
			s.wantTransferred(k.contact)
			if fact := s.await(k.contact, "transferred", time.Second); fact.Data["agent"] != "1001" || fact.Data["to"] != "1002" {
				t.Errorf("the history says %v", fact.Data)
			}
			s.hangup(k.call, third)
			s.wantOver(k.contact)
		})
	}
}

func TestAnAttendedTransferKeepsTheContactAndFreesTheAgent(t *testing.T) {
	s := newStage(t, afterCallWork)
	other := s.agent("1002")
	k := s.talking()
	s.must("hold", k.offer.Hold(s.within(5*time.Second)))
	_, err := k.call.AwaitTone(s.within(5*time.Second), musicHz)
	s.must("hear music on hold", err)
	asking, err := k.agent.Call(s.ctx, "", "1002")
	s.must("ask", err)
	third := s.ringing(other)
	s.answer(third, agent2Hz)
	s.must("be answered", asking.AwaitAnswered(s.within(5*time.Second)))
	s.must("transfer", k.offer.TransferTo(s.within(10*time.Second), asking))
	s.hear(third, agent2Hz, k.call, callerHz)
	// The phone does not hang up, and Asterisk, which waits for that, does not do so for it. The agent is free all the same.
	s.letGo(asking)
	s.wantTransferred(k.contact)
	s.hangup(third, k.call)
	s.wantOver(k.contact)
}

// The daemon has not read of the transfer when it dies: Asterisk has told a socket that nobody reads from.
func TestATransferThatADaemonDiesBeforeIsFoundByTheNextOne(t *testing.T) {
	s := newStage(t, afterCallWork)
	other := s.agent("1002")
	k := s.talking()
	s.must("stop the daemon", s.Signal(syscall.SIGSTOP))
	s.must("transfer", k.offer.Transfer(s.within(10*time.Second), "1002"))
	third := s.ringing(other)
	s.answer(third, agent2Hz)
	s.hear(third, agent2Hz, k.call, callerHz)
	s.hangup(k.offer)
	s.Kill()
	s.must("start again", s.Start(s.within(30*time.Second)))
	s.wantTransferred(k.contact)
	s.hear(third, agent2Hz, k.call, callerHz)
	s.hangup(third, k.call)
	s.wantOver(k.contact)
}

// Asterisk refuses to put a channel into a bridge of an application that nobody listens to.
func TestATransferWhileTheDaemonIsAwayIsRefusedAndTheTwoTalkOn(t *testing.T) {
	s := newStage(t, nil)
	s.agent("1002")
	k := s.talking()
	s.Kill()
	if k.offer.Transfer(s.within(10*time.Second), "1002") == nil {
		t.Error("the transfer has worked")
	}
	s.hear(k.offer, agentHz, k.call, callerHz)
	s.must("start again", s.Start(s.within(30*time.Second)))
	s.hear(k.offer, agentHz, k.call, callerHz)
	s.hangup(k.offer, k.call)
	s.ended(k.contact, "served")
}

func TestAFailedTransferChangesNothing(t *testing.T) {
	s := newStage(t, nil)
	k := s.talking()
	if k.offer.Transfer(s.within(10*time.Second), "9999") == nil {
		t.Error("a transfer to a number that does not exist has worked")
	}
	s.hear(k.offer, agentHz, k.call, callerHz)
	s.hangup(k.offer, k.call)
	s.ended(k.contact, "served")
}

// Somebody at Asterisk's console, or a panel, sends the contact's channel elsewhere.
func TestAContactThatIsSentElsewhereIsNotHungUp(t *testing.T) {
	for name, restart := range map[string]bool{"seen": false, "while the daemon is away": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, afterCallWork)
			other := s.agent("1002")
			k := s.talking()
			if restart {
				s.Kill()
			}
			var channel string
			s.must("find the leg", s.DB.GetContext(s.ctx, &channel, `SELECT channel FROM leg WHERE contact_id = $1 AND party = 'contact'`, k.contact))
			_, err := s.Asterisk.CLI(s.ctx, "channel redirect "+s.channelName(channel)+" from-internal,1002,1")
			s.must("redirect", err)
			third := s.ringing(other)
			s.answer(third, agent2Hz)
			s.hear(third, agent2Hz, k.call, callerHz)
			if restart {
				s.must("start again", s.Start(s.within(30*time.Second)))
			}
			s.letGo(k.offer)
			if fact := s.await(k.contact, "ended", 10*time.Second); fact.Data["outcome"] != "transferred" {
				t.Errorf("the contact's outcome is %s, want transferred", fact.Data["outcome"])
			}
			s.hear(third, agent2Hz, k.call, callerHz)
			s.awaitCount("the leg that left", 1,
				`SELECT count(*) FROM leg WHERE contact_id = $1 AND left_at IS NOT NULL AND ended_at IS NULL`, k.contact)
			s.hangup(third, k.call)
			s.wantOver(k.contact)
		})
	}
}

// channelName gives the name under which Asterisk's console knows a channel.
func (s *stage) channelName(id string) string {
	s.t.Helper()
	channels, err := s.Asterisk.CLI(s.ctx, "core show channels concise")
	s.must("list the channels", err)
	for line := range strings.Lines(channels) {
		fields := strings.Split(strings.TrimSpace(line), "!")
		if fields[len(fields)-1] == id {
			return fields[0]
		}
	}
	s.t.Fatalf("Asterisk has no channel %s", id)
	return ""
}

func TestHoldLosesNeitherTheContactNorTheAgent(t *testing.T) {
	s := newStage(t, nil)
	k := s.talking()
	s.must("hold", k.offer.Hold(s.within(5*time.Second)))
	_, err := k.call.AwaitTone(s.within(5*time.Second), musicHz)
	s.must("hear music on hold", err)
	s.must("resume", k.offer.Resume(s.within(5*time.Second)))
	_, err = k.call.AwaitNoTone(s.within(5*time.Second), musicHz)
	s.must("hear no music", err)
	s.hear(k.offer, agentHz, k.call, callerHz)
	s.must("hold again", k.offer.Hold(s.within(5*time.Second)))
	s.hangup(k.call, k.offer) // the contact does not wait
	s.ended(k.contact, "served")
}
