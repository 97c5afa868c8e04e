package phone

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// DefaultTones are the frequencies, in Hz, that a phone listens for when
// Options.Tones is empty: the parts of the usual call-progress tones, the
// lab's music (523) and enough for the people in a test.
var DefaultTones = []float64{350, 440, 480, 523, 620, 700, 800, 900, 1000, 1100, 1200, 1400, 1600, 1800, 2000}

// What the ear looks at, in samples: windows of 50 ms, a new one every 20 ms.
// A window of 50 ms tells tones apart that differ by 20 Hz.
const (
	window = 400
	hop    = 160
)

const (
	// soundLevel is the lowest root mean square that counts as sound, about 50
	// dB under full scale.
	soundLevel = 100
	// tonePart is the least part of a window's energy that a frequency must
	// hold to be one of its tones.
	tonePart = 0.1
	// tonesTogether is the least part that all tones of a window must hold
	// together. It is what keeps speech, music and noise from being a tone.
	tonesTogether = 0.9
	// minToneSpacing is the least distance of two listened-for tones, in Hz.
	minToneSpacing = 20
)

// goertzel measures one frequency.
type goertzel struct {
	hz          float64
	coefficient float64
}

// newTones prepares the listening for some frequencies in Hz.
func newTones(frequencies []float64) ([]goertzel, error) {
	sorted := slices.Sorted(slices.Values(frequencies))
	tones := make([]goertzel, len(sorted))
	for i, hz := range sorted {
		if hz < 100 || hz > 3600 {
			return nil, fmt.Errorf("a tone of %g Hz can't be listened for: 100 to 3600 Hz can", hz)
		}
		if i > 0 && hz-sorted[i-1] < minToneSpacing {
			return nil, fmt.Errorf("tones of %g and %g Hz can't be told apart: keep them %d Hz apart", sorted[i-1], hz, minToneSpacing)
		}
		tones[i] = goertzel{hz: hz, coefficient: 2 * math.Cos(2*math.Pi*hz/sampleRate)}
	}
	return tones, nil
}

// part returns the part of the samples' energy, 0 to about 1, that lies at the
// frequency. energy is the sum of the samples' squares.
func (g *goertzel) part(samples []int16, energy float64) float64 {
	var s1, s2 float64
	for _, x := range samples {
		s1, s2 = float64(x)+g.coefficient*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - g.coefficient*s1*s2
	return 2 * power / (float64(len(samples)) * energy)
}

// energyOf returns the sum of the samples' squares.
func energyOf(samples []int16) float64 {
	var sum float64
	for _, x := range samples {
		sum += float64(x) * float64(x)
	}
	return sum
}

// isSound says whether samples of this energy are loud enough to be heard.
func isSound(energy float64, samples int) bool {
	return energy >= soundLevel*soundLevel*float64(samples)
}

// pick marks in heard which of the tones a window consists of.
func pick(tones []goertzel, samples []int16, heard []bool) {
	clear(heard)
	energy := energyOf(samples)
	if !isSound(energy, len(samples)) {
		return
	}
	var together float64
	for i := range tones {
		part := tones[i].part(samples, energy)
		if part < tonePart {
			continue
		}
		heard[i] = true
		together += part
	}
	if together < tonesTogether {
		clear(heard)
	}
}

// toneLevel is the peak of a tone that a phone sends, about 10 dB under full
// scale.
const toneLevel = 10000

// oscillator makes a steady tone. Its phase goes on over changes of frequency.
type oscillator struct {
	hz    float64
	phase float64 // in turns, 0 to 1
}

// next returns the next sample; silence at 0 Hz.
func (o *oscillator) next() int16 {
	if o.hz == 0 {
		return 0
	}
	sample := int16(toneLevel * math.Sin(2*math.Pi*o.phase))
	_, o.phase = math.Modf(o.phase + o.hz/sampleRate)
	return sample
}

// durationOf converts a number of samples to the time they last.
func durationOf(samples int64) time.Duration {
	return time.Duration(samples) * (time.Second / sampleRate)
}

// samplesIn converts a time to a number of samples.
func samplesIn(d time.Duration) int64 { return int64(d / (time.Second / sampleRate)) }
