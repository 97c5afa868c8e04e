package callback_test

import (
	"slices"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// talking plays a live call up to the conversation with an agent and gives the agent's leg.
func (s *story) talking() string {
	s.t.Helper()
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	s.join()
	s.wantState(callback.StateConnected, "")
	return agent
}

func (s *story) wantNoHangup(channels ...string) {
	s.t.Helper()
	for _, cmd := range s.commands {
		hangup, is := cmd.(callback.Hangup)
		if is && (len(channels) == 0 || slices.Contains(channels, hangup.Channel)) {
			s.t.Errorf("%s is hung up", hangup.Channel)
		}
	}
}

func TestATransferEndsTheContactAndLeavesTheTwoTalking(t *testing.T) {
	s := newStory(t)
	s.skill.AfterCallWork = time.Minute
	agent := s.talking()
	bridge := s.c.Bridge
	s.event(callback.LegReplaced{Channel: agent, By: "local", To: "1002"})
	s.wantState(callback.StateEnded, callback.OutcomeTransferred)
	s.wantSignals(callback.Signal{Kind: callback.SignalReleased})
	s.wantCommands(callback.Mark{Channel: "local", Contact: s.c.ID})
	if s.facts[0].Kind != callback.FactTransferred || s.facts[0].Data["to"] != "1002" || s.facts[0].Data["agent"] != "1001" {
		t.Errorf("the history says %v", s.facts)
	}
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.wantAgent(callback.AfterCall)
	s.wantCommands()
	s.now = s.now.Add(time.Hour)
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
	s.wantCommands(callback.Hangup{Channel: "local", Reason: "normal"})
	s.event(callback.LegEnded{Channel: "local", Cause: 16})
	s.wantCommands(callback.DestroyBridge{Bridge: bridge})
	if !s.c.Idle() {
		t.Errorf("something is left: %+v", s.c)
	}
}

func TestTheOneWhomTheContactWasTransferredToEndsTheCallToo(t *testing.T) {
	s := newStory(t)
	contact, agent := s.connected()
	s.event(callback.LegReplaced{Channel: agent, By: "local", To: "1002"})
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.event(callback.LegReplaced{Channel: "local", By: "local2", To: "1003"}) // who has transferred it on
	s.wantNoHangup()
	s.event(callback.LegEnded{Channel: "local", Cause: 16})
	s.wantNoHangup()
	s.event(callback.LegEnded{Channel: "local2", Cause: 16})
	s.wantCommands(callback.Hangup{Channel: contact, Reason: "normal"})
}

func TestAnAgentsPhoneThatDoesNotHangUpAfterATransferIsHungUp(t *testing.T) {
	s := newStory(t)
	agent := s.talking()
	s.event(callback.LegReplaced{Channel: agent, By: "local", To: "1002"})
	s.pass(time.Second)
	s.wantNoHangup()
	s.pass(time.Second)
	s.wantCommands(callback.Hangup{Channel: agent, Reason: "normal"})
}

func TestATransferBeforeTheTwoTalkIsUndone(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	contact := s.dial()
	s.event(callback.LegReplaced{Channel: agent, By: "local", To: "1002"})
	s.wantCommands(callback.Hangup{Channel: "local", Reason: "normal"}, callback.Hangup{Channel: agent, Reason: "normal"})
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.event(callback.LegEnded{Channel: contact, Cause: 16})
	s.wantState(callback.StateCallback, "")
}

func TestACallerWhoTransfersTheirOwnEndGoesOnBeingServed(t *testing.T) {
	s := newStory(t)
	s.do(func(turn *callback.Turn) { turn.StartMusic("default") })
	s.event(callback.LegReplaced{Channel: "in", By: "local", To: "1005"})
	s.wantState(callback.StateLive, "")
	s.wantSignals(callback.Signal{Kind: callback.SignalResume})
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
	s.wantState(callback.StateLive, "")
	agent := s.talking()
	s.event(callback.LegReplaced{Channel: "local", By: "local2"})
	s.wantState(callback.StateConnected, "")
	s.event(callback.LegEnded{Channel: "local2", Cause: 16})
	s.wantState(callback.StateEnded, callback.OutcomeServed)
	s.wantCommands(callback.Hangup{Channel: agent, Reason: "normal"})
}

func TestAContactWhoIsSentElsewhereIsLeftAloneAndItsEndRecorded(t *testing.T) {
	for name, test := range map[string]struct {
		play    func(*story)
		outcome callback.Outcome
	}{
		"in the queue":      {func(*story) {}, callback.OutcomeGivenBack},
		"with an agent":     {func(s *story) { s.talking() }, callback.OutcomeTransferred},
		"after the agent":   {func(s *story) { s.event(callback.LegEnded{Channel: s.talking()}) }, callback.OutcomeServed},
		"while one is rung": {func(s *story) { s.offer("1001") }, callback.OutcomeGivenBack},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			test.play(s)
			s.event(callback.LegLeft{Channel: "in"})
			s.wantState(callback.StateEnded, test.outcome)
			s.wantNoHangup("in")
			s.pass(transferPause)
			s.wantNoHangup("in")
			if offer := s.c.Offer; offer != nil {
				s.event(callback.LegEnded{Channel: offer.Channel, Cause: 16})
			}
			up := callback.SnapshotChannel{State: callback.ChannelUp, Left: true}
			s.event(callback.Resynced{Snapshot: &callback.Snapshot{Channels: map[string]callback.SnapshotChannel{"in": up}}})
			s.wantNoHangup()
			if s.c.Bridge != "" || s.c.Idle() {
				t.Errorf("bridge %q, legs %v, want no bridge and a leg", s.c.Bridge, s.c.Legs)
			}
			s.event(callback.LegEnded{Channel: "in", Cause: 16})
			if !s.c.Idle() {
				t.Errorf("the leg's end is not recorded: %v", s.c.Legs)
			}
		})
	}
}

