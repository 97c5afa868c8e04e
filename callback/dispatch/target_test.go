package dispatch

import (
	"context"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// TargetsAway gives what waits for the fake's one agent while they are not available, or for any other.
func (f *fakeStore) TargetsAway(context.Context, string) ([]TargetAway, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var away []TargetAway
	for id := range f.contacts {
		c := f.loaded(id).Contact
		if c.Place == nil || c.Offer.Open() || !c.Place.AnyAgent || c.Place.TargetAgent == "" {
			continue
		}
		if c.Place.TargetAgent != "1001" || f.presence != callback.Available {
			away = append(away, TargetAway{Contact: id, Agent: c.Place.TargetAgent})
		}
	}
	return away, f.check()
}

const wantsOneOrAny = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support, TargetAgent: "1009", WhenRefused: AnyAgent}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: rest, OnError: rest}}
  rest: {Log: {Text: waits}}
`

func TestAContactWhoseAgentIsAwayGoesToAny(t *testing.T) {
	inScript(t, wantsOneOrAny, func(s *stage) {
		s.try("in")
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		if got := s.record(1).Contact.Place; got.TargetAgent != "1009" || !got.AnyAgent {
			t.Fatalf("the contact waits at %+v", got)
		}
		s.store.setAway(true)
		s.pass(3 * time.Second)
		s.store.setAway(false)
		s.pass(2 * pollPause)
		if got := s.record(1).Contact.Place.TargetAgent; got != "" {
			t.Errorf("the contact still waits for %s", got)
		}
		if n := s.d.sessionCount(); n != 0 {
			t.Errorf("%v sessions are left", n)
		}
	})
}

// talk plays a live call up to its conversation with the agent, and gives the agent's leg and the bridge.
func (s *stage) talk() (agent, bridge string) {
	s.t.Helper()
	s.arrive()
	s.free()
	leg, n := last[callback.CreateLeg](s.sw)
	if n != 1 {
		s.t.Fatalf("%d legs are made", n)
	}
	s.event(callback.LegCreated{Channel: leg.Channel})
	s.event(callback.LegAnswered{Channel: leg.Channel})
	join, _ := last[callback.Join](s.sw)
	for _, channel := range []string{"in", leg.Channel} {
		s.event(callback.LegJoined{Channel: channel, Bridge: join.Bridge})
	}
	if got := s.record(1).Contact.State; got != callback.StateConnected {
		s.t.Fatalf("the contact is %s", got)
	}
	return leg.Channel, join.Bridge
}

func TestTheEndOfATransferredCallComesToItsContact(t *testing.T) {
	inBubble(t, func(s *stage) {
		agent, bridge := s.talk()
		s.event(callback.LegReplaced{Channel: agent, By: "local", To: "1002"})
		if got := s.record(1).Contact.Outcome; got != callback.OutcomeTransferred {
			t.Fatalf("the contact's outcome is %q", got)
		}
		s.event(callback.LegEnded{Channel: agent, Cause: 16})
		s.event(callback.LegEnded{Channel: "local", Cause: 16})
		if cmd, _ := last[callback.Hangup](s.sw); cmd.Channel != "in" {
			t.Errorf("%s is hung up, want the contact's leg", cmd.Channel)
		}
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		if cmd, _ := last[callback.DestroyBridge](s.sw); cmd.Bridge != bridge {
			t.Errorf("the bridge %s is removed, want %s", cmd.Bridge, bridge)
		}
		if n := s.d.sessionCount(); n != 0 {
			t.Errorf("%v sessions are left", n)
		}
	})
}

func TestAChannelThatReplacesNobodysIsHungUp(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.event(callback.LegReplaced{Channel: "cb-unknown", By: "local", To: "1002"})
		if cmd, n := last[callback.Hangup](s.sw); n != 1 || cmd.Channel != "local" {
			t.Errorf("hung up: %+v, %d times", cmd, n)
		}
	})
}

func TestATransferThatNobodyHeardOfIsNotTakenForACall(t *testing.T) {
	inBubble(t, func(s *stage) {
		_, bridge := s.talk()
		local := callback.LegArrived{Channel: "local"}
		s.event(callback.NodeLost{})
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{
			Channels: map[string]callback.SnapshotChannel{
				"in":    {State: callback.ChannelUp, Arrived: &callback.LegArrived{Channel: "in", Script: "example"}},
				"local": {State: callback.ChannelUp, Arrived: &local},
			},
			Bridges: map[string][]string{bridge: {"in", "local"}},
		}})
		if cmd, n := last[callback.GiveBack](s.sw); n != 0 {
			t.Errorf("%s was given back to the dialplan", cmd.Channel)
		}
		if got := s.record(1).Contact.Outcome; got != callback.OutcomeTransferred {
			t.Errorf("the contact's outcome is %q", got)
		}
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		if cmd, _ := last[callback.Hangup](s.sw); cmd.Channel != "local" {
			t.Errorf("%s is hung up, want whom the contact was transferred to", cmd.Channel)
		}
		s.event(callback.LegEnded{Channel: "local", Cause: 16})
	})
}
