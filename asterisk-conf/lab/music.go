package lab

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
)

// MusicHz is the steady tone, in hertz, that the lab's Asterisk plays as music
// on hold, so that a test can tell whether it plays.
const MusicHz = 523

const (
	musicRate    = 8000 // samples a second
	musicSeconds = 10   // whole seconds, so that the end joins the beginning
	musicLevel   = 0.25 // of full scale: 12 dB below it
)

// writeTone writes the music on hold: 8 kHz, mono, 16-bit.
func writeTone(path string) error {
	samples := make([]int16, musicRate*musicSeconds)
	for i := range samples {
		angle := 2 * math.Pi * MusicHz * float64(i) / musicRate
		samples[i] = int16(musicLevel * math.MaxInt16 * math.Sin(angle))
	}
	size := uint32(2 * len(samples))
	var file bytes.Buffer
	for _, part := range []any{
		[]byte("RIFF"), 36 + size, []byte("WAVE"),
		[]byte("fmt "), uint32(16), uint16(1), uint16(1), uint32(musicRate), uint32(2 * musicRate), uint16(2), uint16(16),
		[]byte("data"), size, samples,
	} {
		if err := binary.Write(&file, binary.LittleEndian, part); err != nil {
			return err
		}
	}
	return os.WriteFile(path, file.Bytes(), 0o644)
}
