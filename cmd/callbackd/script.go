package main

import (
	"github.com/spf13/cobra"
)

func scriptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "script",
		Short: "Check, draw, rehearse and reload scripts",
		Args:  cobra.ArbitraryArgs,
		RunE:  group,
	}
	cmd.AddCommand(
		scriptCheckCommand(), scriptDrawCommand(), scriptExampleCommand(), scriptListCommand(), scriptReferenceCommand(),
		scriptReloadCommand(), scriptSchemaCommand(), scriptSpeakCommand(),
	)
	cmd.AddCommand(scriptRehearseCommand(), scriptTestCommand())
	return cmd
}
