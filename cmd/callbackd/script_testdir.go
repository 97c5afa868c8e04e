package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

func scriptTestCommand() *cobra.Command {
	asJSON, folder := false, ""
	cmd := &cobra.Command{
		Use:   "test DIR...",
		Short: "Play the rehearsals in folders, and see that they end as expected",
		Long: `Play the rehearsals in folders, the .yaml files there, and see that each ends as it expects. The exit
code is 1 if one does not. A rehearsal names its script, relative to its own file, and says what happens:

  script: ../sales.yaml
  start: 2026-03-02 09:00              # in the script's time zone
  caller: {ANI: "2125550100", DNIS: "8005550100"}
  answers:                             # by the action that asks; the last holds
    crm: {values: {customer: Ann}}     # or status, error, found, waited, after
  happens:                             # as in callbackd help script rehearse
    - {at: 35s, keys: "1"}
    - {at: 10m, agent: 1001 answers}
    - {at: 10m5s, contact: answers}
    - {at: 12m, agent: 1001 hangs up}
  expect:
    outcome: served                    # or abandoned, not_reached, hung_up
    actions: [request, music, offer]   # all; passes: some, in this order
    saved: {PhoneNumber: "2125550100"} # or none
    dialled: ["2125550100"]

It may say more: limit, variables (of another script), skills (with the settings of the configuration),
sounds (their lengths: {acme/hello: 6s}) and missing (sounds that fail); and expect state, plays, log,
variables, skill, priority and held.`,
		Example: "  callbackd script test /etc/callbackd/tests",
		Args:    args("DIR..."),
		RunE: func(cmd *cobra.Command, folders []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			files, err := rehearsalFiles(folders)
			if err != nil {
				return err
			}
			tested := make([]testedRehearsal, len(files))
			for i, file := range files {
				tested[i] = testRehearsal(file, settings, folder)
				if !asJSON {
					fmt.Fprint(cmd.OutOrStdout(), tested[i])
				}
			}
			if asJSON {
				if err := writeJSON(cmd.OutOrStdout(), tested); err != nil {
					return err
				}
			}
			if slices.ContainsFunc(tested, func(t testedRehearsal) bool { return !t.OK }) {
				return errFailed
			}
			return nil
		},
	}
	rehearsalSoundsFlag(cmd, &folder)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// rehearsalFiles gives the rehearsals in folders, in the order of their names.
func rehearsalFiles(folders []string) ([]string, error) {
	var files []string
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, fmt.Errorf("looking for rehearsals: %w", err)
		}
		before := len(files)
		for _, entry := range entries {
			if !entry.IsDir() && filepath.Ext(entry.Name()) == ".yaml" {
				files = append(files, filepath.Join(folder, entry.Name()))
			}
		}
		if len(files) == before {
			return nil, fmt.Errorf("%s holds no rehearsal, which is a .yaml file", folder)
		}
	}
	return files, nil
}

// testedRehearsal is what became of one rehearsal.
type testedRehearsal struct {
	File string   `json:"file"`
	OK   bool     `json:"ok"`
	Why  []string `json:"why,omitempty"` // it is not
}

// String gives a line, and one for each reason.
func (t testedRehearsal) String() string {
	if t.OK {
		return "ok      " + t.File + "\n"
	}
	text := "FAILED  " + t.File + "\n"
	for _, line := range t.Why {
		text += "        " + line + "\n"
	}
	return text
}

func testRehearsal(file string, settings config.Config, folder string) testedRehearsal {
	why, err := differences(file, settings, folder)
	if err != nil {
		why = strings.Split(err.Error(), "\n")
	}
	return testedRehearsal{File: file, OK: len(why) == 0, Why: why}
}

// differences plays a rehearsal and says what is not as it expects.
func differences(file string, settings config.Config, folder string) ([]string, error) {
	r, err := readRehearsal(file)
	switch {
	case err != nil:
		return nil, err
	case r.Script == "":
		return nil, errors.New(file + ":1:1: script is missing: which one is rehearsed?")
	case !r.Expect.Given:
		return nil, errors.New(file + ":1:1: expect is missing: how does it end?")
	}
	path := r.Script
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(file), path)
	}
	result, err := playRehearsal(path, r, settings, folder)
	if err != nil {
		return nil, err
	}
	return result.Check(r.Expect), nil
}