// transferPause is longer than an agent's phone may take to hang up after a transfer.
const transferPause = 3 * time.Second

func TestAnAgentWhoIsSentElsewhereHasLeftTheContact(t *testing.T) {
	s := newStory(t)
	s.skill.AfterCallWork = time.Minute
	agent := s.talking()
	s.event(callback.LegLeft{Channel: agent})
	s.wantState(callback.StateReleased, "")
	s.wantAgent(callback.AfterCall)
	s.wantNoHangup()
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
	s.wantNoHangup()
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	if !s.c.Idle() {
		t.Errorf("something is left: %+v", s.c)
	}
}

func TestAnOrdinaryEndIsNoTransfer(t *testing.T) {
	s := newStory(t)
	agent := s.talking()
	for _, channel := range []string{agent, "in"} {
		s.event(callback.LegHangup{Channel: channel})
		s.event(callback.LegLeft{Channel: channel})
		s.event(callback.LegEnded{Channel: channel, Cause: 16})
	}
	s.wantState(callback.StateEnded, callback.OutcomeServed)
}

func TestATransferWhileNobodyListenedIsFoundByTheResync(t *testing.T) {
	up := callback.SnapshotChannel{State: callback.ChannelUp}
	for name, agentThere := range map[string]bool{"the agent's phone has hung up": false, "the agent's phone is there": true} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			agent := s.talking()
			snapshot := &callback.Snapshot{
				Channels: map[string]callback.SnapshotChannel{"in": up, "local": up},
				Bridges:  map[string][]string{s.c.Bridge: {"in", "local"}},
			}
			if agentThere {
				snapshot.Channels[agent] = up
			}
			s.event(callback.Resynced{Snapshot: snapshot})
			s.wantState(callback.StateEnded, callback.OutcomeTransferred)
			s.wantNoHangup()
			s.event(callback.Resynced{Snapshot: snapshot})
			s.wantNoHangup()
			s.event(callback.Resynced{Snapshot: &callback.Snapshot{Channels: map[string]callback.SnapshotChannel{"in": up}}})
			s.wantCommands(callback.Hangup{Channel: "in", Reason: "normal"})
		})
	}
}

func TestWhoIsLeftAloneInTheBridgeByATransferThatNobodyHeardOfIsHungUp(t *testing.T) {
	s := newStory(t)
	s.talking()
	s.event(callback.Resynced{Snapshot: &callback.Snapshot{
		Channels: map[string]callback.SnapshotChannel{"local": {State: callback.ChannelUp}},
		Bridges:  map[string][]string{s.c.Bridge: {"local"}},
	}})
	s.wantState(callback.StateEnded, callback.OutcomeServed)
	if !sent(s, callback.Hangup{Channel: "local", Reason: "normal"}) {
		t.Errorf("the channel is left: %v", s.commands)
	}
}

func TestAThirdOneInTheBridgeIsNoTransfer(t *testing.T) {
	s := newStory(t)
	agent := s.talking()
	up := callback.SnapshotChannel{State: callback.ChannelUp}
	s.event(callback.Resynced{Snapshot: &callback.Snapshot{
		Channels: map[string]callback.SnapshotChannel{"in": up, agent: up, "spy": up},
		Bridges:  map[string][]string{s.c.Bridge: {"in", agent, "spy"}},
	}})
	s.wantState(callback.StateConnected, "")
	s.wantNoHangup()
}
