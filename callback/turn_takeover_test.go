package callback_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
)

// newCaller begins with a call of somebody whose callback waits already: it has come in and was answered.
func newCaller(t rapid.TB) *story {
	s := &story{t: t, now: noon.Add(time.Minute), skill: callback.DefaultSkill, ids: 1000}
	s.c = callback.Arrive(callback.LegArrived{Channel: "again", ANI: "2125550100", DNIS: "8005550100", Language: "de"},
		callback.ScriptRef{Name: "example"}, "n1", s.now)
	s.c.ID = 18
	s.do(func(turn *callback.Turn) { turn.Begin() })
	return s
}

// takeOver plays the takeover of old's place and the save of both contacts.
func (s *story) takeOver(old *story) error {
	s.t.Helper()
	var taken *callback.Contact
	var err error
	s.do(func(turn *callback.Turn) { taken, err = turn.TakeOver(old.c) })
	if err == nil {
		old.c, old.commands = taken, nil
		old.c.Prune()
	}
	return err
}

func (s *story) hasFact(contact callback.ContactID, kind callback.FactKind, key, value string) bool {
	return slices.ContainsFunc(s.facts, func(f callback.Fact) bool {
		return f.Contact == contact && f.Kind == kind && f.Data[key] == value
	})
}

func TestC6TakeoverGivesTheNewCallTheWholePlace(t *testing.T) {
	old := newStory(t)
	old.c.Place.TargetAgent = "1007"
	old.c.Place.Priority = callback.Priority{Initial: 4, Acceleration: 2, Maximum: 50}
	old.promise(0)
	place := *old.c.Place
	old.c.Place.ReadyAt, old.c.Place.Held = noon.Add(time.Hour), true

	s := newCaller(t)
	if err := s.takeOver(old); err != nil {
		t.Fatal(err)
	}
	place.Node = "n1"
	if s.c.Place == nil || *s.c.Place != place {
		t.Errorf("the new call has the place %+v, want %+v", s.c.Place, place)
	}
	old.wantState(callback.StateEnded, callback.OutcomeTakenOver)
	if old.c.Place != nil || !old.c.Idle() {
		t.Errorf("the callback has kept something: %+v", old.c)
	}
	if !s.mustSave {
		t.Error("the takeover may be acted on without being saved")
	}
	if !s.hasFact(0, callback.FactTakenOver, "contact", "17") || !s.hasFact(17, callback.FactTakenOver, "by", "18") ||
		!s.hasFact(17, callback.FactTakenOver, "cause", "242") || !s.hasFact(17, callback.FactEnded, "outcome", "taken_over") {
		t.Errorf("the history says %+v", s.facts)
	}
	if len(s.commands) != 0 {
		t.Errorf("Asterisk is asked for %v", s.commands)
	}
	s.wantState(callback.StateLive, "")
}

func TestTakeoverStopsThePhoneThatRingsForTheCallback(t *testing.T) {
	old := newStory(t)
	old.promise(0)
	agent := old.offer("1001")
	s := newCaller(t)
	if err := s.takeOver(old); err != nil {
		t.Fatal(err)
	}
	if !sent(s, callback.Hangup{Channel: agent, Reason: "normal"}) {
		t.Errorf("the agent's phone rings on: %v", s.commands)
	}
	if s.c.Offer != nil {
		t.Errorf("the new call has the offer %+v", s.c.Offer)
	}
	old.event(callback.LegAnswered{Channel: agent}) // in the same instant
	if len(old.commands) != 0 {
		t.Errorf("the answer brings %v", old.commands)
	}
	old.event(callback.LegEnded{Channel: agent})
	old.wantAgent(callback.Free)
	old.wantState(callback.StateEnded, callback.OutcomeTakenOver)
}

