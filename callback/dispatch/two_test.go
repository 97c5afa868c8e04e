package dispatch

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/play"
	"github.com/callbackd/callbackd/callback/script"
)

// second runs another daemon, of the node n2, on the same database.
func (s *stage) second(scripts ...*script.Script) *stage {
	other := &stage{t: s.t, store: s.store, sw: &fakeSwitch{}}
	other.d = newDispatcher(s.t, s.store, other.sw, scripts...)
	other.d.o.Node = "n2"
	other.run()
	return other
}

// C6: either daemon may be the one that goes on with a script. Then an agent of the other one's node accepts the
// callback, while the first still waits for the answer to what the script has asked.
func TestADaemonWithAQuestionUnderWayLeavesTheCallbackToTheNodeWhoseAgentHasAccepted(t *testing.T) {
	const source = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}", CallDelaySec: 20}, branches: {Default: wait, OnError: wait}}
  wait: {Wait: {For: 10m}, branches: {Default: crm}}
  crm: {WebRequest: {URL: "https://crm.example/", TimeoutSec: 60}, branches: {Default: answered, OnError: failed}}
  answered: {Log: {Text: answered}}
  failed: {Log: {Text: failed}}
`
	for name, learns := range map[string]bool{"it learns of it by the answer": false, "it learns of it before": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tried := parse(t, "tried", source)
				one := newStage(t, tried)
				one.run()
				defer func() { one.stop() }()
				two := one.second(tried)
				defer func() { two.stop() }()
				server := (&crm{takes: 40 * time.Second}).serves(one.d)
				server.serves(two.d)
				one.crowd(1)
				one.pass(10*time.Minute + 2*time.Second)
				one.at(1, "crm")
				asker, other := one, two
				if two.d.sessionCount() == 1 {
					asker, other = two, one
				}

				agent := accepted(other)
				if learns { // it has something to save of its own
					asker.d.toSession(1, play.Requested{Request: callback.Request{Kind: callback.RequestCancel, AskedBy: "ann"}})
				}
				other.pass(25 * time.Second)
				contact, n := last[callback.CreateLeg](other.sw)
				if n != 2 || contact.Party != callback.PartyContact {
					t.Fatalf("the node of the agent has made %d legs, the last %+v", n, contact)
				}
				other.event(callback.LegCreated{Channel: contact.Channel})
				other.pass(20 * time.Second) // the answer has come
				if c := one.record(1).Contact; c.State != callback.StateCalling || asker.d.sessionCount() != 0 || other.d.sessionCount() != 1 {
					t.Errorf("the contact is %s; %v sessions where its script had asked, %v where it is called",
						c.State, asker.d.sessionCount(), other.d.sessionCount())
				}
				if _, legs := last[callback.CreateLeg](asker.sw); legs+asker.hungUp(contact.Channel)+asker.hungUp(agent) != 0 {
					t.Errorf("the other node has made %d legs, and hung up ours", legs)
				}
				other.event(callback.LegEnded{Channel: agent, Cause: 16}) // gives up, and the script goes on
				other.event(callback.LegEnded{Channel: contact.Channel, Cause: 16})
				other.pass(30 * time.Second)
				if got := one.logged(); !slices.Equal(got, []string{"crm: no answer came in time", "failed"}) || server.count() != 1 {
					t.Errorf("the server was asked %d times, and the script has said %v", server.count(), got)
				}
				if c := one.record(1).Contact; c.State != callback.StateCallback || c.Place == nil || one.d.sessionCount()+two.d.sessionCount() != 0 {
					t.Errorf("the contact is %s at %+v; sessions are left", c.State, c.Place)
				}
			})
		})
	}
}
