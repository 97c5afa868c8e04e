package callback_test

import (
	"testing"

	"github.com/callbackd/callbackd/callback"
)

func TestTheZipToneIsOverBeforeTheAgentHearsTheCaller(t *testing.T) {
	for name, toneFirst := range map[string]bool{"the tone ends first": true, "the caller's prompt ends first": false} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.c.ZipTone = true
			prompt := ""
			s.do(func(turn *callback.Turn) { prompt = turn.Play([]string{"sound:long"}, 0) })
			agent := s.offer("1001")
			s.event(callback.LegAnswered{Channel: agent})
			tone := s.c.Offer.Whisper
			if !sent(s, callback.Play{Channel: agent, Playback: tone, Media: []string{"sound:beep"}}) {
				t.Fatalf("the agent hears no tone: %v", s.commands)
			}
			ends := []callback.Event{
				callback.PlaybackFinished{Channel: agent, Playback: tone},
				callback.PlaybackFinished{Channel: "in", Playback: prompt},
			}
			if !toneFirst {
				ends[0], ends[1] = ends[1], ends[0]
			}
			s.event(ends[0])
			s.join()
			if s.c.Offer.AgentJoined {
				t.Error("the agent is in the bridge before both are quiet")
			}
			s.event(ends[1])
			s.join()
			s.wantState(callback.StateConnected, "")
		})
	}
}

func TestAZipToneThatCantBePlayedKeepsNobodyFromTheCaller(t *testing.T) {
	s := newStory(t)
	s.c.ZipTone = true
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	s.join()
	s.event(callback.PlaybackFinished{Channel: agent, Playback: s.c.Offer.Whisper, Failed: true})
	s.join()
	s.wantState(callback.StateConnected, "")
}

func TestTheSkillIsKnownWhileAgentAndContactTalk(t *testing.T) {
	c := &callback.Contact{State: callback.StateConnected, Offer: &callback.Offer{Skill: "support", Result: callback.OfferAccepted}}
	if skill, _ := c.Variable("SKILL"); skill != "support" {
		t.Errorf("SKILL is %q", skill)
	}
}
