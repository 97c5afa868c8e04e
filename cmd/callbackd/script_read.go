package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// exampleName is the name of the script that is built in, and runs where no script is configured.
const exampleName = "example"

// readScripts reads the configured scripts, or the example where there are none, and gives what is
// worth a warning in them. Its error has a line for each mistake in each of them.
func readScripts(settings config.Config) ([]*script.Script, script.Diagnostics, error) {
	known := knownOf(settings, settings.Scripts)
	if len(settings.Scripts) == 0 {
		example, found := checkScript(exampleName+".yaml", script.Example(), known)
		return []*script.Script{example}, found, found.Err()
	}
	var scripts []*script.Script
	var found script.Diagnostics
	files := make(map[string]string)
	for _, file := range settings.Scripts {
		if other, taken := files[nameOf(file)]; taken {
			return nil, nil, fmt.Errorf("%s and %s are both the script %q: a script has its name from its file", other, file, nameOf(file))
		}
		files[nameOf(file)] = file
		source, err := readSource(file)
		if err != nil {
			return nil, nil, err
		}
		read, inFile := checkScript(file, source, known)
		found = append(found, inFile...)
		scripts = append(scripts, read)
	}
	return scripts, found, found.Err()
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
