package callback_test

import (
	"slices"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// shown gives the caller name that the phone of an agent shows.
func (s *story) shown() string {
	s.t.Helper()
	s.event(callback.NewOffer(*s.c.Place, "1001", "PJSIP/1001", s.env()))
	for _, cmd := range s.commands {
		if leg, is := cmd.(callback.CreateLeg); is {
			return leg.CallerName
		}
	}
	s.t.Fatalf("no leg is made: %v", s.commands)
	return ""
}

func TestTheCallerNameFollowsTheSkillsTemplate(t *testing.T) {
	for _, test := range []struct {
		template, want string
		promised       bool
		extension      string
		waited         time.Duration
	}{
		{template: callback.DefaultSkill.CallerName, want: "support live"},
		{template: callback.DefaultSkill.CallerName, promised: true, extension: "12", want: "support callback ext 12"}, // C13
		{template: "{KIND}, {WAITED}", waited: 59 * time.Second, want: "live, 0 min"},
		{template: "{WAITED} #{CONTACTID}", promised: true, waited: 125 * time.Minute, want: "2 h 5 min #17"},
		{template: "Acme", want: "Acme"},
	} {
		s := newStory(t)
		s.skill.CallerName = test.template
		if test.promised {
			s.promise(0)
			s.c.Promise.Extension = test.extension
		}
		s.now = s.now.Add(test.waited)
		if got := s.shown(); got != test.want {
			t.Errorf("%q shows %q, want %q", test.template, got, test.want)
		}
	}
}

func TestATemplateNamesOnlyVariablesThatExist(t *testing.T) {
	for text, right := range map[string]bool{"{SKILL} {KIND}": true, "": true, "{ANI}": false, "{SKILL": false} {
		if err := callback.CheckCallerName(text); (err == nil) != right {
			t.Errorf("the caller name %q: %v", text, err)
		}
	}
	for text, right := range map[string]bool{"acme/sales {KIND} {WAITED}": true, "": true, "{SKILL}": false, "a{KIND}": false} {
		if err := callback.CheckWhisper(text); (err == nil) != right {
			t.Errorf("the whisper %q: %v", text, err)
		}
	}
}

// heard gives what the last turn plays to the agent.
func (s *story) heard() []string {
	for _, cmd := range s.commands {
		if play, is := cmd.(callback.Play); is && play.Channel == s.c.Offer.Channel {
			return play.Media
		}
	}
	return nil
}

func (s *story) wantHeard(want ...string) {
	s.t.Helper()
	if got := s.heard(); !slices.Equal(got, want) {
		s.t.Errorf("the agent hears %v, want %v", got, want)
	}
}

func TestTheWhisperTellsTheAgentWhatIsOffered(t *testing.T) {
	for name, test := range map[string]struct {
		whisper  string
		promised bool
		want     []string
	}{
		"by default, live":       {callback.DefaultSkill.Whisper, false, nil},
		"by default, a callback": {callback.DefaultSkill.Whisper, true, []string{"sound:callbackd/agent-callback", "tone:ring"}},
		"off, a callback":        {"", true, []string{"tone:ring"}},
		"all, live":              {"acme/sales {KIND} {WAITED}", false, []string{"sound:acme/sales", "sound:waited"}},
		"all, a callback":        {"acme/sales {KIND} {WAITED}", true, []string{"sound:acme/sales", "sound:callbackd/agent-callback", "sound:waited", "tone:ring"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.skill.Whisper = test.whisper
			if test.promised {
				s.promise(0)
			}
			s.event(callback.LegAnswered{Channel: s.offer("1001")})
			s.wantHeard(test.want...)
		})
	}
}

func TestACallerWaitsForTheEndOfALongWhisper(t *testing.T) {
	s := newStory(t)
	s.skill.Whisper = "acme/long"
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	s.join()
	s.pass(15 * time.Second)
	s.wantState(callback.StateLive, "")
	s.wantNoHangup()
	s.event(callback.PlaybackFinished{Channel: agent, Playback: s.c.Offer.Whisper})
	s.join()
	s.wantState(callback.StateConnected, "")
}

// askedForKey plays an offer up to the agent's answer, which does not accept yet.
func (s *story) askedForKey() string {
	s.t.Helper()
	s.skill.Accept = callback.AcceptByKey
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	if s.c.Offer.Result != "" || len(s.agents) > 0 {
		s.t.Fatalf("the offer is %q before a key: %v", s.c.Offer.Result, s.agents)
	}
	return agent
}

func TestC3AnAgentWhoIsAskedAcceptsByOne(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	agent := s.askedForKey()
	s.wantHeard("sound:callbackd/agent-callback", "sound:callbackd/press-1")
	asking := s.c.Offer.Whisper
	s.event(callback.KeyPressed{Channel: agent, Key: "5"})
	s.pass(0)
	if s.c.Attempt != nil {
		t.Fatal("the contact is called back before the agent has accepted")
	}
	s.event(callback.KeyPressed{Channel: agent, Key: "1"})
	s.wantState(callback.StateCalling, "")
	s.wantHeard("sound:callbackd/agent-callback", "tone:ring")
	if !sent(s, callback.StopPlayback{Channel: agent, Playback: asking}) {
		t.Errorf("the agent goes on being asked: %v", s.commands)
	}
	s.event(callback.PlaybackFinished{Channel: agent, Playback: asking})
	if s.c.Offer.Whisper == "" {
		t.Error("the end of the question is taken for that of the ring tone")
	}
}

func TestAnAgentWhoIsAskedJoinsTheLiveCallerAtOnce(t *testing.T) {
	s := newStory(t)
	agent := s.askedForKey()
	s.event(callback.PlaybackFinished{Channel: agent, Playback: s.c.Offer.Whisper})
	s.event(callback.KeyPressed{Channel: agent, Key: "1"})
	s.wantHeard()
	s.join()
	s.wantState(callback.StateConnected, "")
}

func TestWhoDoesNotAcceptByOneRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		play   func(s *story, agent string)
		result callback.OfferResult
	}{
		"2":         {func(s *story, agent string) { s.event(callback.KeyPressed{Channel: agent, Key: "2"}) }, callback.OfferRefused},
		"a hang-up": {func(*story, string) {}, callback.OfferRefused},
		"nothing":   {func(s *story, _ string) { s.pass(s.skill.AcceptTime) }, callback.OfferNoAnswer},
		"a mailbox": {func(s *story, agent string) {
			s.event(callback.PlaybackFinished{Channel: agent, Playback: s.c.Offer.Whisper})
			s.pass(s.skill.AcceptTime)
		}, callback.OfferNoAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			agent := s.askedForKey()
			test.play(s, agent)
			s.event(callback.LegEnded{Channel: agent, Cause: 16})
			s.wantAgent(callback.Refused)
			if got := s.agents[0].Reason; got != string(test.result) {
				t.Errorf("the offer is %s, want %s", got, test.result)
			}
			s.wantState(callback.StateLive, "")
		})
	}
}

