package dispatch

import (
	"errors"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// request lets ann ask for something and the daemon hear of it, and gives the request's ID.
func (s *stage) request(kind callback.RequestKind, changes callback.Changes) int64 {
	id := s.store.request(callback.Request{Contact: 1, Kind: kind, AskedBy: "ann", Changes: changes})
	s.pass(0)
	return id
}

// done wants a request to have been decided, refused with that text, or done for "".
func (s *stage) done(id int64, refused string) {
	s.t.Helper()
	switch decided := s.store.decided(id); {
	case decided == nil:
		s.t.Errorf("the request %d still stands", id)
	case decided.Refused != refused:
		s.t.Errorf("the request %d was refused: %q, want %q", id, decided.Refused, refused)
	}
}

// noted says how often the history has such a fact.
func (s *stage) noted(kind callback.FactKind) int {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	n := 0
	for _, fact := range s.store.facts {
		if fact.Kind == kind {
			n++
		}
	}
	return n
}

func delayOf(sec int) callback.Changes { return callback.Changes{CallDelaySec: &sec} }

const refusesAgents = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}", CallDelaySec: 60}, branches: {Default: wait, OnError: wait}}
  wait: {Wait: {For: 4h}, branches: {Default: expire}}
  expire: {Hangup: {}}
`

func TestC7AContactThatIsHeldBackIsCalledBackOnceAPersonGivesItAnotherDelay(t *testing.T) {
	inScript(t, refusesAgents, func(s *stage) {
		s.try("in")
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		s.event(callback.LegEnded{Channel: accepted(s), Cause: 16})
		if !s.record(1).Contact.Place.Held || s.d.sessionCount() != 0 {
			t.Fatalf("the place is %+v, %v sessions", s.record(1).Contact.Place, s.d.sessionCount())
		}
		s.done(s.request(callback.RequestRelease, callback.Changes{}), "its CallDelaySec is 60 or more and would refuse the next agent, too: release it with another one, from 0 to 59")
		s.done(s.request(callback.RequestRelease, delayOf(5)), "")
		if s.d.sessionCount() != 0 {
			t.Errorf("%v sessions", s.d.sessionCount())
		}
		s.pass(callback.DefaultSkill.RefusedTime)
		accepted(s)
		s.pass(5 * time.Second)
		if leg, n := last[callback.CreateLeg](s.sw); n != 3 || leg.Party != callback.PartyContact {
			t.Errorf("the last of %d legs is %+v, want the contact's", n, leg)
		}
	})
}

func TestACancelStopsTheContactsPhoneTellsTheAgentAndEndsWhatTheScriptWaitsFor(t *testing.T) {
	inScript(t, expires("20m", "too late"), func(s *stage) {
		s.try("in")
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		agent := accepted(s)
		leg, _ := last[callback.CreateLeg](s.sw)
		s.event(callback.LegCreated{Channel: leg.Channel})
		s.event(callback.LegRinging{Channel: leg.Channel})
		s.sw.answer = func(cmd callback.Command) error {
			if hangup, ok := cmd.(callback.Hangup); ok && hangup.Channel == leg.Channel && s.store.contact().Outcome != callback.OutcomeCancelled {
				t.Error("the contact's phone is hung up before the cancel was saved")
			}
			return nil
		}
		s.done(s.request(callback.RequestCancel, callback.Changes{}), "")
		if s.hungUp(leg.Channel) != 1 || s.hungUp(agent) != 0 {
			t.Fatalf("the contact's phone is hung up %d times, the agent's %d", s.hungUp(leg.Channel), s.hungUp(agent))
		}
		told, _ := last[callback.Play](s.sw)
		if told.Channel != agent || told.Media[0] != "sound:callbackd/callback-cancelled" {
			t.Fatalf("the last prompt is %+v", told)
		}
		s.event(callback.LegEnded{Channel: leg.Channel, Cause: 16})
		s.event(callback.PlaybackFinished{Channel: agent, Playback: told.Playback})
		if s.hungUp(agent) != 1 {
			t.Fatalf("the agent is hung up %d times", s.hungUp(agent))
		}
		s.event(callback.LegEnded{Channel: agent, Cause: 16})
		if s.store.agent != callback.Free || s.d.sessionCount() != 0 {
			t.Errorf("the agent is %s, %v sessions", s.store.agent, s.d.sessionCount())
		}
		s.pass(time.Hour)
		if c := s.record(1).Contact; c.Outcome != callback.OutcomeCancelled || s.store.has(callback.FactLog) {
			t.Errorf("the contact is %s %q, the script goes on: %v", c.State, c.Outcome, s.store.has(callback.FactLog))
		}
	})
}

func TestARequestIsDoneOnceWhateverBecomesOfItsCommit(t *testing.T) {
	for name, saved := range map[string]bool{"saved": true, "not saved": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(s *stage) {
				waiting(s)
				s.store.mu.Lock()
				s.store.unsure = func(c Change) (bool, bool) { return c.Request != nil, saved }
				s.store.mu.Unlock()
				id := s.request(callback.RequestChange, delayOf(5))
				s.pass(2 * pollPause)
				s.done(id, "")
				if n := s.noted(callback.FactChanged); n != 1 || s.record(1).Contact.Promise.CallDelay != 5*time.Second {
					t.Errorf("changed %d times, to %v", n, s.record(1).Contact.Promise.CallDelay)
				}
			})
		})
	}
}

func TestARequestThatIsToldTwiceIsDoneOnce(t *testing.T) {
	inBubble(t, func(s *stage) {
		waiting(s)
		accepted(s) // there is a session
		again := s.slowSave()
		id := s.request(callback.RequestCancel, callback.Changes{})
		s.pass(3 * pollPause) // every look at the requests tells it again
		again()
		s.pass(time.Second)
		s.done(id, "")
		if n := s.noted(callback.FactCancelled); n != 1 {
			t.Errorf("cancelled %d times", n)
		}
	})
}

// slowSave holds up every save until again.
func (s *stage) slowSave() (again func()) {
	gate := make(chan struct{})
	s.store.mu.Lock()
	s.store.saving = func() {
		s.store.mu.Unlock()
		<-gate
		s.store.mu.Lock()
	}
	s.store.mu.Unlock()
	return func() {
		s.store.mu.Lock()
		s.store.saving = nil
		s.store.mu.Unlock()
		close(gate)
	}
}

func TestWithTheDatabaseAwayARequestStandsAndNothingFollowsFromIt(t *testing.T) {
	inBubble(t, func(s *stage) {
		waiting(s)
		accepted(s)
		leg, _ := last[callback.CreateLeg](s.sw)
		s.event(callback.LegCreated{Channel: leg.Channel})
		s.store.mu.Lock()
		s.store.saving = func() { s.store.away = true }
		s.store.mu.Unlock()
		id := s.request(callback.RequestCancel, callback.Changes{})
		s.pass(2 * pollPause)
		if s.store.decided(id) != nil || s.hungUp(leg.Channel) != 0 || s.record(1).Contact.State != callback.StateCalling {
			t.Fatalf("decided %+v, hung up %d times", s.store.decided(id), s.hungUp(leg.Channel))
		}
		s.store.mu.Lock()
		s.store.saving, s.store.away = nil, false
		s.store.mu.Unlock()
		s.pass(2 * pollPause)
		s.done(id, "")
		if s.hungUp(leg.Channel) != 1 {
			t.Errorf("hung up %d times", s.hungUp(leg.Channel))
		}
	})
}

func TestANumberForWhichACallbackWaitsAlreadyIsRefused(t *testing.T) {
	inScript(t, refusesAgents, func(s *stage) {
		waiting(s)
		s.event(callback.LegArrived{Channel: "other", Script: "tried", ANI: "2125550111", DNIS: "8005550100"})
		s.event(callback.LegEnded{Channel: "other", Cause: 16})
		number := "212 555 0111"
		s.done(s.request(callback.RequestChange, callback.Changes{PhoneNumber: &number}), ErrCallbackOpen.Error())
		if p := s.record(1).Contact.Promise; p.PhoneNumber != "2125550123" || s.noted(callback.FactChanged) != 0 {
			t.Errorf("the promise is %+v", p)
		}
		number = "12"
		s.done(s.request(callback.RequestChange, callback.Changes{PhoneNumber: &number}), "PhoneNumber: too short: fewer than 3 digits")
		number = "212 555 0112 ext 7"
		s.done(s.request(callback.RequestChange, callback.Changes{PhoneNumber: &number}), "")
		if p := s.record(1).Contact.Promise; p.PhoneNumber != "2125550112" || p.Extension != "7" {
			t.Errorf("C13: the promise is %+v", p)
		}
	})
}

func TestAnUnknownSkillIsRefused(t *testing.T) {
	inBubble(t, func(s *stage) {
		waiting(s)
		skill := "sails"
		s.done(s.request(callback.RequestChange, callback.Changes{Skill: &skill}), `there is no skill "sails"`)
	})
}

func TestWhileTheEventStreamIsLostRequestsWait(t *testing.T) {
	inBubble(t, func(s *stage) {
		waiting(s)
		agent := accepted(s)
		s.event(callback.NodeLost{Err: errors.New("cut")})
		id := s.request(callback.RequestCancel, callback.Changes{})
		s.pass(3 * pollPause)
		if s.store.decided(id) != nil {
			t.Fatal("a request was done while nobody knows who has answered")
		}
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{
			Channels: map[string]callback.SnapshotChannel{agent: {State: callback.ChannelUp}},
		}})
		s.pass(2 * pollPause)
		s.done(id, "")
	})
}

// Another daemon may match a contact while this one has loaded it for a request: then that daemon has it.
func TestAContactThatAnotherDaemonHasGotMeanwhileIsLeftToIt(t *testing.T) {
	inBubble(t, func(s *stage) {
		waiting(s)
		s.store.mu.Lock()
		s.store.saving = func() {
			s.store.saving = nil
			record := s.store.contacts[1]
			c := record.Contact.Clone()
			c.State, c.Node = callback.StateCalling, "n2"
			c.Legs = []callback.Leg{{Channel: "cb-there", Node: "n2", Party: callback.PartyAgent}}
			c.Offer = &callback.Offer{Channel: "cb-there", Agent: "1002", Kind: callback.OfferCallback, Result: callback.OfferAccepted}
			c.Attempt = &callback.Attempt{Number: 1, Agent: "1002", DueAt: now()}
			s.store.contacts[1] = Record{Contact: c, Script: record.Script, Rev: record.Rev + 1}
		}
		s.store.mu.Unlock()
		_, before := last[callback.Hangup](s.sw)
		id := s.request(callback.RequestCancel, callback.Changes{})
		s.pass(3 * pollPause)
		if s.store.decided(id) != nil || s.record(1).Contact.State != callback.StateCalling {
			t.Errorf("decided: %+v; the contact is %s", s.store.decided(id), s.record(1).Contact.State)
		}
		if _, n := last[callback.Hangup](s.sw); n != before || s.d.sessionCount() != 0 {
			t.Errorf("%d hang-ups in a node that has no leg of it, %v sessions", n-before, s.d.sessionCount())
		}
	})
}
