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
// (create with variables, a sound in a language from an offset on, the event filter, several channels in one join, lists with their content) are
// requests of our own over the same pool, with the library's types where it has them.
//
// Nothing is ever sent twice: dialling a channel a second time ends the call, and playing with the
// same ID twice plays twice. A create whose answer was lost is asked for by its ID instead.
//
// # Sounds
//
// A list of sounds is played only if all of them exist. Asterisk itself passes over one that is missing
// before the last, and reports that all was played. It looks for a sound in the language, in the less
// special ones that the language's name begins with (de for de_AT), in no language at all, and in
// English; so do we, through its list of sounds, and remember for a while what was found. One that lies
// in no folder (sounds/x.wav) is not in that list, and so not found.
//
// A sound that is played from an offset on lets its first 20 ms be heard before it goes there.
//
// # Codes and lamps
//
// A call to Stasis(callback,agent:CODE,ARGUMENT) is an agent who has dialled a code. The agent is known by
// the channel's name, which has the endpoint in it, and by nothing that the phone says.
//
// A lamp is a device Stasis:NAME, which ARI lets us set and a hint of the dialplan shows. Asterisk keeps them
// over a restart, and tells each change to whoever has subscribed to devices, us among them: those are not
// passed on.
//
// # Voice in a bridge
//
// What Asterisk does on a channel that is in a bridge with another one (the real tests hold it so):
//   - A sound is heard by that channel's party alone. While it plays, neither party hears the other;
//     from its end on they do again, within a packet or two.
//   - Music is heard by that channel's party alone, and the other one goes on hearing that party. In a
//     plain bridge, where Asterisk hands the packets through, the music's and the other's voice arrive in
//     turns, packet by packet: a noise. In one that tells keys, the music takes the place of the voice.
//   - Keys are told while a sound plays. Else they are told only by a bridge that was asked for them;
//     the other party's phone gets them in any case, but for those that are pressed while a sound plays.
//   - The bridge's end does not end what plays.
//   - An application whose stream closes in the instant in which Asterisk tells it of a device may lock itself up
//     (Asterisk's issue 2170): each new stream then hangs until Asterisk is restarted. A daemon that ends
//     unsubscribes from the devices first; against a crash at that instant there is no remedy here.
//   - A channel that is in a bridge when that is deleted leaves it some time later, and what it is asked to play
//     meanwhile is never played, with no word of that. So the channels are taken out first, one by one, which
//     Asterisk answers when it is done.
//
// # Transfers
//
// When the phone of a channel in a bridge of ours transfers the call (REFER), the others stay in the bridge
// and in our application, and Asterisk puts one end of a Local channel of its own into the place of the
// transferring one: StasisStart with replace_channel. That holds for a blind transfer and for an attended one
// (whose Local channel is called _attended, so that it does not say who it is). What follows from it:
//   - Asterisk hands our interest in the old channel over to the new one, so the old one is subscribed to
//     again: its end would not be told.
//   - Asterisk does not hang the transferring phone up: its channel is left in our application until the
//     phone hangs up. When we end it, the phone is told only once it hangs up itself.
//   - When either end of the transferred call goes, the other one is left in the bridge.
//   - While nobody is connected to the application, a transfer is refused (503 to the phone) and the two talk
//     on.
//
// A channel that somebody redirects in the dialplan leaves the application with no word of a hang-up before
// its StasisEnd; every hang-up has one. Hold is Asterisk's own: the other one hears music of the default
// class. A redirect (302) by a phone that a created leg is dialled to is never followed, whatever
// pjsip.conf says; the leg ends with cause 23.
package ari
