package callback_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
)

// story plays turns of one contact and keeps what they said.
type story struct {
	t        rapid.TB
	c        *callback.Contact
	now      time.Time
	skill    callback.Skill
	keys     bool // the script wants the keys of a conversation
	ids      int
	facts    []callback.Fact
	agents   []callback.AgentChange
	commands []callback.Command
	signals  []callback.Signal
	mustSave bool // of the last turn
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// newStory begins with a call that has come in, was answered and is queued.
func newStory(t rapid.TB) *story {
	s := &story{t: t, now: noon, skill: callback.DefaultSkill}
	s.c = callback.Arrive(callback.LegArrived{Channel: "in", ANI: "2125550100", DNIS: "8005550100", Dialled: "8005550100"},
		callback.ScriptRef{Name: "example"}, "n1", s.now)
	s.c.ID = 17
	s.do(func(turn *callback.Turn) { turn.Begin() })
	s.do(func(turn *callback.Turn) {
		if err := turn.Reqagent("support", callback.DefaultPriority, ""); err != nil {
			t.Fatal(err)
		}
	})
	return s
}

func (s *story) env() callback.Env {
	return callback.Env{
		Now: s.now, Node: "n1",
		Skill:           func(string) callback.Skill { return s.skill },
		NewID:           func() string { s.ids++; return fmt.Sprintf("cb-%d", s.ids) },
		ContactEndpoint: func(number string) string { return "PJSIP/" + number + "@trunk" },
		Keys:            s.keys,
		WaitSounds:      func(time.Duration) []string { return []string{"waited"} },
	}
}

// do plays one turn; what it said before is forgotten.
func (s *story) do(play func(*callback.Turn)) {
	s.t.Helper()
	turn := callback.NewTurn(s.c.Clone(), s.env())
	play(turn)
	s.c = turn.Contact
	s.facts, s.agents, s.commands, s.signals = turn.Facts, turn.Agents, turn.Commands, turn.Signals
	s.mustSave = turn.MustSave
	s.c.Prune()
}

func (s *story) event(ev callback.Event) {
	s.t.Helper()
	s.do(func(turn *callback.Turn) { turn.Handle(ev) })
}

func (s *story) pass(d time.Duration) {
	s.t.Helper()
	s.now = s.now.Add(d)
	s.event(callback.TimeReached{})
}

// promise plays the script's Callback and the end of the call that follows it.
func (s *story) promise(delay time.Duration) {
	s.t.Helper()
	s.do(func(turn *callback.Turn) {
		err := turn.Callback(callback.Promise{PhoneNumber: "2125550100", CallerID: "8005550100", CallDelay: delay})
		if err != nil {
			s.t.Fatal(err)
		}
	})
	if !s.mustSave {
		s.t.Error("the promise may be acted on without being saved")
	}
	if !sent(s, callback.Hangup{Channel: "in", Reason: "normal"}) {
		s.t.Errorf("the call is not hung up: %v", s.commands)
	}
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
}

// offer presents the contact to an agent, whose leg is made and rings.
func (s *story) offer(agent string) string {
	s.t.Helper()
	made := callback.NewOffer(*s.c.Place, agent, "PJSIP/"+agent, s.env())
	s.event(made)
	s.event(callback.LegCreated{Channel: made.Leg.Channel})
	if !sent(s, callback.DialLeg{Channel: made.Leg.Channel, Timeout: s.skill.RingTime}) {
		s.t.Errorf("the agent is not rung: %v", s.commands)
	}
	return made.Leg.Channel
}

// dial goes on from the agent's answer to the dialling of the contact, and gives its leg.
func (s *story) dial() string {
	s.t.Helper()
	s.pass(0)
	channel := s.c.Attempt.Channel
	if channel == "" || !s.mustSave {
		s.t.Fatalf("the contact's leg is not made, or not saved first: %v", s.commands)
	}
	s.event(callback.LegCreated{Channel: channel})
	s.pass(0)
	if !sent(s, callback.DialLeg{Channel: channel, Timeout: s.skill.ContactRingTime}) || !s.mustSave {
		s.t.Fatalf("the contact is not dialled, or not saved first: %v", s.commands)
	}
	return channel
}

// join lets Asterisk carry out every join of the last turn.
func (s *story) join() {
	s.t.Helper()
	for _, cmd := range s.commands {
		join, ok := cmd.(callback.Join)
		if !ok {
			continue
		}
		for _, channel := range join.Channels {
			s.event(callback.LegJoined{Channel: channel, Bridge: join.Bridge})
		}
	}
}

func sent(s *story, want callback.Command) bool {
	return slices.ContainsFunc(s.commands, func(cmd callback.Command) bool {
		return fmt.Sprint(cmd) == fmt.Sprint(want) && fmt.Sprintf("%T", cmd) == fmt.Sprintf("%T", want)
	})
}

func (s *story) dialled() bool {
	return slices.ContainsFunc(s.commands, func(cmd callback.Command) bool { _, ok := cmd.(callback.DialLeg); return ok })
}

func (s *story) wantState(state callback.State, outcome callback.Outcome) {
	s.t.Helper()
	if s.c.State != state || s.c.Outcome != outcome {
		s.t.Fatalf("the contact is %s %q, want %s %q; facts: %v", s.c.State, s.c.Outcome, state, outcome, s.facts)
	}
}

func (s *story) wantAgent(activity callback.Activity) {
	s.t.Helper()
	if len(s.agents) == 0 || s.agents[len(s.agents)-1].Activity != activity {
		s.t.Fatalf("the agent's activity changes by %v, want %s", s.agents, activity)
	}
}

func TestC1TheContactIsCalledBackWhenAnAgentAccepts(t *testing.T) {
	s := newStory(t)
	queued := s.c.Place.QueuedAt
	s.promise(0)
	s.wantState(callback.StateCallback, "")
	if !s.c.Idle() {
		t.Error("C14: something of the contact is left in Asterisk")
	}
	if s.c.Place.QueuedAt != queued || s.c.Place.Node != "" {
		t.Errorf("C6: the place has become %+v", s.c.Place)
	}
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	s.wantState(callback.StateCalling, "")
	s.wantAgent(callback.WorkingCallback)
	whisper := s.c.Offer.Whisper
	contact := s.dial()
	s.join()
	s.event(callback.LegAnswered{Channel: contact})
	s.event(callback.PlaybackFinished{Channel: agent, Playback: whisper})
	s.join()
	s.wantState(callback.StateConnected, "")
	if len(s.signals) != 1 || s.signals[0].Kind != callback.SignalAnswered {
		t.Errorf("the script hears %v, want OnAnswer", s.signals)
	}
	s.event(callback.LegEnded{Channel: contact, Cause: 16})
	s.wantState(callback.StateEnded, callback.OutcomeServed)
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.wantAgent(callback.Free)
	if !s.c.Idle() || s.c.Bridge != "" {
		t.Error("something of the contact is left in Asterisk")
	}
}

func TestC2ACallbackNeedsAReqagentAndComesOnce(t *testing.T) {
	s := newStory(t)
	s.c.Place = nil
	s.do(func(turn *callback.Turn) {
		if err := turn.Callback(callback.Promise{PhoneNumber: "1"}); err == nil {
			t.Error("promised without a place")
		}
	})
	s = newStory(t)
	s.promise(0)
	s.do(func(turn *callback.Turn) {
		if err := turn.Callback(callback.Promise{PhoneNumber: "1"}); err == nil {
			t.Error("promised twice")
		}
	})
}

func TestC3NothingIsDialledBeforeTheAgentAccepts(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	agent := s.offer("1001")
	s.pass(time.Second)
	if s.dialled() || s.c.Attempt != nil {
		t.Error("the contact is dialled while the agent's phone rings")
	}
	s.event(callback.LegEnded{Channel: agent, Cause: callback.CauseRejected})
	s.wantState(callback.StateCallback, "")
	s.wantAgent(callback.Refused)
	s.pass(time.Hour)
	if len(s.commands) != 0 {
		t.Errorf("after a refusal: %v", s.commands)
	}
}

func TestC4AHangupBeforeTheCallbackAbandons(t *testing.T) {
	s := newStory(t)
	var playback string
	s.do(func(turn *callback.Turn) { playback = turn.Play([]string{"sound:thanks"}, 0) })
	s.event(callback.LegHangup{Channel: "in"})
	s.event(callback.PlaybackFinished{Channel: "in", Playback: playback})
	if len(s.signals) != 0 {
		t.Errorf("the script hears %v of a prompt that the hang-up cut short", s.signals)
	}
	s.do(func(turn *callback.Turn) {
		if err := turn.Callback(callback.Promise{PhoneNumber: "1"}); err == nil {
			t.Error("promised to a caller who has hung up")
		}
	})
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
	s.wantState(callback.StateEnded, callback.OutcomeAbandoned)
	if s.c.Place != nil {
		t.Error("the place is kept")
	}
}

func TestC6ARefusalNeverCostsThePlace(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	place := *s.c.Place
	for _, cause := range []callback.Cause{callback.CauseRejected, callback.CauseNoAnswer, callback.CauseAbsent} {
		agent := s.offer("1001")
		s.event(callback.LegEnded{Channel: agent, Cause: cause})
		s.wantAgent(callback.Refused)
		if *s.c.Place != place {
			t.Errorf("cause %d: the place is %+v, was %+v", cause, *s.c.Place, place)
		}
	}
}

func TestC7TheDelayRunsFromTheAgentsAcceptance(t *testing.T) {
	s := newStory(t)
	s.promise(30 * time.Second)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	accepted := s.now
	s.pass(29 * time.Second)
	if s.c.Attempt.Channel != "" {
		t.Error("the contact's leg is made before the delay is over")
	}
	if at := s.c.Deadline(); at != accepted.Add(30*time.Second) {
		t.Errorf("the next deadline is %v after the acceptance", at.Sub(accepted))
	}
	s.now = accepted.Add(30 * time.Second)
	s.dial()
}

func TestC7ADelayOf60SecondsRefusesTheAgentAndKeepsThePlace(t *testing.T) {
	s := newStory(t)
	s.promise(60 * time.Second)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	s.wantState(callback.StateCallback, "")
	if !s.c.Place.Held || s.c.Attempt != nil {
		t.Errorf("place %+v, attempt %+v", s.c.Place, s.c.Attempt)
	}
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.wantAgent(callback.Refused)
}

func TestC9TheVariablesBecomeThoseOfTheOutboundCall(t *testing.T) {
	s := newStory(t)
	s.c.ANI = "2125550199"
	s.promise(0)
	if ani, _ := s.c.Variable("ANI"); ani != "2125550199" {
		t.Errorf("ANI is %s before the dialling", ani)
	}
	s.event(callback.LegAnswered{Channel: s.offer("1001")})
	s.dial()
	ani, _ := s.c.Variable("ANI")
	dnis, _ := s.c.Variable("DNIS")
	if ani != "8005550100" || dnis != "2125550100" {
		t.Errorf("ANI %s and DNIS %s, want the caller ID and the number dialled", ani, dnis)
	}
	if s.c.ANI != "2125550199" {
		t.Error("C15: the contact's own ANI is lost")
	}
}

func TestC12AHangupTakesTheCallbackOutOfTheQueue(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	s.do(func(turn *callback.Turn) { turn.Hangup() })
	s.wantState(callback.StateEnded, callback.OutcomeHungUp)
	if s.c.Place != nil {
		t.Error("the place is kept")
	}
}

func TestC12AHangupWaitsForTheOutcomeOnceAnAgentHasAccepted(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	contact := s.dial()
	s.do(func(turn *callback.Turn) { turn.Hangup() })
	s.wantState(callback.StateCalling, "")
	s.skill.Attempts = 3
	s.event(callback.LegEnded{Channel: contact, Cause: callback.CauseBusy})
	s.wantState(callback.StateEnded, callback.OutcomeHungUp)
}

func TestTheAgentsAnswerIsHandledBeforeTheCommit(t *testing.T) {
	s := newStory(t)
	agent := s.offer("1001")
	var playback string
	s.do(func(turn *callback.Turn) { playback = turn.Play([]string{"sound:thanks"}, 0) })
	s.event(callback.LegAnswered{Channel: agent})
	if !sent(s, callback.StopPlayback{Channel: "in", Playback: playback}) {
		t.Errorf("the prompt goes on: %v", s.commands)
	}
	s.event(callback.PlaybackFinished{Channel: "in", Playback: playback})
	if len(s.signals) != 0 {
		t.Errorf("the script goes on with %v after the agent's answer", s.signals)
	}
	s.join()
	s.wantState(callback.StateConnected, "")
}

func TestACallbackWhileAnAgentRingsBecomesACallbackOffer(t *testing.T) {
	s := newStory(t)
	agent := s.offer("1001")
	s.promise(0)
	if s.c.Offer.Kind != callback.OfferCallback || !s.c.Offer.Ringing() {
		t.Fatalf("the offer is %+v", s.c.Offer)
	}
	s.event(callback.LegAnswered{Channel: agent})
	s.wantState(callback.StateCalling, "")
	if s.c.Offer.Whisper == "" {
		t.Error("the agent is not told")
	}
}

func TestTheContactDoesNotAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		cause   callback.Cause
		outcome string
	}{
		"no answer": {callback.CauseNoAnswer, "no_answer"},
		"busy":      {callback.CauseBusy, "busy"},
		"declined":  {callback.CauseRejected, "rejected"},
		"no number": {callback.CauseUnallocated, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.promise(0)
			agent := s.offer("1001")
			s.event(callback.LegAnswered{Channel: agent})
			contact := s.dial()
			s.event(callback.LegRinging{Channel: contact})
			s.event(callback.LegEnded{Channel: contact, Cause: c.cause})
			s.wantState(callback.StateEnded, callback.OutcomeNotReached)
			if got := fact(s, callback.FactAttemptEnded); got["outcome"] != c.outcome || got["counts"] != "true" {
				t.Errorf("the attempt ended with %v, want %s", got, c.outcome)
			}
			if !sent(s, callback.Hangup{Channel: agent, Reason: "normal"}) {
				t.Errorf("the agent is left on the line: %v", s.commands)
			}
		})
	}
}

