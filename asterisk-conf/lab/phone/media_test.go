package phone

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// wire makes media whose packets a test reads.
func wire(t *testing.T, p path) (*media, func() rtp.Packet) {
	t.Helper()
	far, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	p.remote, err = boundTo(far)
	must(t, err)
	m, err := newMedia(netip.MustParseAddr("127.0.0.1"), newEar(nil, false), nil, func(Event) {})
	must(t, err)
	m.agree(p)
	t.Cleanup(func() {
		m.close()
		must(t, far.Close())
	})
	return m, func() rtp.Packet {
		t.Helper()
		buffer := make([]byte, 500)
		must(t, far.SetReadDeadline(time.Now().Add(testLimit)))
		n, err := far.Read(buffer)
		must(t, err)
		var packet rtp.Packet
		must(t, packet.Unmarshal(buffer[:n]))
		return packet
	}
}

func TestAKeyIsSentAsRFC4733Says(t *testing.T) {
	m, read := wire(t, path{codec: ULaw, keyType: 96, sending: true})
	m.tick()
	before := read()
	if !before.Marker {
		t.Error("the first packet of all has no marker")
	}
	p := &press{events: []byte{11, 1}, done: make(chan struct{})}
	must(t, m.queue(p))
	for range 2 * (keyTicks + keyPause) {
		m.tick()
	}
	select {
	case <-p.done:
	default:
		t.Error("the keys are not done")
	}

	sequence := before.SequenceNumber
	stamp := before.Timestamp
	next := func() rtp.Packet {
		got := read()
		sequence++
		if got.SequenceNumber != sequence || got.SSRC != before.SSRC {
			t.Errorf("packet %d of source %d follows %d of %d", got.SequenceNumber, got.SSRC, sequence-1, before.SSRC)
		}
		return got
	}
	for _, event := range p.events {
		start := stamp + packetSamples
		for i := range keyTicks + keyEnds - 1 {
			got := next()
			held := min(i+1, keyTicks)
			want := keyPayload(nil, event, i >= keyTicks-1, uint16(held*packetSamples))
			if got.PayloadType != 96 || got.Timestamp != start || got.Marker != (i == 0) || string(got.Payload) != string(want) {
				t.Errorf("packet %d of key %d is %v with payload %v; want timestamp %d, payload %v", i, event, got.Header, got.Payload, start, want)
			}
		}
		stamp += keyTicks * packetSamples
		for range keyPause {
			stamp += packetSamples
			if got := next(); got.PayloadType != uint8(ULaw) || got.Timestamp != stamp || got.Marker {
				t.Errorf("after key %d comes %v; want audio at %d", event, got.Header, stamp)
			}
		}
	}
	if end := keyPayload(nil, 11, true, 800); string(end) != "\x0b\x8a\x03\x20" {
		t.Errorf("the end of # after 100 ms is % x", end)
	}
}

func TestNothingIsSentToAFarEndThatWantsNothing(t *testing.T) {
	m, read := wire(t, path{codec: ULaw, sending: false})
	m.tick()
	m.agree(path{remote: m.path.remote, codec: ALaw, sending: true})
	m.tick()
	if got := read(); got.PayloadType != uint8(ALaw) || !got.Marker {
		t.Errorf("the first packet is %v", got.Header)
	}
}

func TestKeysNeedAFarEndThatTakesThem(t *testing.T) {
	m, _ := wire(t, path{codec: ULaw, sending: true})
	if err := m.press(t.Context(), "1"); err == nil || err.Error() != "pressing 1: the far end takes no RFC 4733 keys" {
		t.Errorf("pressing a key: %v", err)
	}
}

func TestControlPacketsAreNoAudio(t *testing.T) {
	m, _ := wire(t, path{codec: ULaw, sending: true})
	must(t, m.ear.start(time.Now(), noRecording))
	report := []byte{0x81, 201, 0, 7, 0, 0, 0, 1}
	m.hear(time.Now(), append(report, make([]byte, 24)...), nil)
	if packets, _ := m.ear.received(); packets != 0 {
		t.Error("a receiver report was heard")
	}
	m.hear(time.Now(), append([]byte{0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, make([]byte, 160)...), nil)
	if packets, last := m.ear.received(); packets != 1 || last.IsZero() {
		t.Errorf("%d packets were heard, the last at %v", packets, last)
	}
}
