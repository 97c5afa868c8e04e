package callback_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
)

// ask plays a request of ann's.
func (s *story) ask(kind callback.RequestKind, change callback.Changes) error {
	s.t.Helper()
	var err error
	s.do(func(turn *callback.Turn) {
		err = turn.Ask(callback.Request{Kind: kind, AskedBy: "ann", Changes: change})
	})
	if !s.mustSave {
		s.t.Error("a request may be acted on without being saved")
	}
	return err
}

// asked is a request that is done.
func (s *story) asked(kind callback.RequestKind, change callback.Changes) {
	s.t.Helper()
	if err := s.ask(kind, change); err != nil {
		s.t.Fatalf("%s is refused: %v", kind, err)
	}
}

// refuses wants a request refused with that text, and nothing changed by it.
func (s *story) refuses(kind callback.RequestKind, change callback.Changes, want string) {
	s.t.Helper()
	before := *s.c
	var place callback.Place
	if s.c.Place != nil {
		place = *s.c.Place
	}
	err := s.ask(kind, change)
	if err == nil || !strings.Contains(err.Error(), want) {
		s.t.Errorf("%s of a contact that is %s gives %v, want %q", kind, before.State, err, want)
	}
	if len(s.facts)+len(s.commands)+len(s.agents)+len(s.signals) > 0 || s.c.State != before.State ||
		s.c.Place != nil && *s.c.Place != place {
		s.t.Errorf("a refused request has changed something: %v %v, state %s, place %+v", s.facts, s.commands, s.c.State, s.c.Place)
	}
}

func seconds(n int) callback.Changes { return callback.Changes{CallDelaySec: &n} }

var nothing callback.Changes

// held plays a callback whose call delay has refused the agent.
func held(t rapid.TB) *story {
	s := newStory(t)
	s.promise(time.Minute)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	if !s.c.Place.Held {
		t.Fatal("the contact is not held")
	}
	return s
}

func TestC7AHeldContactIsOfferedAgainOnceItHasADelayThatRefusesNobody(t *testing.T) {
	for name, kind := range map[string]callback.RequestKind{"release": callback.RequestRelease, "change": callback.RequestChange} {
		t.Run(name, func(t *testing.T) {
			s := held(t)
			queued := s.c.Place.QueuedAt
			s.asked(kind, seconds(5))
			s.wantState(callback.StateCallback, "")
			if p := s.c.Place; p.Held || !p.ReadyAt.IsZero() || p.QueuedAt != queued || s.c.Promise.CallDelay != 5*time.Second {
				t.Errorf("place %+v, promise %+v", p, s.c.Promise)
			}
			if got := fact(s, callback.FactHoldLifted); got["by"] != "ann" || got["call_delay"] != "5s" {
				t.Errorf("the history says %v", s.facts)
			}
			s.event(callback.LegAnswered{Channel: s.offer("1001")})
			s.now = s.now.Add(5 * time.Second)
			s.dial()
		})
	}
}

func TestC7AHeldContactIsNotReleasedWithADelayThatWouldRefuseTheNextAgent(t *testing.T) {
	s := held(t)
	s.refuses(callback.RequestRelease, nothing, "would refuse the next agent")
	s.refuses(callback.RequestRelease, seconds(60), "want 0 to 59")
	s.refuses(callback.RequestChange, seconds(-1), "want 0 to 59")
}

func TestAChangeOfSomethingElseDoesNotLiftTheHold(t *testing.T) {
	s := held(t)
	initial := 9
	s.asked(callback.RequestChange, callback.Changes{Initial: &initial})
	if !s.c.Place.Held || s.c.Place.Priority.Initial != 9 {
		t.Errorf("the place is %+v", s.c.Place)
	}
}

func TestAnotherDelayDoesNotReleaseAContactThatIsStuck(t *testing.T) {
	s := stuck(t)
	s.asked(callback.RequestChange, seconds(5))
	if s.c.State != callback.StateStuck || !s.c.Place.Held || s.c.Promise.CallDelay != 5*time.Second {
		t.Errorf("the contact is %s, place %+v, promise %+v", s.c.State, s.c.Place, s.c.Promise)
	}
}

