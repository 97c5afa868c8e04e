package sounds_test

import (
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	asteriskconf "github.com/callbackd/callbackd/asterisk-conf"
	"github.com/callbackd/callbackd/callback/script/sounds"
)

func TestASoundIsFoundWhereAsteriskFindsIt(t *testing.T) {
	root := folder(t, "en/only-en.gsm", "en/both.ulaw", "fr/both.wav", "fr/digits/et.gsm", "fr_CA/quebec.sln", "fr_CA_f_June/june.g722",
		"plain.alaw", "es/es.wav49", "en/image.png", "en/noending", "en/offer.wav.bak", "en/a.folder.wav/x", "en/.wav")
	for _, c := range []struct{ language, has, hasNot string }{
		{"en", "only-en both plain", "quebec digits/et es june"},
		{"", "only-en both plain", "quebec digits/et es"},
		{"fr", "only-en both plain digits/et", "quebec es"},
		{"fr_CA", "only-en both plain digits/et quebec", "es june"},
		{"fr_CA_f_June", "only-en both plain digits/et quebec june", "es"},
		{"es", "es only-en plain", "digits/et"},
		{"de", "only-en both plain", "es"},
		{"en", "", "image image.png noending offer both.ulaw a.folder a Both /only-en"},
	} {
		f, err := sounds.Open(root, c.language)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(c.has) {
			if !f.Has(name) {
				t.Errorf("%q: %s is not found", c.language, name)
			}
		}
		for _, name := range append(strings.Fields(c.hasNot), "", "both/", "x\x00y") {
			if f.Has(name) {
				t.Errorf("%q: %s is found", c.language, name)
			}
		}
		if path := filepath.Join(root, "plain"); !f.Has(path) {
			t.Errorf("%s is not found", path)
		}
	}
}

func TestTheFolderOfOneLanguageIsEnough(t *testing.T) {
	root := folder(t, "fr/digits/et.gsm", "en/only-en.gsm")
	f, err := sounds.Open(filepath.Join(root, "fr"), "fr_CA")
	if err != nil {
		t.Fatal(err)
	}
	if !f.Has("digits/et") {
		t.Error("digits/et is not found")
	}
	if f.Has("only-en") {
		t.Error("only-en is found, in a folder that was not given")
	}
}

