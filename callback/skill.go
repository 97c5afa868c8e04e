package callback

import "time"

// Skill is the queue that a contact waits in, with its settings. Times are exact to the millisecond.
type Skill struct {
	Name            string
	Priority        Priority      // what DefaultFromSkill means
	RingTime        time.Duration // how long an agent's phone rings for an offer
	RefusedTime     time.Duration // how long an agent stays Refused after an offer was not accepted
	AfterCallWork   time.Duration // after each call; 0: none
	ContactRingTime time.Duration // how long the contact's phone rings in an attempt
	Attempts        int           // how many attempts count before the contact is not reached; at least 1
	RetryTime       time.Duration // between an attempt that counted and the next
	PauseTime       time.Duration // before another offer after a fault on the agent's or our side
	Region          string        // for the numbers that callers give, as in ISO 3166 ("US")
	Accept          Accept        // how an agent accepts an offer
	AcceptTime      time.Duration // how long an agent who has answered may take to accept by 1
	CallerName      string        // what the agent's phone shows; see CheckCallerName
	Whisper         string        // what an agent who has answered hears: sounds and {KIND}, {WAITED}, with spaces between
	Refusals        int           // after so many offers in a row that an agent has not accepted, the agent is Unavailable; 0: never
}

// Accept says how an agent accepts an offer.
type Accept string

// The ways to accept. A voicemail, or a phone that answers by itself, accepts by answering, too.
const (
	AcceptByAnswer Accept = "answer"
	AcceptByKey    Accept = "press_1"
)

// DefaultSkill has the settings that hold where the configuration is silent.
var DefaultSkill = Skill{
	Priority:        DefaultPriority,
	RingTime:        20 * time.Second,
	RefusedTime:     30 * time.Second,
	ContactRingTime: 30 * time.Second,
	Attempts:        1,
	RetryTime:       10 * time.Minute,
	PauseTime:       time.Minute,
	Region:          "US",
	Accept:          AcceptByAnswer,
	AcceptTime:      10 * time.Second,
	CallerName:      "{SKILL} {KIND} {EXTENSION}",
	Whisper:         "{KIND}",
}

// MaxFaults is how many attempts in a row may end through a fault of ours before the contact is left
// to a person: the first and two more.
const MaxFaults = 3
