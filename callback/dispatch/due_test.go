package dispatch

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// expires is a callback that leaves the queue after a time (C12).
func expires(after, says string) string {
	return strings.NewReplacer("AFTER", after, "SAYS", says).Replace(`
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: wait, OnError: wait}}
  wait: {Wait: {For: AFTER}, branches: {Default: say}}
  say: {Log: {Text: "SAYS"}, branches: {Default: expire}}
  expire: {Hangup: {}}
`)
}

// crowd lets that many callers be promised a callback at the same moment.
func (s *stage) crowd(n int) {
	for i := range n {
		channel := fmt.Sprintf("in-%d", i)
		s.event(callback.LegArrived{Channel: channel, Script: "tried", ANI: fmt.Sprintf("212555%04d", i), DNIS: "8005550100"})
		s.event(callback.LegEnded{Channel: channel, Cause: 16})
	}
}

// working is how many contacts deadlines have at work.
func (s *stage) working() int {
	s.d.dueSlots.mu.Lock()
	defer s.d.dueSlots.mu.Unlock()
	n := 0
	for _, at := range s.d.dueSlots.at {
		n += at
	}
	return n
}

// A thousand scripts in a wait are rows, whatever restarts meanwhile; each goes on once, on the version with
// which it began.
func TestC14AThousandScriptsInAWaitCostNoGoroutineAndGoOnOnceOnTheirVersion(t *testing.T) {
	const crowd = 1000
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, parse(t, "tried", expires("20m", "first")))
		s.run()
		idle := runtime.NumGoroutine()
		s.crowd(crowd)
		if n := s.d.sessionCount(); n != 0 {
			t.Fatalf("%v sessions in the wait", n)
		}
		// The runtime has now and then one of its own.
		if n := runtime.NumGoroutine(); n > idle+crowd/100 {
			t.Errorf("%d goroutines in the wait, %d before the calls", n, idle)
		}
		s.pass(5 * time.Minute)
		s.store.setAway(true) // kill -9: nothing more is saved
		s.stop()
		s.store.setAway(false)

		s.d = newDispatcher(t, s.store, s.sw, parse(t, "tried", expires("7m", "second")))
		s.run()
		most := 0.0
		s.store.mu.Lock()
		s.store.saving = func() { most = max(most, s.d.sessionCount()) }
		s.store.mu.Unlock()
		s.pass(14 * time.Minute)
		if got := s.logged(); len(got) != 0 {
			t.Fatalf("%d have gone on before their time", len(got))
		}
		s.pass(time.Minute + 10*time.Second) // and they do not wait for each other
		if most == 0 || most > dueAtAction {
			t.Errorf("%v sessions at once, want at most %d", most, dueAtAction)
		}
		lines := s.logged()
		for _, line := range lines {
			if line != "first" {
				t.Fatalf("a contact has gone on in the version that says %q", line)
			}
		}
		if len(lines) != crowd {
			t.Errorf("%d have gone on, want each of %d once", len(lines), crowd)
		}
		for id := range callback.ContactID(crowd) {
			if c := s.record(id + 1).Contact; c.Outcome != callback.OutcomeHungUp || c.Place != nil {
				t.Fatalf("contact %d is %s %q at %+v", id+1, c.State, c.Outcome, c.Place)
			}
		}
		if n := s.d.sessionCount(); n != 0 {
			t.Errorf("%v sessions are left", n)
		}
		s.stop()
	})
}

// Who is offered while its deadline has it at work talks for long: the others that are due do not wait for
// the end of the call.
func TestAContactThatIsOfferedMeanwhileHoldsUpNoOther(t *testing.T) {
	const source = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: wait, OnError: wait}}
  wait: {Wait: {For: 10m}, branches: {Default: crm}}
  crm: {WebRequest: {URL: "https://crm.example/", TimeoutSec: 60}, branches: {Default: say, OnError: say}}
  say: {Log: {Text: done}}
