package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// own are the lab's files and folders in which nobody else keeps anything. What
// keeps the sums comes last, so that a down that was cut short can be done again.
var own = []string{"asterisk", "callbackd.log", "console", "env", "state.json", sumsFile}

// sumsFile holds a sum of each file that the lab has written where people write too.
const sumsFile = "written.json"

// give writes files where there are none yet; their paths are in the folder. Their
// sums are kept first, so that clear knows them whatever happens in between.
func (l *background) give(files map[string][]byte) error {
	sums, err := l.sums()
	if err != nil {
		return err
	}
	missing := make(map[string][]byte)
	for name, text := range files {
		if _, err := os.Lstat(l.path(name)); errors.Is(err, fs.ErrNotExist) {
			missing[name], sums[name] = text, sum(text)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	text, err := json.MarshalIndent(sums, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.path(sumsFile), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("keeping what the lab writes: %w", err)
	}
	for name, text := range missing {
		if err := os.MkdirAll(filepath.Dir(l.path(name)), 0o755); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		if err := os.WriteFile(l.path(name), text, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// sums gives the sums that are kept, by the files' paths in the folder.
func (l *background) sums() (map[string]string, error) {
	sums := make(map[string]string)
	text, err := os.ReadFile(l.path(sumsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return sums, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the lab has written: %w", err)
	}
	if err := json.Unmarshal(text, &sums); err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.path(sumsFile), err)
	}
	return sums, nil
}

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// clear removes what the lab has written, and the folder if nothing is left in it.
// It gives the names of what is left.
func (l *background) clear() (left []string, err error) {
	sums, err := l.sums()
	if err != nil {
		return nil, err
	}
	folders := make(map[string]bool)
	for name, is := range sums {
		for folder := filepath.Dir(name); folder != "."; folder = filepath.Dir(folder) {
			folders[folder] = true
		}
		text, err := os.ReadFile(l.path(name))
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && sum(text) != is:
			continue
		case err == nil:
			err = os.Remove(l.path(name))
		}
		if err != nil {
			return nil, err
		}
	}
	if err := l.removeEmpty(folders); err != nil {
		return nil, err
	}
	for _, name := range own {
		if err := os.RemoveAll(l.path(name)); err != nil {
			return nil, err
		}
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if left != nil {
		return left, nil
	}
	return nil, os.Remove(l.dir)
}

// removeEmpty removes those of the folders in which nothing is, inner ones first.
func (l *background) removeEmpty(folders map[string]bool) error {
	var names []string
	for name := range folders {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	for _, name := range names {
		entries, err := os.ReadDir(l.path(name))
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) > 0 {
			continue
		}
		if err == nil {
			err = os.Remove(l.path(name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
