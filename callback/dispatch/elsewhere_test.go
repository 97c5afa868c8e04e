package dispatch

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// The agent of another node accepts while a question of ours is under way: the answer comes to nobody, and
// holds neither the session nor its turn.
func TestAnAnswerForAContactThatAnotherNodeHasByNowHoldsNoSession(t *testing.T) {
	const source = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}", CallDelaySec: 20}, branches: {Default: wait, OnError: wait}}
  wait: {Wait: {For: 10m}, branches: {Default: crm}}
  crm: {WebRequest: {URL: "https://crm.example/", TimeoutSec: 10}, branches: {Default: say, OnError: say}}
  say: {Log: {Text: done}}
`
	inScript(t, source, func(s *stage) {
		(&crm{takes: 8 * time.Second}).serves(s.d)
		s.crowd(1)
		s.pass(10*time.Minute + 2*time.Second)
		s.at(1, "crm")
		env := s.d.env(1)
		env.Node = "n2"
		made := callback.NewOffer(*s.record(1).Contact.Place, "2001", "PJSIP/2001", env)
		for _, ev := range []callback.Event{made, callback.LegCreated{Channel: made.Leg.Channel}, callback.LegAnswered{Channel: made.Leg.Channel}} {
			record := s.record(1)
			env.Now = now()
			turn := callback.NewTurn(record.Contact, env)
			turn.Handle(ev)
			if err := s.store.Save(s.t.Context(), Lease{}, Change{Record: record}); err != nil {
				t.Fatal(err)
			}
		}
		s.pass(10 * time.Second)
		if n, slots := s.d.sessionCount(), s.working(); n != 0 || slots != 0 {
			t.Errorf("%v sessions and %d slots are left", n, slots)
		}
		s.pass(time.Minute)
		if leg, n := last[callback.CreateLeg](s.sw); n != 0 {
			t.Errorf("the contact is dialled from here: %+v", leg)
		}
	})
}