// acceptedAt are the moments of a callback that an agent has accepted and nobody has answered.
var acceptedAt = map[string]func(*story) (contact string){
	"in the delay": func(*story) string { return "" },
	"made": func(s *story) string {
		s.pass(5 * time.Second)
		return s.c.Attempt.Channel
	},
	"created": func(s *story) string {
		s.pass(5 * time.Second)
		s.event(callback.LegCreated{Channel: s.c.Attempt.Channel})
		return s.c.Attempt.Channel
	},
	"dialled": func(s *story) string {
		s.now = s.now.Add(5 * time.Second)
		return s.dial()
	},
	"heard to ring": func(s *story) string {
		s.now = s.now.Add(5 * time.Second)
		contact := s.dial()
		s.event(callback.LegProgress{Channel: contact})
		s.event(callback.PlaybackFinished{Channel: s.c.Offer.Channel, Playback: s.c.Offer.Whisper})
		s.join()
		if !s.c.Offer.AgentJoined {
			s.t.Fatal("the agent does not hear the contact's network")
		}
		return contact
	},
}

// callingBack gives a callback that the agent 1001 has accepted, at that moment, with the contact's leg.
func callingBack(t rapid.TB, moment func(*story) string) (s *story, contact string) {
	s = newStory(t)
	s.promise(5 * time.Second)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	return s, moment(s)
}

func TestTakeoverJoinsTheNewCallToTheAgentWhoHadAccepted(t *testing.T) {
	for name, moment := range acceptedAt {
		for _, keys := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				old, contact := callingBack(t, moment)
				agent, bridge := old.c.Offer.Channel, old.c.Bridge
				s := newCaller(t)
				s.keys = keys
				s.do(func(turn *callback.Turn) { turn.StartMusic("default") })
				if err := s.takeOver(old); err != nil {
					t.Fatal(err)
				}
				if contact != "" && !sent(s, callback.Hangup{Channel: contact, Reason: "normal"}) {
					t.Errorf("the contact's leg is not ended: %v", s.commands)
				}
				if keys != sent(s, callback.DestroyBridge{Bridge: bridge}) || keys != (s.c.Bridge != bridge) {
					t.Errorf("the agent's bridge %s becomes %s: %v", bridge, s.c.Bridge, s.commands)
				}
				s.wantAgent(callback.WorkingInbound)
				if old.c.Attempt != nil || !s.hasFact(17, callback.FactAttemptEnded, "outcome", "taken_over") ||
					!s.hasFact(17, callback.FactAttemptEnded, "counts", "false") {
					t.Errorf("the attempt is %+v, facts %+v", old.c.Attempt, s.facts)
				}
				old.pass(time.Hour)
				if old.dialled() {
					t.Error("the callback is dialled after all")
				}

				s.join()
				if whisper := s.c.Offer.Whisper; whisper != "" {
					s.event(callback.PlaybackFinished{Channel: agent, Playback: whisper})
					s.join()
				}
				s.wantState(callback.StateConnected, "")
				if len(s.signals) != 1 || s.signals[0].Kind != callback.SignalAnswered {
					t.Errorf("the script hears %v, want OnAnswer", s.signals)
				}
				if contact != "" {
					old.event(callback.LegEnded{Channel: contact, Cause: 16})
				}
				if !old.c.Idle() || old.c.Bridge != "" || len(old.agents) != 0 {
					t.Errorf("something is left of the callback: %+v %v", old.c, old.agents)
				}
				s.event(callback.LegEnded{Channel: "again", Cause: 16})
				s.event(callback.LegEnded{Channel: agent, Cause: 16})
				s.wantState(callback.StateEnded, callback.OutcomeServed)
				s.wantAgent(callback.Free)
				if !s.c.Idle() || s.c.Bridge != "" {
					t.Errorf("something is left of the new call: %+v", s.c)
				}
			})
		}
	}
}

func TestTakeoverJoinsWhenThePromptHasEnded(t *testing.T) {
	old, _ := callingBack(t, acceptedAt["heard to ring"])
	s := newCaller(t)
	var playback string
	s.do(func(turn *callback.Turn) { playback = turn.Play([]string{"sound:welcome-back"}, 0) })
	if err := s.takeOver(old); err != nil {
		t.Fatal(err)
	}
	if !sent(s, callback.StopPlayback{Channel: "again", Playback: playback}) || sent(s, callback.Join{Bridge: s.c.Bridge, Channels: []string{"again"}}) {
		t.Errorf("the join does not wait for the prompt's end: %v", s.commands)
	}
	s.event(callback.PlaybackFinished{Channel: "again", Playback: playback})
	s.join()
	s.wantState(callback.StateConnected, "")
}

