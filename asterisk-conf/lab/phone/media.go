package phone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
)

const (
	// packetTime is the time that one packet of audio lasts.
	packetTime = 20 * time.Millisecond
	// packetSamples is the same in samples.
	packetSamples = 160
	// rtpHeaderSize is the length of a packet's header, in bytes.
	rtpHeaderSize = 12
	// catchUp is the most packets that are sent at once after a stall; what is
	// older is left out.
	catchUp = 10
	// quietLimit is how long the phone waits for a packet before it looks at
	// the clock. Silence is heard after two such waits.
	quietLimit = 100 * time.Millisecond
)

// path is what the two sides have agreed on.
type path struct {
	remote  netip.AddrPort // where our audio goes
	codec   Codec
	keyType uint8 // 0: the far end takes no keys
	sending bool  // the far end wants audio
}

// press is a series of keys that is being sent.
type press struct {
	events []byte
	tick   int           // packets' times since the first key began
	done   chan struct{} // closed after the last key
}

// media carries the audio of one call: a goroutine that sends a packet every
// 20 ms, and one that receives.
type media struct {
	conn    *net.UDPConn
	address netip.AddrPort // where the phone receives audio
	ear     *ear
	log     *slog.Logger
	note    func(Event)

	goroutines sync.WaitGroup
	quit       chan struct{}

	mu         sync.Mutex
	closed     bool
	path       path
	oscillator oscillator
	pressing   []*press

	// What follows belongs to the sending goroutine.
	packet   rtp.Packet
	payload  [packetSamples]byte
	wire     [rtpHeaderSize + packetSamples]byte
	keyStamp uint32
}

// newMedia binds a free port of the address.
func newMedia(ip netip.Addr, ear *ear, log *slog.Logger, note func(Event)) (*media, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		return nil, fmt.Errorf("binding a port for audio: %w", err)
	}
	address, err := boundTo(conn)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("binding a port for audio: %w", err), conn.Close())
	}
	m := &media{conn: conn, address: address, ear: ear, log: log, note: note, quit: make(chan struct{})}
	m.packet.Header = rtp.Header{
		Version:        2,
		Marker:         true,
		SequenceNumber: uint16(rand.Uint32()),
		Timestamp:      rand.Uint32(),
		SSRC:           rand.Uint32(),
	}
	return m, nil
}

// boundTo returns the address that a socket is bound to.
func boundTo(conn net.PacketConn) (netip.AddrPort, error) {
	return netip.ParseAddrPort(conn.LocalAddr().String())
}

// start begins to send and to receive. It is called once, and fails after
// close.
func (m *media) start(p path) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errCallOver
	}
	m.path = p
	m.goroutines.Go(m.send)
	m.goroutines.Go(m.receive)
	return nil
}

// agree changes what is agreed on.
func (m *media) agree(p path) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.path = p
}

// close ends both goroutines and frees the port. It is called once.
func (m *media) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	close(m.quit)
	if err := m.conn.Close(); err != nil {
		m.log.Warn("closing the audio port", "error", err)
	}
	m.goroutines.Wait()
}

// setTone sends a tone from the next packet on; silence at 0 Hz.
func (m *media) setTone(hz float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.oscillator.hz = hz
}

// press sends keys after those that are already being sent, and returns when
// the last one has ended.
func (m *media) press(ctx context.Context, keys string) error {
	events, err := keyEvents(keys)
	if err != nil || len(events) == 0 {
		return err
	}
	p := &press{events: events, done: make(chan struct{})}
	if err := m.queue(p); err != nil {
		return fmt.Errorf("pressing %s: %w", keys, err)
	}
	select {
	case <-p.done:
		return nil
	case <-m.quit:
		return fmt.Errorf("pressing %s: %w", keys, errCallOver)
	case <-ctx.Done():
		return fmt.Errorf("pressing %s: %w", keys, context.Cause(ctx))
	}
}

// queue has the keys sent after those that wait already.
func (m *media) queue(p *press) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.path.remote.IsValid():
		return errors.New("the call has no audio before it is answered")
	case m.path.keyType == 0:
		return errors.New("the far end takes no RFC 4733 keys")
	}
	m.pressing = append(m.pressing, p)
	return nil
}

// send sends a packet every 20 ms by the clock until close.
func (m *media) send() {
	ticker := time.NewTicker(packetTime)
	defer ticker.Stop()
	for sent, began := 0, time.Now(); ; {
		due := int(time.Since(began)/packetTime) + 1
		if missed := due - sent - catchUp; missed > 0 {
			sent += missed
			m.packet.Timestamp += uint32(missed) * packetSamples
		}
		for ; sent < due; sent++ {
			m.tick()
		}
		select {
		case <-m.quit:
			return
		case <-ticker.C:
		}
	}
}