func TestAFurtherAttemptKeepsThePlace(t *testing.T) {
	s := newStory(t)
	s.skill.Attempts = 2
	s.promise(0)
	queued := s.c.Place.QueuedAt
	s.event(callback.LegAnswered{Channel: s.offer("1001")})
	s.event(callback.LegEnded{Channel: s.dial(), Cause: callback.CauseBusy})
	s.wantState(callback.StateCallback, "")
	if s.c.Place.QueuedAt != queued || s.c.Place.ReadyAt != s.now.Add(s.skill.RetryTime) {
		t.Errorf("the place is %+v", s.c.Place)
	}
}

func TestAnAgentWhoLeavesTheAttemptDoesNotCostIt(t *testing.T) {
	steps := map[string]func(s *story) (contact string){
		"in the delay": func(*story) string { return "" },
		"while it rings": func(s *story) string {
			s.now = s.now.Add(10 * time.Second)
			contact := s.dial()
			s.event(callback.LegRinging{Channel: contact})
			return contact
		},
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.promise(10 * time.Second)
			agent := s.offer("1001")
			s.event(callback.LegAnswered{Channel: agent})
			contact := step(s)
			s.event(callback.LegEnded{Channel: agent, Cause: 16})
			if contact != "" {
				if !sent(s, callback.Hangup{Channel: contact, Reason: "normal"}) {
					t.Fatalf("the contact's phone goes on ringing: %v", s.commands)
				}
				s.event(callback.LegEnded{Channel: contact, Cause: 16})
			}
			s.wantState(callback.StateCallback, "")
			if s.c.Attempts != 0 || s.c.Place.ReadyAt != s.now.Add(s.skill.PauseTime) {
				t.Errorf("%d attempts, place %+v", s.c.Attempts, s.c.Place)
			}
			if !s.c.Idle() || s.c.Bridge != "" {
				t.Error("something is left in Asterisk")
			}
		})
	}
}

