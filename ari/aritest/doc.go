// Package aritest is a small Asterisk for tests: enough of ARI, over real HTTP and a real websocket,
// for the events and commands that package ari uses, and all the misbehaviour that a real Asterisk
// can't be made to show on demand: a link that goes silent without closing, bursts of events, 503
// while booting, slow answers, answers that are lost after the command was carried out, a second
// program with our application's name, events of unknown types, doubled and late.
//
// What it does when it behaves is not invented: [Contract] says it, test by test, and both this server
// and a real Asterisk must pass it.
package aritest
