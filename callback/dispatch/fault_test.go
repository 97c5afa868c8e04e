package dispatch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// slow answers commands of one kind as an Asterisk does that does not answer in time.
func (s *stage) slow(is func(callback.Command) bool) (again func()) {
	s.sw.answer = func(cmd callback.Command) error {
		if is(cmd) {
			return &callback.CommandError{Kind: callback.CommandRejected, Message: "could not be sent"}
		}
		return nil
	}
	return func() {
		s.sw.mu.Lock()
		defer s.sw.mu.Unlock()
		s.sw.answer = nil
	}
}

func isHangup(cmd callback.Command) bool { _, ok := cmd.(callback.Hangup); return ok }

func TestAHangupIsAskedForHoweverLongAsteriskDoesNotAnswer(t *testing.T) {
	inBubble(t, func(s *stage) {
		again := s.slow(isHangup)
		s.event(callback.PlaybackFinished{Channel: "in", Playback: s.thanked()})
		s.pass(time.Minute)
		again()
		_, before := last[callback.Hangup](s.sw)
		s.pass(time.Second)
		if hangup, n := last[callback.Hangup](s.sw); n != before+1 || hangup.Channel != "in" {
			t.Errorf("%d hang-ups once Asterisk answers, want 1", n-before)
		}
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
	})
}

func TestACallIsGivenBackHoweverLongAsteriskDoesNotAnswer(t *testing.T) {
	inBubble(t, func(s *stage) {
		again := s.slow(func(cmd callback.Command) bool { _, ok := cmd.(callback.GiveBack); return ok })
		s.store.setAway(true)
		s.arrive()
		s.store.setAway(false)
		s.pass(time.Minute)
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{Channels: map[string]callback.SnapshotChannel{
			"in": {State: callback.ChannelRinging, Arrived: &callback.LegArrived{Channel: "in", Script: "example"}},
		}}})
		if s.d.sessionCount() != 0 {
			t.Error("taken again while it is being given back")
		}
		again()
		_, before := last[callback.GiveBack](s.sw)
		s.pass(time.Second)
		if _, n := last[callback.GiveBack](s.sw); n != before+1 {
			t.Errorf("given back %d times once Asterisk answers, want once", n-before)
		}
	})
}

func TestAContactWhoAnswersWhileTheEventStreamIsLostIsNotHungUp(t *testing.T) {
	inBubble(t, func(s *stage) {
		waiting(s)
		agent := accepted(s)
		contact, _ := last[callback.CreateLeg](s.sw)
		s.event(callback.LegCreated{Channel: contact.Channel})
		s.event(callback.LegRinging{Channel: contact.Channel})
		s.event(callback.NodeLost{Err: errors.New("closed")})
		s.pass(5 * time.Minute)
		up := callback.SnapshotChannel{State: callback.ChannelUp}
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{
			Channels: map[string]callback.SnapshotChannel{agent: up, contact.Channel: up},
			Bridges:  map[string][]string{s.store.contact().Bridge: {contact.Channel}},
		}})
		if hangup, n := last[callback.Hangup](s.sw); n != 1 { // of the call that came in
			t.Fatalf("%s is hung up", hangup.Channel)
		}
		if c := s.store.contact(); c.State != callback.StateCalling || c.Attempt.AnsweredAt.IsZero() {
			t.Errorf("the contact is %s, attempt %+v", c.State, c.Attempt)
		}
		s.pass(10 * time.Second) // the two can't be joined: the deadlines count again
		if _, n := last[callback.Hangup](s.sw); n != 3 {
			t.Errorf("%d hang-ups after the time to join, want 3", n)
		}
	})
}

func TestACallThatEndsUnseenWhileItIsBeingSavedIsNotLeftInTheQueue(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.store.creating = make(chan struct{})
		s.arrive()
		s.event(callback.NodeLost{Err: errors.New("closed")})
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{}})
		close(s.store.creating)
		synctest.Wait()
		if c := s.store.contact(); c.Outcome != callback.OutcomeAbandoned || s.d.sessionCount() != 0 {
			t.Errorf("the contact is %s %q, %v sessions", c.State, c.Outcome, s.d.sessionCount())
		}
	})
}

// The database may have saved what it said that it refused; then the revision tells.
func TestAPromiseThatWasSavedAfterAllHangsUp(t *testing.T) {
	inBubble(t, func(s *stage) {
		playback := s.thanked()
		s.store.lie = func(c Change) bool { return c.Record.Contact.State == callback.StateCallback }
		s.event(callback.PlaybackFinished{Channel: "in", Playback: playback})
		s.pass(time.Second)
		if c := s.store.contact(); c.State != callback.StateCallback || c.Promise == nil {
			t.Fatalf("the contact is %s", c.State)
		}
		if hangup, n := last[callback.Hangup](s.sw); n != 1 || hangup.Channel != "in" {
			t.Errorf("%d hang-ups, want 1: the place is saved", n)
		}
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
	})
}

func TestTheEndOfTheDaemonDoesNotUndoAPromiseThatWasSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.d.Run(ctx) }()
		synctest.Wait()
		playback := s.thanked()
		s.store.setAway(true) // the key is saved later
		s.event(callback.KeyPressed{Channel: "in", Key: "5"})
		s.store.setAway(false)
		s.store.unsure = func(c Change) (bool, bool) {
			promise := c.Record.Contact.State == callback.StateCallback
			s.store.away = s.store.away || promise
			return promise, true
		}
		s.event(callback.PlaybackFinished{Channel: "in", Playback: playback})
		cancel()
		s.store.setAway(false)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if c := s.store.contact(); c.State != callback.StateCallback || c.Promise == nil {
			t.Errorf("the contact is %s with the promise %+v", c.State, c.Promise)
		}
	})
}

