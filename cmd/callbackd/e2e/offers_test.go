package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
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

// transfer has the agent transfer the contact to the extension 1002, which answers once the contact has heard it
// ring.
func (s *stage) transfer(k talk, other *phone.Phone) *phone.Call {
	s.t.Helper()
	s.must("transfer", k.offer.Transfer(s.within(5*time.Second), "1002"))
	third := s.ringing(other)
	_, err := k.call.AwaitTone(s.within(5*time.Second), 440)
	s.must("hear the other phone ring", err)
	s.answer(third, agent2Hz)
	return third
}

// notTransferred tries a transfer that must not work.
func (s *stage) notTransferred(k talk, number string) {
	s.t.Helper()
	err := k.offer.Transfer(s.within(5*time.Second), number)
	if err == nil {
		err = k.offer.AwaitTransferred(s.within(10 * time.Second))
	}
	if err == nil {
		s.t.Errorf("the transfer to %s has worked", number)
	}
}

func TestABlindTransferKeepsTheContactAndFreesTheAgent(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*stage) talk{"live": (*stage).talking, "called back": (*stage).calledBackTalking} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, afterCallWork)
			other := s.agent("1002")
			k := begin(s)
			third := s.transfer(k, other)
			s.hangup(k.offer) // as a phone does then
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
	third := s.transfer(k, other)
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
	s := newStage(t, func(o *site.Options) { o.Agents = []string{"1001"} })
	s.agent("1002")
	k := s.talking()
	s.Kill()
	s.must("see that the daemon is away", site.Await(s.within(5*time.Second), func() error { return errors.New("Asterisk does not") }, func() (bool, error) {
		log, err := os.ReadFile(s.Asterisk.Log())
		return bytes.Contains(log, []byte("Deactivating Stasis app")), err
	}))
	s.notTransferred(k, "1002")
	s.hear(k.offer, agentHz, k.call, callerHz)
	s.must("start again", s.Start(s.within(30*time.Second)))
	s.hear(k.offer, agentHz, k.call, callerHz)
	s.hangup(k.offer, k.call)
	s.ended(k.contact, "served")
}

func TestAFailedTransferChangesNothing(t *testing.T) {
	s := newStage(t, nil)
	k := s.talking()
	s.notTransferred(k, "9999")
	s.hear(k.offer, agentHz, k.call, callerHz)
	s.hangup(k.offer, k.call)
	s.ended(k.contact, "served")
}

