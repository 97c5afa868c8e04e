package main

// lane is one of those who take part, from left to right.
type lane int

const (
	caller lane = iota
	agent
	asterisk
	daemon
	postgres
)

var lanes = []struct {
	name, below, colour string
}{
	caller:   {"Caller's phone", "the contact", "#2563eb"},
	agent:    {"Agent's phone", "an extension", "#15803d"},
	asterisk: {"Asterisk", "the node", "#c2410c"},
	daemon:   {"callbackd", "script, queue, dispatch", "#6d28d9"},
	postgres: {"Postgres", "the truth", "#0e7490"},
}

// step is one line of the story: an arrow from one lane to another.
type step struct {
	from, to lane
	text     string
	commit   bool   // it stands in the database before what follows is done
	spoken   bool   // sound, not signalling
	both     bool   // in both directions
	begins   []lane // which of them have a call from here on
	ends     []lane // and no longer
}

// phase is a part of the story below a heading of its own.
type phase struct {
	heading, remark string
	quiet           bool // no call exists
	steps           []step
}

var story = []phase{
	{heading: "The call", remark: "a caller waits and takes the offer", steps: []step{
		{from: caller, to: asterisk, text: "calls the number", begins: []lane{caller, asterisk}},
		{from: asterisk, to: daemon, text: "Stasis(callback,example)"},
		{from: daemon, to: postgres, text: "contact and place saved", commit: true},
		{from: asterisk, to: caller, text: "music, then: press 1 to be called back", spoken: true},
		{from: caller, to: daemon, text: "presses 1"},
		{from: asterisk, to: caller, text: "thank you, please stay on the line", spoken: true},
		{from: daemon, to: postgres, text: "callback promised", commit: true},
		{from: daemon, to: caller, text: "hung up: that confirms it", ends: []lane{caller, asterisk}},
	}},
	{heading: "The callback waits", remark: "no channel, no bridge, only a row that keeps its place; callbackd may restart", quiet: true, steps: []step{
		{from: agent, to: daemon, text: "an agent is free"},
		{from: daemon, to: postgres, text: "first in the queue: offer", commit: true},
	}},
	{heading: "The callback", remark: "the agent first, then the contact, whose phone shows the number that was dialled before", steps: []step{
		{from: daemon, to: agent, text: "rings", begins: []lane{asterisk}},
		{from: agent, to: daemon, text: "accepts by answering", begins: []lane{agent}},
		{from: daemon, to: postgres, text: "attempt and channel ID", commit: true},
		{from: daemon, to: asterisk, text: "creates the channel"},
		{from: daemon, to: postgres, text: "dialling", commit: true},
		{from: daemon, to: caller, text: "dials the contact"},
		{from: caller, to: daemon, text: "the contact answers", begins: []lane{caller}},
		{from: daemon, to: asterisk, text: "joins the two"},
		{from: agent, to: caller, text: "they hear each other", spoken: true, both: true},
		{from: caller, to: daemon, text: "one of them hangs up", ends: []lane{caller, agent, asterisk}},
		{from: daemon, to: postgres, text: "outcome: served", commit: true},
	}},
}
