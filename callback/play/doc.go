// Package play takes what happens to a contact through the contact and then through its script.
//
//	event ──▶ callback.Turn ──signals──▶ script.Step ──actions──▶ callback.Turn
//	                                         │
//	                                         └──▶ questions, asked once the turn is saved
//
// It is pure: it does no I/O, starts no goroutine and reads no clock. The daemon plays contacts with
// it, and so does a rehearsal, so that a script does in both the same.
package play
