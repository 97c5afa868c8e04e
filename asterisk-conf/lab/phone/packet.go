package phone

import (
	"math"
	"time"
)

// Packet is one packet of audio that a call has received.
type Packet struct {
	At    time.Time // when it came in
	Level float64   // root mean square of its samples; full scale is 32768
	// Hz is the frequency of the tone that the packet is, to about 2 Hz; 0 where it is none: silence,
	// speech, noise, or several tones at once.
	Hz float64
}

// Sound says whether the packet is loud enough to be heard.
func (p Packet) Sound() bool { return p.Level >= soundLevel }

// Is says whether the packet is a tone of that frequency, or within so much of it.
func (p Packet) Is(hz, within float64) bool { return p.Hz != 0 && math.Abs(p.Hz-hz) <= within }

// purity is the least part of a packet's energy that one tone must hold to be its tone.
const purity = 0.9

// packetOf measures a packet's samples.
func packetOf(at time.Time, samples []int16) Packet {
	if len(samples) == 0 {
		return Packet{At: at}
	}
	energy := energyOf(samples)
	p := Packet{At: at, Level: math.Sqrt(energy / float64(len(samples)))}
	if p.Sound() {
		p.Hz = toneOf(samples, energy)
	}
	return p
}

// toneOf gives the frequency of a steady tone, or 0. In a sine each sample's two neighbours add up to
// the sample times twice the cosine of the angle between samples: the factor that fits all samples best
// gives the frequency, and the part of the energy that lies there tells whether it is a tone at all.
func toneOf(samples []int16, energy float64) float64 {
	var squares, products float64
	for i := 1; i+1 < len(samples); i++ {
		x := float64(samples[i])
		squares += x * x
		products += x * (float64(samples[i-1]) + float64(samples[i+1]))
	}
	factor := products / squares
	if squares == 0 || math.Abs(factor) >= 2 {
		return 0
	}
	found := goertzel{hz: math.Acos(factor/2) * sampleRate / (2 * math.Pi), coefficient: factor}
	if found.part(samples, energy) < purity {
		return 0
	}
	return found.hz
}
