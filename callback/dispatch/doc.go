// Package dispatch is the loop: events come in from Asterisk, turns are saved, commands go out. It
// matches contacts with agents, keeps the deadlines, holds the node's lease, and makes good what a
// crash or a lost connection has left.
//
// One goroutine, a session, owns one contact for as long as a channel of it may exist or an offer is
// open; everyone else puts events into its inbox. A contact in the Callback state has no session:
// Postgres is all that there is of it.
//
//	Switch ──events──▶ router ──▶ session's inbox ──▶ play (pure) ──▶ Store.Save ──▶ Switch.Do
//	                                   ▲                                               │
//	          matcher, deadlines ──────┴──────────────── a command's failure ──────────┘
//
// Save, then act: a turn's commands are sent when its result stands in the database. With the
// database away, turns that decide nothing that could be lost (prompts, music, the end of a leg) go
// on and are saved later; a promise, the making of a contact's leg and its dialling are not.
//
// The package declares what it needs: Store and Switch.
package dispatch
