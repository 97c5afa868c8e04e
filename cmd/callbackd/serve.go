package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/callbackd/callbackd/ari"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

func serveCommand() *cobra.Command {
	trial := false
	folder := ""
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon: take calls, keep the queue, call back",
		Long: `Run the daemon: take calls, keep the queue, call back. It runs until SIGTERM or SIGINT. Calls go
on when it ends; the next callbackd takes them over.

While it runs, http.listen has /healthz (the daemon runs), /readyz (calls can be taken, or what is
missing) and /metrics. A script with a mistake does not keep the daemon from starting where an earlier
version of it has run: that one runs on, and the log and "callbackd doctor" say so. SIGHUP, or "callbackd script reload", lets it read the configuration's scripts
and skills again; calls go on.

--try is for trying it out without a database: it starts a Postgres of its own, whose programs must
be installed, and keeps its data in the folder of --data.`,
		Example: `  callbackd serve
  callbackd serve --try
  CALLBACKD_DATABASE_URL=postgres://callbackd@127.0.0.1/callbackd callbackd serve`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			if !trial && folder != "" {
				return usageError{cmd.CommandPath(), errors.New("--data goes with --try only")}
			}
			if !trial {
				if err := settings.NeedDatabase(); err != nil {
					return err
				}
				return serve(cmd, settings)
			}
			if settings.DatabaseURL != "" {
				return usageError{cmd.CommandPath(), errors.New("--try starts a database of its own, but database.url names one: leave one of them out")}
			}
			return serveTrial(cmd, settings, folder)
		},
	}
	cmd.Flags().BoolVar(&trial, "try", false, "start a private Postgres, for trying callbackd out")
	cmd.Flags().StringVar(&folder, "data", "", "the `FOLDER` in which --try keeps its data (default "+trialFolder()+")")
	return cmd
}

// serve runs the daemon until the command's context ends.
func serve(cmd *cobra.Command, settings config.Config) error {
	ctx := cmd.Context()
	log := newLogger(cmd.ErrOrStderr(), settings)
	if err := settings.NeedARI(); err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP) // from now on, so that none ends the daemon
	defer signal.Stop(signals)
	read, err := readEach(settings)
	if err != nil {
		return err
	}
	warn(log, read.found)
	figures := newFigures()
	reloader, err := newReloader(cmd.Flags(), log, figures)
	if err != nil {
		return err
	}
	node, err := newNode(settings, log, figures)
	if err != nil {
		return err
	}
	defer node.Close()
	store, err := openStoreWith(ctx, settings, postgres.Options{Logger: log, PlanOnce: true})
	if err != nil {
		return errors.Join(read.err(), err)
	}
	scripts, err := read.withLastVersions(ctx, store, settings.NodeName, log)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	figures.MustRegister(postgres.NewFigures(store))
	dispatcher, err := dispatch.New(dispatch.Options{
		Node:    settings.NodeName,
		Holder:  holder(),
		Store:   store,
		Switch:  node,
		Scripts: scripts,
		Skills:  settings.Skills,
		Ports:   settings.NodePorts,
		ContactEndpoint: func(number string) string {
			return strings.ReplaceAll(settings.DialContact, "{NUMBER}", number)
		},
		Logger:     log,
		Registerer: figures,
	})
	if err != nil {
		return errors.Join(err, store.Close())
	}
	reloader.apply, reloader.waiting = dispatcher.Reload, store.WaitingOutside
	reloader.broken.Set(float64(len(read.broken)))
	err = askAsterisk(ctx, node, log)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	listener, err := listen(ctx, settings.HTTPListen)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	log.Info("callbackd runs", "version", readVersion().Version, "node", settings.NodeName, "http", settings.HTTPListen)
	reloader.warnOfOthers(ctx, settings)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return dispatcher.Run(ctx) })
	group.Go(func() error { return serveHealth(ctx, listener, healthHandler(dispatcher.Ready, figures, reloader)) })
	group.Go(func() error { return reloader.onSignals(ctx, signals) })
	group.Go(func() error { return upkeep(ctx, store, log) })
	err = group.Wait()
	log.Info("callbackd ends; calls go on and the next one takes them over")
	return errors.Join(err, store.Close())
}

// askAsterisk finds a wrong password before anything is served. An Asterisk that is not up yet is
// waited for later, by the node.
func askAsterisk(ctx context.Context, node *ari.Node, log *slog.Logger) error {
	info, err := node.Info(ctx)
	var refused *ari.AccessError
	if errors.As(err, &refused) {
		return err
	}
	if err == nil {
		log.Info("Asterisk answers", "version", info.Version, "started_at", info.StartedAt)
	}
	return nil // the node says that it waits
}

func newNode(settings config.Config, log *slog.Logger, figures prometheus.Registerer) (*ari.Node, error) {
	return ari.NewNode(ari.Options{
		Name:        settings.NodeName,
		URL:         settings.ARIURL,
		User:        settings.ARIUser,
		Password:    settings.ARIPassword,
		Application: settings.ARIApplication,
		TLS:         ari.TLS{CA: settings.ARICAFile},
		Logger:      log,
		Registerer:  figures,
	})
}

// openStore opens the database and sees that its schema is the one that this program knows.
func openStore(ctx context.Context, settings config.Config, log *slog.Logger) (*postgres.Store, error) {
	return openStoreWith(ctx, settings, postgres.Options{Logger: log})
}

func openStoreWith(ctx context.Context, settings config.Config, o postgres.Options) (*postgres.Store, error) {
	store, err := postgres.Open(ctx, settings.DatabaseURL, o)
	if err != nil {
		return nil, err
	}
	if err := store.CheckSchema(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

func newFigures() *prometheus.Registry {
	figures := prometheus.NewRegistry()
	figures.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return figures
}

// holder names this process among all that may ever hold the node.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return fmt.Sprintf("%s:%d:%s", cmp.Or(host, "unknown"), os.Getpid(), rand.Text()[:8])
}
