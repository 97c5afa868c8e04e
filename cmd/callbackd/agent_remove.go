package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
)

func agentRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove EXTENSION",
		Short: "Remove an agent who has left for good",
		Long: `Remove an agent who has left for good: one who is logged out, is not on the line, and for whom alone
no contact waits. What the agent has done stays in the history and in the reports.`,
		Example: `  callbackd agent state 1001 logged_out
  callbackd agent remove 1001`,
		Args: args("EXTENSION"),
		RunE: func(cmd *cobra.Command, given []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			err = withStore(cmd, settings, func(store *postgres.Store) error {
				return store.RemoveAgent(cmd.Context(), given[0], whoAsks())
			})
			if errors.Is(err, dispatch.ErrNotFound) {
				return noAgent(given[0])
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "agent %s is removed\n", given[0])
			return err
		},
	}
}

func noAgent(extension string) error {
	return fmt.Errorf("there is no agent %s; callbackd agent list shows those there are", extension)
}