// stuck plays a callback that is left to a person: the outcome of its attempts is not known.
func stuck(t rapid.TB) *story {
	s := newStory(t)
	s.promise(0)
	for range callback.MaxFaults {
		s.now = s.now.Add(s.skill.PauseTime)
		s.event(callback.LegAnswered{Channel: s.offer("1001")})
		s.dial()
		s.event(callback.Resynced{Snapshot: &callback.Snapshot{}})
	}
	s.wantState(callback.StateStuck, "")
	return s
}

func TestAStuckContactThatIsReleasedIsCalledBack(t *testing.T) {
	s := stuck(t)
	s.asked(callback.RequestRelease, nothing)
	s.wantState(callback.StateCallback, "")
	if p := s.c.Place; p.Held || !p.ReadyAt.IsZero() || s.c.Faults != 0 {
		t.Fatalf("place %+v, %d faults", p, s.c.Faults)
	}
	s.event(callback.LegAnswered{Channel: s.offer("1001")})
	s.dial()
}

func TestAReleaseEndsThePauseBeforeTheNextAttempt(t *testing.T) {
	s := newStory(t)
	s.skill.Attempts = 2
	s.promise(0)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	s.event(callback.LegEnded{Channel: s.dial(), Cause: callback.CauseBusy})
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	if !s.c.Place.ReadyAt.After(s.now) {
		t.Fatal("there is no pause")
	}
	s.asked(callback.RequestRelease, nothing)
	if !s.c.Place.ReadyAt.IsZero() || s.c.Attempts != 1 {
		t.Errorf("place %+v, %d attempts", s.c.Place, s.c.Attempts)
	}
	s.refuses(callback.RequestRelease, nothing, "nothing holds it back")
}

func TestAChangeIsKeptInPlacePromiseAndHistory(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	queued := s.c.Place.QueuedAt
	initial, acceleration, maximum := 7, 3, 90
	skill, agent, phone := "sales", "1007", "2125550111"
	change := seconds(30)
	change.Initial, change.Acceleration, change.Maximum = &initial, &acceleration, &maximum
	change.Skill, change.TargetAgent, change.PhoneNumber, change.E164, change.Extension = &skill, &agent, &phone, "+12125550150", "12"
	s.asked(callback.RequestChange, change)
	want := callback.Place{
		Skill: "sales", TargetAgent: "1007", QueuedAt: queued,
		Priority: callback.Priority{Initial: 7, Acceleration: 3, Maximum: 90},
	}
	if *s.c.Place != want {
		t.Errorf("the place is %+v, want %+v", *s.c.Place, want)
	}
	if p := s.c.Promise; p.PhoneNumber != phone || p.E164 != "+12125550150" || p.Extension != "12" || p.CallDelay != 30*time.Second || p.CallerID != "8005550100" {
		t.Errorf("the promise is %+v", p)
	}
	told := fact(s, callback.FactChanged)
	for name, value := range map[string]string{
		"by": "ann", "initial": "7", "acceleration": "3", "maximum": "90", "skill": "sales",
		"target_agent": "1007", "phone_number": phone, "extension": "12", "call_delay": "30s",
	} {
		if told[name] != value {
			t.Errorf("the history says %s=%q, want %q", name, told[name], value)
		}
	}
}

func TestAChangeOutOfBoundsIsRefused(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	for _, wrong := range []int{-1, 1001} {
		s.refuses(callback.RequestChange, callback.Changes{Initial: &wrong}, "want 0 to 1000")
		s.refuses(callback.RequestChange, callback.Changes{Acceleration: &wrong}, "want 0 to 1000")
		s.refuses(callback.RequestChange, callback.Changes{Maximum: &wrong}, "want 0 to 1000")
	}
	none := ""
	s.refuses(callback.RequestChange, callback.Changes{Skill: &none}, "needs a skill")
	s.refuses("dance", nothing, "does not know")
}

