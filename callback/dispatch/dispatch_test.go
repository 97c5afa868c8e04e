package dispatch

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

func TestC5ThePlaceIsSavedBeforeTheHangup(t *testing.T) {
	inBubble(t, func(s *stage) {
		playback := s.thanked()
		s.sw.answer = func(cmd callback.Command) error {
			if _, ok := cmd.(callback.Hangup); ok && s.store.contact().State != callback.StateCallback {
				t.Error("hung up before the place was saved")
			}
			return nil
		}
		s.event(callback.PlaybackFinished{Channel: "in", Playback: playback})
		if _, n := last[callback.Hangup](s.sw); n != 1 {
			t.Fatalf("%d hang-ups, want 1", n)
		}
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		if n := s.d.sessionCount(); n != 0 {
			t.Errorf("C14: %v sessions while the callback waits", n)
		}
	})
}

func TestC5WithTheDatabaseAwayTheCallerTakesOnErrorAndKeepsThePlace(t *testing.T) {
	inBubble(t, func(s *stage) {
		playback := s.thanked()
		s.store.setAway(true)
		s.event(callback.PlaybackFinished{Channel: "in", Playback: playback})
		if _, n := last[callback.Hangup](s.sw); n != 0 {
			t.Fatal("hung up without a saved place")
		}
		if play, _ := last[callback.Play](s.sw); play.Media[0] != "sound:callbackd/sorry-no-callback" {
			t.Fatalf("the caller hears %v", play.Media)
		}
		s.store.setAway(false)
		s.pass(time.Second)
		if c := s.store.contact(); c.State != callback.StateLive || c.Place == nil || c.Promise != nil {
			t.Errorf("saved later: %+v", c)
		}
		if s.store.has(callback.FactPromised) {
			t.Error("the history has a promise that was never made")
		}
	})
}

func TestC5ACommitWithoutAnAnswerIsReadBackAndTheCallerHoldsMeanwhile(t *testing.T) {
	for name, saved := range map[string]bool{"saved": true, "not saved": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(s *stage) {
				playback := s.thanked()
				s.store.unsure = func(c Change) (bool, bool) {
					match := c.Record.Contact.State == callback.StateCallback
					s.store.away = s.store.away || match
					return match, saved
				}
				_, plays := last[callback.Play](s.sw)
				s.event(callback.PlaybackFinished{Channel: "in", Playback: playback})
				s.pass(10 * time.Second)
				_, hangups := last[callback.Hangup](s.sw)
				if _, n := last[callback.Play](s.sw); hangups != 0 || n != plays {
					t.Fatal("the caller does not hold while nobody knows what was saved")
				}
				s.store.setAway(false)
				s.pass(time.Second)
				_, hangups = last[callback.Hangup](s.sw)
				_, n := last[callback.Play](s.sw)
				if onError := n != plays; (hangups == 1) != saved || onError == saved {
					t.Errorf("hung up: %v, took OnError: %v", hangups == 1, onError)
				}
			})
		})
	}
}

func TestACallIsGivenBackWhileTheDatabaseIsAway(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.store.setAway(true)
		s.arrive()
		if back, n := last[callback.GiveBack](s.sw); n != 1 || back.Channel != "in" || back.Status != statusUnavailable {
			t.Fatalf("given back: %+v, %d times", back, n)
		}
		if _, n := last[callback.Answer](s.sw); n != 0 {
			t.Error("answered all the same")
		}
	})
}

func TestACallForAScriptThatIsNotLoadedIsGivenBack(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.event(callback.LegArrived{Channel: "in", Script: "unheard-of"})
		if back, n := last[callback.GiveBack](s.sw); n != 1 || back.Status != statusUnknownScript {
			t.Fatalf("given back: %+v, %d times", back, n)
		}
	})
}

func TestPromptsGoOnWhileTheDatabaseIsAwayAndAreSavedLater(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.arrive()
		s.store.setAway(true)
		s.pass(30 * time.Second)
		play, n := last[callback.Play](s.sw)
		if n != 1 {
			t.Fatal("the menu is not played")
		}
		s.event(callback.PlaybackFinished{Channel: "in", Playback: play.Playback})
		s.pass(5 * time.Second)
		if music, n := last[callback.StartMusic](s.sw); n != 2 || music.Class != "default" {
			t.Fatalf("%d times music", n)
		}
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		s.store.setAway(false)
		s.pass(time.Second)
		if c := s.store.contact(); c.Outcome != callback.OutcomeAbandoned {
			t.Errorf("saved later: %+v", c)
		}
		if !s.store.has(callback.FactEnded) || s.d.sessionCount() != 0 {
			t.Error("the history is not complete, or the session is left")
		}
	})
}

// waiting plays a call up to the callback that waits for an agent.
func waiting(s *stage) {
	s.event(callback.PlaybackFinished{Channel: "in", Playback: s.thanked()})
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
}

// accepted goes on to the agent's acceptance, and gives the agent's leg.
func accepted(s *stage) string {
	s.free()
	agent, _ := last[callback.CreateLeg](s.sw)
	s.event(callback.LegCreated{Channel: agent.Channel})
	s.event(callback.LegAnswered{Channel: agent.Channel})
	return agent.Channel
}