func TestAnUnknownOutcomeIsTriedTwiceMoreAndThenLeftToAPerson(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	for try := 1; try <= callback.MaxFaults; try++ {
		agent := s.offer("1001")
		s.event(callback.LegAnswered{Channel: agent})
		s.dial()
		s.event(callback.Resynced{Snapshot: &callback.Snapshot{}})
		if got := fact(s, callback.FactAttemptEnded); got["outcome"] != "unknown" || got["counts"] != "false" {
			t.Fatalf("attempt %d ended with %v", try, got)
		}
		if !s.c.Idle() {
			t.Fatalf("attempt %d: %+v", try, s.c)
		}
	}
	s.wantState(callback.StateStuck, "")
	if !s.c.Place.Held {
		t.Error("the contact is still offered")
	}
}

func TestALegThatWasNeverDialledIsMadeAgain(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	s.pass(0)
	first := s.c.Attempt.Channel
	s.event(callback.Resynced{Snapshot: &callback.Snapshot{Channels: map[string]callback.SnapshotChannel{agent: {State: callback.ChannelUp}}}})
	s.now = s.now.Add(time.Second)
	second := s.dial()
	if first == second {
		t.Error("a channel ID is used twice")
	}
	s.event(callback.LegCreated{Channel: first})
	if s.dialled() || !sent(s, callback.Hangup{Channel: first, Reason: "normal"}) {
		t.Errorf("the first leg, made late: %v", s.commands)
	}
}

