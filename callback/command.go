package callback

import (
	"fmt"
	"time"
)

// Command is something that Asterisk is asked to do. A command may be repeated after a crash; it is
// never invented.
type Command interface{ command() }

// The commands to Asterisk.
type (
	// Answer answers an inbound leg.
	Answer struct{ Channel string }
	// Play plays media URIs (sound:..., tone:...) one after the other on a leg, the first from Offset
	// on (whole milliseconds). PlaybackFinished follows. It is refused, and nothing of it played, where
	// one of its sounds does not exist.
	Play struct {
		Channel, Playback string
		Media             []string
		Offset            time.Duration
		Language          string // of the sounds; "": the channel's own
	}
	// StopPlayback ends a playback. PlaybackFinished follows.
	StopPlayback struct{ Channel, Playback string }
	// StartMusic plays music on hold of a class on a leg.
	StartMusic struct{ Channel, Class string }
	// StopMusic ends the music on a leg.
	StopMusic struct{ Channel string }
	// CreateLeg makes a channel of ours. Nothing rings yet. LegCreated follows.
	CreateLeg struct {
		Channel, Endpoint string
		Party             Party
		Contact           ContactID
		CallerNumber      string // what the phone shows
		CallerName        string
	}
	// DialLeg rings a channel that CreateLeg made, for at most Timeout (whole seconds).
	DialLeg struct {
		Channel string
		Timeout time.Duration
	}
	// Hangup ends a leg. LegEnded follows.
	Hangup struct{ Channel, Reason string }
	// CreateBridge makes a bridge. Keys: the script goes on while the two talk, so KeyPressed is to be
	// told of the legs in it, and music on one of them is to take the place of the other's voice.
	CreateBridge struct {
		Bridge string
		Keys   bool
	}
	// Join puts legs into a bridge. LegJoined follows for each.
	Join struct {
		Bridge   string
		Channels []string
	}
	// DestroyBridge removes a bridge.
	DestroyBridge struct{ Bridge string }
	// GiveBack sends a leg on in the dialplan, with CALLBACKD_STATUS set to Status.
	GiveBack struct{ Channel, Status string }
	// ShowLamp sets the state of a device of ours, Stasis:NAME in the dialplan's hints, by which lamps on
	// phones show how agents and queues stand.
	ShowLamp struct {
		Lamp  string // NAME
		State DeviceState
	}
	// DropLamp removes such a device.
	DropLamp struct{ Lamp string }
	// Mark sets the contact ID on a leg: a channel variable, and userfield in the CDR (C10).
	Mark struct {
		Channel string
		Contact ContactID
	}
)

func (Answer) command()        {}
func (Play) command()          {}
func (StopPlayback) command()  {}
func (StartMusic) command()    {}
func (StopMusic) command()     {}
func (CreateLeg) command()     {}
func (DialLeg) command()       {}
func (Hangup) command()        {}
func (CreateBridge) command()  {}
func (Join) command()          {}
func (DestroyBridge) command() {}
func (GiveBack) command()      {}
func (ShowLamp) command()      {}
func (DropLamp) command()      {}
func (Mark) command()          {}

// CommandError says why a command was not carried out.
type CommandError struct {
	Kind    CommandErrorKind
	Status  int    // of HTTP; 0 where there was no answer, or where Asterisk was not reached
	Message string // Asterisk's own, or what happened on the way
}

// CommandErrorKind says what a failed command means for the call.
type CommandErrorKind int

// The kinds of failure.
const (
	CommandUnsure   CommandErrorKind = iota // no answer: it may have been carried out
	CommandRejected                         // Asterisk refused it: it was not carried out
	CommandNotFound                         // the channel, bridge or playback does not exist (any more)
)

// Error gives the message with Asterisk's status.
func (e *CommandError) Error() string {
	if e.Status == 0 {
		return e.Message
	}
	return fmt.Sprintf("%s (HTTP %d)", e.Message, e.Status)
}
