package asteriskconf_test

import (
	"encoding/binary"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	asteriskconf "github.com/callbackd/callbackd/asterisk-conf"
)

const (
	rate       = 8000      // samples a second
	headerSize = 44        // bytes before the samples in a plain WAV file
	quietest   = 32768 / 3 // a lower peak is hard to hear beside Asterisk's own sounds
	loudest    = 32768 * 9 / 10
	silence    = 100 // below this there is no speech
)

func TestEachListedPromptIsThereAndNoOther(t *testing.T) {
	listed := slices.Sorted(maps.Keys(prompts(t)))
	files, err := fs.Glob(asteriskconf.Files, "sounds/en/callbackd/*")
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, file := range files {
		there = append(there, strings.TrimSuffix(path.Base(file), ".wav"))
	}
	slices.Sort(there)
	if !slices.Equal(listed, there) {
		t.Errorf("sounds/en.txt lists %v, sounds/en/callbackd has %v: run sounds/make", listed, there)
	}
}

func TestPromptsAreWhatAsteriskWantsAndClearlyAudible(t *testing.T) {
	for name := range prompts(t) {
		t.Run(name, func(t *testing.T) {
			samples := wav(t, name)
			peak := loudestOf(samples)
			if peak < quietest || peak > loudest {
				t.Errorf("the loudest sample is %d, want %d to %d", peak, quietest, loudest)
			}
			if first := loudestOf(samples[:rate/50]); first > silence {
				t.Errorf("speech of level %d in the first 20 ms: the beginning will be clipped", first)
			}
			if early := loudestOf(samples[:rate/4]); early < silence {
				t.Errorf("no speech in the first 250 ms: the caller hears a gap")
			}
		})
	}
}

// C4: a prompt from which a script goes on to a callback is short and says to stay on the line, since a
// caller who hangs up before has none.
func TestC4PromptsBeforeACallbackAreShortAndSayToStayOnTheLine(t *testing.T) {
	texts := prompts(t)
	for _, name := range []string{"place-saved", "offer", "offer-number", "welcome-back", "no-number"} {
		if !strings.Contains(texts[name], "stay on the line") {
			t.Errorf("%s says %q, not to stay on the line", name, texts[name])
		}
	}
	for name := range texts {
		if length := seconds(t, name); length > 12 {
			t.Errorf("%s takes %.1f s, want 12 s at most", name, length)
		}
	}
	if length := seconds(t, "place-saved"); length > 8 {
		t.Errorf("place-saved takes %.1f s, want 8 s at most", length)
	}
}

// A text that is longer than what was spoken from it has lost words, and the other way round.
func TestPromptsTakeAboutAsLongAsTheirTexts(t *testing.T) {
	for name, text := range prompts(t) {
		if perSecond := float64(len(text)) / seconds(t, name); perSecond < 8 || perSecond > 24 {
			t.Errorf("%s speaks %.1f characters a second: run sounds/make", name, perSecond)
		}
	}
}

func seconds(t *testing.T, name string) float64 {
	t.Helper()
	return float64(len(wav(t, name))) / rate
}

// prompts returns the texts in sounds/en.txt by name.
func prompts(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("sounds/en.txt")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, text, found := strings.Cut(line, ": ")
		if !found || texts[name] != "" {
			t.Fatalf("sounds/en.txt: %q is not NAME: TEXT, or the name is there twice", line)
		}
		texts[name] = text
	}
	return texts
}

// wav returns a prompt's samples, after a look at its header.
func wav(t *testing.T, name string) []int16 {
	t.Helper()
	file, err := asteriskconf.Files.ReadFile("sounds/en/callbackd/" + name + ".wav")
	if err != nil {
		t.Fatal(err)
	}
	if len(file) < headerSize || string(file[:4]) != "RIFF" || string(file[8:16]) != "WAVEfmt " || string(file[36:40]) != "data" {
		t.Fatalf("%s is not a plain WAV file", name)
	}
	format := binary.LittleEndian.Uint16(file[20:])
	channels := binary.LittleEndian.Uint16(file[22:])
	perSecond := binary.LittleEndian.Uint32(file[24:])
	bits := binary.LittleEndian.Uint16(file[34:])
	if format != 1 || channels != 1 || perSecond != rate || bits != 16 {
		t.Fatalf("%s: format %d, %d channels, %d Hz, %d bits; want 1 (PCM), 1, %d, 16", name, format, channels, perSecond, bits, rate)
	}
	samples := make([]int16, (len(file)-headerSize)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(file[headerSize+2*i:]))
	}
	return samples
}

func loudestOf(samples []int16) int {
	peak := 0
	for _, sample := range samples {
		peak = max(peak, int(sample), -int(sample))
	}
	return peak
}