func TestAnAgentWhoLeavesInTheTakeoverLeavesTheCallerInThePlace(t *testing.T) {
	old, _ := callingBack(t, acceptedAt["dialled"])
	agent, queued := old.c.Offer.Channel, old.c.Place.QueuedAt
	s := newCaller(t)
	if err := s.takeOver(old); err != nil {
		t.Fatal(err)
	}
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.wantState(callback.StateLive, "")
	if s.c.Place == nil || !s.c.Place.QueuedAt.Equal(queued) || s.c.Bridge != "" {
		t.Errorf("C6: the place has become %+v, the bridge is %q", s.c.Place, s.c.Bridge)
	}
	if len(s.signals) != 1 || s.signals[0].Kind != callback.SignalResume {
		t.Errorf("the script hears %v, want to go on", s.signals)
	}
	s.wantAgent(callback.Free)
}

func TestTakeoverThatIsRefusedChangesNothing(t *testing.T) {
	same := func(*story) {}
	for name, test := range map[string]struct {
		old   func() *story
		taker func(*story)
		want  error
	}{
		"the contact has answered": {func() *story {
			s, contact := callingBack(t, acceptedAt["dialled"])
			s.event(callback.LegAnswered{Channel: contact})
			return s
		}, same, callback.ErrUnderWay},
		"the agent is on another node": {func() *story {
			s, _ := callingBack(t, acceptedAt["in the delay"])
			s.c.Legs[0].Node = "n2"
			return s
		}, same, callback.ErrUnderWay},
		"it rings on another node": {func() *story {
			s := newStory(t)
			s.promise(0)
			s.offer("1001")
			s.c.Legs[0].Node = "n2"
			return s
		}, same, callback.ErrUnderWay},
		"a person has to decide": {func() *story {
			s := newStory(t)
			s.promise(0)
			s.c.State = callback.StateStuck
			return s
		}, same, callback.ErrUnderWay},
		"it has ended": {func() *story {
			s := newStory(t)
			s.promise(0)
			s.do(func(turn *callback.Turn) { turn.Hangup() })
			return s
		}, same, callback.ErrNoCallback},
		"the caller hangs up": {func() *story {
			s := newStory(t)
			s.promise(0)
			return s
		}, func(s *story) { s.event(callback.LegHangup{Channel: "again"}) }, callback.ErrNoCall},
		"an agent has answered the caller": {func() *story {
			s := newStory(t)
			s.promise(0)
			return s
		}, func(s *story) {
			s.queue()
			s.event(callback.LegAnswered{Channel: s.offer("1002")})
		}, callback.ErrServed},
		"one agent rings for the caller and another has accepted the callback": {func() *story {
			s, _ := callingBack(t, acceptedAt["in the delay"])
			return s
		}, func(s *story) { s.queue(); s.offer("1002") }, callback.ErrAgentEngaged},
	} {
		t.Run(name, func(t *testing.T) {
			old := test.old()
			s := newCaller(t)
			test.taker(s)
			before, oldBefore := s.c.Clone(), old.c.Clone()
			if err := s.takeOver(old); !errors.Is(err, test.want) {
				t.Fatalf("the takeover gives %v, want %v", err, test.want)
			}
			if !reflect.DeepEqual(s.c, before) || !reflect.DeepEqual(old.c, oldBefore) || len(s.commands)+len(s.facts) > 0 {
				t.Errorf("it has changed the contacts: %+v, %+v", s.c, old.c)
			}
		})
	}
}

// queue plays a Reqagent.
func (s *story) queue() {
	s.t.Helper()
	s.do(func(turn *callback.Turn) {
		if err := turn.Reqagent("support", callback.DefaultPriority, ""); err != nil {
			s.t.Fatal(err)
		}
	})
}