func TestC3WithTheDatabaseAwayNobodyIsDialledAndLaterOnce(t *testing.T) {
	inBubble(t, func(s *stage) {
		waiting(s)
		s.sw.answer = func(cmd callback.Command) error {
			if cmd, ok := cmd.(callback.CreateLeg); ok && cmd.Party == callback.PartyContact && s.store.contact().Attempt.Channel != cmd.Channel {
				t.Error("the contact's leg is made before it was saved")
			}
			return nil
		}
		accepted(s)
		contact, n := last[callback.CreateLeg](s.sw)
		if n != 2 {
			t.Fatalf("%d legs made, want the agent's and the contact's", n)
		}
		s.store.setAway(true)
		s.event(callback.LegCreated{Channel: contact.Channel})
		s.pass(10 * time.Second)
		if dial, n := last[callback.DialLeg](s.sw); n != 1 {
			t.Fatalf("dialled %s with the database away", dial.Channel)
		}
		s.store.setAway(false)
		s.pass(10 * time.Second)
		if dial, n := last[callback.DialLeg](s.sw); n != 2 || dial.Channel != contact.Channel {
			t.Fatalf("%d diallings, the last of %s", n, dial.Channel)
		}
	})
}

func TestTheAgentIsFreeAgainWhenAnOfferCanNotBeRung(t *testing.T) {
	inBubble(t, func(s *stage) {
		waiting(s)
		s.sw.answer = func(cmd callback.Command) error {
			if _, ok := cmd.(callback.CreateLeg); ok {
				return &callback.CommandError{Kind: callback.CommandRejected, Status: 500, Message: "Allocation failed"}
			}
			return nil
		}
		s.free()
		if c := s.store.contact(); c.State != callback.StateCallback || s.store.agent != callback.Refused {
			t.Errorf("the contact is %s, the agent %s", c.State, s.store.agent)
		}
		if s.d.sessionCount() != 0 {
			t.Error("the session is left")
		}
	})
}

func TestAHangupIsAskedForUntilAsteriskAnswers(t *testing.T) {
	inBubble(t, func(s *stage) {
		playback := s.thanked()
		tries := 0
		s.sw.answer = func(cmd callback.Command) error {
			if _, ok := cmd.(callback.Hangup); !ok {
				return nil
			}
			if tries++; tries < 3 {
				return &callback.CommandError{Kind: callback.CommandUnsure, Message: "time-out"}
			}
			return &callback.CommandError{Kind: callback.CommandNotFound, Status: 404, Message: "Channel not found"}
		}
		s.event(callback.PlaybackFinished{Channel: "in", Playback: playback})
		s.pass(5 * time.Second)
		if s.d.sessionCount() != 0 {
			t.Errorf("after %d tries the session is left", tries)
		}
	})
}

func TestWhatNoContactKnowsIsRemovedFromAsterisk(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.arrive()
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{
			Channels: map[string]callback.SnapshotChannel{
				"in":        {State: callback.ChannelUp},
				"cb-9-lost": {State: callback.ChannelUp},
				"other":     {State: callback.ChannelUp},
			},
			Bridges: map[string][]string{"cb-9-bridge": nil, "another": nil},
		}})
		if hangup, n := last[callback.Hangup](s.sw); n != 1 || hangup.Channel != "cb-9-lost" {
			t.Errorf("hung up %d, the last %s", n, hangup.Channel)
		}
		if bridge, n := last[callback.DestroyBridge](s.sw); n != 1 || bridge.Bridge != "cb-9-bridge" {
			t.Errorf("destroyed %d, the last %s", n, bridge.Bridge)
		}
		if s.d.sessionCount() != 1 {
			t.Error("the caller is lost")
		}
	})
}

func TestACallThatCameWhileNobodyListenedIsTaken(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{Channels: map[string]callback.SnapshotChannel{
			"in": {State: callback.ChannelRinging, Arrived: &callback.LegArrived{Channel: "in", Script: "example", ANI: "2125550123", DNIS: "8005550100"}},
		}}})
		if _, n := last[callback.Answer](s.sw); n != 1 || s.d.sessionCount() != 1 {
			t.Errorf("answered %d times, %v sessions", n, s.d.sessionCount())
		}
	})
}

func TestACallerWhoseNumberCanNotBeDialledTakesOnError(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.event(callback.LegArrived{Channel: "in", Script: "example", ANI: "anonymous", DNIS: "8005550100"})
		s.pass(30 * time.Second)
		s.event(callback.KeyPressed{Channel: "in", Key: "1"})
		thanks, _ := last[callback.Play](s.sw)
		s.event(callback.PlaybackFinished{Channel: "in", Playback: thanks.Playback})
		if play, _ := last[callback.Play](s.sw); play.Media[0] != "sound:callbackd/sorry-no-callback" {
			t.Fatalf("the caller hears %v", play.Media)
		}
		if _, n := last[callback.Hangup](s.sw); n != 0 {
			t.Error("hung up without a place")
		}
	})
}
