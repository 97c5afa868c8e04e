package dispatch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// code lets a phone dial an agents' code, and gives the word with which the call was given back.
func (s *stage) code(endpoint, code, argument string) string {
	s.t.Helper()
	channel := fmt.Sprintf("code-%d", time.Now().UnixNano())
	s.event(callback.CodeDialled{Channel: channel, Endpoint: endpoint, Code: code, Argument: argument})
	s.pass(time.Millisecond)
	back, _ := last[callback.GiveBack](s.sw)
	if back.Channel != channel {
		s.t.Fatalf("the code %s was not given back: %+v", code, back)
	}
	s.event(callback.LegLeft{Channel: channel})
	return back.Status
}

func TestAnAgentsCodeIsCarriedOutAndAnsweredInAWordForThePrompt(t *testing.T) {
	inBubble(t, func(s *stage) {
		for i, step := range []struct{ code, argument, want string }{
			{"login", "", "LOGGED_OUT"},
			{"pause", "", "NOT_LOGGED_IN"},
			{"ready", "", "NOT_LOGGED_IN"},
			{"login", "", "LOGGED_IN"},
			{"pause", "", "PAUSED"},
			{"pause", "lunch", "PAUSED"},
			{"ready", "", "PAUSED"},
			{"pause", "lunch", "UNPAUSED"},
			{"ready", "", "READY"},
			{"dance", "", "FAILED"},
		} {
			if got := s.code("PJSIP/1001", step.code, step.argument); got != step.want {
				t.Errorf("%d. %s %q is answered by %s, want %s", i+1, step.code, step.argument, got, step.want)
			}
		}
		if got := s.code("PJSIP/trunk", "login", ""); got != "NO_AGENT" {
			t.Errorf("a phone that is no agent's is answered by %s", got)
		}
		if n := len(s.store.contacts); n != 0 {
			t.Errorf("%d contacts were made of codes", n)
		}
	})
}

func TestACodeIsAnsweredWhileTheDatabaseIsAway(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.store.setAway(true)
		if got := s.code("PJSIP/1001", "login", ""); got != "FAILED" {
			t.Errorf("answered by %s", got)
		}
		s.store.setAway(false)
		if got := s.code("PJSIP/1001", "login", ""); got != "LOGGED_OUT" {
			t.Errorf("answered by %s: the first code was carried out later", got)
		}
	})
}

// A code that was found after a reconnect may have been carried out: it is a toggle, so it must not be again.
func TestACodeThatWasDialledWhileNobodyListenedIsRefusedOnce(t *testing.T) {
	inBubble(t, func(s *stage) {
		dialled := callback.CodeDialled{Channel: "late", Endpoint: "PJSIP/1001", Code: "login"}
		s.event(callback.NodeLost{})
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{
			Channels: map[string]callback.SnapshotChannel{"late": {State: callback.ChannelUp, Code: &dialled}},
		}})
		s.event(dialled) // which had waited in the stream
		s.pass(time.Second)
		back, n := last[callback.GiveBack](s.sw)
		if want := (callback.GiveBack{Channel: "late", Status: "FAILED"}); back != want || n != 1 {
			t.Errorf("given back %d times, as %+v", n, back)
		}
		if s.store.agentState().Presence != callback.Available {
			t.Error("the code was carried out")
		}
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{}})
		if len(s.d.codes) != 0 {
			t.Errorf("codes that are over are remembered: %v", s.d.codes)
		}
	})
}

// lampsSet gives what Asterisk was told of the lamps, in order, as "agent-1001 INUSE".
func (s *stage) lampsSet() []string {
	s.sw.mu.Lock()
	defer s.sw.mu.Unlock()
	var set []string
	for _, cmd := range s.sw.commands {
		switch cmd := cmd.(type) {
		case callback.ShowLamp:
			set = append(set, cmd.Lamp+" "+string(cmd.State))
		case callback.DropLamp:
			set = append(set, cmd.Lamp+" dropped")
		}
	}
	s.sw.commands = slices.DeleteFunc(s.sw.commands, isLamp)
	return set
}

func isLamp(cmd callback.Command) bool {
	switch cmd.(type) {
	case callback.ShowLamp, callback.DropLamp:
		return true
	}
	return false
}

// wantLamps wants that just these lamps have been set since the last time.
func (s *stage) wantLamps(when string, want ...string) {
	s.t.Helper()
	s.pass(2 * pollPause)
	if got := s.lampsSet(); !slices.Equal(got, want) {
		s.t.Errorf("%s: the lamps were set to %q, want %q", when, got, want)
	}
}

func TestLampsShowHowAgentsAndQueuesStandAndOnlyChangesAreSent(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.wantLamps("at first", "agent-1001 INUSE", "pause-1001 NOT_INUSE", "queue-support NOT_INUSE")
		s.wantLamps("later")
		s.code("PJSIP/1001", "pause", "")
		s.wantLamps("paused", "agent-1001 ONHOLD", "pause-1001 INUSE")
		s.code("PJSIP/1001", "login", "")
		s.wantLamps("logged out", "agent-1001 NOT_INUSE", "pause-1001 NOT_INUSE")
		s.store.mu.Lock()
		s.store.presence = callback.Available // by another daemon, or the command line
		s.store.mu.Unlock()
		s.wantLamps("changed elsewhere", "agent-1001 INUSE")
		s.arrive()
		s.wantLamps("somebody waits", "queue-support INUSE")
		s.free()
		s.wantLamps("the phone rings", "agent-1001 RINGING")
		leg, _ := last[callback.CreateLeg](s.sw)
		s.event(callback.LegEnded{Channel: leg.Channel, Cause: callback.CauseRejected})
		s.event(callback.DeviceChanged{Device: "PJSIP/1001", State: callback.DeviceRinging}) // by somebody else
		s.wantLamps("declined", "agent-1001 ONHOLD")
		s.pass(callback.DefaultSkill.RefusedTime)
		s.wantLamps("the time of refused is over", "agent-1001 INUSE")
		if s.store.agentState().Activity != callback.Free {
			t.Error("time has not ended what was over")
		}
	})
}

