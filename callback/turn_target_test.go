package callback_test

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// wanting begins with a promised contact that waits for the agent 1001.
func wanting(t *testing.T, orAny bool) *story {
	s := newStory(t)
	s.c.Place.TargetAgent, s.c.Place.AnyAgent = "1001", orAny
	s.promise(0)
	return s
}

func (s *story) wantTarget(want string) {
	s.t.Helper()
	if got := s.c.Place.TargetAgent; got != want {
		s.t.Errorf("the contact waits for %q, want %q", got, want)
	}
}

func TestAContactStaysForItsAgentUnlessItMayGoToAny(t *testing.T) {
	for _, orAny := range []bool{false, true} {
		want := map[bool]string{false: "1001", true: ""}[orAny]
		for _, cause := range []callback.Cause{callback.CauseRejected, callback.CauseNoAnswer, callback.CauseAbsent} {
			s := wanting(t, orAny)
			place := *s.c.Place
			s.event(callback.LegEnded{Channel: s.offer("1001"), Cause: cause})
			s.wantTarget(want)
			if s.c.Place.QueuedAt != place.QueuedAt || s.c.Place.Priority != place.Priority {
				t.Errorf("C6: the place was %+v and is %+v", place, s.c.Place)
			}
		}
		s := wanting(t, orAny)
		s.event(callback.TargetAway{Agent: "1001"})
		s.wantTarget(want)
	}
}

func TestAnOfferThatNobodyRefusedKeepsTheAgent(t *testing.T) {
	s := wanting(t, true)
	s.event(callback.TargetAway{Agent: "1002"})
	s.wantTarget("1001")
	agent := s.offer("1001")
	s.event(callback.TargetAway{Agent: "1001"}) // seen before the offer was
	s.wantTarget("1001")
	s.event(callback.LegEnded{Channel: agent, Absent: true})
	s.wantTarget("1001")
	agent = s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.now = s.now.Add(time.Minute)
	s.wantTarget("1001") // who has accepted, and then left
}
