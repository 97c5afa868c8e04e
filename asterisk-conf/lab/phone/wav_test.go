package phone

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestAWAVFileHoldsItsSamples(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	w, err := newWAV(path)
	must(t, err)
	var want []int16
	for i := range 70000 { // more than the buffer
		want = append(want, int16(i))
	}
	w.write(want[:33])
	w.write(want[33:])
	must(t, w.close())
	if got := readWAV(t, path); !slices.Equal(got, want) {
		t.Errorf("%d samples came back, not the %d written", len(got), len(want))
	}
}

func TestTheWAVHeaderIsThatOf8kHzMono16Bit(t *testing.T) {
	want := "RIFF\x2c\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00" +
		"\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x08\x00\x00\x00"
	if got := string(wavHeader(4)); got != want {
		t.Errorf("the header of 4 samples is %q; want %q", got, want)
	}
}
