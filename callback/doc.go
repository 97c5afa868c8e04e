// Package callback is the domain: contacts, their places in the queue, agents, offers, legs and
// attempts, and every transition between their states.
//
// It is pure. It does no I/O, starts no goroutine and reads no clock; what happened and the time at
// which it happened come in through a [Turn], and what has to be saved and sent comes out of it.
// Whoever runs a turn saves its result first and sends its commands then.
//
// A contact is one person's claim on an agent:
//
//	         Callback action                  an agent accepts
//	live ────────────────────▶ callback ──────────────────────▶ calling
//	 │  ▲                       ▲    │  not reached, agent left,   │
//	 │  │                       │    │  outcome unknown            │
//	 │  │ agent lost before     └────┼─────────────────────────────┤
//	 │  │ the two were joined        │                             │ the contact answers
//	 │  │                            ▼                             ▼
//	 └──┴─▶ connected ──▶ released ──▶ ended ◀──────────────── connected
//
// live: the caller is on the line, in the script, with or without a place in the queue.
// callback: the contact has hung up and the place is kept; no channel exists (C14).
// calling: an agent has accepted and the contact is called back (C3).
// connected: contact and agent hear each other.
// released: the agent has left and the script goes on with the contact, for a survey.
// stuck: open, but it takes a person to decide what becomes of it.
// ended: the contact has its outcome.
//
// A new call can take over the place of a contact that is in the state callback or calling, and the
// agent with it who is on the line for that one; the other has then ended.
//
// A person can let one that is held back or stuck be offered again, change what its place and its
// promise hold, and cancel it as long as nobody has answered; see [Turn.Ask].
//
// An agent's phone can transfer the contact to somebody else. The contact has ended then, its agent is done
// with it, and its legs are still ours until one of the two hangs up: Asterisk puts a channel of its own
// into our bridge in the place of the agent's. A leg that somebody sends elsewhere in Asterisk is left
// alone; only its end is recorded.
//
// An offer runs beside that: ringing, then accepted, refused or withdrawn; it is open until the
// agent's leg has ended, so that nobody is offered anything while their phone still rings.
package callback
