package sounds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Speak has a text spoken in a language into a new WAV file (8 kHz, mono, 16 bits), by the text-to-speech
// program that is installed: flite for English, where it sounds better, or espeak-ng. The file's folder
// is made if need be. The file is there whole or not at all; one that exists is never touched, and the
// error is then [fs.ErrExist]. A dialect, as in fr_CA, is spoken in its language; no language is en.
func Speak(ctx context.Context, language, text, file string) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("%s: there is no text to be spoken", file)
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s: %w", file, fs.ErrExist)
	}
	samples, err := spoken(ctx, language, text)
	if err != nil {
		return fmt.Errorf("speaking %s: %w", file, err)
	}
	if err := save(samples, file); err != nil {
		return fmt.Errorf("saving %s: %w", file, err)
	}
	return nil
}

// spoken gives the samples of a prompt.
func spoken(ctx context.Context, language, text string) ([]int16, error) {
	dir, err := os.MkdirTemp("", "callbackd-speak-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the speech: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	in, out := filepath.Join(dir, "text"), filepath.Join(dir, "speech.wav")
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("writing the text: %w", err)
	}
	command, err := speaker(ctx, language, in, out)
	if err != nil {
		return nil, err
	}
	if said, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(command.Path), err, bytes.TrimSpace(said))
	}
	speech, err := os.ReadFile(out) //nolint:gosec // a folder of our own
	if err != nil {
		return nil, fmt.Errorf("%s has written no speech: %w", filepath.Base(command.Path), err)
	}
	samples, rate, err := readSamples(bytes.NewReader(speech), int64(len(speech)))
	if err != nil {
		return nil, fmt.Errorf("the speech of %s: %w", filepath.Base(command.Path), err)
	}
	prompt := shape(samples, rate)
	if prompt == nil {
		return nil, fmt.Errorf("%s has nothing to say for %q", filepath.Base(command.Path), text)
	}
	return prompt, nil
}

// speaker gives the command that speaks the text in a file.
func speaker(ctx context.Context, language, in, out string) (*exec.Cmd, error) {
	language, _, _ = strings.Cut(language, "_")
	if language == "" {
		language = standard
	}
	if language == standard {
		if flite, err := exec.LookPath("flite"); err == nil {
			return exec.CommandContext(ctx, flite, "-voice", "slt", "--setf", "duration_stretch=1.05", "-f", in, "-o", out), nil //nolint:gosec // the installed program
		}
	}
	if espeak, err := exec.LookPath("espeak-ng"); err == nil {
		return exec.CommandContext(ctx, espeak, "-v", language, "-f", in, "-w", out), nil //nolint:gosec // the installed program
	}
	if language == standard {
		return nil, errors.New("no text-to-speech program is installed: apt-get install flite, or espeak-ng")
	}
	return nil, fmt.Errorf("no text-to-speech program for %s is installed: apt-get install espeak-ng", language)
}

// save writes a new file under a temporary name and gives it its own when it is whole.
func save(samples []int16, file string) error {
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // Asterisk has to read it
		return err
	}
	temporary, err := os.CreateTemp(folder, ".speaking-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	err = errors.Join(writeWAV(temporary, samples), temporary.Chmod(0o644), temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	return os.Link(temporary.Name(), file) // fails where the name is taken, as a rename would not
}
