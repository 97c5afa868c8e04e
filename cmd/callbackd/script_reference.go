package main

import (
	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/script"
)

func scriptReferenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "reference",
		Short:   "Write the reference of the script language",
		Long:    `Write the reference of the script language, as it is in this version, in Markdown.`,
		Example: "  callbackd script reference | less",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(script.Reference())
			return err
		},
	}
}
