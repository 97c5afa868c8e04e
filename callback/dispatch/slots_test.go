package dispatch

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// asksAtMany waits at one of that many actions, by DNIS, and then asks a server that takes its time; with
// another DNIS its callback expires.
func asksAtMany(actions int) string {
	source := `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: which, OnError: which}}
  brief: {Wait: {For: 10m}, branches: {Default: expire}}
  expire: {Hangup: {}}
  crm: {WebRequest: {URL: "https://crm.example/{ANI}", TimeoutSec: 60}, branches: {Default: say, OnError: say}}
  say: {Log: {Text: "{_ERR}"}}
  which: {Case: {Value: "{DNIS}"}, branches: {Default: brief`
	for i := range actions {
		source += fmt.Sprintf(", %q: wait%d", dnis(i), i)
	}
	source += "}}\n"
	for i := range actions {
		source += fmt.Sprintf("  wait%d: {Wait: {For: 10m}, branches: {Default: crm}}\n", i)
	}
	return source
}

// dnis leads to that one of the actions.
func dnis(action int) string { return fmt.Sprintf("800555%04d", action) }

func TestAServerThatHangsDelaysNobodyWhoStandsAtAnotherAction(t *testing.T) {
	// Together they hold more than may be in their first turn.
	const actions, each = dueInFirstTurn/dueAtAction + 2, dueAtAction + 3
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, parse(t, "tried", asksAtMany(actions)), parse(t, "other", strings.ReplaceAll(expires("10m", "expired"), "wait", "wait0")))
		s.run()
		defer func() { s.stop() }()
		server := (&crm{takes: time.Hour}).serves(s.d)
		arrive := func(script, to string) callback.ContactID {
			n := len(s.store.contacts)
			channel := fmt.Sprintf("in-%d", n)
			s.event(callback.LegArrived{Channel: channel, Script: script, ANI: fmt.Sprintf("212555%04d", n), DNIS: to})
			s.event(callback.LegEnded{Channel: channel, Cause: 16})
			return callback.ContactID(n + 1)
		}
		for i := range actions * each {
			arrive("tried", dnis(i%actions))
		}
		s.pass(time.Millisecond) // they are due first
		expiring := []callback.ContactID{arrive("tried", dnis(actions)), arrive("other", dnis(actions))}

		s.pass(10*time.Minute + 2*pollPause)
		if n := s.working(); n != actions*dueAtAction || server.count() != n {
			t.Errorf("%d are at work, %d have asked the server; want %d of %d actions", n, server.count(), dueAtAction, actions)
		}
		for _, id := range expiring {
			if c := s.record(id).Contact; c.Outcome != callback.OutcomeHungUp {
				t.Errorf("contact %d is %s %q, want it expired", id, c.State, c.Outcome)
			}
		}
		s.pass(2*time.Minute + 10*time.Second) // those who have found room, and then the others
		said := 0
		for _, line := range s.logged() {
			if strings.HasPrefix(line, "no answer within") {
				said++
			}
		}
		if n := s.working(); n != 0 || said != actions*each || server.count() != said {
			t.Errorf("%d are at work; %d have gone on and %d have asked, want each of %d once", n, said, server.count(), actions*each)
		}
	})
}

func TestFewAreInTheFirstTurnThatTheirDeadlineBrings(t *testing.T) {
	slots := &dueSlots{at: map[Standing]int{}}
	at := func(i int) Standing { return Standing{Action: fmt.Sprint(i)} }
	var taken []*dueSlot
	for i := range dueInFirstTurn {
		taken = append(taken, slots.take(at(i)))
	}
	if slots.take(at(dueInFirstTurn)) != nil {
		t.Errorf("%d are in their first turn", slots.first)
	}
	taken[0].turned()
	taken[0].turned()
	if slots.take(at(dueInFirstTurn)) == nil || slots.take(at(0)) != nil {
		t.Errorf("%d are in their first turn once one is over", slots.first)
	}
	for _, slot := range taken {
		slot.free()
	}
	if slots.first != 1 || len(slots.at) != 1 {
		t.Errorf("%d are in their first turn, %d at work; want the last one", slots.first, len(slots.at))
	}
}