func TestAFolderThatIsNoneIsSaid(t *testing.T) {
	root := folder(t, "en/both.ulaw")
	for path, want := range map[string]string{
		filepath.Join(root, "de"):           "no such file",
		filepath.Join(root, "en/both.ulaw"): "both.ulaw is a file; give the folder that holds en/",
	} {
		if _, err := sounds.Open(path, "en"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

func TestLengthsAreExact(t *testing.T) {
	root := t.TempDir()
	for name, size := range map[string]int{
		"ulaw.ulaw": 8001, "mu.mu": 4, "pcm.pcm": 8000, "alaw.alaw": 800, "gsm.gsm": 33*51 + 32, "sln.sln": 16002, "raw.raw": 16,
		"sln16.sln16": 32000, "g722.g722": 8000, "empty.ulaw": 0,
		"mp3.mp3": 1000, "wav49.wav49": 1000, "g729.g729": 20, "both.mp3": 10, "both.gsm": 33, "broken.wav": 100, "broken-too.wav": 3,
	} {
		write(t, filepath.Join(root, name), make([]byte, size))
	}
	for name, content := range map[string][]byte{
		"second.wav":    wav(1, 1, 8000, 16, 16000, 16000, nil),
		"wide.wav16":    wav(1, 1, 16000, 16, 16000, 16000, nil),
		"cd.wav":        wav(1, 2, 44100, 16, 44100*4*3+4, 44100*4*3+4, nil),
		"chunks.wav":    wav(1, 1, 8000, 16, 800, 800, chunk("LIST", 7)),
		"pipe.wav":      wav(1, 1, 8000, 16, 0xffffffff, 1600, nil),
		"trailer.wav":   append(wav(1, 1, 8000, 16, 1600, 1600, nil), chunk("LIST", 100)...),
		"ulaw-in.wav":   wav(7, 1, 8000, 8, 800, 800, nil),
		"channels.wav":  wav(1, 0, 8000, 16, 800, 800, nil),
		"rate.wav":      wav(1, 1, 0, 16, 800, 800, nil),
		"bits.wav":      wav(1, 1, 8000, 12, 800, 800, nil),
		"no-format.wav": append([]byte("RIFF----WAVE"), chunk("data", 800)...),
		"no-data.wav":   wav(1, 1, 8000, 16, 0, 0, nil)[:36],
	} {
		write(t, filepath.Join(root, name), content)
	}
	f, err := sounds.Open(root, "en")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]time.Duration{
		"ulaw": time.Second + 125*time.Microsecond, "mu": 500 * time.Microsecond, "pcm": time.Second, "alaw": 100 * time.Millisecond,
		"gsm": 51 * 20 * time.Millisecond, "sln": time.Second + 125*time.Microsecond, "raw": time.Millisecond, "sln16": time.Second,
		"g722": time.Second, "empty": 0, "both": 20 * time.Millisecond,
		"second": time.Second, "wide": 500 * time.Millisecond, "cd": 3*time.Second + time.Second/44100, "chunks": 50 * time.Millisecond,
		"pipe": 100 * time.Millisecond, "trailer": 100 * time.Millisecond,
	} {
		if got, known := f.Length(name); got != want || !known {
			t.Errorf("%s: %v, %v; want %v", name, got, known, want)
		}
	}
	for _, name := range []string{
		"mp3", "wav49", "g729", "broken", "broken-too", "ulaw-in", "channels", "rate", "bits", "no-format", "no-data", "absent", "",
	} {
		if got, known := f.Length(name); known {
			t.Errorf("%s: %v, want unknown", name, got)
		}
	}
}

func TestOurPromptsAreFoundWithTheirLengths(t *testing.T) {
	f, err := sounds.Open("../../../asterisk-conf/sounds", "en_GB")
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(asteriskconf.Files, "sounds/en/callbackd/*.wav")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d prompts, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "sounds/en/"), ".wav")
		if length, known := f.Length(name); !known || length < 500*time.Millisecond || length > 12*time.Second {
			t.Errorf("%s: %v, %v", name, length, known)
		}
	}
}

// folder makes a folder with files of these names, each of some bytes.
func folder(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		write(t, filepath.Join(root, name), make([]byte, 33))
	}
	return root
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// wav makes a WAV file that says it has samples of that size, and has some of another; extra stands
// between its format and its samples.
func wav(format, channels uint16, rate uint32, bits uint16, says uint32, has int, extra []byte) []byte {
	le := binary.LittleEndian
	b := []byte("RIFF----WAVEfmt ")
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, format)
	b = le.AppendUint16(b, channels)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate*uint32(channels)*uint32(bits)/8)
	b = le.AppendUint16(b, channels*bits/8)
	b = le.AppendUint16(b, bits)
	b = append(b, extra...)
	b = append(b, "data"...)
	b = le.AppendUint32(b, says)
	return append(b, make([]byte, has)...)
}

// chunk makes a chunk of a WAV file, padded to an even length as they are.
func chunk(name string, size int) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(name), uint32(size))
	return append(b, make([]byte, size+size%2)...)
}

func FuzzLength(f *testing.F) {
	f.Add(wav(1, 1, 8000, 16, 1600, 1600, nil))
	f.Add(wav(1, 2, 44100, 16, 0xffffffff, 16, chunk("LIST", 7)))
	f.Add([]byte("RIFF----WAVE"))
	f.Fuzz(func(t *testing.T, content []byte) {
		root := t.TempDir()
		write(t, filepath.Join(root, "x.wav"), content)
		folder, err := sounds.Open(root, "en")
		if err != nil {
			t.Fatal(err)
		}
		// At one frame of one byte a second, each byte is a second.
		if length, known := folder.Length("x"); known && (length < 0 || length > time.Duration(len(content))*time.Second) {
			t.Errorf("%d bytes play for %v", len(content), length)
		}
	})
}