func TestLampsAreSetRightAfterAReconnectAndWhenAsteriskDidNotTakeThem(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.wantLamps("at first", "agent-1001 INUSE", "pause-1001 NOT_INUSE", "queue-support NOT_INUSE")
		s.event(callback.NodeLost{})
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{Lamps: map[string]callback.DeviceState{
			"agent-1001": callback.DeviceInUse, "pause-1001": callback.DeviceInUse, "of-another-program": callback.DeviceInUse,
		}}})
		s.wantLamps("after a reconnect", "pause-1001 NOT_INUSE", "queue-support NOT_INUSE")
		s.sw.mu.Lock()
		refused := 0
		s.sw.answer = func(cmd callback.Command) error {
			if refused++; refused == 1 && isLamp(cmd) {
				return &callback.CommandError{Kind: callback.CommandUnsure, Message: "not answered"}
			}
			return nil
		}
		s.sw.mu.Unlock()
		s.store.mu.Lock()
		s.store.presence = callback.LoggedOut
		s.store.mu.Unlock()
		s.wantLamps("not taken the first time", "agent-1001 NOT_INUSE", "agent-1001 NOT_INUSE")
	})
}

func TestTheLampOfASkillThatIsGoneIsDropped(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.wantLamps("at first", "agent-1001 INUSE", "pause-1001 NOT_INUSE", "queue-support NOT_INUSE")
		if err := s.d.Reload(s.t.Context(), nil, map[string]callback.Skill{"sales": callback.DefaultSkill}); err != nil {
			t.Fatal(err)
		}
		s.wantLamps("after a reload", "queue-sales NOT_INUSE", "queue-support dropped")
	})
}

func TestMuchThatChangesIsNoFloodOfLooks(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.store.mu.Lock()
		s.store.looks = 0
		s.store.mu.Unlock()
		for range 1000 {
			s.store.wakes <- struct{}{}
			s.pass(time.Millisecond)
		}
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		if most := int(time.Second/lampPause) + 1; s.store.looks > most || s.store.looks < 2 {
			t.Errorf("%d looks at the lamps in a second of a thousand changes, want 2 to %d", s.store.looks, most)
		}
	})
}

func TestEveryStateOfAnAgentHasALamp(t *testing.T) {
	for _, presence := range []callback.Presence{callback.LoggedOut, callback.Available, callback.Unavailable} {
		for _, activity := range []callback.Activity{
			callback.Free, callback.Offered, callback.WorkingInbound, callback.WorkingCallback, callback.WorkingOutbound,
			callback.AfterCall, callback.Refused,
		} {
			state := callback.AgentState{Presence: presence, Activity: activity}
			if activity == callback.AfterCall || activity == callback.Refused {
				state.Until = now().Add(time.Hour)
			}
			if word := state.Word(now()); agentLamps[word] == "" {
				t.Errorf("%s has no lamp; there are %s", word, strings.Join(slices.Collect(maps.Keys(agentLamps)), " "))
			}
		}
	}
}

func TestAnAgentIsRungAgainAtTheMomentAtWhichTheTimeOfRefusedIsOver(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.arrive()
		s.free()
		offer, n := last[callback.CreateLeg](s.sw)
		if n != 1 {
			t.Fatalf("the agent was offered the call %d times, want once", n)
		}
		s.pass(pollPause * 2 / 5) // between two looks at the queue
		s.event(callback.LegEnded{Channel: offer.Channel, Cause: callback.CauseRejected})
		s.pass(callback.DefaultSkill.RefusedTime - time.Millisecond)
		if _, n := last[callback.CreateLeg](s.sw); n != 1 {
			t.Fatal("the agent was offered the call again while Refused")
		}
		s.pass(time.Millisecond)
		if _, n := last[callback.CreateLeg](s.sw); n != 2 {
			t.Error("the agent waits for the next look at the queue")
		}
	})
}

func TestAnOfferIsPutToThePhoneWithoutAnotherSave(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.arrive()
		saves := 0
		s.store.mu.Lock()
		s.store.saving = func() { saves++ }
		s.store.mu.Unlock()
		s.free()
		offer, n := last[callback.CreateLeg](s.sw)
		if n != 1 || saves != 0 {
			t.Fatalf("%d legs were made after %d saves, want 1 after none", n, saves)
		}
		s.event(callback.LegCreated{Channel: offer.Channel})
		if dial, n := last[callback.DialLeg](s.sw); n != 1 || dial.Channel != offer.Channel || saves != 1 {
			t.Errorf("%d legs were dialled after %d saves, want the agent's after one", n, saves)
		}
		if leg := s.store.contact().Legs[1]; leg.DiallingAt.IsZero() || leg.From != "2125550123" {
			t.Errorf("the agent's leg is saved as %+v", leg)
		}
	})
}
