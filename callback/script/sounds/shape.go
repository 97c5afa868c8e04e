package sounds

import (
	"math"
	"slices"
)

// telephone is the rate of the samples that Asterisk plays from a WAV file, in Hz.
const telephone = 8000

const (
	quiet  = 100                 // a lower sample is no speech
	before = telephone / 20      // samples of silence before the speech, so that no beginning is clipped: 50 ms
	after  = telephone / 10      // and after it: 100 ms
	peak   = math.MaxInt16 * 0.5 // the loudest sample: 6 dB below full scale, as in Asterisk's own sounds
	reach  = 32                  // samples of the slower rate that the filter looks at to each side
	pass   = 0.9                 // of the band that the slower rate can carry
)

// shape makes a prompt of speech at any rate: at the telephone's rate, without silence around it but for
// a little, and as loud as Asterisk's own sounds. Where nothing is spoken it gives nil.
func shape(speech []int16, rate int64) []int16 {
	resampled := resample(speech, float64(rate))
	loudest := 0.0
	for _, s := range resampled {
		loudest = max(loudest, math.Abs(s))
	}
	if loudest < quiet {
		return nil
	}
	louder := make([]int16, len(resampled))
	for i, s := range resampled {
		louder[i] = int16(math.Round(s * peak / loudest))
	}
	return slices.Concat(make([]int16, before), trim(louder), make([]int16, after))
}

// trim cuts the silence before and after.
func trim(samples []int16) []int16 {
	loud := func(s int16) bool { return s > quiet || s < -quiet }
	first := slices.IndexFunc(samples, loud)
	last := len(samples) - 1
	for !loud(samples[last]) {
		last--
	}
	return samples[first : last+1]
}

// resample gives the samples at the telephone's rate, without what that rate can't carry: each is the sum
// of those around it, weighted by a low-pass filter (a sinc under a Hann window).
func resample(samples []int16, rate float64) []float64 {
	step := rate / telephone
	cutoff := pass * min(1, 1/step) // of half the given rate
	width := reach * max(1, step)
	resampled := make([]float64, int(float64(len(samples))/step))
	for i := range resampled {
		centre := float64(i) * step
		from := max(0, int(math.Ceil(centre-width)))
		to := min(len(samples)-1, int(math.Floor(centre+width)))
		for k := from; k <= to; k++ {
			distance := float64(k) - centre
			window := 0.5 + 0.5*math.Cos(math.Pi*distance/width)
			resampled[i] += float64(samples[k]) * cutoff * sinc(cutoff*distance) * window
		}
	}
	return resampled
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}
