package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// exampleName is the name of the script that is built in, and runs where no script is configured.
const exampleName = "example"

// reading is what has come of reading the configured scripts.
type reading struct {
	scripts []*script.Script   // those that are right
	found   script.Diagnostics // what is worth a warning in them
	broken  []brokenScript
}

// brokenScript is a script that can't be read, or that has mistakes.
type brokenScript struct {
	name string
	err  error // a line for each mistake, with file, line and column
}

// err has a line for each mistake in each script that is broken; nil where none is.
func (r reading) err() error {
	var errs []error
	for _, broken := range r.broken {
		errs = append(errs, broken.err)
	}
	return errors.Join(errs...)
}

// readScripts reads the configured scripts, or the example where there are none, and gives what is
// worth a warning in them. Its error has a line for each mistake in each of them.
func readScripts(settings config.Config) ([]*script.Script, script.Diagnostics, error) {
	read, err := readEach(settings)
	if err == nil {
		err = read.err()
	}
	return read.scripts, read.found, err
}

// readEach does as readScripts, but a script that is broken is no error.
func readEach(settings config.Config) (reading, error) {
	var r reading
	known := knownOf(settings, settings.Scripts)
	if len(settings.Scripts) == 0 {
		r.add(exampleName+".yaml", script.Example(), known)
		return r, nil
	}
	files := make(map[string]string)
	for _, file := range settings.Scripts {
		if other, taken := files[nameOf(file)]; taken {
			return reading{}, fmt.Errorf("%s and %s are both the script %q: a script has its name from its file", other, file, nameOf(file))
		}
		files[nameOf(file)] = file
		source, err := readSource(file)
		if err != nil {
			r.broken = append(r.broken, brokenScript{nameOf(file), err})
			continue
		}
		r.add(file, source, known)
	}
	return r, nil
}

// add adds a script that was read.
func (r *reading) add(file string, source []byte, known script.Known) {
	checked, found := checkScript(file, source, known)
	if err := found.Err(); err != nil {
		r.broken = append(r.broken, brokenScript{nameOf(file), err})
		return
	}
	r.scripts = append(r.scripts, checked)
	r.found = append(r.found, found...)
}

func readSource(file string) ([]byte, error) {
	source, err := os.ReadFile(file) //nolint:gosec // the administrator names the file
	if err != nil {
		return nil, fmt.Errorf("reading the script: %w", err)
	}
	return source, nil
}

// parseScript reads a script for which the configuration does not matter. Its error has a line for
// each mistake.
func parseScript(file string) (*script.Script, error) {
	source, err := readSource(file)
	if err != nil {
		return nil, err
	}
	parsed, found := script.Parse(file, source)
	return parsed, found.Err()
}

// checkScript parses a script and holds it against what is known. It is nil where it can't be parsed.
func checkScript(file string, source []byte, known script.Known) (*script.Script, script.Diagnostics) {
	parsed, found := script.Parse(file, source)
	if parsed == nil {
		return nil, found
	}
	return parsed, append(found, parsed.Check(known)...)
}

// knownOf gives what the configuration knows, and the scripts of these files.
func knownOf(settings config.Config, files []string) script.Known {
	names := make(map[string]bool)
	for _, file := range files {
		names[nameOf(file)] = true
	}
	return script.Known{
		Skills: func(name string) bool {
			_, exists := settings.Skills[name]
			return exists
		},
		Scripts: func(name string) bool { return names[name] },
	}
}

// nameOf is the name that a script has from its file.
func nameOf(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}
