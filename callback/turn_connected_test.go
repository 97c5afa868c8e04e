package callback_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// connected plays a callback up to the conversation and gives the two legs.
func (s *story) connected() (contact, agent string) {
	s.t.Helper()
	s.promise(0)
	agent = s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	whisper := s.c.Offer.Whisper
	contact = s.dial()
	s.join()
	s.event(callback.LegAnswered{Channel: contact})
	s.event(callback.PlaybackFinished{Channel: agent, Playback: whisper})
	s.join()
	s.wantState(callback.StateConnected, "")
	return contact, agent
}

func (s *story) play() string {
	s.t.Helper()
	var playback string
	s.do(func(turn *callback.Turn) { playback = turn.Play([]string{"sound:survey"}, 0) })
	return playback
}

func (s *story) wantSignals(want ...callback.Signal) {
	s.t.Helper()
	if !slices.Equal(s.signals, want) {
		s.t.Errorf("the script hears %v, want %v", s.signals, want)
	}
}

func (s *story) wantCommands(want ...callback.Command) {
	s.t.Helper()
	if !reflect.DeepEqual(s.commands, want) {
		s.t.Errorf("Asterisk is asked for %v, want %v", s.commands, want)
	}
}

func TestC11VoiceWorksOnceTheContactHasAnswered(t *testing.T) {
	s := newStory(t)
	voice := func(when string, want bool) {
		t.Helper()
		if got := s.c.OnLine() && !s.c.ScriptPaused(); got != want {
			t.Errorf("%s the script can speak to the contact: %v, want %v", when, got, want)
		}
	}
	voice("before the promise", true)
	s.promise(0)
	voice("after the promise", false)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	voice("after the agent's acceptance", false)
	whisper := s.c.Offer.Whisper
	contact := s.dial()
	s.join()
	voice("while the contact's phone rings", false)
	s.event(callback.LegAnswered{Channel: contact})
	voice("before the two are joined", false)
	s.event(callback.PlaybackFinished{Channel: agent, Playback: whisper})
	s.join()
	voice("when the two are connected", true)
	playback := s.play()
	if !sent(s, callback.Play{Channel: contact, Playback: playback, Media: []string{"sound:survey"}}) {
		t.Errorf("what is played goes elsewhere: %v", s.commands)
	}
	s.event(callback.PlaybackFinished{Channel: contact, Playback: playback})
	s.wantSignals(callback.Signal{Kind: callback.SignalPlayback, Value: playback})
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	voice("when the agent has left", true)
	s.event(callback.LegHangup{Channel: contact})
	voice("when the contact has hung up", false)
}

func TestC11NoVoiceBetweenTheAgentsAnswerAndTheConnection(t *testing.T) {
	s := newStory(t)
	s.event(callback.LegAnswered{Channel: s.offer("1001")})
	if s.c.OnLine() && !s.c.ScriptPaused() {
		t.Error("the script speaks to a caller who is being joined")
	}
	s.join()
	if !s.c.OnLine() || s.c.ScriptPaused() {
		t.Error("the script can't speak to a caller who is connected")
	}
}

func TestC11AMissingSoundIsNamedToTheScript(t *testing.T) {
	s := newStory(t)
	contact, _ := s.connected()
	playback := s.play()
	s.event(callback.CommandFailed{
		Command: callback.Play{Channel: contact, Playback: playback},
		Err:     &callback.CommandError{Kind: callback.CommandRejected, Message: `there is no sound "survey"`},
	})
	s.wantSignals(callback.Signal{Kind: callback.SignalPlayback, Value: playback, Failed: true, Reason: `there is no sound "survey"`})
}

func TestC11WhatPlaysEndsWhenTheAgentLeaves(t *testing.T) {
	s := newStory(t)
	contact, agent := s.connected()
	playback := s.play()
	bridge := s.c.Bridge
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.wantState(callback.StateReleased, "")
	s.wantCommands(callback.StopPlayback{Channel: contact, Playback: playback}, callback.DestroyBridge{Bridge: bridge})
	s.wantSignals(callback.Signal{Kind: callback.SignalAgentReleased})
	s.event(callback.PlaybackFinished{Channel: contact, Playback: playback})
	s.wantSignals()
}

