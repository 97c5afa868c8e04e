package script

import (
	"maps"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// State is a contact's position in its script. It is kept as JSON in the contact's row. The zero
// State is that of a contact whose script has not started. Its owner saves it and hands it back;
// only Step changes one.
type State struct {
	Action  string `json:"action,omitempty"`  // where the contact stands; "" before Start
	Resting bool   `json:"resting,omitempty"` // nothing more to do until an event comes
	HungUp  bool   `json:"hung_up,omitempty"` // the script ended by Hangup (C12); only an event goes on
	Stage   Stage  `json:"stage,omitempty"`
	Saved   bool   `json:"saved,omitempty"` // a callback was promised: there is no second one (C2)

	// Deadline is when the host has to send TimeReached, exact to the microsecond; zero: never.
	Deadline time.Time `json:"deadline,omitzero"`

	// Vars are the script's variables, _ERR and MRES among them.
	Vars map[string]string `json:"vars,omitempty"`

	Music    string `json:"music,omitempty"`    // the class that plays
	Playback string `json:"playback,omitempty"` // the ID of the sounds that play

	// File is the file of music that plays, and FileFrom the moment at which it would have begun from
	// its start. Offsets are where other files were cut, in milliseconds.
	File     string           `json:"file,omitempty"`
	FileFrom time.Time        `json:"file_from,omitzero"`
	Offsets  map[string]int64 `json:"offsets,omitempty"`

	Asked string `json:"asked,omitempty"` // the ID of the question whose answer is waited for
	Taken bool   `json:"taken,omitempty"` // a Contacttakeover has brought an agent along

	// What the action that runs keeps: its properties as they were when it fired, and the keys that
	// were pressed for it.
	Properties map[string]string `json:"properties,omitempty"`
	Keys       string            `json:"keys,omitempty"`
	// Of a Capture: whether it has read a number back and waits for its confirmation, the number, and
	// how many tries are used up.
	Confirming bool   `json:"confirming,omitempty"`
	Captured   string `json:"captured,omitempty"`
	Tries      int    `json:"tries,omitempty"`
	// Full is when the number had as many digits as it can have; zero where something else has ended it.
	Full time.Time `json:"full,omitzero"`

	Rounds map[string]int `json:"rounds,omitempty"` // by Loop: how often it has gone round

	Failures int `json:"failures,omitempty"` // actions that failed in a row
}

// clone gives a copy that shares nothing that Step changes in place.
func (st State) clone() State {
	st.Vars = maps.Clone(st.Vars)
	st.Offsets = maps.Clone(st.Offsets)
	st.Rounds = maps.Clone(st.Rounds)
	return st
}

// Stage says how far the contact's claim on an agent has come.
type Stage string

// The stages of a contact, from the script's point of view.
const (
	StageArrived   Stage = ""          // no agent was requested
	StageRequested Stage = "requested" // in the queue, on the line
	StageCallback  Stage = "callback"  // in the queue, not on the line (C11)
	StageAnswered  Stage = "answered"  // agent and contact are connected
	StageLeft      Stage = "left"      // the agent has left, the contact is on the line
	StageReleased  Stage = "released"  // the contact's call has ended
)

// Input is what happened to a contact.
type Input interface{ input() }

// Start begins the script. It is absorbed where the script has started already.
type Start struct{}

// PlaybackFinished says that sounds have ended by themselves, or could not be played. One with an
// ID that is not playing is absorbed: sounds that were silenced end late.
type PlaybackFinished struct {
	ID     string // as Host.Play gave it
	Failed bool
	Reason string // why it failed, where that is known
}

// KeyPressed is one key of the contact's phone: 0 to 9, *, #, A to D. Anything else is absorbed.
type KeyPressed struct{ Key string }

// TimeReached says that the Deadline may have come. Before the Deadline it is absorbed.
type TimeReached struct{}

// Event ends the running action and goes on from the event's own branch. A doubled one is absorbed.
type Event struct{ Kind EventKind }

// Resume says that a daemon took the contact over. The action in which the contact stands is entered
// again: Music and Wait with the time that they have left, Menu, Capture and Play from their start. One
// that waits for an answer goes on waiting. What may still play from before is silenced first.
type Resume struct{}

func (Start) input()            {}
func (PlaybackFinished) input() {}
func (KeyPressed) input()       {}
func (TimeReached) input()      {}
func (Event) input()            {}
func (Resume) input()           {}

// EventKind names an event as scripts do.
type EventKind string

// The events.
const (
	// OnAnswer: agent and contact are connected, for a callback when the contact has answered.
	OnAnswer EventKind = "OnAnswer"
	// OnAgentRelease: the agent has left, the contact is still on the line. A script that does
	// nothing there, or has done all that it does, hangs up.
	OnAgentRelease EventKind = "OnAgentRelease"
	// OnRelease: the contact's call has ended; no voice any more.
	OnRelease EventKind = "OnRelease"
)

// eventStages holds every event and the stage that it brings.
var eventStages = map[EventKind]Stage{
	OnAnswer:       StageAnswered,
	OnAgentRelease: StageLeft,
	OnRelease:      StageReleased,
}

// Host is what a script does to its contact. The methods only record what is to be done; they do no
// I/O. An error is a condensed reason for _ERR and means OnError.
type Host interface {
	// Variable gives a variable of the contact: ANI, DNIS, DIALLED, CONTACTID, SKILL, LANGUAGE, AGENTID,
	// EXTENSION. They come before the script's own.
	Variable(name string) (string, bool)
	// Voice says whether the contact can hear the script (C11).
	Voice() bool
	// Reqagent puts the contact into the queue, or moves it to another skill.
	Reqagent(Reqagent) error
	// UpdateContact changes the priority of the contact's place.
	UpdateContact(PriorityChange) error
	// Callback reserves the contact's place and ends its call (C1).
	Callback(Callback) error
	// Takeover gives the contact the place of the callback that the answer to FindTakeover has found. It
	// is called in the Step of that answer only.
	Takeover() error
	// Hangup ends the script, the contact's call and a callback of it (C12).
	Hangup()
	// Runscript gives the current version of another script, in which the contact goes on.
	Runscript(name string) (*Script, error)
	// Ask asks a question and gives its ID, which is not empty. The answer comes as Answered.
	Ask(Question) (id string, err error)
	// Number gives the form in which a number that the contact has entered is dialled, or says why it
	// can't be.
	Number(entered string) (string, error)
	// Music plays a class until Silence or the next Play or Music.
	Music(class string)
	// Play plays a list of sounds, in the place of what plays, from that far into the first of them, and
	// gives the playback's ID, which is not empty.
	Play(sounds []string, from time.Duration) (id string)
	// Silence stops whatever plays.
	Silence()
	// Entered says, for the history, that an action begins.
	Entered(action, kind, caption string)
	// Log writes a line into the contact's history and into the log: the script's own, or what went wrong
	// in it.
	Log(text string)
}

// Reqagent is a request for an agent, with its properties evaluated.
type Reqagent struct {
	Skill       string
	TargetAgent string             // the agent's extension; "": any agent with the skill
	AnyAgent    bool               // once the TargetAgent has not accepted, or is away, any agent with the skill
	Priority    *callback.Priority // nil: the skill's own
	ZipTone     bool               // the agent hears a short tone before the caller
}

// Callback is a callback to be promised, with its properties as they were when the action fired (C8).
type Callback struct {
	Action       string
	Caption      string // the action's name where the script gives none (C17)
	PhoneNumber  string // as the script or the caller gave it: to be normalised and checked by the host
	CallerID     string // likewise
	CallDelaySec int    // from the agent's accepting to the dialling; 60 and more refuses the agent (C7)
}
