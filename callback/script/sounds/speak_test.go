package sounds_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	asteriskconf "github.com/callbackd/callbackd/asterisk-conf"
	"github.com/callbackd/callbackd/callback/script/sounds"
)

const closed = "Our office is closed at the moment."

func TestSpeechIsWhatAsteriskPlays(t *testing.T) {
	for _, c := range []struct {
		program, language, text string
		least, most             time.Duration
	}{
		{"flite", "en", closed, 2 * time.Second, 2600 * time.Millisecond},
		{"flite", "en_GB", "-o is no option here; nor is $(this).", time.Second, 5 * time.Second},
		{"espeak-ng", "en", closed, 1500 * time.Millisecond, 3 * time.Second},
		{"espeak-ng", "es_MX", "Nuestra oficina está cerrada.", time.Second, 3 * time.Second},
	} {
		t.Run(c.program+" "+c.language, func(t *testing.T) {
			only(t, c.program)
			root := t.TempDir()
			file := filepath.Join(root, "acme", "closed.wav")
			if err := sounds.Speak(t.Context(), c.language, c.text, file); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			prompt, err := asteriskconf.Files.ReadFile("sounds/en/callbackd/closed.wav")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(content[8:40], prompt[8:40]) {
				t.Errorf("the header is % x, want % x", content[8:40], prompt[8:40])
			}
			f, err := sounds.Open(root, c.language)
			if err != nil {
				t.Fatal(err)
			}
			if length, known := f.Length("acme/closed"); !known || length < c.least || length > c.most {
				t.Errorf("it plays %v, %v; want %v to %v", length, known, c.least, c.most)
			}
			info, err := os.Stat(file)
			if err != nil || info.Mode().Perm() != 0o644 {
				t.Errorf("its mode is %v, %v: Asterisk has to read it", info.Mode(), err)
			}
			alone(t, filepath.Dir(file), "closed.wav")
		})
	}
}

// What flite speaks here sounds as what sounds/make has made of the same text: the same level over time.
func TestSpeechSoundsLikeOurPrompts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "closed.wav")
	only(t, "flite")
	if err := sounds.Speak(t.Context(), "en", closed, file); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	prompt, err := asteriskconf.Files.ReadFile("sounds/en/callbackd/closed.wav")
	if err != nil {
		t.Fatal(err)
	}
	got, want := loudness(content), loudness(prompt)
	if math.Abs(float64(len(got)-len(want))) > 2 {
		t.Fatalf("it has %d parts, want %d", len(got), len(want))
	}
	var difference, sum float64
	for i := range min(len(got), len(want)) {
		difference += math.Abs(got[i] - want[i])
		sum += want[i]
	}
	if difference > 0.3*sum {
		t.Errorf("the levels differ by %.0f%%", 100*difference/sum)
	}
}

// loudness gives the mean level of each 50 ms of a plain WAV file.
func loudness(file []byte) []float64 {
	const part = 400
	var levels []float64
	for at := 44; at+2*part <= len(file); at += 2 * part {
		sum := 0.0
		for i := at; i < at+2*part; i += 2 {
			sum += math.Abs(float64(int16(uint16(file[i]) | uint16(file[i+1])<<8)))
		}
		levels = append(levels, sum/part)
	}
	return levels
}

func TestAFileThatExistsIsNeverTouched(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.wav")
	write(t, file, []byte("recorded by a person"))
	if err := sounds.Speak(t.Context(), "en", closed, file); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	if content, err := os.ReadFile(file); string(content) != "recorded by a person" {
		t.Errorf("it holds %q, %v", content, err)
	}
	alone(t, dir, "mine.wav")
}

func TestOfTwoThatSpeakOneFileOneHasSpokenIt(t *testing.T) {
	only(t, "flite")
	dir := t.TempDir()
	results := make(chan error)
	for range 2 {
		go func() { results <- sounds.Speak(t.Context(), "en", closed, filepath.Join(dir, "closed.wav")) }()
	}
	first, second := <-results, <-results
	if (first == nil) == (second == nil) || !errors.Is(errors.Join(first, second), fs.ErrExist) {
		t.Errorf("got %v and %v, want one fs.ErrExist", first, second)
	}
	alone(t, dir, "closed.wav")
}

func TestSpeechThatFailsLeavesNothingAndSaysWhy(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name, program, language, text, want string
		ctx                                 context.Context
	}{
		{"no program", "", "en", closed, "no text-to-speech program is installed: apt-get install flite, or espeak-ng", t.Context()},
		{"no program for it", "flite", "es", closed, "no text-to-speech program for es is installed: apt-get install espeak-ng", t.Context()},
		{"no such language", "espeak-ng", "xx", closed, "espeak-ng: exit status 1", t.Context()},
		{"no text", "flite", "en", " \n", "there is no text to be spoken", t.Context()},
		{"nothing to say", "flite", "en", "()", `flite has nothing to say for "()"`, t.Context()},
		{"cancelled", "flite", "en", closed, "context canceled", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			only(t, c.program)
			dir := t.TempDir()
			err := sounds.Speak(c.ctx, c.language, c.text, filepath.Join(dir, "closed.wav"))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			alone(t, dir)
		})
	}
}

func TestAFolderThatCanNotBeWrittenIsSaid(t *testing.T) {
	only(t, "flite")
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	err := sounds.Speak(t.Context(), "en", closed, filepath.Join(file, "closed.wav"))
	if err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("got %v, want not a directory", err)
	}
}

// only lets one program be installed, or none.
func only(t *testing.T, program string) {
	t.Helper()
	installed := t.TempDir()
	if program != "" {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatalf("%v: apt-get install %s", err, program)
		}
		if err := os.Symlink(path, filepath.Join(installed, program)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", installed)
}

// alone checks that a folder has these files and no others.
func alone(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("the folder has %v, want %v", names, want)
	}
}
