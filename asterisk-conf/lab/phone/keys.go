package phone

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// keyNames are the keys by their RFC 4733 event number.
const keyNames = "0123456789*#ABCD"

const (
	// keyTicks is how many packets' time a key is held: 100 ms.
	keyTicks = 5
	// keyPause is how many packets' time lies between two keys: 100 ms.
	keyPause = 5
	// keyEnds is how often the end of a key is sent, against loss.
	keyEnds = 3
	// keyVolume is the level of a key in dB under full scale.
	keyVolume = 10
)

// keyEvents converts keys to event numbers.
func keyEvents(keys string) ([]byte, error) {
	events := make([]byte, len(keys))
	for i, k := range []byte(strings.ToUpper(keys)) {
		event := strings.IndexByte(keyNames, k)
		if event < 0 {
			return nil, fmt.Errorf("%q is no key: the keys are %s", k, keyNames)
		}
		events[i] = byte(event)
	}
	return events, nil
}

// keyPayload writes an RFC 4733 payload. duration is in samples.
func keyPayload(b []byte, event byte, end bool, duration uint16) []byte {
	flags := byte(keyVolume)
	if end {
		flags |= 0x80
	}
	return binary.BigEndian.AppendUint16(append(b, event, flags), duration)
}

// keyOf returns the key of an RFC 4733 payload.
func keyOf(payload []byte) (byte, bool) {
	if len(payload) < 4 || int(payload[0]) >= len(keyNames) {
		return 0, false
	}
	return keyNames[payload[0]], true
}