// tick sends what is due for one packet's time: audio, or a key.
func (m *media) tick() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.tickKey() {
		m.tickAudio()
	}
	m.packet.Timestamp += packetSamples
}

func (m *media) tickAudio() {
	law := laws[m.path.codec]
	payload := m.payload[:0]
	for range packetSamples {
		payload = append(payload, law.byteOf(m.oscillator.next()))
	}
	m.packet.PayloadType = uint8(m.path.codec)
	m.packet.Payload = payload
	m.write()
}

// tickKey sends a part of a key if one is being pressed.
func (m *media) tickKey() bool {
	if len(m.pressing) == 0 {
		return false
	}
	p := m.pressing[0]
	key, phase := p.tick/(keyTicks+keyPause), p.tick%(keyTicks+keyPause)
	p.tick++
	if phase >= keyTicks {
		if key == len(p.events)-1 && phase == keyTicks+keyPause-1 {
			close(p.done)
			m.pressing = m.pressing[1:]
		}
		return false
	}

	now := m.packet.Timestamp
	if phase == 0 {
		m.keyStamp = now
		m.note(Event{Kind: EventKeySent, Detail: string(keyNames[p.events[key]])})
	}
	last := phase == keyTicks-1
	m.packet.Timestamp = m.keyStamp
	m.packet.Marker = phase == 0
	m.packet.PayloadType = m.path.keyType
	m.packet.Payload = keyPayload(m.payload[:0], p.events[key], last, uint16(phase+1)*packetSamples)
	m.write()
	if last {
		m.note(Event{Kind: EventKeyEnded, Detail: string(keyNames[p.events[key]])})
		for range keyEnds - 1 {
			m.write()
		}
	}
	m.packet.Timestamp = now
	return true
}

// write sends the packet, if the far end wants any, and counts it.
func (m *media) write() {
	if !m.path.sending || m.path.remote.Port() == 0 {
		return
	}
	n, err := m.packet.MarshalTo(m.wire[:])
	if err == nil {
		_, err = m.conn.WriteToUDPAddrPort(m.wire[:n], m.path.remote)
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		m.log.Warn("sending audio", "to", m.path.remote, "error", err)
	}
	m.packet.SequenceNumber++
	m.packet.Marker = false
}

// receive hears packets until close.
func (m *media) receive() {
	buffer := make([]byte, 2048)
	samples := make([]int16, 0, 2048)
	for quiet := 0; ; {
		// The deadline can fail only on a closed port, which the read notices.
		_ = m.conn.SetReadDeadline(time.Now().Add(quietLimit))
		n, _, err := m.conn.ReadFromUDPAddrPort(buffer)
		now := time.Now()
		var timeout net.Error
		switch {
		case err == nil:
			quiet = 0
			m.hear(now, buffer[:n], samples)
		case errors.As(err, &timeout) && timeout.Timeout():
			// One wait can end because this program was held up, with packets
			// in the socket; so silence is believed at the second.
			if quiet++; quiet > 1 {
				m.ear.idle(now.Add(-quietLimit))
			}
		default:
			if !errors.Is(err, net.ErrClosed) {
				m.log.Warn("receiving audio", "error", err)
			}
			return
		}
	}
}

// hear takes one packet apart.
func (m *media) hear(now time.Time, wire []byte, samples []int16) {
	if isRTCP(wire) {
		return
	}
	var p rtp.Packet
	if err := p.Unmarshal(wire); err != nil {
		m.log.Warn("receiving audio", "error", err)
		return
	}
	m.mu.Lock()
	keyType := m.path.keyType
	m.mu.Unlock()

	if keyType != 0 && p.PayloadType == keyType {
		if key, ok := keyOf(p.Payload); ok && m.ear.key(p.SSRC, p.Timestamp, key) {
			m.note(Event{At: now, Kind: EventKeyHeard, Detail: string(key)})
		}
		return
	}
	law := laws[Codec(p.PayloadType)]
	if law == nil {
		return // comfort noise and the like
	}
	samples = samples[:0]
	for _, b := range p.Payload {
		samples = append(samples, law.decode[b])
	}
	m.ear.audio(now, p.SSRC, p.Timestamp, p.SequenceNumber, samples)
}

// isRTCP says whether a packet is a control packet of the neighbouring even
// port, which may reach us since our ports are any free ones (RFC 5761).
func isRTCP(wire []byte) bool {
	return len(wire) >= 2 && wire[1] >= 192 && wire[1] <= 223
}
