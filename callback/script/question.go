package script

import (
	"time"

	"github.com/callbackd/callbackd/callback"
)

// Question is what an action asks of the world outside the contact. Its answer takes time and comes
// back as [Answered]; the script waits for it until its deadline. A question is asked at most once:
// what a crash has interrupted counts as not answered.
type Question interface{ question() }

// The questions.
type (
	// WebRequest is a request to a web server. Its answer gives HTTPSTATUS and the variables of Values.
	WebRequest struct {
		Method  string
		URL     string
		Headers map[string]string
		Body    []byte            // JSON; nil: none
		Values  map[string]string // variable to path in the answer's JSON, as in customer.name or items.0.id
		Timeout time.Duration
	}
	// QueueStatus asks how a skill's queue stands. Its answer gives WAITING, LONGESTWAIT, AGENTSLOGGEDIN,
	// AGENTSAVAILABLE and POSITION.
	QueueStatus struct{ Skill string }
	// Estimate asks how long the contact, or one who would be queued now, will wait. Its answer gives
	// EWT and EWTCONFIDENCE, and POSITION.
	Estimate struct{ Skill string }
	// FindCallback asks whether a callback waits for a number in a skill. Its answer gives CALLBACKID,
	// and is not Found where there is none.
	FindCallback struct{ PhoneNumber, Skill string }
	// FindTakeover asks the same, to take its place over: the host keeps what was found for Takeover.
	FindTakeover struct{ PhoneNumber, Skill string }
	// QueueCallback asks for a callback without a live call: a contact of its own. Its answer gives
	// CALLBACKID.
	QueueCallback struct {
		Reqagent
		PhoneNumber  string
		CallerID     string
		CallDelaySec int
	}
)

func (WebRequest) question()    {}
func (QueueStatus) question()   {}
func (Estimate) question()      {}
func (FindCallback) question()  {}
func (FindTakeover) question()  {}
func (QueueCallback) question() {}

// Answered is the answer to a question. One with an ID that nobody waits for is absorbed.
type Answered struct {
	ID     string            // as Host.Ask gave it
	Values map[string]string // the variables that it gives, by name
	Found  bool              // of FindCallback and FindTakeover
	Err    string            // the condensed reason for _ERR where there is no answer; "": there is one
}

func (Answered) input() {}

// PriorityChange is a change of a contact's priority; a nil stays as it is. It counts as from the
// moment of queueing.
type PriorityChange struct{ Initial, Acceleration, Maximum *int }

// Apply gives the priority after the change.
func (c PriorityChange) Apply(p callback.Priority) callback.Priority {
	for _, set := range []struct {
		to   *int
		from *int
	}{{&p.Initial, c.Initial}, {&p.Acceleration, c.Acceleration}, {&p.Maximum, c.Maximum}} {
		if set.from != nil {
			*set.to = *set.from
		}
	}
	return p
}
