package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/callbackd/callbackd/callback/postgres"
)

// shortestInterval bounds how often the database is asked.
const shortestInterval = 100 * time.Millisecond

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
available may still be on the phone with somebody else: only Asterisk knows that. Where the output is
no terminal, it is written once.`,
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
			return withStore(cmd, settings, func(store *postgres.Store) error {
				read := func(ctx context.Context, fits int) (postgres.Queue, error) {
					if limit > 0 {
						fits = limit
					}
					return store.ReadQueue(ctx, postgres.QueueFilter{Skill: skill, Limit: fits})
				}
				if screen, ok := cmd.OutOrStdout().(*os.File); ok && !asJSON && isScreen(screen) {
					return watchOn(cmd.Context(), os.Stdin, screen, skill, interval, read)
				}
				queue, err := read(cmd.Context(), 0)
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
			})
		},
	}
	cmd.Flags().StringVar(&skill, "skill", "", "only the contacts and agents of this `SKILL`")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most `N` contacts and agents; 0: what fits on the terminal, all elsewhere")
	cmd.Flags().DurationVar(&interval, "interval", interval, "the `TIME` between two looks at the database")
	jsonFlag(cmd, &asJSON)
	return cmd
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