func TestAnAgentWhoRingsForTheCallerRingsOnThroughTheTakeover(t *testing.T) {
	old := newStory(t)
	old.promise(0)
	s := newCaller(t)
	s.queue()
	agent := s.offer("1002")
	if err := s.takeOver(old); err != nil {
		t.Fatal(err)
	}
	s.event(callback.LegAnswered{Channel: agent})
	s.join()
	s.wantState(callback.StateConnected, "")
}

func TestResyncHangsUpWhatIsLeftOfAContactThatHasEnded(t *testing.T) {
	for name, moment := range acceptedAt {
		t.Run(name, func(t *testing.T) {
			old, contact := callingBack(t, moment)
			s := newCaller(t)
			if err := s.takeOver(old); err != nil {
				t.Fatal(err)
			}
			if contact == "" {
				if !old.c.Idle() {
					t.Fatalf("legs are left: %+v", old.c.Legs)
				}
				return
			}
			up := map[string]callback.SnapshotChannel{contact: {State: callback.ChannelUp}}
			old.event(callback.Resynced{Snapshot: &callback.Snapshot{Channels: up}})
			if !sent(old, callback.Hangup{Channel: contact, Reason: "normal"}) {
				t.Errorf("the leg of the contact is left alone: %v", old.commands)
			}
			old.event(callback.Resynced{Snapshot: &callback.Snapshot{}})
			if !old.c.Idle() {
				t.Errorf("legs are left: %+v", old.c.Legs)
			}
		})
	}
}

func TestResyncStopsAPhoneThatRingsForAContactThatHasEnded(t *testing.T) {
	old := newStory(t)
	old.promise(0)
	loaded := old.c.Clone() // before a match, which the takeover did not see
	made := callback.NewOffer(*old.c.Place, "1001", "PJSIP/1001", old.env())
	old.c = loaded
	s := newCaller(t)
	if err := s.takeOver(old); err != nil {
		t.Fatal(err)
	}
	old.c.Offer, old.c.Legs = &made.Offer, []callback.Leg{made.Leg} // as it is loaded then
	told := old.c.Clone()
	old.event(made)
	old.wantAgent(callback.Free)
	if !old.c.Idle() || len(old.commands) != 0 {
		t.Errorf("the offer is %+v, commands %v", old.c.Offer, old.commands)
	}

	old.c = told
	ringing := map[string]callback.SnapshotChannel{made.Leg.Channel: {State: callback.ChannelRinging}}
	old.event(callback.Resynced{Snapshot: &callback.Snapshot{Channels: ringing}})
	if !sent(old, callback.Hangup{Channel: made.Leg.Channel, Reason: "normal"}) {
		t.Errorf("the agent's phone rings on: %v", old.commands)
	}
	old.event(callback.LegEnded{Channel: made.Leg.Channel})
	old.wantAgent(callback.Free)
}

func TestResyncGoesOnWithAnAgentWhoWasTakenOver(t *testing.T) {
	for name, bridged := range map[string]bool{"the bridge is there": true, "the bridge is gone": false} {
		t.Run(name, func(t *testing.T) {
			old, _ := callingBack(t, acceptedAt["heard to ring"])
			agent := old.c.Offer.Channel
			s := newCaller(t)
			if err := s.takeOver(old); err != nil {
				t.Fatal(err)
			}
			snapshot := &callback.Snapshot{
				Channels: map[string]callback.SnapshotChannel{agent: {State: callback.ChannelUp}, "again": {State: callback.ChannelUp}},
				Bridges:  map[string][]string{},
			}
			if bridged {
				snapshot.Bridges[s.c.Bridge] = []string{agent}
			}
			s.event(callback.Resynced{Snapshot: snapshot})
			s.join()
			s.wantState(callback.StateConnected, "")
		})
	}
}