func TestWhileAnAgentIsOnTheLineOnlyTheOrderOfTheQueueCanBeChanged(t *testing.T) {
	s, _ := callingBack(t, acceptedAt["dialled"])
	number, skill, initial := "2125550111", "sales", 9
	s.refuses(callback.RequestChange, callback.Changes{PhoneNumber: &number}, "an agent is on the line")
	s.refuses(callback.RequestChange, callback.Changes{Skill: &skill}, "an agent is on the line")
	s.refuses(callback.RequestChange, seconds(0), "an agent is on the line")
	s.refuses(callback.RequestRelease, nothing, "an agent is on the line")
	s.asked(callback.RequestChange, callback.Changes{Initial: &initial})
	if s.c.Place.Priority.Initial != 9 {
		t.Errorf("the priority is %+v", s.c.Place.Priority)
	}
}

func TestALiveCallerCanBeMovedInTheQueueAndNothingElse(t *testing.T) {
	s := newStory(t)
	skill, number := "sales", "2125550111"
	s.asked(callback.RequestChange, callback.Changes{Skill: &skill})
	if s.c.Place.Skill != "sales" || s.c.Place.Node != "n1" {
		t.Errorf("the place is %+v", s.c.Place)
	}
	s.refuses(callback.RequestChange, callback.Changes{PhoneNumber: &number}, "no callback was promised")
	s.refuses(callback.RequestRelease, nothing, "the caller is on the line")
	s.refuses(callback.RequestCancel, nothing, "the caller is on the line")
}

func TestARequestForOneWhoTalksHasAnsweredOrHasEndedIsRefused(t *testing.T) {
	s, contact := callingBack(t, acceptedAt["dialled"])
	s.event(callback.LegAnswered{Channel: contact})
	s.refuses(callback.RequestCancel, nothing, "the contact has answered")
	s.event(callback.PlaybackFinished{Channel: s.c.Offer.Channel, Playback: s.c.Offer.Whisper})
	s.event(callback.LegJoined{Channel: contact, Bridge: s.c.Bridge})
	s.event(callback.LegJoined{Channel: s.c.Offer.Channel, Bridge: s.c.Bridge})
	s.wantState(callback.StateConnected, "")
	initial := 5
	for kind, change := range map[callback.RequestKind]callback.Changes{
		callback.RequestRelease: nothing, callback.RequestCancel: nothing, callback.RequestChange: {Initial: &initial},
	} {
		s.refuses(kind, change, "they are talking")
	}
	s.event(callback.LegEnded{Channel: contact, Cause: 16})
	s.refuses(callback.RequestCancel, nothing, "it has ended: served")
}

func TestACancelEndsACallbackThatWaits(t *testing.T) {
	for name, begin := range map[string]func(rapid.TB) *story{
		"waiting": func(t rapid.TB) *story { s := newStory(t); s.promise(0); return s },
		"held":    held,
		"stuck":   stuck,
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.asked(callback.RequestCancel, nothing)
			s.wantState(callback.StateEnded, callback.OutcomeCancelled)
			if s.c.Place != nil || len(s.commands) > 0 || len(s.signals) > 0 {
				t.Errorf("place %+v, commands %v, signals %v", s.c.Place, s.commands, s.signals)
			}
			if fact(s, callback.FactCancelled)["by"] != "ann" {
				t.Errorf("the history says %v", s.facts)
			}
			s.refuses(callback.RequestCancel, nothing, "it has ended: cancelled")
		})
	}
}

func TestACancelWithdrawsTheOfferThatRings(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	agent := s.offer("1001")
	s.asked(callback.RequestCancel, nothing)
	if !sent(s, callback.Hangup{Channel: agent, Reason: "normal"}) {
		t.Fatalf("the agent's phone rings on: %v", s.commands)
	}
	s.event(callback.LegAnswered{Channel: agent}) // in the same instant
	if len(s.commands) > 0 {
		t.Errorf("the answer brings %v", s.commands)
	}
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.wantAgent(callback.Free)
	if fact(s, callback.FactOfferEnded)["result"] != "withdrawn" {
		t.Errorf("the offer ended as %v", s.facts)
	}
}

