package callback

import (
	"errors"
	"time"
)

// ErrNodeLost is the cause of the end of a context in which a daemon has held a node, where it has lost the node:
// another one may have it by then.
var ErrNodeLost = errors.New("the node is not held any more")

// Event is something that happened in Asterisk or to a contact.
type Event interface{ event() }

// LegEvent is an event of one channel.
type LegEvent interface {
	Event
	OnChannel() string // the channel's ID
}

// The events of a contact's legs. A late or doubled one is normal and absorbed.
type (
	// LegArrived is a new call that entered the application from the dialplan.
	LegArrived struct {
		Channel, Script         string
		ANI, DNIS, Dialled      string
		CallerName, Application string
		Language                string // of the sounds, as the channel has it, as in en or de_AT
	}
	// CodeDialled is an agent who has dialled one of the codes that the dialplan has for them. The call is
	// no contact; it waits for its answer, GiveBack, with which the dialplan goes on.
	CodeDialled struct {
		Channel  string
		Endpoint string // the agent's, as in PJSIP/1001: of the phone, whatever that says of itself
		Code     string // what the dialplan calls it
		Argument string // what was dialled after it; "" for nothing
	}
	// LegCreated is a channel of ours that exists and may be dialled.
	LegCreated struct{ Channel string }
	// LegRinging is a leg whose phone rings.
	LegRinging struct{ Channel string }
	// LegProgress is a leg whose far end sends audio before it answers (early media).
	LegProgress struct{ Channel string }
	// LegAnswered is a leg that was answered.
	LegAnswered struct{ Channel string }
	// LegHangup is a leg whose hang-up has begun. It comes before the end of what played on it, so that
	// a prompt that a hang-up cut short is not taken for one that was heard (C4).
	LegHangup struct{ Channel string }
	// LegEnded is a channel that no longer exists. Absent: nobody saw it end.
	LegEnded struct {
		Channel string
		Cause   Cause
		Absent  bool
	}
	// LegLeft is a channel that left the application and may live on in the dialplan.
	LegLeft struct{ Channel string }
	// LegReplaced is a leg whose place the channel By has taken: its phone has transferred the call. To is
	// the number that it was transferred to; "" where that is not known.
	LegReplaced struct{ Channel, By, To string }
	// LegJoined is a leg that entered a bridge.
	LegJoined struct{ Channel, Bridge string }
	// LegParted is a leg that left a bridge.
	LegParted struct{ Channel, Bridge string }
	// KeyPressed is a key that was released on a leg.
	KeyPressed struct{ Channel, Key string }
	// PlaybackFinished is a playback that came to its end, was stopped, or failed.
	PlaybackFinished struct {
		Channel, Playback string
		Failed            bool
		Reason            string // why it failed, where that is known
	}
	// CommandFailed is a command that Asterisk did not carry out.
	CommandFailed struct {
		Command Command
		Err     *CommandError
	}
)

// The events that do not come from a leg.
type (
	// OfferMade is the contact's new offer with the agent's leg, as the match has committed them.
	OfferMade struct {
		Offer Offer
		Leg   Leg
	}
	// GivenBack says that the call went back to the dialplan and is none of ours any more.
	GivenBack struct{}
	// TargetAway says that the agent whom the contact waits for is logged out, unavailable or no agent of
	// its skill.
	TargetAway struct{ Agent string }
	// TimeReached says that a deadline of the contact may have come.
	TimeReached struct{}
	// Resynced says what is left in Asterisk of a contact's legs after a start, a reconnect or a
	// takeover: the open channels by ID, and the bridges with their channels.
	Resynced struct{ Snapshot *Snapshot }
)

// The events of a node.
type (
	// NodeConnected says that the event stream is up and what exists in the node. The events that
	// came meanwhile follow it.
	NodeConnected struct{ Snapshot *Snapshot }
	// NodeLost says that the event stream has broken; what happens until the next NodeConnected is
	// told by its snapshot only.
	NodeLost struct{ Err error }
	// DeviceChanged is a change of a device's state in Asterisk.
	DeviceChanged struct {
		Device string // as in PJSIP/1001
		State  DeviceState
	}
)

