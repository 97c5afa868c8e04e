package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// newRoot makes the tree of commands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "callbackd",
		Short: "Queue callback for Asterisk",
		Long: `callbackd gives callers in an Asterisk queue a callback: the place is kept, the call ends,
and when an agent is free and accepts, the caller is called back.`,
		Example: `  callbackd serve --try                            try it out, with a database of its own
  callbackd agent add 1001 --name Ann --skill support
  callbackd doctor                                 find out why it does not work
  callbackd contact show 4711                      what has become of a call`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          group,
	}
	config.AddFlags(root.PersistentFlags())
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{cmd.CommandPath(), err}
	})
	root.AddCommand(serveCommand(), migrateCommand(), doctorCommand(), agentCommand(), contactCommand(), queueCommand(), scriptCommand(), configCommand(), versionCommand())
	root.SetHelpCommand(helpCommand())
	return root
}

// helpTemplate is cobra's, with its text folded.
const helpTemplate = `{{or .Long .Short | folded}}

{{.UsageString}}`

// usageTemplate leaves the settings' flags to the help of callbackd itself.
const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags | flagsFolded}}{{end}}
{{- if .HasParent}}

The settings' flags (--config, --database-url, ...) go with every command: see
callbackd help.{{end}}
{{- if .HasAvailableSubCommands}}

"{{.CommandPath | helpOf}} COMMAND" tells more about a command.{{end}}
`

func init() {
	cobra.AddTemplateFunc("folded", func(text string) string { return fold(text, helpWidth) })
	cobra.AddTemplateFunc("flagsFolded", func(flags *pflag.FlagSet) string {
		return strings.TrimRight(flags.FlagUsagesWrapped(helpWidth), "\n")
	})
	cobra.AddTemplateFunc("helpOf", func(path string) string {
		return strings.TrimSpace("callbackd help" + strings.TrimPrefix(path, "callbackd"))
	})
}

// helpCommand is cobra's, but an unknown command is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Tell more about a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError{"", fmt.Errorf("there is no command %q", strings.Join(args, " "))}
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// group is what runs where a command of a group was to be named.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 && !cmd.HasParent() {
		return cmd.Help()
	}
	if len(args) == 0 {
		return usageError{cmd.CommandPath(), fmt.Errorf("%s needs one of its commands: %s", cmd.CommandPath(), strings.Join(names(cmd), ", "))}
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %q?", near[0])
	}
	return usageError{cmd.CommandPath(), fmt.Errorf("%s has no command %q%s", cmd.CommandPath(), args[0], hint)}
}

func names(cmd *cobra.Command) []string {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// args makes a check of the arguments whose errors are usage errors: exactly those that are named,
// the last one once or more if it ends with "...".
func args(want ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, got []string) error {
		many := len(want) > 0 && strings.HasSuffix(want[len(want)-1], "...")
		switch {
		case len(got) < len(want):
			return usageError{cmd.CommandPath(), fmt.Errorf("%s is missing", strings.TrimSuffix(want[len(got)], "..."))}
		case len(got) > len(want) && !many:
			return usageError{cmd.CommandPath(), fmt.Errorf("%q is one argument too many", got[len(want)])}
		}
		return nil
	}
}

// load reads the configuration for a command.
func load(cmd *cobra.Command) (config.Config, error) {
	return config.Load(cmd.Flags())
}