func TestC13TheExtensionIsShownToTheAgentAndIsAVariable(t *testing.T) {
	s := newStory(t)
	if value, ok := s.c.Variable("EXTENSION"); value != "" || !ok {
		t.Errorf("EXTENSION is %q, %v before the callback", value, ok)
	}
	s.do(func(turn *callback.Turn) {
		if err := turn.Callback(callback.Promise{PhoneNumber: "5551234", Extension: "12", CallerID: "8005550100"}); err != nil {
			t.Fatal(err)
		}
	})
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
	if value, _ := s.c.Variable("EXTENSION"); value != "12" {
		t.Errorf("EXTENSION is %q, want 12", value)
	}
	s.event(callback.NewOffer(*s.c.Place, "1001", "PJSIP/1001", s.env()))
	create, ok := s.commands[0].(callback.CreateLeg)
	if !ok || create.CallerName != "support callback ext 12" || create.CallerNumber != "5551234" {
		t.Errorf("the agent's phone shows %+v", s.commands)
	}
	agent := create.Channel
	s.event(callback.LegCreated{Channel: agent})
	s.event(callback.LegAnswered{Channel: agent})
	s.dial()
	if endpoint := s.c.Legs[1].Endpoint; endpoint != "PJSIP/5551234@trunk" {
		t.Errorf("%s is dialled", endpoint)
	}
}

func TestTheLanguageOfTheCallIsAVariable(t *testing.T) {
	if value, ok := newCaller(t).c.Variable("LANGUAGE"); value != "de" || !ok {
		t.Errorf("LANGUAGE is %q, %v; want de", value, ok)
	}
}

func TestC6UpdatePriorityCountsFromTheMomentOfQueueing(t *testing.T) {
	s := newCaller(t)
	fast := callback.Priority{Initial: 1, Acceleration: 5, Maximum: 100}
	s.do(func(turn *callback.Turn) {
		if err := turn.UpdatePriority(fast); !errors.Is(err, callback.ErrNotQueued) {
			t.Errorf("without a place it gives %v", err)
		}
	})
	s.queue()
	queued := s.c.Place.QueuedAt
	s.c.Place.Held, s.c.Place.ReadyAt = true, noon.Add(time.Hour)
	want := *s.c.Place
	want.Priority = fast
	s.now = s.now.Add(3 * time.Minute)
	s.do(func(turn *callback.Turn) {
		if err := turn.UpdatePriority(fast); err != nil {
			t.Fatal(err)
		}
	})
	if *s.c.Place != want {
		t.Errorf("the place has become %+v, want %+v", *s.c.Place, want)
	}
	if got := s.c.Place.Priority.At(queued, s.now); got != 16*callback.Minute {
		t.Errorf("the priority is %d steps, want that of 3 minutes", got)
	}
	if !s.hasFact(0, callback.FactPriority, "acceleration", "5") {
		t.Errorf("the history says %+v", s.facts)
	}
}

func TestC14AQueuedCallbackBeginsAsARowThatAnAgentCanBeOffered(t *testing.T) {
	asker := newCaller(t)
	c, facts := callback.QueueCallback(asker.c, "support", callback.Priority{Initial: 3, Maximum: 9}, "1001",
		callback.Promise{PhoneNumber: "2125550177", Extension: "4", CallerID: "8005550100"}, asker.now)
	if !c.Idle() || c.State != callback.StateCallback || c.Language != "de" || c.ANI != "2125550100" || c.Node != "" {
		t.Errorf("the contact is %+v", c)
	}
	if len(facts) != 3 || facts[0].Kind != callback.FactArrived || facts[1].Kind != callback.FactQueued || facts[2].Kind != callback.FactPromised ||
		facts[0].Data["asked_by"] != "18" {
		t.Errorf("the history begins with %+v", facts)
	}
	want := callback.Place{Skill: "support", Priority: callback.Priority{Initial: 3, Maximum: 9}, TargetAgent: "1001", QueuedAt: asker.now}
	if *c.Place != want {
		t.Errorf("the place is %+v, want %+v", *c.Place, want)
	}
	s := &story{t: t, c: c, now: asker.now, skill: callback.DefaultSkill}
	s.c.ID = 19
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	contact := s.dial()
	s.event(callback.PlaybackFinished{Channel: agent, Playback: s.c.Offer.Whisper})
	s.join()
	s.event(callback.LegJoined{Channel: contact, Bridge: s.c.Bridge})
	s.event(callback.LegAnswered{Channel: contact})
	s.wantState(callback.StateConnected, "")
}
