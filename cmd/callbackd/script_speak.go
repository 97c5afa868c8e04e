package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/callback/script/sounds"
)

func scriptSpeakCommand() *cobra.Command {
	folder, language := "", ""
	cmd := &cobra.Command{
		Use:   "speak FILE...",
		Short: "Speak the recordings that are missing and have words",
		Long: `Speak the recordings that scripts have words for and that are missing, by the text-to-speech program
that is installed (flite or espeak-ng), into FOLDER/LANGUAGE/NAME.wav. A recording that is there, in
whatever format, is left as it is: delete it where its words have changed. During a call nothing is
spoken by a program.

A script has the words beside the recording's name:

  Sounds: [{recording: acme/welcome, says: "Welcome to Acme."}]`,
		Example: "  callbackd script speak --sounds /var/lib/asterisk/sounds /etc/callbackd/*.yaml",
		Args:    args("FILE..."),
		RunE: func(cmd *cobra.Command, files []string) error {
			if folder == "" {
				return usageError{cmd.CommandPath(), errors.New("--sounds is missing: into which folder are the recordings spoken?")}
			}
			language := cmp.Or(language, "en")
			if !filepath.IsLocal(language) || strings.ContainsRune(language, filepath.Separator) {
				return usageError{cmd.CommandPath(), fmt.Errorf("--language %q is not a language, as in en or fr_CA", language)}
			}
			if _, err := sounds.Open(folder, language); err != nil {
				return fmt.Errorf("%w; --sounds is Asterisk's own folder of sounds, which holds en/", err)
			}
			recordings, err := recordingsOf(files)
			if err != nil {
				return err
			}
			for _, recording := range recordings {
				if err := speak(cmd, folder, language, recording); err != nil {
					return err
				}
			}
			return nil
		},
	}
	soundsFlags(cmd, &folder, &language)
	return cmd
}

// recordingsOf gives the recordings of scripts, each once. One with two texts is a mistake.
func recordingsOf(files []string) ([]script.Recording, error) {
	var recordings []script.Recording
	said := make(map[string]string)
	for _, file := range files {
		parsed, err := parseScript(file)
		if err != nil {
			return nil, err
		}
		for _, recording := range parsed.Recordings() {
			before, known := said[recording.Name]
			if known && before != recording.Says {
				return nil, fmt.Errorf("%s: the recording %s says %q here and %q elsewhere", file, recording.Name, recording.Says, before)
			}
			if !known {
				recordings = append(recordings, recording)
			}
			said[recording.Name] = recording.Says
		}
	}
	return recordings, nil
}

// speak speaks one recording, unless it is there, and says so.
func speak(cmd *cobra.Command, folder, language string, recording script.Recording) error {
	if filepath.IsAbs(recording.Name) {
		return fmt.Errorf("the recording %s has a path of its own; want a name in the folder of sounds, as in acme/welcome", recording.Name)
	}
	file := filepath.Join(folder, language, filepath.FromSlash(recording.Name)+".wav")
	there, err := isThere(filepath.Join(folder, language), recording.Name)
	if err != nil {
		return err
	}
	if there {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: is there; delete it to have it spoken again\n", recording.Name)
		return nil
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: ", recording.Name)
	err = sounds.Speak(cmd.Context(), language, recording.Says, file)
	if err != nil {
		fmt.Fprintln(cmd.OutOrStdout(), "failed")
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "spoken into", file)
	return nil
}

// isThere says whether a language's folder has a recording. Another language's does not count.
func isThere(folder, name string) (bool, error) {
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	opened, err := sounds.Open(folder, "")
	if err != nil {
		return false, err
	}
	return opened.Has(name), nil
}
