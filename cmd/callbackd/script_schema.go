package main

import (
	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/script"
)

func scriptSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Write the JSON Schema of script files, for editors",
		Long: `Write the JSON Schema of script files, by which editors complete and check them. Put it beside the
scripts and begin each with the line

  # yaml-language-server: $schema=callbackd.schema.json

It sees the form of a script; "callbackd script check" sees where its branches lead, too.`,
		Example: "  callbackd script schema > /etc/callbackd/callbackd.schema.json",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(script.Schema())
			return err
		},
	}
}
