package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

const (
	// shortestInterval bounds how often the database is asked.
	shortestInterval = 100 * time.Millisecond
	// timeForAll is how long the database may take to give all of a very long queue.
	timeForAll = 5 * time.Minute
)

func queueCommand() *cobra.Command {
	asJSON, skill, limit, interval := false, "", 0, time.Second
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Show the live queue and the agents",
		Long: `Show the queue and the agents as they stand, every second anew, until q or Ctrl-C is pressed: the
skills, with who waits and the agents there; the contacts in the order in which they come next, live
callers and callbacks in one, with what each waits for; and the agents. A contact's position is that
in its skill.

It reads the database and nothing else, so it runs wherever callbackd migrate does. An agent who is
available and can't be rung has a phone that is in use or not registered, or no callbackd runs for it,
and is not counted as available. Where no callbackd runs at all the first lines say so.
Where the output is no terminal, it is written once.`,
		Example: `  callbackd queue
  callbackd queue --skill support --interval 5s
  callbackd queue --json | jq '.contacts[] | select(.held)'`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case limit < 0:
				return usageError{cmd.CommandPath(), fmt.Errorf("--limit %d: want a number from 0 on", limit)}
			case interval < shortestInterval:
				return usageError{cmd.CommandPath(), fmt.Errorf("--interval %s: want %s or more", interval, shortestInterval)}
			}
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			wanted := postgres.QueueFilter{Skill: skill, Limit: limit}
			if err := checkQueueSkill(cmd, settings, skill); err != nil {
				return err
			}
			if terminal, ok := cmd.OutOrStdout().(*os.File); ok && !asJSON && isScreen(terminal) {
				return withStore(cmd, settings, func(store *postgres.Store) error {
					return watchOn(cmd.Context(), os.Stdin, terminal, wanted, interval, store.ReadQueue)
				})
			}
			queue, err := readOnce(cmd, settings, wanted)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), newQueueJSON(queue))
			}
			for _, line := range drawQueue(queueView{queue: queue, skill: skill}, paper{}, time.Now()) {
				fmt.Fprintln(cmd.OutOrStdout(), line.text)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&skill, "skill", "", "only the contacts and agents of this `SKILL`")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most `N` contacts and agents; 0: what fits on the terminal, all elsewhere")
	cmd.Flags().DurationVar(&interval, "interval", interval, "the `TIME` between two looks at the database")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// checkQueueSkill refuses a --skill that nobody knows: neither the configuration, nor an agent, nor a contact that
// waits since it was in the configuration.
func checkQueueSkill(cmd *cobra.Command, settings config.Config, skill string) error {
	if _, known := settings.Skills[skill]; known || skill == "" {
		return nil
	}
	queue, err := readOnce(cmd, settings, postgres.QueueFilter{Skill: skill, Limit: 1})
	if err == nil && len(queue.Skills) == 0 {
		err = usageError{cmd.CommandPath(), fmt.Errorf("--skill %s: the configuration has no such skill, only %s",
			skill, strings.Join(slices.Sorted(maps.Keys(settings.Skills)), ", "))}
	}
	return err
}

// readOnce reads what is wanted of the queue, however long it is.
func readOnce(cmd *cobra.Command, settings config.Config, wanted postgres.QueueFilter) (postgres.Queue, error) {
	if err := settings.NeedDatabase(); err != nil {
		return postgres.Queue{}, err
	}
	store, err := postgres.Open(cmd.Context(), settings.DatabaseURL,
		postgres.Options{Logger: slog.New(slog.DiscardHandler), MaxConnections: 1, StatementTime: timeForAll})
	if err != nil {
		return postgres.Queue{}, err
	}
	var queue postgres.Queue
	if err = store.CheckSchema(cmd.Context()); err == nil {
		queue, err = store.ReadQueue(cmd.Context(), wanted)
	}
	return queue, errors.Join(err, store.Close())
}

// isScreen says whether a file is a terminal on which lines can be written anew.
func isScreen(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// queueJSON is the queue for programs, with what each contact waits for in words.
type queueJSON struct {
	postgres.Queue
	Contacts []contactJSON `json:"contacts"`
}

type contactJSON struct {
	postgres.QueueContact
	WaitsFor string `json:"waits_for"`
}

func newQueueJSON(queue postgres.Queue) queueJSON {
	contacts := make([]contactJSON, len(queue.Contacts))
	for i, c := range queue.Contacts {
		contacts[i] = contactJSON{c, waitsFor(c, queue.At).text}
	}
	return queueJSON{queue, contacts}
}

// plainWords writes a word of the database for people.
func plainWords(word string) string { return strings.ReplaceAll(word, "_", " ") }
