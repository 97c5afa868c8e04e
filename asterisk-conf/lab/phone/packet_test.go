package phone

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// heard gives what a phone hears of samples that went through G.711.
func heard(samples []int16) []int16 {
	law := laws[ULaw]
	decoded := make([]int16, len(samples))
	for i, s := range samples {
		decoded[i] = law.decode[law.byteOf(s)]
	}
	return decoded
}

func tone(hz float64, level float64) []int16 {
	samples := make([]int16, packetSamples)
	for i := range samples {
		samples[i] = int16(level * math.Sin(2*math.Pi*hz*float64(i)/sampleRate))
	}
	return samples
}

func TestAPacketsToneIsFoundToTwoHertz(t *testing.T) {
	for _, level := range []float64{2000, toneLevel} {
		for hz := 300.0; hz <= 3000; hz += 37 {
			p := packetOf(time.Now(), heard(tone(hz, level)))
			if !p.Is(hz, 2) {
				t.Errorf("a tone of %g Hz at level %g is taken for %.1f Hz", hz, level, p.Hz)
			}
		}
	}
}

func TestWhatIsNoToneHasNoFrequency(t *testing.T) {
	noise := make([]int16, packetSamples)
	for i := range noise {
		noise[i] = int16(rand.IntN(20000) - 10000)
	}
	two := tone(440, 8000)
	for i, s := range tone(1480, 8000) {
		two[i] += s
	}
	for name, c := range map[string]struct {
		samples []int16
		sound   bool
	}{
		"silence":   {make([]int16, packetSamples), false},
		"noise":     {noise, true},
		"two tones": {two, true},
		"nothing":   {nil, false},
	} {
		p := packetOf(time.Now(), heard(c.samples))
		if p.Hz != 0 || p.Sound() != c.sound {
			t.Errorf("%s: %.1f Hz, sound %v", name, p.Hz, p.Sound())
		}
	}
}

func TestPacketsAreKeptOnlyWhereTheyAreAskedFor(t *testing.T) {
	for _, asked := range []bool{false, true} {
		s := newSender(t, 800)
		s.ear.keep = asked
		s.stream(0, 100*ms, 800)
		got := s.ear.keptPackets()
		if !asked {
			if len(got) != 0 {
				t.Errorf("%d packets are kept unasked", len(got))
			}
			continue
		}
		if len(got) != 5 || !got[4].Is(800, 2) || got[4].At != s.began.Add(80*ms) {
			t.Errorf("the packets kept are %+v", got)
		}
	}
}