func TestAnAgentWhoIsBeingAskedIsLetGoWhenTheCallerHangsUp(t *testing.T) {
	s := newStory(t)
	agent := s.askedForKey()
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
	s.wantState(callback.StateEnded, callback.OutcomeAbandoned)
	if !sent(s, callback.Hangup{Channel: agent, Reason: "normal"}) {
		t.Errorf("the agent's leg goes on: %v", s.commands)
	}
	s.event(callback.KeyPressed{Channel: agent, Key: "1"})
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.wantAgent(callback.Free)
}

func TestTooManyRefusalsInARowMakeAnAgentUnavailable(t *testing.T) {
	state := callback.AgentState{Presence: callback.Available, Activity: callback.Free}
	change := func(activity callback.Activity) {
		t.Helper()
		var err error
		if state, err = state.After(callback.AgentChange{Activity: activity, MostRefusals: 2}, noon); err != nil {
			t.Fatal(err)
		}
	}
	for _, activity := range []callback.Activity{callback.Offered, callback.Refused, callback.Offered, callback.WorkingInbound, callback.Offered, callback.Refused, callback.Offered, callback.Free} {
		change(activity)
		if state.Presence != callback.Available {
			t.Fatalf("%s after %s", state.Presence, activity)
		}
	}
	change(callback.Refused)
	if state.Presence != callback.Unavailable || state.Reason != callback.ReasonRefusals || state.Refusals != 0 {
		t.Errorf("after the second refusal in a row: %+v", state)
	}
}
