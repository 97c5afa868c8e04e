// Package script is in charge of the script language: what an administrator writes to say how calls
// are handled. It parses and checks a script and steps a contact through it.
//
// It is pure. [Parse] gets the text of a file and reports every mistake at once, with line and
// column. [Script.Step] gets a contact's position, what happened and the time, tells a [Host] what
// is to be done, and gives the new position: it does no I/O, starts no goroutine and reads no clock.
// A position is plain data, so it is saved with the contact and goes on after a restart.
//
// A script is a graph. Its nodes are actions, each of one kind; an action ends by taking one of its
// branches, which leads to the next action. Some kinds are done at once (Reqagent, Callback,
// Hangup), others wait for the contact or the time (Music, Play, Menu):
//
//	        Start, Event, end of an action
//	                    │
//	                    ▼    a branch that leads on
//	resting ◀──── an action begins ◀───────────────┐
//	   ▲   no branch    │                          │
//	   │                ▼                          │
//	   └─────────── it waits ──────────────────────┘
//	                        PlaybackFinished, KeyPressed, TimeReached
//
// An [Event] ends whatever runs and goes on from the event's own branch. A script that rests has
// nothing more to do until an event comes.
//
// The kinds of action stand in one table, in kinds.go: what they are called, their properties with
// types, defaults and bounds, their branches. Parsing and checking follow from it. A new kind is an
// entry there and its functions.
package script
