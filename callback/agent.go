package callback

import (
	"errors"
	"time"
)

// AgentState is how an agent stands. What an agent has asked for and what they are doing are two things,
// and neither overwrites the other: who asks for a pause during a call talks on and is paused after it.
// Every change of it goes through [AgentState.After]; the database makes the same of what calls and time
// bring, and keeps a record of each change.
//
//	working_outbound ───┐
//	 │ ▲ a call of       │ match
//	 │ │ their own       │
//	 ▼ │     match       ▼       answers                      the call ends
//	free ───────────▶ offered ──────────▶ working_inbound, ────────────────▶ after_call
//	 ▲                   │                working_callback                       │
//	 │                   │ does not accept   │                                   │
//	 │    time, ready    ▼                   │ no after-call work    time, ready │
//	 ├──────────────── refused               │                                   │
//	 └───────────────────────────────────────┴───────────────────────────────────┘
//
// Beside it the agent is logged_out, available or unavailable, which any request changes at any time, and
// is matched only while available. To ask to be available is to be ready, too.
//
// working_outbound is any call on the agent's phone that is not ours, whoever has placed it, of an agent who
// is logged in. Asterisk says when the phone is in use, and when it is no more; a match need not wait
// until that has been noted, since a phone in use is offered nothing, whatever stands here.
type AgentState struct {
	Presence Presence
	Reason   string // of the presence
	Activity Activity
	Until    time.Time // when AfterCall and Refused end; zero for the others
	Refusals int       // offers in a row that the agent has not accepted
}

// Presence is what an agent has asked for.
type Presence string

// The presences of an agent.
const (
	LoggedOut   Presence = "logged_out"
	Available   Presence = "available"
	Unavailable Presence = "unavailable"
)

// Activity is what an agent is doing; a contact's turn changes it, and a call of the agent's own.
type Activity string

// The activities of an agent.
const (
	Free            Activity = "free"
	Offered         Activity = "offered"
	WorkingInbound  Activity = "working_inbound"
	WorkingCallback Activity = "working_callback"
	WorkingOutbound Activity = "working_outbound"
	AfterCall       Activity = "after_call"
	Refused         Activity = "refused"
)

// AgentChange is a change of an agent's activity that a turn brings.
type AgentChange struct {
	Agent    string
	Activity Activity
	Until    time.Time // when AfterCall and Refused end; zero for the others
	Reason   string
	// MostRefusals is how many offers in a row an agent may leave unaccepted: with the last of them the
	// agent becomes Unavailable. 0: as many as they like.
	MostRefusals int
}

// ReasonRefusals is why an agent is Unavailable who has left too many offers in a row unaccepted.
const ReasonRefusals = "offers not accepted"

// AgentEvent is what changes an agent's state: an [AgentAsk], an [AgentChange], an [AgentPhone] or an
// [AgentTime].
type AgentEvent interface{ agentEvent() }

// AgentAsk is what an agent, or somebody for them, asks for.
type AgentAsk struct {
	Kind   AskKind
	Reason string // of a pause: words, or the digits that the agent dialled
}

// AgentPhone says whether the agent's phone is in use, with a call that is not ours.
type AgentPhone struct{ InUse bool }

// AgentTime says that time has passed.
type AgentTime struct{}

func (AgentAsk) agentEvent()    {}
func (AgentChange) agentEvent() {}
func (AgentPhone) agentEvent()  {}
func (AgentTime) agentEvent()   {}

// AskKind says what an agent asks for.
type AskKind string

// What an agent can ask for. The first three are presences.
const (
	AskLoggedOut           = AskKind(LoggedOut)
	AskAvailable           = AskKind(Available)
	AskUnavailable         = AskKind(Unavailable)
	AskReady       AskKind = "ready"        // to be done with after-call work, and not to be Refused any longer
	AskToggleLogin AskKind = "toggle_login" // to be logged in where they are logged out, and the other way round
	// AskTogglePause is to be unavailable for that reason, or available again where they are so already;
	// without a reason, available where they are unavailable for any.
	AskTogglePause AskKind = "toggle_pause"
)