// Somebody at Asterisk's console, or a panel, sends the contact's channel elsewhere.
func TestAContactThatIsSentElsewhereIsNotHungUp(t *testing.T) {
	t.Parallel()
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

// skill adds settings to the test's skill.
func skill(settings ...string) func(*site.Options) {
	return func(o *site.Options) { o.Skill = append(append([]string{}, o.Skill...), settings...) }
}

func TestAnOfferIsWithdrawnWithNoHalfRingWhenTheCallerHangsUp(t *testing.T) {
	s := newStage(t, nil)
	call := s.call()
	contact := s.contact()
	agent := s.agent("1001")
	offer := s.ringing(agent)
	s.hangup(call)
	ended, err := offer.AwaitEnded(s.within(5 * time.Second))
	s.must("stop ringing", err)
	if ended.By != phone.Them || ended.How != phone.Cancelled { // a CANCEL, which the phone answers with 487
		t.Errorf("the offer ended: %v, want a CANCEL", ended)
	}
	s.ended(contact, "abandoned")
	if fact := s.await(contact, "offer_ended", time.Second); fact.Data["result"] != "withdrawn" {
		t.Errorf("the offer ended as %v, want withdrawn", fact.Data)
	}
	if n := s.count(`SELECT count(*) FROM agent WHERE extension = '1001' AND activity = 'free'`); n != 1 {
		t.Error("the agent is not free again")
	}
	if n := len(agent.Calls()); n != 1 {
		t.Errorf("the agent's phone was rung %d times, want once", n)
	}
}

func TestWhoIsAskedToPressOneAcceptsByItAndRefusesByTwo(t *testing.T) {
	s := newStage(t, skill("accept: press_1", "accept_time: 8s", "whisper: '{KIND} {WAITED}'", "caller_name: '{KIND} {WAITED}'"))
	contact := s.promised()
	first := s.ringing(s.agent("1001"))
	if name := first.From().Name; name != "callback 0 min" {
		t.Errorf("the agent's phone shows %q", name)
	}
	s.answer(first, agentHz)
	_, err := first.AwaitSound(s.within(5 * time.Second))
	s.must("be asked", err)
	_ = first.Press(s.within(5*time.Second), "2") // the call may be over before the key's last packet
	s.letGo(first)
	if fact := s.await(contact, "offer_ended", 10*time.Second); fact.Data["result"] != "refused" {
		t.Errorf("the offer ended as %v, want refused", fact.Data)
	}
	second := s.ringing(s.agent("1002"))
	s.answer(second, agent2Hz)
	_, err = second.AwaitSound(s.within(5 * time.Second))
	s.must("be asked", err)
	if n := len(s.Carrier.Calls()); n != 1 {
		t.Fatalf("the contact is dialled before the agent accepts (C3): %d calls at the carrier", n)
	}
	s.must("press 1", second.Press(s.within(5*time.Second), "1"))
	contactCall := s.calledBack()
	s.answer(contactCall, callerHz)
	s.hear(second, agent2Hz, contactCall, callerHz)
	s.hangup(second, contactCall)
	s.ended(contact, "served")
}

// A mailbox answers and says something, and never presses a key.
func TestAMailboxDoesNotAcceptWhereOneIsToBePressed(t *testing.T) {
	s := newStage(t, func(o *site.Options) {
		skill("accept: press_1", "accept_time: 5s", "refusals: 1")(o)
		o.Agents = []string{"1001"}
	})
	contact := s.promised()
	mailbox := s.ringing(s.agent("1001"))
	s.answer(mailbox, agentHz)
	s.letGo(mailbox)
	if fact := s.await(contact, "offer_ended", 10*time.Second); fact.Data["result"] != "no_answer" {
		t.Errorf("the offer ended as %v, want no_answer", fact.Data)
	}
	s.awaitCount("the agent unavailable", 1,
		`SELECT count(*) FROM agent WHERE extension = '1001' AND presence = 'unavailable' AND presence_reason = 'offers not accepted'`)
	if n := s.count(`SELECT count(*) FROM place WHERE contact_id = $1`, contact); n != 1 {
		t.Error("the place is lost")
	}
}

const wantsOne = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support, TargetAgent: "1001", WhenRefused: WHEN}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: rest, OnError: rest}}
  rest: {Log: {Text: waits}}
