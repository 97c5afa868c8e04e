// Package ari is everything that speaks to Asterisk. A [Node] is one Asterisk: it turns what happens
// there into the domain's events, in their order, and the domain's commands into requests.
//
// # Events
//
// The event stream is our own, because the library's drops events under load, reconnects without a
// word and does not notice a dead link. One goroutine reads the websocket, looks at each event's type
// and puts those that we use into an inbox that neither blocks nor drops; another decodes them and
// hands them on. A user event that we post to our own application every few seconds has to come back
// on the socket: a link on which nothing comes back for too long is given up.
//
//	Asterisk ──websocket──> read (peek) ──> inbox ──> translate (decode) ──> deliver
//	          <──REST────── ping, subscribe to each inbound channel
//
// After each connect the events wait in the inbox while the filter and the subscriptions are set and
// a snapshot of the channels, bridges and devices is taken; the snapshot is delivered first.
//
// # Commands
//
// Commands go through the library's client, which has no contexts, no time limits and an http.Client
// that can't be reached from outside. The way in is a URL scheme of our own, registered at
// http.DefaultTransport: the library sends a request to "callbackd-ari://NUMBER/channels/...", and the
// NUMBER leads to the call's context and node. Nothing else in the program is touched by that, no
// global is replaced, and each node keeps its own pool, TLS and limits. What the library can't say
// (create with variables, a sound from an offset on, the event filter, several channels in one join, lists with their content) are
// requests of our own over the same pool, with the library's types where it has them.
//
// Nothing is ever sent twice: dialling a channel a second time ends the call, and playing with the
// same ID twice plays twice. A create whose answer was lost is asked for by its ID instead.
package ari
