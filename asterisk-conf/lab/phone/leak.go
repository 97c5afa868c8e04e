package phone

import "go.uber.org/goleak"

// SipgoLeak lets a test's search for goroutines pass over one that is not ours: for what sipgo sends in
// the instant in which a phone closes it opens a socket of its own, miscounts who uses it, and leaves
// it open.
func SipgoLeak() goleak.Option {
	return goleak.IgnoreAnyFunction("github.com/emiago/sipgo/sip.(*TransportUDP).readUDPConnection")
}
