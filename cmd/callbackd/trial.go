package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/postgres/private"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// trialDatabase is the name of the database in the private Postgres.
const trialDatabase = "callbackd"

// trialFolder is where --try keeps its data by default: always the same, so that a second start finds
// the same queue. Postgres does not run as root, and its user can't reach root's own folders.
func trialFolder() string {
	if os.Geteuid() == 0 {
		return "/var/lib/callbackd-try"
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return "callbackd-data"
	}
	return filepath.Join(folder, "callbackd-try")
}

// serveTrial runs the daemon on a private Postgres, which ends with it.
func serveTrial(cmd *cobra.Command, settings config.Config, folder string) (err error) {
	if err := settings.NeedARI(); err != nil {
		return err
	}
	server, err := private.Start(cmd.Context(), private.Options{Dir: cmp.Or(folder, trialFolder())})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), 30*time.Second)
		defer cancel()
		err = errors.Join(err, server.Stop(ctx))
	}()
	if err := server.CreateDatabase(cmd.Context(), trialDatabase, ""); err != nil {
		return err
	}
	settings.DatabaseURL = server.URL(trialDatabase)
	if err := migrate(cmd.Context(), settings.DatabaseURL, io.Discard); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), `callbackd: trying it out: a Postgres of its own keeps the queue in %s
callbackd: for the other commands: export CALLBACKD_DATABASE_URL='%s'
`, server.Dir(), settings.DatabaseURL)
	return serve(cmd, settings)
}