`
	inScript(t, source, func(s *stage) {
		(&crm{takes: 30 * time.Second}).serves(s.d)
		s.crowd(1)
		s.pass(10*time.Minute + 2*time.Second)
		s.at(1, "crm")
		if n := s.working(); n != 1 {
			t.Fatalf("%d at work, want 1", n)
		}
		accepted(s)
		if n := s.working(); n != 0 {
			t.Errorf("%d at work that talk to an agent", n)
		}
	})
}

func TestC12AnExpiryWaitsForTheOutcomeOnceAnAgentHasAccepted(t *testing.T) {
	inScript(t, expires("10m", "expired"), func(s *stage) {
		s.crowd(1)
		s.pass(10*time.Minute - 10*time.Second)
		agent := accepted(s)
		contact, _ := last[callback.CreateLeg](s.sw)
		s.event(callback.LegCreated{Channel: contact.Channel})
		s.event(callback.LegRinging{Channel: contact.Channel})
		s.pass(20 * time.Second)
		if c := s.record(1).Contact; c.State != callback.StateCalling || s.hungUp(contact.Channel)+s.hungUp(agent) > 0 {
			t.Fatalf("the expiry has cut the attempt: the contact is %s", c.State)
		}
		s.event(callback.LegEnded{Channel: agent, Cause: 16}) // the agent gives up: the place would be kept
		s.event(callback.LegEnded{Channel: contact.Channel, Cause: 16})
		s.pass(2 * time.Second)
		if c := s.record(1).Contact; c.Outcome != callback.OutcomeHungUp || c.Place != nil {
			t.Errorf("after the attempt the contact is %s %q at %+v", c.State, c.Outcome, c.Place)
		}
		if n := s.d.sessionCount(); n != 0 {
			t.Errorf("%v sessions are left", n)
		}
	})
}

func TestC12AContactWhoAnswersIsServedThoughItsCallbackHadExpired(t *testing.T) {
	inScript(t, expires("10m", "expired"), func(s *stage) {
		s.crowd(1)
		s.pass(10*time.Minute - 10*time.Second)
		agent := accepted(s)
		contact, _ := last[callback.CreateLeg](s.sw)
		s.event(callback.LegCreated{Channel: contact.Channel})
		s.pass(20 * time.Second)
		s.connect(agent, contact.Channel)
		s.event(callback.LegEnded{Channel: contact.Channel, Cause: 16})
		s.event(callback.LegEnded{Channel: agent, Cause: 16})
		if c := s.record(1).Contact; c.Outcome != callback.OutcomeServed {
			t.Errorf("the contact is %s %q", c.State, c.Outcome)
		}
	})
}

// connect lets the contact who is being called answer, and both enter the bridge.
func (s *stage) connect(agent, contact string) {
	s.t.Helper()
	s.event(callback.LegAnswered{Channel: contact})
	whisper, _ := last[callback.StopPlayback](s.sw)
	s.event(callback.PlaybackFinished{Channel: agent, Playback: whisper.Playback})
	bridge := s.store.contact().Bridge
	s.event(callback.LegJoined{Channel: contact, Bridge: bridge})
	s.event(callback.LegJoined{Channel: agent, Bridge: bridge})
	if c := s.store.contact(); c.State != callback.StateConnected {
		s.t.Fatalf("the contact is %s, want connected", c.State)
	}
}

// speaksEverywhere tries its voice after Callback, in OnAnswer and in OnAgentRelease, and tells a CRM of the
// numbers.
const speaksEverywhere = `
type: Phone
start: request
events: {OnAnswer: crm, OnAgentRelease: survey}
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: keep}}
  keep: {Assign: {Set: {caller: "{ANI}"}}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}", CallerID: "{DNIS}"}, branches: {Default: speak, OnError: speak}}
  speak: {Play: {Sounds: [too-late]}, branches: {Default: spoken, OnError: mute}}
  spoken: {Log: {Text: spoken}}
  mute: {Log: {Text: "mute: {_ERR}"}}
  crm: {WebRequest: {URL: "https://crm.example/{ANI}/{DNIS}/{caller}"}, branches: {Default: greet, OnError: greet}}
  greet: {Play: {Sounds: [hello]}}
  survey: {Menu: {Prompt: [survey], Keys: "12345", FirstKeySec: 5}, branches: {Default: thank}}
  thank: {Log: {Text: "survey {MRES}"}, branches: {Default: bye}}
  bye: {Hangup: {}}
`

func TestC9C11InOnAnswerTheNumbersAreThoseOfTheCallBackAndVoiceWorksAgain(t *testing.T) {
	inScript(t, speaksEverywhere, func(s *stage) {
		c := (&crm{}).serves(s.d)
		s.try("in")
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		if _, n := last[callback.Play](s.sw); n != 0 {
			t.Error("C11: a voice action has run after Callback")
		}
		if got := s.logged(); len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "mute: no voice") {
			t.Errorf("C11: logged %v, want OnError", got)
		}
		agent := accepted(s)
		contact, _ := last[callback.CreateLeg](s.sw)
		s.event(callback.LegCreated{Channel: contact.Channel})
		s.connect(agent, contact.Channel)
		s.pass(time.Second)
		if want := "https://crm.example/8005550100/2125550123/2125550123"; c.count() != 1 || c.asked[0] != want {
			t.Errorf("C9: asked %v, want %s", c.asked, want)
		}
		if play, _ := last[callback.Play](s.sw); play.Channel != contact.Channel || play.Media[0] != "sound:hello" {
			t.Errorf("C11: OnAnswer plays %v on %s", play.Media, play.Channel)
		}
		s.event(callback.LegEnded{Channel: agent, Cause: 16})
		if play, _ := last[callback.Play](s.sw); play.Channel != contact.Channel || play.Media[0] != "sound:survey" {
			t.Errorf("C11: OnAgentRelease plays %v on %s", play.Media, play.Channel)
		}
		s.event(callback.KeyPressed{Channel: contact.Channel, Key: "4"})
		if got := s.logged(); got[len(got)-1] != "survey 4" || s.hungUp(contact.Channel) != 1 {
			t.Errorf("C11: logged %v, hung up %d times", got, s.hungUp(contact.Channel))
		}
		s.event(callback.LegEnded{Channel: contact.Channel, Cause: 16})
		if c := s.record(1).Contact; c.Outcome != callback.OutcomeServed {
			t.Errorf("the contact is %s %q", c.State, c.Outcome)
		}
	})
}
