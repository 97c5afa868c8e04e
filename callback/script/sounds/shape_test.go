package sounds

import (
	"math"
	"testing"
)

// Tones that a telephone carries keep their pitch and level; those that it can't carry are gone and come
// back as nothing else.
func TestResamplingKeepsWhatATelephoneCarries(t *testing.T) {
	for _, rate := range []float64{8000, 11025, 16000, 22050, 48000} {
		for _, pitch := range []float64{300, 1000, 3000} {
			resampled := resample(tone(pitch, rate), rate)
			if got := level(resampled, pitch); math.Abs(got-1000) > 20 {
				t.Errorf("%v Hz at %v Hz: level %.0f, want 1000", pitch, rate, got)
			}
		}
		if rate < 2*5000 {
			continue
		}
		for _, sample := range middle(resample(tone(5000, rate), rate)) {
			if math.Abs(sample) > 10 {
				t.Fatalf("5000 Hz at %v Hz: a sample of %.0f is left", rate, sample)
			}
		}
	}
}

// tone makes half a second with samples up to 1000.
func tone(pitch, rate float64) []int16 {
	samples := make([]int16, int(rate/2))
	for i := range samples {
		samples[i] = int16(math.Round(1000 * math.Sin(2*math.Pi*pitch*float64(i)/rate)))
	}
	return samples
}

// level measures a pitch in samples at the telephone's rate.
func level(samples []float64, pitch float64) float64 {
	samples = middle(samples)
	var re, im float64
	for i, s := range samples {
		re += s * math.Cos(2*math.Pi*pitch*float64(i)/telephone)
		im += s * math.Sin(2*math.Pi*pitch*float64(i)/telephone)
	}
	return 2 * math.Hypot(re, im) / float64(len(samples))
}

// middle leaves out the edges, where the tone begins and ends all at once.
func middle(samples []float64) []float64 {
	return samples[400 : len(samples)-400]
}

func TestAPromptHasALittleSilenceAroundItAndTheRightLevel(t *testing.T) {
	speech := append(append(make([]int16, 5000), tone(400, 16000)...), make([]int16, 9000)...)
	prompt := shape(speech, 16000)
	if want := before + telephone/2 + after; math.Abs(float64(len(prompt)-want)) > 80 {
		t.Errorf("%d samples, want about %d", len(prompt), want)
	}
	for i, s := range prompt {
		if (i < before || i >= len(prompt)-after) && s != 0 {
			t.Fatalf("sample %d of %d is %d", i, len(prompt), s)
		}
	}
	loudest := 0.0
	for _, s := range prompt {
		loudest = max(loudest, math.Abs(float64(s)))
	}
	if loudest < peak-1 || loudest > peak+1 {
		t.Errorf("the loudest sample is %v, want %v", loudest, peak)
	}
}

func TestSilenceIsNoPrompt(t *testing.T) {
	for name, speech := range map[string][]int16{"nothing": nil, "silence": make([]int16, 8000), "noise": {3, -2, 1, 4}} {
		if prompt := shape(speech, 16000); prompt != nil {
			t.Errorf("%s: %d samples", name, len(prompt))
		}
	}
}
