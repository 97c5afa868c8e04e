package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// exampleName is the name of the script that is built in, and runs where no script is configured.
const exampleName = "example"

func scriptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "script",
		Short: "Check scripts",
		Args:  cobra.ArbitraryArgs,
		RunE:  group,
	}
	cmd.AddCommand(scriptCheckCommand())
	cmd.AddCommand(scriptSchemaCommand())
	cmd.AddCommand(scriptReferenceCommand())
	return cmd
}

func scriptCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Check script files and report every mistake, with line and column",
		Long: `Check script files and report every mistake, with line and column, against the skills of the
configuration. The exit code is 1 if one has a mistake; warnings alone are none.`,
		Example: "  callbackd script check /etc/callbackd/*.yaml",
		Args:    args("FILE..."),
		RunE: func(cmd *cobra.Command, files []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			failed := false
			for _, file := range files {
				_, found, err := readScript(file, settings)
				if err != nil {
					return err
				}
				for _, diagnostic := range found {
					fmt.Fprintln(cmd.OutOrStdout(), diagnostic)
				}
				if found.Err() != nil {
					failed = true
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: ok\n", file)
			}
			if failed {
				return errFailed
			}
			return nil
		},
	}
}

// readScript reads and checks one script file.
func readScript(file string, settings config.Config) (*script.Script, script.Diagnostics, error) {
	source, err := os.ReadFile(file) //nolint:gosec // the administrator names the file
	if err != nil {
		return nil, nil, fmt.Errorf("reading the script: %w", err)
	}
	read, found := parseScript(file, source, settings)
	return read, found, nil
}

// parseScript parses a script and holds it against the configuration.
func parseScript(file string, source []byte, settings config.Config) (*script.Script, script.Diagnostics) {
	parsed, found := script.Parse(file, source)
	if found.Err() != nil {
		return nil, found
	}
	known := script.Known{Skills: func(name string) bool {
		_, exists := settings.Skills[name]
		return exists
	}}
	return parsed, append(found, parsed.Check(known)...)
}

// readScripts reads the configured scripts, or the example where there are none. Its error has a line
// for each mistake in each of them.
func readScripts(settings config.Config) ([]*script.Script, error) {
	if len(settings.Scripts) == 0 {
		example, found := parseScript(exampleName+".yaml", script.Example(), settings)
		return []*script.Script{example}, found.Err()
	}
	var scripts []*script.Script
	var mistakes script.Diagnostics
	names := make(map[string]string)
	for _, file := range settings.Scripts {
		read, found, err := readScript(file, settings)
		if err != nil {
			return nil, err
		}
		mistakes = append(mistakes, found...)
		if read == nil {
			continue
		}
		if other, taken := names[read.Name()]; taken {
			return nil, fmt.Errorf("%s and %s are both the script %q: a script has its name from its file", other, file, read.Name())
		}
		names[read.Name()] = file
		scripts = append(scripts, read)
	}
	return scripts, mistakes.Err()
}