func TestACancelStopsTheDiallingTellsTheAgentAndFreesHim(t *testing.T) {
	for name, moment := range acceptedAt {
		t.Run(name, func(t *testing.T) {
			s, contact := callingBack(t, moment)
			agent, bridge, tone := s.c.Offer.Channel, s.c.Bridge, s.c.Offer.Whisper
			s.asked(callback.RequestCancel, nothing)
			s.wantState(callback.StateEnded, callback.OutcomeCancelled)
			if got := fact(s, callback.FactAttemptEnded); got["outcome"] != "cancelled" || got["counts"] != "false" {
				t.Errorf("the attempt ended with %v", got)
			}
			if contact != "" && !sent(s, callback.Hangup{Channel: contact, Reason: "normal"}) {
				t.Errorf("the contact's phone rings on: %v", s.commands)
			}
			if tone != "" && !sent(s, callback.StopPlayback{Channel: agent, Playback: tone}) {
				t.Errorf("the agent's tone goes on: %v", s.commands)
			}
			if s.c.Bridge != "" || !sent(s, callback.DestroyBridge{Bridge: bridge}) {
				t.Errorf("the bridge stays: %v", s.commands)
			}
			told := callback.Play{Channel: agent, Playback: s.c.Offer.Whisper, Media: []string{"sound:callbackd/callback-cancelled"}}
			if !sent(s, told) || sent(s, callback.Hangup{Channel: agent, Reason: "normal"}) {
				t.Fatalf("the agent is not told, or hung up on at once: %v", s.commands)
			}

			s.event(callback.PlaybackFinished{Channel: agent, Playback: tone}) // late
			s.event(callback.LegAnswered{Channel: contact})                    // in the same instant
			if len(s.commands) > 0 {
				t.Fatalf("what is late brings %v", s.commands)
			}
			s.event(callback.LegEnded{Channel: contact, Cause: 16})
			s.event(callback.PlaybackFinished{Channel: agent, Playback: told.Playback})
			if !sent(s, callback.Hangup{Channel: agent, Reason: "normal"}) {
				t.Fatalf("the agent is not freed: %v", s.commands)
			}
			s.event(callback.LegEnded{Channel: agent, Cause: 16})
			s.wantAgent(callback.Free)
			if !s.c.Idle() || s.c.Channel != "" {
				t.Errorf("something is left: %+v", s.c)
			}
		})
	}
}

func TestAnAgentWhomNobodyCanTellIsFreedAllTheSame(t *testing.T) {
	for name, ends := range map[string]func(*story){
		"the prompt is refused": func(s *story) {
			cmd := s.commands[slices.IndexFunc(s.commands, func(c callback.Command) bool { _, play := c.(callback.Play); return play })]
			s.event(callback.CommandFailed{Command: cmd, Err: &callback.CommandError{Kind: callback.CommandRejected, Status: 404}})
		},
		"the prompt never ends": func(s *story) { s.now = s.c.Deadline(); s.event(callback.TimeReached{}) },
		"a daemon takes over": func(s *story) {
			s.event(callback.Resynced{Snapshot: &callback.Snapshot{
				Channels: map[string]callback.SnapshotChannel{s.c.Offer.Channel: {State: callback.ChannelUp}},
			}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := callingBack(t, acceptedAt["dialled"])
			agent := s.c.Offer.Channel
			s.asked(callback.RequestCancel, nothing)
			ends(s)
			hungUp := slices.ContainsFunc(s.commands, func(c callback.Command) bool {
				hangup, ok := c.(callback.Hangup)
				return ok && hangup.Channel == agent
			})
			if !hungUp {
				t.Errorf("the agent is left on the line: %v", s.commands)
			}
		})
	}
}

func TestACancelWhileTheAgentIsLeavingTellsNobody(t *testing.T) {
	s, contact := callingBack(t, acceptedAt["dialled"])
	agent := s.c.Offer.Channel
	s.event(callback.LegHangup{Channel: agent})
	s.asked(callback.RequestCancel, nothing)
	s.wantState(callback.StateEnded, callback.OutcomeCancelled)
	if !sent(s, callback.Hangup{Channel: contact, Reason: "normal"}) {
		t.Errorf("the contact's phone rings on: %v", s.commands)
	}
	for _, cmd := range s.commands {
		if play, ok := cmd.(callback.Play); ok {
			t.Errorf("asked for %+v", play)
		}
	}
}