// ErrLoggedOut refuses an agent what only one who is logged in can ask for.
var ErrLoggedOut = errors.New("the agent is logged out")

// After gives the state that follows from the event. It fails, with the state as it was, when an agent
// asks for what they can't have: [ErrLoggedOut].
func (s AgentState) After(ev AgentEvent, now time.Time) (AgentState, error) {
	switch ev := ev.(type) {
	case AgentAsk:
		return s.asked(ev)
	case AgentChange:
		s.Activity, s.Until = ev.Activity, ev.Until
		s.count(ev)
	case AgentPhone:
		s.phone(ev.InUse, now)
	case AgentTime:
		if s.over(now) {
			s.free()
		}
	}
	return s, nil
}

func (s AgentState) asked(ask AgentAsk) (AgentState, error) {
	switch ask.Kind {
	case AskReady:
		if s.Presence == LoggedOut {
			return s, ErrLoggedOut
		}
		s.endPause()
	case AskToggleLogin:
		if s.Presence == LoggedOut {
			return s.asked(AgentAsk{Kind: AskAvailable})
		}
		return s.asked(AgentAsk{Kind: AskLoggedOut})
	case AskTogglePause:
		if s.Presence == LoggedOut {
			return s, ErrLoggedOut
		}
		if s.Presence == Unavailable && (ask.Reason == "" || ask.Reason == s.Reason) {
			return s.asked(AgentAsk{Kind: AskAvailable})
		}
		return s.asked(AgentAsk{Kind: AskUnavailable, Reason: ask.Reason})
	default:
		s.Presence, s.Reason = Presence(ask.Kind), ask.Reason
		if s.Presence == Available {
			s.endPause()
		}
	}
	return s, nil
}

// count counts the offers in a row that were not accepted.
func (s *AgentState) count(change AgentChange) {
	switch change.Activity {
	case WorkingInbound, WorkingCallback:
		s.Refusals = 0
	case Refused:
		s.Refusals++
		if s.Presence == Available && change.MostRefusals > 0 && s.Refusals >= change.MostRefusals {
			s.Presence, s.Reason, s.Refusals = Unavailable, ReasonRefusals, 0
		}
	case Free, Offered, WorkingOutbound, AfterCall:
	}
}

// phone takes what Asterisk says of the phone. Who is logged out is not at work, whoever they talk to.
func (s *AgentState) phone(inUse bool, now time.Time) {
	switch {
	case !inUse && s.Activity == WorkingOutbound:
		s.free()
	case inUse && s.Presence != LoggedOut && (s.Activity == Free || s.over(now)):
		s.Activity, s.Until = WorkingOutbound, time.Time{}
	}
}

// endPause ends what an agent can end: a call under way goes on.
func (s *AgentState) endPause() {
	if s.Activity == AfterCall || s.Activity == Refused {
		s.free()
	}
}

func (s *AgentState) free() { s.Activity, s.Until = Free, time.Time{} }

// over says whether after-call work or Refused has run out.
func (s AgentState) over(now time.Time) bool { return !s.Until.IsZero() && !now.Before(s.Until) }

// Offerable says whether the agent can be offered a contact, as far as the phone lets it: where it can be
// rung a call of the agent's own is over.
func (s AgentState) Offerable(now time.Time) bool {
	return s.Presence == Available && (s.Activity == Free || s.Activity == WorkingOutbound || s.over(now))
}

// Word says in one word how the agent stands: a call that is under way first, then what the agent has
// asked for, then what else keeps offers away. The database says the same.
func (s AgentState) Word(now time.Time) string {
	switch {
	case s.onPhone():
		return string(s.Activity)
	case s.Presence != Available:
		return string(s.Presence)
	case s.Until.After(now):
		return string(s.Activity)
	}
	return string(Available)
}

// onPhone says whether a call of the agent's is under way.
func (s AgentState) onPhone() bool {
	switch s.Activity {
	case Offered, WorkingInbound, WorkingCallback, WorkingOutbound:
		return true
	case Free, AfterCall, Refused:
	}
	return false
}
