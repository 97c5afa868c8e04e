package phone

import (
	"fmt"
	"math/bits"
)

// Codec is an audio codec by its static RTP payload type (RFC 3551).
type Codec uint8

// The two laws of G.711, 8,000 samples a second, one byte a sample.
const (
	ULaw Codec = 0
	ALaw Codec = 8
)

// String returns the codec's name as SDP writes it.
func (c Codec) String() string {
	switch c {
	case ULaw:
		return "PCMU"
	case ALaw:
		return "PCMA"
	default:
		return fmt.Sprintf("payload type %d", uint8(c))
	}
}

// law holds the tables of one law: a byte to a 16-bit sample, and the upper 14
// bits of a sample (all that either law looks at) to a byte.
type law struct {
	decode [256]int16
	encode [1 << 14]byte
}

var laws = map[Codec]*law{
	ULaw: newLaw(ulawDecode, ulawEncode),
	ALaw: newLaw(alawDecode, alawEncode),
}

func newLaw(decode func(byte) int16, encode func(int16) byte) *law {
	l := new(law)
	for i := range l.decode {
		l.decode[i] = decode(byte(i))
	}
	for i := range l.encode {
		l.encode[i] = encode(int16(uint16(i) << 2))
	}
	return l
}

// byteOf encodes one sample.
func (l *law) byteOf(sample int16) byte { return l.encode[uint16(sample)>>2] }

// ulawBias moves the segments' borders to powers of two.
const ulawBias = 0x84

func ulawDecode(b byte) int16 {
	b = ^b
	segment := (b >> 4) & 7
	magnitude := (int16(b&0x0f)<<3+ulawBias)<<segment - ulawBias
	if b&0x80 != 0 {
		return -magnitude
	}
	return magnitude
}

func ulawEncode(sample int16) byte {
	const most = 0x7fff - ulawBias
	magnitude, sign := int(sample), byte(0)
	if magnitude < 0 {
		// A negative sample is truncated towards minus infinity when its two
		// lowest bits go, so that its one's complement is its mirror image.
		magnitude, sign = ^magnitude, 0x80
	}
	magnitude = min(magnitude, most) + ulawBias
	segment := bits.Len(uint(magnitude)) - 8
	return ^(sign | byte(segment)<<4 | byte(magnitude>>(segment+3))&0x0f)
}

// alawToggle inverts every other bit, as G.711 sends them.
const alawToggle = 0x55

func alawDecode(b byte) int16 {
	b ^= alawToggle
	magnitude := int16(b&0x0f)<<4 + 8
	if segment := (b >> 4) & 7; segment > 0 {
		magnitude = (magnitude + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		return -magnitude
	}
	return magnitude
}

func alawEncode(sample int16) byte {
	magnitude, sign := int(sample), byte(0x80)
	if magnitude < 0 {
		magnitude, sign = ^magnitude, 0
	}
	segment := max(bits.Len(uint(magnitude))-8, 0)
	return (sign | byte(segment)<<4 | byte(magnitude>>(max(segment, 1)+3))&0x0f) ^ alawToggle
}
