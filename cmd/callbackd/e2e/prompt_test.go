package e2e

import (
	"encoding/binary"
	"io/fs"
	"math"
	"path"
	"strings"
	"testing"

	asteriskconf "github.com/callbackd/callbackd/asterisk-conf"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
)

const (
	wavHeader     = 44  // bytes before the samples of a shipped prompt
	packetSamples = 160 // of 20 ms
)

// levels gives the level of each packet's worth of a shipped prompt.
func levels(t testing.TB, file string) []float64 {
	t.Helper()
	data, err := asteriskconf.Files.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data = data[wavHeader:]
	var levels []float64
	for len(data) >= 2*packetSamples {
		sum := 0.0
		for i := range packetSamples {
			sample := float64(int16(binary.LittleEndian.Uint16(data[2*i:])))
			sum += sample * sample
		}
		levels = append(levels, math.Sqrt(sum/packetSamples))
		data = data[2*packetSamples:]
	}
	return levels
}

// heard names the shipped prompt whose levels the call has heard, packet by packet, to its end; "" where it
// has heard none of them.
func heard(t testing.TB, call *phone.Call) string {
	t.Helper()
	var got []float64
	for _, packet := range call.Packets() {
		got = append(got, packet.Level)
	}
	files, err := fs.Glob(asteriskconf.Files, "sounds/en/callbackd/*.wav")
	if err != nil || len(files) == 0 {
		t.Fatalf("no prompts are shipped: %v", err)
	}
	best, name := 0.1, "" // of the prompt's own level: what the codec changes is far less
	for _, file := range files {
		want := levels(t, file)
		for at := 0; at+len(want) <= len(got); at++ {
			if off := difference(want, got[at:]); off < best {
				best, name = off, strings.TrimSuffix(path.Base(file), ".wav")
			}
		}
	}
	return name
}

// difference is that between two rows of levels, as a part of the first one.
func difference(want, got []float64) float64 {
	off, all := 0.0, 0.0
	for i, level := range want {
		off += (level - got[i]) * (level - got[i])
		all += level * level
	}
	return math.Sqrt(off / all)
}
