package phone

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// SendTone sends a steady tone, in Hz, from the next packet on. Before there is
// audio it is kept for then.
func (c *Call) SendTone(hz float64) error {
	m, err := c.ownMedia()
	if err != nil {
		return err
	}
	m.setTone(hz)
	c.note(Event{Kind: EventTone, Detail: fmt.Sprintf("%g", hz)})
	return nil
}

// Silence sends silence from the next packet on.
func (c *Call) Silence() error { return c.SendTone(0) }

// Press sends keys (0 to 9, *, #, A to D) as RFC 4733 events, 100 ms each with
// 100 ms between, and returns after the last. It fails if the call is not
// answered or its far end takes no such events.
func (c *Call) Press(ctx context.Context, keys string) error {
	m, err := c.ownMedia()
	if err != nil {
		return err
	}
	return m.press(ctx, keys)
}

// AwaitTone returns when the tone, one of Options.Tones, is heard and has been
// for 100 ms, with the moment it began. It fails when the call ends first.
func (c *Call) AwaitTone(ctx context.Context, hz float64) (time.Time, error) {
	return c.ear.awaitTone(ctx, hz)
}

// AwaitNoTone returns when the tone has not been heard for 100 ms, with the
// moment it ended: the zero time if it was never heard. It fails when the call
// ends first.
func (c *Call) AwaitNoTone(ctx context.Context, hz float64) (time.Time, error) {
	return c.ear.awaitNoTone(ctx, hz)
}

// AwaitSound returns when anything is heard and has been for 100 ms, with the
// moment it began. It fails when the call ends first.
func (c *Call) AwaitSound(ctx context.Context) (time.Time, error) {
	return c.ear.awaitSound(ctx)
}

// AwaitQuiet returns when nothing has been heard for atLeast, with the moment
// of the last sound: the zero time if there was none. It fails when the call
// ends first.
func (c *Call) AwaitQuiet(ctx context.Context, atLeast time.Duration) (time.Time, error) {
	return c.ear.awaitQuiet(ctx, atLeast)
}

// AwaitKeys returns the keys that have come in when they are n or more. It
// fails when the call ends first.
func (c *Call) AwaitKeys(ctx context.Context, n int) (string, error) {
	return c.ear.awaitKeys(ctx, n)
}

// Hears says whether a tone is heard now.
func (c *Call) Hears(hz float64) bool { return c.ear.hears(hz) }

// Heard says whether a tone was ever heard on this call.
func (c *Call) Heard(hz float64) bool {
	return slices.ContainsFunc(c.Tones(), func(t Tone) bool { return t.Hz == hz })
}

// Tones returns all tones of 100 ms and more that were heard so far, in the
// order in which they began.
func (c *Call) Tones() []Tone { return c.ear.heardTones() }

// Keys returns the keys that have come in so far, as RFC 4733 events.
func (c *Call) Keys() string { return c.ear.heardKeys() }

// Received returns how many packets of audio have come in, and when the last
// one did.
func (c *Call) Received() (packets int, last time.Time) { return c.ear.received() }

// Packets returns the packets of audio that have come in, in that order, where Options.Packets asks for
// them. Keys and comfort noise are not among them.
func (c *Call) Packets() []Packet { return c.ear.keptPackets() }

// AwaitPacket returns the first packet that fits, from the one with the given place among all packets
// on, and its place. It fails when the call ends first; what names it in the error.
func (c *Call) AwaitPacket(ctx context.Context, what string, from int, fits func(Packet) bool) (int, Packet, error) {
	return c.ear.awaitPacket(ctx, what, from, fits)
}

// Recording returns the path of the WAV file with what the call heard, from
// the start of its audio on; "" if nothing is recorded. It is complete after
// AwaitEnded.
func (c *Call) Recording() string { return c.ear.recording() }
