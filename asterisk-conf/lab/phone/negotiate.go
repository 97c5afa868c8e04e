package phone

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// ownMedia returns the call's audio, which it makes if there is none.
func (c *Call) ownMedia() (*media, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == stateEnded {
		return nil, errCallOver
	}
	if c.media != nil {
		return c.media, nil
	}
	m, err := newMedia(c.phone.address.Addr(), c.ear, c.log, c.note)
	if err != nil {
		return nil, err
	}
	c.media = m
	return m, nil
}

// offer makes our SDP for an offer.
func (c *Call) offer() ([]byte, error) {
	m, err := c.ownMedia()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sdpVersion++
	l := localSDP{
		at:        m.address,
		version:   c.sdpVersion,
		codecs:    c.phone.options.Codecs,
		keyType:   ownKeyType,
		direction: withheld("sendrecv", c.held),
	}
	return l.bytes(), nil
}

// answerTo makes our SDP for an answer to an offer, and goes by it.
func (c *Call) answerTo(body []byte) ([]byte, error) {
	d, err := parseSDP(body)
	if err != nil {
		return nil, err
	}
	codec, err := d.choose(c.phone.options.Codecs)
	if err != nil {
		return nil, err
	}
	m, err := c.ownMedia()
	if err != nil {
		return nil, err
	}
	if err := c.agree(m, d, codec, d.keyType); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sdpVersion++
	l := localSDP{
		at:        m.address,
		version:   c.sdpVersion,
		codecs:    []Codec{codec},
		keyType:   d.keyType,
		direction: withheld(mirrored(d.direction), c.held),
		refused:   d.refused,
		audioAt:   d.audioAt,
	}
	return l.bytes(), nil
}

// accept goes by the far end's answer to our offer.
func (c *Call) accept(body []byte) error {
	d, err := parseSDP(body)
	if err != nil {
		return err
	}
	codec, err := d.choose(c.phone.options.Codecs)
	if err != nil {
		return err
	}
	m, err := c.ownMedia()
	if err != nil {
		return err
	}
	return c.agree(m, d, codec, d.keyType)
}

// agree takes over what was negotiated, and starts the audio if it is not
// running yet.
func (c *Call) agree(m *media, d description, codec Codec, keyType uint8) error {
	c.mu.Lock()
	agreed := path{
		remote:  d.at,
		codec:   codec,
		keyType: keyType,
		sending: !c.held && (d.direction == "sendrecv" || d.direction == "recvonly"),
	}
	started := c.started
	c.started = true
	over := c.state == stateEnded
	c.mu.Unlock()
	if over {
		return errCallOver
	}
	if started {
		m.agree(agreed)
		return nil
	}
	if err := c.ear.start(time.Now(), c.newRecording); err != nil {
		return err
	}
	return m.start(agreed)
}

// newRecording makes the call's WAV file, or nothing if there is no place for
// it.
func (c *Call) newRecording() (*wavFile, error) {
	if c.phone.options.RecordDir == "" {
		return nil, nil
	}
	direction, other := "to", c.to
	if c.incoming {
		direction, other = "from", c.from.Number
	}
	name := fmt.Sprintf("%s-%03d-%s-%s.wav", c.phone.name, c.number, direction, other)
	return newWAV(filepath.Join(c.phone.options.RecordDir, fileName(name)))
}

// fileName replaces what does not belong into a file's name.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("+-_.", r):
			return r
		default:
			return '_'
		}
	}, s)
}
