package dispatch

import (
	"slices"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

const takesOver = `
type: Phone
start: take
actions:
  take: {Contacttakeover: {Skill: support}, branches: {Default: taken, NotFound: none, OnError: failed}}
  taken: {Music: {Class: taken}}
  none: {Reqagent: {Skill: support}, branches: {Default: waits}}
  waits: {Music: {Class: none}}
  failed: {Music: {Class: failed}}
`

// hungUp says how often a channel was hung up.
func (s *stage) hungUp(channel string) int {
	s.sw.mu.Lock()
	defer s.sw.mu.Unlock()
	n := 0
	for _, cmd := range s.sw.commands {
		if cmd, ok := cmd.(callback.Hangup); ok && cmd.Channel == channel {
			n++
		}
	}
	return n
}

// again lets the contact whose callback waits call again.
func (s *stage) again() {
	s.try("again")
	s.pass(100 * time.Millisecond)
}

func TestANewCallTakesThePlaceOfTheWaitingCallback(t *testing.T) {
	inScript(t, takesOver, func(s *stage) {
		waiting(s)
		queued := s.record(1).Contact.Place.QueuedAt
		s.pass(time.Hour)
		s.again()
		s.at(2, "taken")
		taker, old := s.record(2).Contact, s.record(1).Contact
		if taker.State != callback.StateLive || taker.Place == nil || !taker.Place.QueuedAt.Equal(queued) || taker.Place.Node != "n1" {
			t.Errorf("the taker is %s at %+v", taker.State, taker.Place)
		}
		if old.Outcome != callback.OutcomeTakenOver || old.Place != nil {
			t.Errorf("the old contact is %s %q at %+v", old.State, old.Outcome, old.Place)
		}
		if s.d.sessionCount() != 1 {
			t.Errorf("%v sessions", s.d.sessionCount())
		}
	})
}

func TestWhereNoCallbackWaitsTakeoverTakesNotFound(t *testing.T) {
	inScript(t, takesOver, func(s *stage) {
		s.again()
		s.at(1, "waits")
	})
}

func TestATakeoverEndsTheRingingOfTheOldContactsAgent(t *testing.T) {
	inScript(t, takesOver, func(s *stage) {
		waiting(s)
		s.free()
		agent, _ := last[callback.CreateLeg](s.sw)
		s.event(callback.LegCreated{Channel: agent.Channel})
		s.again()
		s.at(2, "taken")
		if s.hungUp(agent.Channel) == 0 {
			t.Fatal("the agent's phone rings on")
		}
		s.event(callback.LegEnded{Channel: agent.Channel, Cause: 16})
		s.pass(2 * time.Second)
		offer, n := last[callback.CreateLeg](s.sw)
		if n != 2 || offer.Contact != 2 {
			t.Errorf("%d offers, the last of contact %d; want the taker's", n, offer.Contact)
		}
		if s.d.sessionCount() != 1 {
			t.Errorf("%v sessions, want the taker's only", s.d.sessionCount())
		}
	})
}

// The offer stands in the database by then and is ended there, and the taker hangs up a leg that nobody has made.
// That there is none the old contact's session must hear, which begins only now.
func TestTheAgentOfACallbackThatIsTakenOverBeforeItsMatchIsKnownIsFreedAtOnce(t *testing.T) {
	for name, err := range map[string]error{"answered late": nil, "never answered": ErrUnsure} {
		t.Run(name, func(t *testing.T) {
			inScript(t, takesOver, func(s *stage) {
				s.sw.answer = func(cmd callback.Command) error {
					if isHangup(cmd) {
						return errGone
					}
					return nil
				}
				waiting(s)
				answer := make(chan struct{})
				s.store.mu.Lock()
				s.store.matched = func() error {
					s.store.matched = nil
					s.store.mu.Unlock()
					defer s.store.mu.Lock()
					<-answer
					return err
				}
				s.store.mu.Unlock()
				s.free()
				s.again()
				s.at(2, "taken")
				close(answer)
				s.pass(2 * pollPause)
				if offer, n := last[callback.CreateLeg](s.sw); n != 1 || offer.Contact != 2 {
					t.Errorf("%d offers, the last of contact %d; want the taker's only", n, offer.Contact)
				}
				if c := s.record(1).Contact; !c.Idle() {
					t.Errorf("what was taken over has the offer %+v", c.Offer)
				}
				if s.d.sessionCount() != 1 {
					t.Errorf("%v sessions, want the taker's only", s.d.sessionCount())
				}
			})
		})
	}
}

// dialling plays a callback up to the ringing of the contact's phone, and gives both legs.
func (s *stage) dialling() (agent, contact string) {
	waiting(s)
	agent = accepted(s)
	leg, _ := last[callback.CreateLeg](s.sw)
	s.event(callback.LegCreated{Channel: leg.Channel})
	s.event(callback.LegRinging{Channel: leg.Channel})
	return agent, leg.Channel
}

func TestATakeoverJoinsTheCallerToTheAgentWhoHasAccepted(t *testing.T) {
	inScript(t, takesOver, func(s *stage) {
		agent, contact := s.dialling()
		s.again()
		if s.hungUp(contact) == 0 || s.hungUp(agent) != 0 {
			t.Fatalf("the contact's phone is hung up %d times, the agent's %d", s.hungUp(contact), s.hungUp(agent))
		}
		if stop, n := last[callback.StopPlayback](s.sw); n == 0 || stop.Channel != agent {
			t.Fatalf("the agent's ringing tone is not stopped: %+v", stop)
		}
		stop, _ := last[callback.StopPlayback](s.sw)
		s.event(callback.PlaybackFinished{Channel: agent, Playback: stop.Playback})
		s.event(callback.LegEnded{Channel: contact, Cause: 16})
		bridge := s.record(2).Contact.Bridge
		s.event(callback.LegJoined{Channel: agent, Bridge: bridge})
		s.event(callback.LegJoined{Channel: "again", Bridge: bridge})
		if c := s.record(2).Contact; c.State != callback.StateConnected || c.Offer.Agent != "1001" {
			t.Fatalf("the taker is %s, offer %+v", c.State, c.Offer)
		}
		if s.d.sessionCount() != 1 {
			t.Errorf("%v sessions while they talk, want 1", s.d.sessionCount())
		}
		s.event(callback.LegEnded{Channel: agent, Cause: 16})
		if s.store.agent != callback.Free {
			t.Errorf("the agent is %s", s.store.agent)
		}
	})
}

func TestATakeoverOfACallbackThatHasJustChangedTakesOnError(t *testing.T) {
	inScript(t, takesOver, func(s *stage) {
		waiting(s)
		s.store.mu.Lock()
		s.store.find = func() {
			record := s.store.contacts[1]
			record.Rev++
			s.store.contacts[1] = record
		}
		s.store.mu.Unlock()
		s.again()
		if s.at(2, "failed"); s.variable(2, "_ERR") != ErrTakenChanged.Error() {
			t.Errorf("_ERR is %q", s.variable(2, "_ERR"))
		}
		if c := s.record(1).Contact; c.State != callback.StateCallback || c.Place == nil {
			t.Errorf("the callback is %s at %+v", c.State, c.Place)
		}
	})
}

func TestWithTheDatabaseAwayATakeoverTakesOnErrorAndTheCallbackStays(t *testing.T) {
	inScript(t, takesOver, func(s *stage) {
		s.dialling()
		s.store.mu.Lock()
		s.store.find = func() { s.store.away = true }
		s.store.mu.Unlock()
		s.again()
		s.store.setAway(false)
		s.pass(time.Second)
		s.at(2, "failed")
		if c := s.record(1).Contact; c.State != callback.StateCalling || !c.Offer.Accepted() {
			t.Errorf("the callback is %s, offer %+v", c.State, c.Offer)
		}
	})
}

// What happens to the agent's leg while nobody knows whether it is the taker's is told to whoever has it.
func TestTheAgentsLegMovesWithAllThatHappensToIt(t *testing.T) {
	for name, saved := range map[string]bool{"saved": true, "not saved": false} {
		t.Run(name, func(t *testing.T) {
			inScript(t, takesOver, func(s *stage) {
				agent, contact := s.dialling()
				s.store.mu.Lock()
				s.store.unsure = func(c Change) (bool, bool) {
					s.store.away = s.store.away || c.Taken != nil
					return c.Taken != nil, saved
				}
				s.store.mu.Unlock()
				s.again()
				s.event(callback.LegHangup{Channel: agent})
				s.event(callback.LegEnded{Channel: agent, Cause: 16})
				s.pass(3 * time.Second)
				s.store.setAway(false)
				s.pass(2 * time.Second)
				s.event(callback.LegEnded{Channel: contact, Cause: 16})
				taker, old := s.record(2).Contact, s.record(1).Contact
				if old.Offer.Open() || taker.Offer.Open() != saved || saved && taker.Offer.Channel == agent {
					t.Errorf("offers %+v and %+v; want a new one of the taker's if it has the place", taker.Offer, old.Offer)
				}
				if taker.State != callback.StateLive || (taker.Place != nil) != saved {
					t.Errorf("the taker is %s at %+v", taker.State, taker.Place)
				}
				if want := map[bool]callback.State{true: callback.StateEnded, false: callback.StateCallback}[saved]; old.State != want {
					t.Errorf("the old contact is %s, want %s", old.State, want)
				}
				if s.d.sessionCount() != 1 {
					t.Errorf("%v sessions", s.d.sessionCount())
				}
			})
		})
	}
}

func TestATakeoverWaitsUntilWhatWasDecidedForTheOldContactIsSent(t *testing.T) {
	inScript(t, takesOver, func(s *stage) {
		waiting(s)
		s.sw.slow = make(chan struct{})
		agent := accepted(s)
		s.again()
		if stop, _ := last[callback.StopPlayback](s.sw); stop.Channel == agent {
			t.Fatal("the agent's tone is stopped before it has begun")
		}
		close(s.sw.slow)
		s.pass(100 * time.Millisecond)
		s.at(2, "take") // the script goes on when it is known what comes of the agent
		s.sw.mu.Lock()
		defer s.sw.mu.Unlock()
		played := slices.IndexFunc(s.sw.commands, func(c callback.Command) bool {
			play, ok := c.(callback.Play)
			return ok && play.Channel == agent
		})
		stopped := slices.IndexFunc(s.sw.commands, func(c callback.Command) bool {
			stop, ok := c.(callback.StopPlayback)
			return ok && stop.Channel == agent
		})
		if played < 0 || stopped < played {
			t.Errorf("played as command %d, stopped as command %d", played, stopped)
		}
	})
}

func TestACallbackWhoseCommandsAreStuckIsNotTakenOver(t *testing.T) {
	inScript(t, takesOver, func(s *stage) {
		agent, contact := s.dialling()
		again := s.slow(isHangup)
		s.event(callback.LegEnded{Channel: contact, Cause: callback.CauseNetwork})
		s.again()
		s.pass(commandTime)
		again()
		s.pass(time.Second)
		if s.at(2, "failed"); s.variable(2, "_ERR") != callback.ErrUnderWay.Error() {
			t.Errorf("_ERR is %q", s.variable(2, "_ERR"))
		}
		s.event(callback.LegEnded{Channel: agent, Cause: 16})
		if c := s.record(1).Contact; c.State != callback.StateCallback {
			t.Errorf("the callback is %s", c.State)
		}
	})
}
