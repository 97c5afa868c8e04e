package dispatch

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// unsure lets the next match's commit have no answer; made says whether it stands. The database answers nothing
// for that long then.
func (s *stage) unsure(made bool, away time.Duration) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.lostMatch = !made
	s.store.matched = func() error {
		s.store.matched = nil
		s.goAway(away)
		return ErrUnsure
	}
}

// goAway has the database be away; its lock is held.
func (s *stage) goAway(away time.Duration) {
	s.store.away = true
	time.AfterFunc(away, func() { s.store.setAway(false) })
}

// A live caller has a session, which knows nothing of the offer; a callback has none.
func TestAMatchOfWhichNobodyKnowsIsPresentedOrForgottenOnceTheDatabaseAnswers(t *testing.T) {
	for name, queue := range map[string]func(*stage){
		"a live caller": func(s *stage) { s.arrive() },
		"a callback":    func(s *stage) { s.crowd(1) },
	} {
		for _, away := range []time.Duration{time.Millisecond, 1500 * time.Millisecond, 4 * time.Second} {
			for _, made := range []bool{true, false} {
				t.Run(name, func(t *testing.T) {
					inScript(t, expires("20m", "waited"), func(s *stage) {
						queue(s)
						s.unsure(made, away)
						s.free()
						s.pass(away + 2*pollPause)
						agent, n := s.rung()
						if n != 1 || agent.Party != callback.PartyAgent {
							t.Fatalf("made %t, away for %s: the agent was rung %d times", made, away, n)
						}
						s.event(callback.LegCreated{Channel: agent.Channel})
						s.event(callback.LegEnded{Channel: "in", Cause: 16})
						s.event(callback.LegEnded{Channel: agent.Channel, Cause: 16})
						s.pass(pollPause)
						if s.d.portCount() != 0 && name == "a live caller" {
							t.Errorf("%v ports are used in the end", s.d.portCount())
						}
					})
				})
			}
		}
	}
}

func TestAContactThatGoesWhileItsMatchIsInDoubtFreesTheAgent(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.arrive()
		s.unsure(true, 2*time.Second)
		s.free()
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		s.pass(5 * time.Second)
		s.wantActivity("the caller has gone", callback.Free)
		if n := s.d.sessionCount(); n != 0 || s.d.portCount() != 0 {
			t.Errorf("%v sessions and %v ports are left", n, s.d.portCount())
		}
	})
}