`

// wanting lets a caller be promised a callback by one agent.
func (s *stage) wanting() int64 {
	s.t.Helper()
	call, err := s.Carrier.Call(s.ctx, callerANI, s.Asterisk.DID)
	s.must("call", err)
	contact := s.contact()
	s.letGo(call)
	return contact
}

func TestAContactWhoseAgentRefusesStaysOrGoesToAny(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"Stay", "AnyAgent"} {
		t.Run(when, func(t *testing.T) {
			s := newStage(t, func(o *site.Options) { o.Script = []byte(strings.Replace(wantsOne, "WHEN", when, 1)) })
			other, wanted := s.agent("1002"), s.agent("1001")
			s.wanting()
			s.must("decline", s.ringing(wanted).Decline(s.ctx, 603))
			if when == "AnyAgent" {
				s.ringing(other)
				return
			}
			s.ringing(wanted) // again, once the pause is over
			if n := len(other.Calls()); n != 0 {
				t.Errorf("another agent was rung %d times", n)
			}
		})
	}
}

func TestAContactWhoseAgentIsAwayGoesToAnyWhereTheScriptSaysSo(t *testing.T) {
	s := newStage(t, func(o *site.Options) { o.Script = []byte(strings.Replace(wantsOne, "WHEN", "AnyAgent", 1)) })
	_, err := s.Command(s.ctx, "agent", "state", "1001", "unavailable", "--reason", "lunch")
	s.must("go to lunch", err)
	wanted, other := s.agent("1001"), s.agent("1002")
	contact := s.wanting()
	s.ringing(other)
	if fact := s.await(contact, "any_agent", time.Second); fact.Data["agent"] != "1001" || fact.Data["reason"] != "away" {
		t.Errorf("the history says %v", fact.Data)
	}
	if n := len(wanted.Calls()); n != 0 {
		t.Errorf("the phone of the agent who is away was rung %d times", n)
	}
}

// secondNode opens another site beside the test's, with an Asterisk, a carrier and a daemon of its own, on
// the same Postgres.
func (s *stage) secondNode(o site.Options) *stage {
	s.t.Helper()
	o.Dir, o.Callbackd, o.Root, o.Database, o.Script = s.t.TempDir(), program, root, s.database, shortExample(s.t)
	other, err := site.Open(s.ctx, o)
	s.must("open the second node", err)
	closeAfter(s.t, o.Dir, other)
	return &stage{Site: other, t: s.t, ctx: s.ctx, database: s.database}
}

// twoNodes opens node A, with no agent, and node B with some.
func twoNodes(t *testing.T, settings []string, agents ...string) (a, b *stage) {
	t.Helper()
	a = newStage(t, func(o *site.Options) { o.Agents, o.Skill = nil, settings })
	return a, a.secondNode(site.Options{Agents: agents, Skill: settings})
}

func TestAnAgentOfAnotherNodeServesACallbackAndNoLiveCaller(t *testing.T) {
	a, b := twoNodes(t, skillSettings, "1001")
	agent := b.agent("1001")
	contact := a.promised()
	offer := b.ringing(agent)
	b.answer(offer, agentHz)
	call := b.calledBack()
	b.answer(call, callerHz)
	b.hear(offer, agentHz, call, callerHz)
	if n := len(a.Carrier.Calls()); n != 1 {
		t.Errorf("the carrier of the other node saw %d calls, want the caller's alone", n)
	}
	b.hangup(call, offer)
	a.ended(contact, "served")
	b.must("leave nothing in Asterisk", b.AwaitEmpty(b.within(10*time.Second)))

	live := a.call()
	queued, err := a.AwaitFact(a.within(10*time.Second), 0, "queued", func(f site.Fact) bool { return f.Contact != contact })
	a.must("queue the live caller", err)
	a.awaitAction(queued.Contact, "offer") // some seconds in the queue beside an agent who is free
	a.awaitCount("a free agent on the other node", 1,
		`SELECT count(*) FROM agent WHERE extension = '1001' AND presence = 'available' AND activity = 'free'`)
	if n := a.count(`SELECT count(*) FROM offer WHERE contact_id = $1`, queued.Contact); n != 0 {
		t.Errorf("the live caller was offered %d times to an agent of another node", n)
	}
	a.hangup(live)
	a.ended(queued.Contact, "abandoned")
}

// The daemon of a node matches for the agents who are reached there: of them the best takes the callback of
// another node, and of equals the longest idle.
func TestACallbackOfAnotherNodeGoesToTheBestAgentAndThenToTheLongestIdle(t *testing.T) {
	a, b := twoNodes(t, []string{"ring_time: 8s", "refused_time: 60s"}, "1001", "1002", "1003")
	for i, agent := range []struct{ extension, skill string }{{"1002", "support=2"}, {"1001", "support=2"}, {"1003", "support=1"}} {
		_, err := b.Command(b.ctx, "agent", "add", agent.extension, "--skill", agent.skill)
		b.must("add an agent", err)
		_, err = b.DB.ExecContext(b.ctx, `UPDATE agent SET idle_since = now() - make_interval(hours => 9 - $2) WHERE extension = $1`, agent.extension, i)
		b.must("set an idle time", err)
	}
	rung := make(chan string, 3)
	for _, extension := range []string{"1001", "1002", "1003"} {
		b.agent(extension).Handle("", func(ctx context.Context, call *phone.Call) {
			rung <- extension
			_ = call.Decline(ctx, 603) // the test sees in the end who was rung
		})
	}
	a.promised()
	for _, want := range []string{"1003", "1002", "1001"} {
		select {
		case got := <-rung:
			if got != want {
				t.Errorf("%s is rung, want %s", got, want)
			}
		case <-b.within(20 * time.Second).Done():
			t.Fatalf("%s is not rung", want)
		}
	}
}