func TestTwoWhoTalkGoOnTalkingAfterATakeover(t *testing.T) {
	s := newStory(t)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	s.join()
	s.wantState(callback.StateConnected, "")
	up := callback.SnapshotChannel{State: callback.ChannelUp}
	s.event(callback.Resynced{Snapshot: &callback.Snapshot{
		Channels: map[string]callback.SnapshotChannel{"in": up, agent: up},
		Bridges:  map[string][]string{s.c.Bridge: {"in", agent}},
	}})
	if len(s.commands) != 0 {
		t.Errorf("a takeover disturbs the call: %v", s.commands)
	}
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
	s.wantState(callback.StateEnded, callback.OutcomeServed)
}

func TestAnOfferForAContactThatHasLeftRingsNobody(t *testing.T) {
	s := newStory(t)
	made := callback.NewOffer(*s.c.Place, "1001", "PJSIP/1001", s.env())
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
	s.event(made)
	if len(s.commands) != 0 || s.c.Offer.Open() {
		t.Errorf("commands %v, offer %+v", s.commands, s.c.Offer)
	}
	s.wantAgent(callback.Free)
}

func TestTheAgentsPhoneStopsWhenTheCallerHangsUp(t *testing.T) {
	s := newStory(t)
	agent := s.offer("1001")
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
	if !sent(s, callback.Hangup{Channel: agent, Reason: "normal"}) {
		t.Errorf("the agent's phone goes on ringing: %v", s.commands)
	}
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.wantAgent(callback.Free)
}

