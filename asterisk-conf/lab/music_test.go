package lab

import (
	"testing"
	"time"
)

// pitch gives the frequency of the tenth of a second around a moment, from how often the samples rise
// through zero in it.
func pitch(samples []int16, at time.Duration) float64 {
	middle := int(at.Seconds() * soundRate)
	rises := 0
	for i := middle - soundRate/20; i < middle+soundRate/20; i++ {
		if samples[i-1] < 0 && samples[i] >= 0 {
			rises++
		}
	}
	return float64(rises) * 10
}

func TestTheFrequencyOfARisingSoundTellsThePlaceInIt(t *testing.T) {
	sound := Sound{Hz: 500, Rise: 200, Lasts: 10 * time.Second}
	samples := sound.samples()
	if len(samples) != 10*soundRate {
		t.Fatalf("%d samples, want those of 10 s", len(samples))
	}
	for at := time.Second; at < sound.Lasts; at += time.Second {
		if off := (sound.At(pitch(samples, at)) - at).Abs(); off > 60*time.Millisecond {
			t.Errorf("the pitch at %s tells a place %s off", at, off)
		}
	}
}
