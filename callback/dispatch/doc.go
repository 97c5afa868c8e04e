// Package dispatch is the loop: events come in from Asterisk, turns are saved, commands go out. It
// matches contacts with agents, keeps the deadlines, finds the answers to what scripts ask, holds the
// node's lease, and makes good what a crash or a lost connection has left.
//
// One goroutine, a session, owns one contact for as long as a channel of it may exist, an offer is open,
// or its script waits for an answer; everyone else puts events into its inbox. A contact in the Callback
// state has no session: Postgres is all that there is of it.
//
//	Switch ──events──▶ router ──▶ session's inbox ──▶ play (pure) ──▶ Store.Save ──▶ Switch.Do
//	                                   ▲                                   │           │
//	          matcher, deadlines ──────┼──────── an answer ◀── questions ◀─┘           │
//	                                   └──────────────── a command's failure ──────────┘
//
// Save, then act: a turn's commands are sent, and its questions asked, when its result stands in the
// database. With the database away, turns that decide nothing that could be lost (prompts, music, the end
// of a leg) go on and are saved later; a promise, a takeover, a web request, the making of a contact's leg
// and its dialling are not.
//
// A match is committed by the store before anybody is told of it. Where its commit has no answer the database is
// asked until it has one. What other nodes match for their agents depends on which phones this one can ring: it
// keeps that told while it holds the node. A node's ports, where they are limited, go to its contacts in the
// queue's order, and two of them to no call that comes in.
//
// What a person asks for by hand stands in the database until a daemon has done it: that of the node that
// has the contact's legs, or any where there are none. It is marked done in the transaction of the contact's
// own turn.
//
// A question is asked once at most: its ID stands in the contact's row before it is asked, and a script
// that has come back from the row goes on waiting for that ID until its deadline.
//
// Agents who dial a code of the dialplan get what they ask for and are given back to it with a word for a
// prompt; no contact is made of them. An agent whose phone Asterisk sees in a call at two looks in a row works
// outbound, unless the call is ours. How agents and queues stand is shown on lamps, which follow the
// database, whoever has changed it.
//
// The package declares what it needs: Store and Switch.
package dispatch