// fact gives the data of the last turn's fact of that kind.
func fact(s *story, kind callback.FactKind) map[string]string {
	for _, f := range s.facts {
		if f.Kind == kind {
			return f.Data
		}
	}
	return nil
}

func TestAContactWhoAnswersAnAgentWhoIsHangingUpIsNotServed(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	agent := s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	whisper := s.c.Offer.Whisper
	contact := s.dial()
	s.join()
	s.event(callback.PlaybackFinished{Channel: agent, Playback: whisper})
	s.join()
	s.event(callback.LegHangup{Channel: agent})
	s.event(callback.LegAnswered{Channel: contact})
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	s.event(callback.LegEnded{Channel: contact, Cause: 16})
	s.wantState(callback.StateCallback, "")
	if s.c.Attempts != 0 {
		t.Error("the attempt counts")
	}
}

func TestACallThatWasSavedAndNotAnsweredIsAnsweredByTheNextDaemon(t *testing.T) {
	s := newStory(t)
	s.event(callback.Resynced{Snapshot: &callback.Snapshot{
		Channels: map[string]callback.SnapshotChannel{"in": {State: callback.ChannelRinging}},
	}})
	if !sent(s, callback.Answer{Channel: "in"}) || !sent(s, callback.Mark{Channel: "in", Contact: 17}) {
		t.Errorf("the takeover sends %v", s.commands)
	}
}

func TestAnAsteriskThatWasNotReachedIsNotTheAgentsRefusal(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	made := callback.NewOffer(*s.c.Place, "1001", "PJSIP/1001", s.env())
	s.event(made)
	s.event(callback.CommandFailed{
		Command: callback.CreateLeg{Channel: made.Leg.Channel},
		Err:     &callback.CommandError{Kind: callback.CommandRejected, Message: "connection refused"},
	})
	s.wantState(callback.StateCallback, "")
	s.wantAgent(callback.Free)
}

func TestC6ASecondReqagentKeepsTheMomentOfQueueingAndThePause(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	s.c.Place.ReadyAt, s.c.Place.Held = s.now.Add(time.Minute), true
	want := *s.c.Place
	want.Skill, want.Priority, want.TargetAgent = "sales", callback.Priority{Initial: 5, Maximum: 10}, "1002"
	s.now = s.now.Add(time.Second)
	s.do(func(turn *callback.Turn) {
		if err := turn.Reqagent("sales", want.Priority, "1002"); err != nil {
			t.Fatal(err)
		}
	})
	if *s.c.Place != want {
		t.Errorf("the place is %+v, want %+v", *s.c.Place, want)
	}
}
