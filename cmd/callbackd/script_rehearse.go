package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/callback/script/rehearse"
	"github.com/callbackd/callbackd/callback/script/sounds"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

func scriptRehearseCommand() *cobra.Command {
	asJSON := false
	with, start, limit, folder := "", "", "", ""
	var happens, answers []string
	cmd := &cobra.Command{
		Use:   "rehearse FILE",
		Short: "Play a script in virtual time, and show each step",
		Long: `Play a script without Asterisk and without a database, in virtual time, and show each step: when it
is, what begins or happens, what the contact hears, the variables that have changed, and the contact's
priority in the queue. What happens is given by --at, as often as needed, or in a file:

  keys 1                the contact presses keys, one after the other
  caller hangs up
  agent 1001 accepts    is free, answers when rung, and presses 1 where asked to
  agent 1001 answers    is free, and only answers; or declines, rings
  agent 1001 presses 1  accepts, where asked to; presses 2 refuses
  agent 1001 hangs up
  contact answers       when called back; or busy, declines, no answer
  contact hangs up
  callbackd restarts
  database away         nothing can be saved until "database back"

Times are counted from the beginning of the call: 35s, 10m, 1h30m, 2d. The rehearsal ends when nothing
more comes by itself, or a day after the last of what was given.

What actions ask of web servers, about the queue and about other callbacks is answered as --answer or the
file says, or in a plausible way, which the step says. Several answers for one action are given one after
the other:

  estimate EWT=600      variables that the answer sets
  crm status=500        of a WebRequest; or error=connection refused
  query found           of Querycallback; of Contacttakeover with waited=20m
  crm after=7s          how long the answer takes

Skills have the settings of the configuration, and are all there. An agent is free once, whenever the
rehearsal says so: what refused_time, after_call_work and refusals keep from an agent in between, and the
agent's own phone, are not played; it is said when an agent is unavailable after so many refusals. A file
with an expected end is a test: see callbackd help script test.`,
		Example: `  callbackd script rehearse sales.yaml
  callbackd script rehearse sales.yaml --at "35s keys 1" --at "10m agent 1001" --at "10m5s contact answers"
  callbackd script rehearse sales.yaml --answer "estimate EWT=600"
  callbackd script rehearse sales.yaml --with tests/callback.yaml --json`,
		Args: args("FILE"),
		RunE: func(cmd *cobra.Command, files []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			var r rehearse.Rehearsal
			if with != "" {
				if r, err = readRehearsal(with); err != nil {
					return err
				}
			}
			if err := addGiven(&r, happens, start, limit); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			if err := r.AddAnswers(answers); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			result, err := playRehearsal(files[0], r, settings, folder)
			if err != nil {
				return err
			}
			differs := result.Check(r.Expect)
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), struct {
					rehearse.Result
					Differs []string `json:"differs,omitempty"`
				}{result, differs})
			} else {
				err = writeRehearsal(cmd.OutOrStdout(), result, differs)
			}
			if err == nil && len(differs) > 0 {
				err = errFailed
			}
			return err
		},
	}
	cmd.Flags().StringArrayVar(&happens, "at", nil, "what happens, as `\"TIME WHO DOES\"`; may be repeated")
	cmd.Flags().StringArrayVar(&answers, "answer", nil, "what an action is answered, as `\"ACTION VARIABLE=VALUE\"`; may be repeated")
	cmd.Flags().StringVar(&with, "with", "", "what happens, from a rehearsal's `FILE`; its script is not looked at")
	cmd.Flags().StringVar(&start, "start", "", "when the call comes in, as `\"2026-03-02 09:00\"` in the script's time zone")
	cmd.Flags().StringVar(&limit, "limit", "", "how long the rehearsal lasts at the most, as `2h`")
	rehearsalSoundsFlag(cmd, &folder)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func rehearsalSoundsFlag(cmd *cobra.Command, folder *string) {
	cmd.Flags().StringVar(folder, "sounds", "", "Asterisk's `FOLDER` of sounds: what is missing there fails, and the others last as long as they are")
}

// addGiven adds to a rehearsal what the command line gives.
func addGiven(r *rehearse.Rehearsal, happens []string, start, limit string) (err error) {
	for _, text := range happens {
		h, err := rehearse.ParseHappening(text)
		if err != nil {
			return fmt.Errorf("--at %q: %w", text, err)
		}
		r.Happens = append(r.Happens, h)
	}
	if start != "" {
		if r.Start, err = rehearse.ParseStart(start); err != nil {
			return fmt.Errorf("--start: %w", err)
		}
	}
	if limit != "" {
		if r.Limit, err = rehearse.ParseDuration(limit); err != nil {
			return fmt.Errorf("--limit: %w", err)
		}
	}
	return nil
}

// readRehearsal reads a rehearsal's file. Its error has a line for each mistake.
func readRehearsal(file string) (rehearse.Rehearsal, error) {
	source, err := os.ReadFile(file) //nolint:gosec // the administrator names the file
	if err != nil {
		return rehearse.Rehearsal{}, fmt.Errorf("reading the rehearsal: %w", err)
	}
	r, found := rehearse.Parse(file, source)
	return r, found.Err()
}

// playRehearsal plays a rehearsal of the script in a file. Its error has a line for each mistake in the
// script, in those to which it leads, and in how the rehearsal names their actions.
func playRehearsal(file string, r rehearse.Rehearsal, settings config.Config, folder string) (rehearse.Result, error) {
	s, err := parseScript(file)
	if err != nil {
		return rehearse.Result{}, err
	}
	others := &neighbours{folder: filepath.Dir(file), scripts: make(map[string]*script.Script)}
	o := rehearse.Options{Scripts: others.script, Skills: settings.Skills}
	if folder != "" {
		found, err := sounds.Open(folder, r.Caller.Language)
		if err != nil {
			return rehearse.Result{}, err
		}
		o.Sounds = found
	}
	if err := r.Check(s, o).Err(); err != nil {
		return rehearse.Result{}, err
	}
	result := rehearse.Run(s, r, o)
	return result, others.err
}

// neighbours are the scripts in a folder, to which Runscript leads.
type neighbours struct {
	folder  string
	scripts map[string]*script.Script // those that were read
	err     error                     // of those that could not be read
}

// script gives a script by its name; nil where there is none that is right.
func (n *neighbours) script(name string) *script.Script {
	if s, read := n.scripts[name]; read {
		return s
	}
	s, err := parseScript(filepath.Join(n.folder, filepath.Base(name)+".yaml"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.err = errors.Join(n.err, err)
	}
	n.scripts[name] = s
	return s
}

// writeRehearsal writes a rehearsal's steps for people, and where everything stands at its end.
func writeRehearsal(w io.Writer, result rehearse.Result, differs []string) error {
	if err := writeSteps(w, result.Steps); err != nil {
		return err
	}
	end := result.End
	fmt.Fprintf(w, "\nend after %s: %s; %s\n", rehearse.InWords(end.At), standing(end), end.Why)
	for _, line := range differs {
		fmt.Fprintln(w, "not as expected: "+line)
	}
	return nil
}

// standing says where the contact stands at the end.
func standing(end rehearse.End) string {
	text := string(end.State)
	switch {
	case end.Outcome != "":
		text = string(end.Outcome)
	case end.Skill != "":
		text += ", in the queue of " + end.Skill
	}
	if end.Held {
		text += ", held back from offers"
	}
	return text
}