func TestC11KeysOfAConversationAreTheScriptsOnlyIfItAsks(t *testing.T) {
	for _, asked := range []bool{false, true} {
		s := newStory(t)
		s.keys = asked
		contact, _ := s.connected()
		s.event(callback.KeyPressed{Channel: contact, Key: "5"})
		if !asked {
			s.wantSignals()
			if len(s.facts) > 0 {
				t.Errorf("what was typed in a conversation stands in the history: %v", s.facts)
			}
			continue
		}
		s.wantSignals(callback.Signal{Kind: callback.SignalKey, Value: "5"})
	}
}

func TestC11TheBridgeTellsKeysOnlyIfTheScriptAsks(t *testing.T) {
	for _, asked := range []bool{false, true} {
		s := newStory(t)
		s.keys = asked
		s.event(callback.LegAnswered{Channel: s.offer("1001")})
		if !sent(s, callback.CreateBridge{Bridge: s.c.Bridge, Keys: asked}) {
			t.Errorf("asked for keys: %v; the bridge: %v", asked, s.commands)
		}
	}
}

func TestC11TheScriptGoesOnAfterATakeoverInAConversation(t *testing.T) {
	s := newStory(t)
	contact, agent := s.connected()
	up := callback.SnapshotChannel{State: callback.ChannelUp}
	both := map[string]callback.SnapshotChannel{contact: up, agent: up}
	bridges := map[string][]string{s.c.Bridge: {contact, agent}}
	s.event(callback.Resynced{Snapshot: &callback.Snapshot{Channels: both, Bridges: bridges}})
	s.wantSignals(callback.Signal{Kind: callback.SignalResume})
	s.event(callback.Resynced{Snapshot: &callback.Snapshot{Channels: map[string]callback.SnapshotChannel{contact: up}}})
	s.wantState(callback.StateReleased, "")
	s.wantSignals(callback.Signal{Kind: callback.SignalAgentReleased})
	s.event(callback.Resynced{Snapshot: &callback.Snapshot{Channels: map[string]callback.SnapshotChannel{contact: up}}})
	s.wantSignals(callback.Signal{Kind: callback.SignalResume})
}

func TestC2NoCallbackOnceAnAgentIsOnTheLine(t *testing.T) {
	s := newStory(t)
	s.event(callback.LegAnswered{Channel: s.offer("1001")})
	s.join()
	s.do(func(turn *callback.Turn) {
		if err := turn.Callback(callback.Promise{PhoneNumber: "1"}); !errors.Is(err, callback.ErrServed) {
			t.Errorf("a callback in a conversation is answered with %v, want %v", err, callback.ErrServed)
		}
	})
}

func TestAnAgentsAnswerCutsWhateverPlays(t *testing.T) {
	for name, play := range map[string]func(*callback.Turn){
		"a class": func(turn *callback.Turn) { turn.StartMusic("default") },
		"a list":  func(turn *callback.Turn) { turn.Play([]string{"sound:one", "sound:two"}, 0) },
		"a file":  func(turn *callback.Turn) { turn.Play([]string{"sound:music"}, time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.do(play)
			agent := s.offer("1001")
			s.event(callback.LegAnswered{Channel: agent})
			if s.c.Playing != "" || s.c.Music != "" || len(s.commands) == 0 {
				t.Errorf("it goes on: %v", s.commands)
			}
			if quieting := s.c.Quieting; quieting != "" {
				s.wantCommands(callback.StopPlayback{Channel: "in", Playback: quieting})
				s.event(callback.PlaybackFinished{Channel: "in", Playback: quieting})
				s.wantCommands(callback.CreateBridge{Bridge: s.c.Bridge}, callback.Join{Bridge: s.c.Bridge, Channels: []string{"in", agent}})
			}
			s.join()
			s.wantState(callback.StateConnected, "")
		})
	}
}
