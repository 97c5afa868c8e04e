// Package queue holds the rules of the queue, pure: which contact comes next, which agent gets it, and how
// long a contact is likely to wait.
//
// Places that share skill, priority parameters, node and target agent form a [Class]. Inside a class the
// earlier is always ahead, so the next contact is the best of the heads of the classes that a free agent
// can serve, and a match looks at no other place, however long the queue is:
//
//	Put ──▶ held ────────────────────── left alone until it is put anew
//	  │
//	  ├───▶ resting, until ReadyAt ──┐
//	  │                              ▼
//	  └───────────────────────▶ offerable ──Match──▶ offered ──Withdraw──▶ resting or offerable
//	                     (head of its class, or behind)   └──Remove──▶ out of the queue
//
// A live caller can only be given to an agent of its own node; a callback to one of any. Of the agents who
// fit, in all nodes, the best in the skill gets the contact, then the one who has been idle longest.
//
// The package postgres, where the queue is, finds in SQL who could be brought together, and has [Pairs] do
// it: its random tests hold the matches against those of [Queue], as the tests of this package hold Queue
// and Pairs against a walk of the whole queue. [Figures.Estimate] is
// what the store answers with, from figures that it counts; its error is measured on a simulated day that
// Queue serves.
//
// The package does no I/O and reads no clock. Nothing in it may be used by two goroutines at once.
package queue
