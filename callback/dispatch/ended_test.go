package dispatch

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// A script that looks after its callback now and then does so as long as there is one.
func TestTheScriptOfAContactThatCouldNotBeReachedEndsWithIt(t *testing.T) {
	const source = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: wait, OnError: wait}}
  wait: {Wait: {For: 10m}, branches: {Default: sooner}}
  sooner: {UpdateContact: {InitialPriority: 500}, branches: {Default: wait}}
`
	inScript(t, source, func(s *stage) {
		s.crowd(1)
		agent := accepted(s)
		contact, _ := last[callback.CreateLeg](s.sw)
		s.event(callback.LegCreated{Channel: contact.Channel})
		s.event(callback.LegRinging{Channel: contact.Channel})
		s.event(callback.LegEnded{Channel: contact.Channel, Cause: callback.CauseBusy})
		s.event(callback.LegEnded{Channel: agent, Cause: 16})
		if c := s.record(1).Contact; c.Outcome != callback.OutcomeNotReached {
			t.Fatalf("the contact is %s %q", c.State, c.Outcome)
		}
		facts := len(s.store.facts)
		s.pass(24 * time.Hour)
		if more, due := len(s.store.facts)-facts, s.record(1).Script.Deadline; more != 0 || !due.IsZero() {
			t.Errorf("a day after its end the contact has %d facts more, and its script is due at %s", more, due)
		}
	})
}