func TestAScriptThatDoesNotFitAnyMoreHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		c := callback.Arrive(callback.LegArrived{Channel: "in"}, callback.ScriptRef{Name: "old", Version: "1"}, "n1", now())
		c.ID = 1
		s.store.contacts[1] = Record{Contact: c, Rev: 1}
		s.sw.snapshot.Channels = map[string]callback.SnapshotChannel{"in": {State: callback.ChannelUp}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.d.Run(ctx) }()
		synctest.Wait()
		if err := s.d.Ready(); err != nil {
			t.Errorf("one contact's script keeps the node from being ready: %v", err)
		}
		if music, _ := last[callback.StartMusic](s.sw); music.Channel != "in" {
			t.Error("the contact hears nothing")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestANodeThatIsRefusedIsTriedAgainAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.sw.refuse = errors.New("HTTP 401")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.d.Run(ctx); err != nil {
			t.Error(err)
		}
		if s.sw.runs > 11 || s.sw.runs < 5 {
			t.Errorf("tried %d times in 10 s", s.sw.runs)
		}
	})
}

func TestMatchingPausesWhileAsteriskCanNotBeReached(t *testing.T) {
	inBubble(t, func(s *stage) {
		waiting(s)
		tries := 0
		s.sw.answer = func(cmd callback.Command) error {
			if _, ok := cmd.(callback.CreateLeg); !ok || tries >= 1000 {
				return nil
			}
			tries++
			return &callback.CommandError{Kind: callback.CommandRejected, Message: "too many open files"}
		}
		s.event(callback.DeviceChanged{Device: "PJSIP/1001", State: callback.DeviceNotInUse})
		s.pass(10 * time.Second)
		if tries < 5 || tries > 11 {
			t.Errorf("%d offers in 10 s", tries)
		}
	})
}

func TestACallerIsAnsweredHoweverLongAsteriskDoesNotAnswer(t *testing.T) {
	inBubble(t, func(s *stage) {
		again := s.slow(func(cmd callback.Command) bool { _, ok := cmd.(callback.Answer); return ok })
		s.arrive()
		s.pass(10 * time.Second)
		again()
		_, before := last[callback.Answer](s.sw)
		s.pass(time.Second)
		if _, n := last[callback.Answer](s.sw); n != before+1 {
			t.Errorf("answered %d times once Asterisk answers, want once", n-before)
		}
	})
}

// By then another daemon may have the node, and have looked after the leg.
func TestADiallingWhoseCommitWasAnsweredLateIsNotSent(t *testing.T) {
	inBubble(t, func(s *stage) {
		waiting(s)
		accepted(s)
		contact, _ := last[callback.CreateLeg](s.sw)
		s.store.unsure = func(c Change) (bool, bool) {
			dialling := c.Record.Contact.Attempt.Open() && !c.Record.Contact.Attempt.DiallingAt.IsZero()
			s.store.away = s.store.away || dialling
			return dialling, true
		}
		s.event(callback.LegCreated{Channel: contact.Channel})
		s.pass(10 * time.Second)
		s.store.setAway(false)
		s.pass(2 * time.Second)
		if dial, _ := last[callback.DialLeg](s.sw); dial.Channel == contact.Channel {
			t.Error("dialled 10 s after the commit")
		}
		s.event(callback.LegEnded{Channel: contact.Channel, Cause: callback.CauseNetwork})
		if c := s.store.contact(); c.State != callback.StateCallback || c.Attempts != 0 {
			t.Errorf("the contact is %s after %d attempts", c.State, c.Attempts)
		}
	})
}

// The database is away between a match and the loading of its contact; a person who cancels the callback
// comes first when it is back. By the time the offer is told, its agent is being rung for another caller.
func TestAnOfferThatIsOverBeforeItIsToldFreesItsAgentOnce(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.sw.answer = func(cmd callback.Command) error {
			if isHangup(cmd) {
				return errGone
			}
			return nil
		}
		waiting(s)
		s.store.mu.Lock()
		s.store.matched = func() error {
			s.store.matched, s.store.away = nil, true
			return nil
		}
		s.store.mu.Unlock()
		s.event(callback.DeviceChanged{Device: "PJSIP/1001", State: callback.DeviceNotInUse})
		s.store.setAway(false)
		s.event(callback.LegArrived{Channel: "next", Script: "example", ANI: "2125550199", DNIS: "8005550100", Dialled: "8005550100"})
		id := s.request(callback.RequestCancel, callback.Changes{})
		s.pass(retryPause)
		s.done(id, "")
		if offer, n := last[callback.CreateLeg](s.sw); n != 1 || offer.Contact != 2 {
			t.Fatalf("%d offers, the last of contact %d; want one of the next caller's", n, offer.Contact)
		}
		if s.store.agent != callback.Offered {
			t.Errorf("the agent is %s while the phone rings", s.store.agent)
		}
		if used := s.d.portCount(); used != 2 {
			t.Errorf("%v ports, want the next caller's and the agent's", used)
		}
	})
}
