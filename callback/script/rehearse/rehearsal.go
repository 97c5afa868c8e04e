package rehearse

import (
	"time"

	"github.com/callbackd/callbackd/callback"
)

// Rehearsal is what a contact meets with in a script, and how that is expected to end.
type Rehearsal struct {
	File   string // that it was read from
	Script string // the script's file, relative to File
	// Start is when the call comes in, as the clock in the script's time zone shows it; its own location
	// does not count. Zero: nine o'clock on a Monday morning.
	Start time.Time
	// Limit is how long the rehearsal lasts at the most. 0: a day after the last of what happens.
	Limit time.Duration

	Caller    Caller
	Variables map[string]string         // that another script has handed over
	Skills    map[string]callback.Skill // their settings, where they are not the configured ones
	Sounds    map[string]time.Duration  // how long sounds last, where it matters
	Missing   []string                  // sounds that Asterisk does not have
	Answers   map[string][]Answer       // by the action that asks; the last holds from then on
	Happens   []Happening               // in the order of the file; played in that of time
	Expect    Expect

	// named are the places at which actions are named, which only the script knows, and said are the
	// answers with the places of what they say.
	named []place
	said  []saidAnswer
}

// saidAnswer is what was said for an answer, for the script to be held against.
type saidAnswer struct {
	place
	action string
	values []place // the variables that are given
	parts  []place // found, status and waited
}

// Caller is what the network tells of a call.
type Caller struct{ ANI, DNIS, Dialled, Language string }

// Happening is something that people or programs do at a moment.
type Happening struct {
	At   time.Duration // since the start
	Who  string        // keys, caller, contact, agent, callbackd or database
	Does string        // what of it, as in Verbs; of keys: the keys
	// Agent is the extension of an agent.
	Agent string
}

// What people and programs do.
const (
	answers  = "answers"
	accepts  = "accepts"
	declines = "declines"
	hangsUp  = "hangs up"
	presses  = "presses " // and the key
	rings    = "rings"
	busy     = "busy"
	noAnswer = "no answer"
	restarts = "restarts"
	away     = "away"
	back     = "back"
)

// verbs are what each of them can do. The first of an agent's may be left out.
var verbs = map[string][]string{
	"caller":    {hangsUp},
	"contact":   {answers, busy, declines, noAnswer, hangsUp},
	"agent":     {accepts, answers, declines, rings, presses + "1", presses + "2", hangsUp},
	"callbackd": {restarts},
	"database":  {away, back},
}

// subjects are all of whom something can happen, in the order in which people look for them.
var subjects = []string{"keys", "caller", "agent", "contact", "callbackd", "database"}

// Answer is what the world answers to a question of the script's: to a web request, about the queue or
// about another contact's callback.
type Answer struct {
	Values map[string]string // the variables that it gives
	Status int               // of HTTP; 0: 200
	Err    string            // why there is no answer; "": there is one
	Found  bool              // of Querycallback and Contacttakeover: there is a callback
	Waited time.Duration     // of Contacttakeover: how long the callback has waited; 0: ten minutes
	After  time.Duration     // how long the answer takes; 0: a moment
}

// Expect is how a rehearsal ends. What is not given is not looked at.
type Expect struct {
	Given     bool // there is something to look at
	State     callback.State
	Outcome   callback.Outcome
	Actions   []string          // all that begin, in their order
	Passes    []string          // some of them, in their order
	Plays     []string          // some of the sounds that the contact hears, in their order
	Log       []string          // some of the lines of Log actions and of reasons, in their order
	Variables map[string]string // at the end
	Saved     map[string]string // the promise: PhoneNumber, CallerID, CallDelaySec, Extension
	NotSaved  bool              // no callback was promised
	Dialled   *[]string         // the numbers that were dialled, in their order
	Skill     string            // in whose queue the contact stands
	Priority  string            // at the end, as in 12.5
	Held      *bool             // whether it is held back from offers (C7)
}
