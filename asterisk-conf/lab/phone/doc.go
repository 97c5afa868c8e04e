// Package phone is in charge of the SIP phones that the demo and the
// end-to-end tests place and take calls with: real SIP over UDP, real RTP with
// G.711 audio, RFC 4733 keys, a tone to send and an ear that tells tones apart,
// and, for measurements, each packet with its moment, level and pitch.
//
// A Phone is one SIP user agent on one address. NewAgent makes an agent's
// phone, which registers its extension; NewCarrier makes the far end of the
// trunk, which plays any number of callers and called numbers at once. A Call
// is one call of a phone, placed with Phone.Call or taken from Phone.AwaitCall,
// Phone.AwaitCallTo or a function given to Phone.Handle:
//
//	placed    calling > ringing > answered > ended
//	received  offered > ringing > answered > ended
//
// A received call does nothing by itself: it rings, is answered, is declined,
// or rings out as the test says. An answered call can be put on hold, transferred
// to a number, and transferred to the far end of another. Every call keeps its events with their times,
// and what it heard as a WAV file when Options.RecordDir is set. A Lamp is a key
// of a phone that shows the state of an extension (Phone.Watch).
//
// Everything that waits, waits for a change that the phone announces, never by
// looking again after a while, and takes a context for its limit. All methods
// may be used from several goroutines. After Phone.Close no call, goroutine,
// socket or registration of the phone is left.
//
// The dialogues stand on sipgo's transactions and not on its dialogue types,
// since a test wants what those hide: each response with its time, a CANCEL at
// any moment with an end that is known, and a call that just rings.
package phone
