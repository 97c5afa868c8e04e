package dispatch

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// The network gives a number with its country, people key it in without.
func TestOneNumberThatIsWrittenInTwoWaysWaitsOnceAndIsFoundAndTakenOver(t *testing.T) {
	const source = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: find}}
  find: {Querycallback: {Skill: support}, branches: {Default: callback, Found: second, OnError: failed}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: wait, OnError: failed}}
  wait: {Wait: {For: 4h}, branches: {Default: expire}}
  expire: {Hangup: {}}
  second: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: wait, OnError: refused}}
  refused: {Assign: {Set: {reason: "{_ERR}"}}, branches: {Default: again}}
  again: {Queuecallback: {Skill: support, PhoneNumber: "{ANI}"}, branches: {Default: failed, OnError: take}}
  take: {Contacttakeover: {Skill: support}, branches: {Default: taken, NotFound: failed, OnError: failed}}
  taken: {Music: {Class: taken}}
  failed: {Music: {Class: failed}}
`
	for promised, calls := range map[string]string{"+12125550123": "2125550123", "12125550123": "+12125550123"} {
		inScript(t, source, func(s *stage) {
			s.event(callback.LegArrived{Channel: "first", Script: "tried", ANI: promised, DNIS: "8005550100"})
			s.pass(time.Second)
			s.event(callback.LegEnded{Channel: "first", Cause: 16})
			s.at(1, "wait")
			s.event(callback.LegArrived{Channel: "second", Script: "tried", ANI: calls, DNIS: "8005550100"})
			s.pass(time.Second)
			s.at(2, "taken")
			if id, reason := s.variable(2, "CALLBACKID"), s.variable(2, "reason"); id != "1" || reason != ErrCallbackOpen.Error() {
				t.Errorf("%s has found contact %q, a second callback gave %q", calls, id, reason)
			}
			if c := s.record(1).Contact; c.Outcome != callback.OutcomeTakenOver || c.Promise.PhoneNumber != promised {
				t.Errorf("the callback is %s %q to %+v", c.State, c.Outcome, c.Promise)
			}
		})
	}
}