// OnChannel gives the channel's ID.
func (e LegCreated) OnChannel() string { return e.Channel }

// OnChannel gives the channel's ID.
func (e LegRinging) OnChannel() string { return e.Channel }

// OnChannel gives the channel's ID.
func (e LegProgress) OnChannel() string { return e.Channel }

// OnChannel gives the channel's ID.
func (e LegAnswered) OnChannel() string { return e.Channel }

// OnChannel gives the channel's ID.
func (e LegHangup) OnChannel() string { return e.Channel }

// OnChannel gives the channel's ID.
func (e LegEnded) OnChannel() string { return e.Channel }

// OnChannel gives the channel's ID.
func (e LegLeft) OnChannel() string { return e.Channel }

// OnChannel gives the ID of the channel that was replaced.
func (e LegReplaced) OnChannel() string { return e.Channel }

// OnChannel gives the channel's ID.
func (e LegJoined) OnChannel() string { return e.Channel }

// OnChannel gives the channel's ID.
func (e LegParted) OnChannel() string { return e.Channel }

// OnChannel gives the channel's ID.
func (e KeyPressed) OnChannel() string { return e.Channel }

// OnChannel gives the channel's ID.
func (e PlaybackFinished) OnChannel() string { return e.Channel }

func (LegArrived) event()       {}
func (CodeDialled) event()      {}
func (LegCreated) event()       {}
func (LegRinging) event()       {}
func (LegProgress) event()      {}
func (LegAnswered) event()      {}
func (LegHangup) event()        {}
func (LegEnded) event()         {}
func (LegLeft) event()          {}
func (LegReplaced) event()      {}
func (LegJoined) event()        {}
func (LegParted) event()        {}
func (KeyPressed) event()       {}
func (PlaybackFinished) event() {}
func (CommandFailed) event()    {}
func (OfferMade) event()        {}
func (GivenBack) event()        {}
func (TargetAway) event()       {}
func (TimeReached) event()      {}
func (Resynced) event()         {}
func (NodeConnected) event()    {}
func (NodeLost) event()         {}
func (DeviceChanged) event()    {}

// ChannelState is how far a channel has got.
type ChannelState string

// The states of a channel.
const (
	ChannelDown    ChannelState = "down"
	ChannelRinging ChannelState = "ringing"
	ChannelUp      ChannelState = "up"
)

// DeviceState is what Asterisk says of a device. Only a device that is not in use is offered a
// contact.
type DeviceState string

// The states of devices that decide or show something. Only a phone that is DeviceNotInUse can be rung.
const (
	DeviceNotInUse  DeviceState = "NOT_INUSE"
	DeviceInUse     DeviceState = "INUSE"
	DeviceBusy      DeviceState = "BUSY"
	DeviceRinging   DeviceState = "RINGING"
	DeviceRingInUse DeviceState = "RINGINUSE" // in a call, and another one rings
	DeviceOnHold    DeviceState = "ONHOLD"
)

// InCall says whether somebody is in a call on the device: on hold, too, and not while it only rings.
func (s DeviceState) InCall() bool {
	switch s {
	case DeviceInUse, DeviceBusy, DeviceRingInUse, DeviceOnHold:
		return true
	case DeviceNotInUse, DeviceRinging:
	}
	return false
}

// Snapshot is what exists in a node at one moment.
type Snapshot struct {
	StartedAt time.Time // when this Asterisk started
	Channels  map[string]SnapshotChannel
	Bridges   map[string][]string // bridge ID to channel IDs
	Devices   map[string]DeviceState
	Lamps     map[string]DeviceState // what ShowLamp has set, by the lamp's name
}

// SnapshotChannel is one channel of a snapshot.
type SnapshotChannel struct {
	State   ChannelState
	Left    bool         // the channel, which is one of ours, is in the dialplan or another application now
	Arrived *LegArrived  // what an arrival would tell; nil if the channel is no call in our application
	Code    *CodeDialled // likewise for an agent's code
}
