package phone

import "testing"

func TestG711DecodesTheStandardsVectors(t *testing.T) {
	vectors := map[Codec]map[byte]int16{
		ULaw: {0x00: -32124, 0x0f: -16764, 0x10: -15996, 0x2a: -5372, 0x55: -716, 0x7e: -8, 0x7f: 0,
			0x80: 32124, 0x8f: 16764, 0xaa: 5372, 0xd5: 716, 0xfe: 8, 0xff: 0},
		ALaw: {0x00: -5504, 0x0f: -6784, 0x10: -2752, 0x2a: -32256, 0x55: -8, 0x7e: -880, 0x7f: -848,
			0x80: 5504, 0x8f: 6784, 0xaa: 32256, 0xd5: 8, 0xfe: 880, 0xff: 848},
	}
	for codec, samples := range vectors {
		for b, want := range samples {
			if got := laws[codec].decode[b]; got != want {
				t.Errorf("%s: %#02x decodes to %d; want %d", codec, b, got, want)
			}
		}
	}
}

func TestG711EncodesTheStandardsVectors(t *testing.T) {
	vectors := map[Codec]map[int16]byte{
		ULaw: {0: 0xff, 8: 0xfe, -8: 0x7e, 100: 0xf2, 1000: 0xce, -1000: 0x4e,
			10000: 0x9c, -10000: 0x1c, 32767: 0x80, -32768: 0x00},
		ALaw: {0: 0xd5, -1: 0x55, 8: 0xd5, -8: 0x55, 100: 0xd3, -100: 0x53, 1000: 0xfa, -1000: 0x7a,
			10000: 0xb6, -10000: 0x36, 32767: 0xaa, -32768: 0x2a},
	}
	for codec, bytes := range vectors {
		for sample, want := range bytes {
			if got := laws[codec].byteOf(sample); got != want {
				t.Errorf("%s: %d encodes to %#02x; want %#02x", codec, sample, got, want)
			}
		}
	}
}

func TestG711KeepsEverySampleWithinItsStep(t *testing.T) {
	for codec, law := range laws {
		for i := -32768; i <= 32767; i++ {
			back := int(law.decode[law.byteOf(int16(i))])
			// A step is at most a sixteenth of the sample, and 16 near zero; what
			// is beyond the loudest step is cut.
			if off := max(i, -i)/16 + 16; min(max(i, -32256), 32256)-back > off || back-i > off {
				t.Fatalf("%s: %d comes back as %d", codec, i, back)
			}
		}
	}
}
