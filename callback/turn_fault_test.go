package callback_test

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// accepted plays a promised contact up to the agent's acceptance, and gives the agent's leg.
func accepted(t *testing.T, delay time.Duration) (s *story, agent string) {
	t.Helper()
	s = newStory(t)
	s.promise(delay)
	agent = s.offer("1001")
	s.event(callback.LegAnswered{Channel: agent})
	return s, agent
}

// The agent's end frees the place for the next match, and the contact's leg may take its time to end.
func TestTheContactIsNotOfferedWhileTheAttemptThatTheAgentLeftIsEnding(t *testing.T) {
	s, agent := accepted(t, 0)
	s.dial()
	s.event(callback.LegEnded{Channel: agent, Cause: 16})
	if s.c.Offer.Open() || !s.c.Attempt.Open() {
		t.Fatalf("offer %+v, attempt %+v", s.c.Offer, s.c.Attempt)
	}
	if s.c.Place.ReadyAt != s.now.Add(s.skill.PauseTime) {
		t.Errorf("the place can be offered at once: %+v", s.c.Place)
	}
}

func TestAnAttemptWhoseLegIsNeverMadeEndsByItself(t *testing.T) {
	s, agent := accepted(t, 0)
	s.pass(0)
	contact := s.c.Attempt.Channel
	s.event(callback.CommandFailed{
		Command: callback.CreateLeg{Channel: contact},
		Err:     &callback.CommandError{Kind: callback.CommandUnsure, Message: "time-out"},
	})
	at := s.c.Deadline()
	if at.IsZero() {
		t.Fatal("the agent waits for ever")
	}
	s.now = at
	s.pass(0)
	if !sent(s, callback.Hangup{Channel: contact, Reason: "failure"}) {
		t.Fatalf("what may have been made is not hung up: %v", s.commands)
	}
	s.event(callback.LegEnded{Channel: contact, Absent: true})
	s.wantState(callback.StateCallback, "")
	if got := fact(s, callback.FactAttemptEnded); got["outcome"] != "failed" || got["counts"] != "false" {
		t.Errorf("the attempt ended with %v", got)
	}
	if !sent(s, callback.Hangup{Channel: agent, Reason: "normal"}) {
		t.Errorf("the agent is left on the line: %v", s.commands)
	}
}

func TestAPhoneThatWasNotHeardToRingIsNoAnswerOfTheContact(t *testing.T) {
	for name, c := range map[string]struct {
		rings   func(channel string) callback.Event
		outcome string
		state   callback.State
	}{
		"it rang": {func(channel string) callback.Event { return callback.LegRinging{Channel: channel} },
			"no_answer", callback.StateEnded},
		"its network was heard": {func(channel string) callback.Event { return callback.LegProgress{Channel: channel} },
			"no_answer", callback.StateEnded},
		"the dialling may have been lost": {nil, "unknown", callback.StateCallback},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := accepted(t, 0)
			contact := s.dial()
			if c.rings != nil {
				s.event(c.rings(contact))
			}
			s.now = s.c.Deadline()
			s.pass(0)
			s.event(callback.LegEnded{Channel: contact, Cause: 16})
			if got := fact(s, callback.FactAttemptEnded); got["outcome"] != c.outcome || s.c.State != c.state {
				t.Errorf("the attempt ended with %v and the contact is %s", got, s.c.State)
			}
		})
	}
}

func TestATakeoverGivesTheTwoTimeToBeJoined(t *testing.T) {
	s, agent := accepted(t, 0)
	contact := s.dial()
	s.event(callback.LegAnswered{Channel: contact})
	s.now = s.now.Add(20 * time.Second) // the daemon was dead
	up := callback.SnapshotChannel{State: callback.ChannelUp}
	s.event(callback.Resynced{Snapshot: &callback.Snapshot{
		Channels: map[string]callback.SnapshotChannel{agent: up, contact: up},
		Bridges:  map[string][]string{s.c.Bridge: {contact}},
	}})
	s.pass(0)
	if s.c.Attempt.Outcome != "" || sent(s, callback.Hangup{Channel: contact, Reason: "failure"}) {
		t.Fatalf("the two are cut off before they could be joined: %v", s.commands)
	}
}

func TestTheContactIsNotDialledForAnAgentWhoIsHangingUp(t *testing.T) {
	for name, begin := range map[string]func(*story){
		"in the delay":                   func(*story) {},
		"when the leg of the contact is": func(s *story) { s.pass(5 * time.Second); s.event(callback.LegCreated{Channel: s.c.Attempt.Channel}) },
	} {
		t.Run(name, func(t *testing.T) {
			s, agent := accepted(t, 5*time.Second)
			begin(s)
			s.event(callback.LegHangup{Channel: agent})
			s.pass(5 * time.Second)
			if len(s.commands) != 0 {
				t.Errorf("sent %v", s.commands)
			}
			s.event(callback.LegEnded{Channel: agent, Cause: 16})
			if contact := s.c.Channel; contact != "" {
				s.event(callback.LegEnded{Channel: contact, Cause: 16})
			}
			s.wantState(callback.StateCallback, "")
		})
	}
}

func TestAnOfferThatIsToldWhenItsTimeIsOverRingsNobody(t *testing.T) {
	s := newStory(t)
	s.promise(0)
	made := callback.NewOffer(*s.c.Place, "1001", "PJSIP/1001", s.env())
	s.now = made.Offer.RingUntil
	s.event(made)
	if len(s.commands) != 0 || s.c.Offer.Open() {
		t.Errorf("commands %v, offer %+v", s.commands, s.c.Offer)
	}
	s.wantAgent(callback.Free)
}

// Two nodes with open legs of one contact would be two daemons that decide on it.
func TestAnotherNodeServesACallbackOnlyWhenItsCallHasEnded(t *testing.T) {
	s := newStory(t)
	s.do(func(turn *callback.Turn) {
		if err := turn.Callback(callback.Promise{PhoneNumber: "2125550100", CallerID: "8005550100"}); err != nil {
			t.Fatal(err)
		}
	})
	if s.c.Place.Node != "n1" {
		t.Errorf("the node is %q while the call is being hung up", s.c.Place.Node)
	}
	s.event(callback.LegEnded{Channel: "in", Cause: 16})
	if s.c.Place.Node != "" {
		t.Errorf("the node is %q after the call", s.c.Place.Node)
	}
}
