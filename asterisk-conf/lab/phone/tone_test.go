package phone

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// sine adds a tone to samples, through G.711 as on the wire.
func sine(samples []int16, hz, level float64) {
	for i, s := range samples {
		x := float64(s) + level*math.Sin(2*math.Pi*hz*float64(i)/sampleRate)
		samples[i] = laws[ULaw].decode[laws[ULaw].byteOf(int16(x))]
	}
}

// picked returns the default tones that a window is made of.
func picked(t *testing.T, samples []int16) []float64 {
	t.Helper()
	tones, err := newTones(DefaultTones)
	must(t, err)
	marks := make([]bool, len(tones))
	pick(tones, samples, marks)
	var heard []float64
	for i, mark := range marks {
		if mark {
			heard = append(heard, tones[i].hz)
		}
	}
	return heard
}

func TestEachToneIsHeardAsItselfOnlyLoudAndSoft(t *testing.T) {
	for _, hz := range DefaultTones {
		for _, level := range []float64{300, 3000, 30000} {
			samples := make([]int16, window)
			sine(samples, hz, level)
			if got := picked(t, samples); !slices.Equal(got, []float64{hz}) {
				t.Errorf("a tone of %g Hz with a peak of %g is heard as %v", hz, level, got)
			}
		}
	}
}

func TestTwoTonesAtOnceAreBothHeard(t *testing.T) {
	samples := make([]int16, window)
	sine(samples, 440, 8000)
	sine(samples, 480, 5000)
	if got := picked(t, samples); !slices.Equal(got, []float64{440, 480}) {
		t.Errorf("tones of 440 and 480 Hz are heard as %v", got)
	}
}

func TestATonesNeighbourIsNotHeard(t *testing.T) {
	for _, hz := range []float64{790, 810, 940, 975, 1012} {
		samples := make([]int16, window)
		sine(samples, hz, 8000)
		if got := picked(t, samples); len(got) != 0 {
			t.Errorf("a tone of %g Hz, which nobody listens for, is heard as %v", hz, got)
		}
	}
}

func TestSilenceAndNoiseAreNoTone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	samples := make([]int16, window)
	if got := picked(t, samples); len(got) != 0 {
		t.Errorf("silence is heard as %v", got)
	}
	for range 500 {
		for i := range samples {
			samples[i] = int16(random.NormFloat64() * 3000)
		}
		if got := picked(t, samples); len(got) != 0 {
			t.Fatalf("noise is heard as %v", got)
		}
	}
}

// speech makes something like a voice: the harmonics of a pitch that glides,
// under two formants that move, with breath in it and pauses between words.
func speech(random *rand.Rand, seconds int) []int16 {
	samples := make([]int16, seconds*sampleRate)
	var turn float64
	for i := range samples {
		at := float64(i) / sampleRate
		pitch := 140 + 40*math.Sin(2*math.Pi*0.7*at) + 5*math.Sin(2*math.Pi*5*at)
		_, turn = math.Modf(turn + pitch/sampleRate)
		first, second := 550+200*math.Sin(2*math.Pi*1.3*at), 1500+500*math.Sin(2*math.Pi*0.9*at)
		var x float64
		for n := 1.0; n*pitch < 3400; n++ {
			x += (near(n*pitch, first) + 0.6*near(n*pitch, second) + 0.02) * math.Sin(2*math.Pi*n*turn)
		}
		x += 0.1 * random.NormFloat64()
		samples[i] = int16(3000 * x * max(0, math.Sin(2*math.Pi*2*at)))
	}
	return samples
}

// near is 1 at a formant and falls off around it.
func near(hz, formant float64) float64 {
	off := (hz - formant) / 120
	return 1 / (1 + off*off)
}

func TestSpeechIsASoundAndNoTone(t *testing.T) {
	tones, err := newTones(DefaultTones)
	must(t, err)
	e := newEar(tones, false)
	must(t, e.start(time.Now(), noRecording))
	e.hear(speech(rand.New(rand.NewPCG(3, 4)), 30))
	if got := e.heardTones(); len(got) != 0 {
		t.Errorf("speech is heard as %+v", got)
	}
	if !e.sound.open {
		t.Error("speech is not heard at all")
	}
	must(t, e.close())
}

func TestTonesThatCantBeToldApartAreRefused(t *testing.T) {
	for _, tones := range [][]float64{{1000, 1010}, {50}, {3900}} {
		if _, err := newTones(tones); err == nil {
			t.Errorf("listening for %v was accepted", tones)
		}
	}
}

func BenchmarkListeningToASecond(b *testing.B) {
	tones, err := newTones(DefaultTones)
	if err != nil {
		b.Fatal(err)
	}
	samples := make([]int16, sampleRate)
	sine(samples, 800, 8000)
	e := newEar(tones, false)
	for b.Loop() {
		e.hear(samples)
	}
}
