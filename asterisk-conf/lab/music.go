package lab

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"time"
)

// MusicHz is the steady tone, in hertz, that the lab's Asterisk plays as music
// on hold, so that a test can tell whether it plays.
const MusicHz = 523

const (
	soundRate  = 8000 // samples a second
	soundLevel = 0.25 // of full scale: 12 dB below it
	// musicTime is in whole seconds, so that the end joins the beginning.
	musicTime = 10 * time.Second
)

// Sound is a sound of the lab's own making.
type Sound struct {
	// Hz is the frequency at the beginning, and Rise by how much it rises a
	// second. In a rising one the frequency tells the place in the file.
	Hz, Rise float64
	Lasts    time.Duration
}

// At gives the place in the sound at which its frequency is hz.
func (s Sound) At(hz float64) time.Duration {
	return time.Duration((hz - s.Hz) / s.Rise * float64(time.Second))
}

// samples are 8 kHz, mono, 16-bit.
func (s Sound) samples() []int16 {
	samples := make([]int16, int(s.Lasts.Seconds()*soundRate))
	for i := range samples {
		at := float64(i) / soundRate
		turns := s.Hz*at + s.Rise*at*at/2
		samples[i] = int16(soundLevel * math.MaxInt16 * math.Sin(2*math.Pi*turns))
	}
	return samples
}

// write writes the sound as a WAV file.
func (s Sound) write(path string) error {
	samples := s.samples()
	size := uint32(2 * len(samples))
	var file bytes.Buffer
	for _, part := range []any{
		[]byte("RIFF"), 36 + size, []byte("WAVE"),
		[]byte("fmt "), uint32(16), uint16(1), uint16(1), uint32(soundRate), uint32(2 * soundRate), uint16(2), uint16(16),
		[]byte("data"), size, samples,
	} {
		if err := binary.Write(&file, binary.LittleEndian, part); err != nil {
			return err
		}
	}
	return os.WriteFile(path, file.Bytes(), 0o644)
}

// AddSound makes a sound that is played as callbackd/NAME, in English. Asterisk
// need not be told.
func (a *Asterisk) AddSound(name string, sound Sound) error {
	return sound.write(filepath.Join(a.prompts(), name+".wav"))
}

// SetMusic replaces the music on hold of the class "default", for those who
// begin to hear it from now on.
func (a *Asterisk) SetMusic(sound Sound) error { return sound.write(a.musicFile()) }

func (a *Asterisk) musicFile() string { return filepath.Join(a.Dir, "lib", "music", "tone.wav") }
