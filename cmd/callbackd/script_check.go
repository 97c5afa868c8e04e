package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/callback/script/sounds"
)

func scriptCheckCommand() *cobra.Command {
	folder, language := "", ""
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check script files and report every mistake, with line and column",
		Long: `Check script files and report every mistake, with line and column, against the skills of the
configuration. The exit code is 1 if one has a mistake; warnings alone are none.

With --sounds, the sounds that the scripts name are looked for, as Asterisk does, in a folder that holds
a folder for each language, and so are those that agents hear in the skills that the scripts name. Lengths
count, too: a caller who hangs up before Callback gets no callback, so long prompts before it are a
warning.`,
		Example: `  callbackd script check /etc/callbackd/*.yaml
  callbackd script check --sounds /var/lib/asterisk/sounds --language fr support.yaml`,
		Args: args("FILE..."),
		RunE: func(cmd *cobra.Command, files []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			if folder == "" && language != "" {
				return usageError{cmd.CommandPath(), fmt.Errorf("--language %s goes with --sounds only", language)}
			}
			known := knownOf(settings, slices.Concat(settings.Scripts, files))
			if folder != "" {
				opened, err := sounds.Open(folder, language)
				if err != nil {
					return err
				}
				known.Sounds, known.Length = opened.Has, opened.Length
			}
			failed := false
			var checked []*script.Script
			for _, file := range files {
				source, err := readSource(file)
				if err != nil {
					return err
				}
				read, found := checkScript(file, source, known)
				if read != nil {
					checked = append(checked, read)
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
			if known.Sounds != nil {
				missing := missingAgentSounds(settings, skillsOf(checked...), known.Sounds)
				for _, line := range missing {
					fmt.Fprintln(cmd.OutOrStdout(), line)
				}
				failed = failed || len(missing) > 0
			}
			if failed {
				return errFailed
			}
			return nil
		},
	}
	soundsFlags(cmd, &folder, &language)
	return cmd
}

// soundsFlags adds the flags that name a folder of sounds and a language in it.
func soundsFlags(cmd *cobra.Command, folder, language *string) {
	cmd.Flags().StringVar(folder, "sounds", "", "the `FOLDER` of sounds, as Asterisk's /var/lib/asterisk/sounds")
	cmd.Flags().StringVar(language, "language", "", "the `LANGUAGE` of the sounds, as in en or fr_CA (default en)")
}
