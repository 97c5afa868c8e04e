package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/reports"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Long: `Bring the database's schema up to date: all its tables on the first run, and with each new
version what has changed since. It may run again at any time. Stop callbackd before.`,
		Example: "  callbackd migrate --database-url postgres://callbackd:PASSWORD@127.0.0.1/callbackd",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			if err := settings.NeedDatabase(); err != nil {
				return err
			}
			return migrate(cmd.Context(), settings.DatabaseURL, cmd.OutOrStdout())
		},
	}
}

// migrate brings the schema and the views of the reports up to date.
func migrate(ctx context.Context, databaseURL string, progress io.Writer) error {
	views, err := reports.Views()
	if err != nil {
		return fmt.Errorf("reading the views of the reports: %w", err)
	}
	return postgres.Migrate(ctx, databaseURL, views, progress)
}
