package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
)

func contactCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "contact",
		Short: "List contacts, show one, release, change or cancel one",
		Args:  cobra.ArbitraryArgs,
		RunE:  group,
	}
	cmd.AddCommand(contactListCommand(), contactShowCommand(), contactReleaseCommand(), contactChangeCommand(), contactCancelCommand())
	return cmd
}

// contactStates are those that --state takes.
var contactStates = []callback.State{
	callback.StateLive, callback.StateCallback, callback.StateCalling, callback.StateConnected,
	callback.StateReleased, callback.StateStuck, callback.StateEnded,
}

func contactListCommand() *cobra.Command {
	asJSON, all, held := false, false, false
	state, skill := "", ""
	limit := 0
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the open contacts, the newest first",
		Long: `List the open contacts, the newest first; with --all or --state ended those that have ended too.

A contact's state is live (on the line, waiting), callback (hung up, the place is kept), calling
(being called back), connected (with an agent), released (the agent has left), stuck (for a person to
look at) or ended. One that is held is offered to nobody until someone changes it. --held shows what a
person has to look at: those that are held, and those that are stuck; see callbackd help contact release.

On a terminal, what does not fit into its width is left out; elsewhere, and with --json, all is there.`,
		Example: `  callbackd contact list --state callback
  callbackd contact list --held
  callbackd contact list --all --limit 20 --json`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter := postgres.ContactFilter{Skill: skill, HeldOnly: held, Limit: limit}
			if err := checkFilter(&filter, state, all); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			return withStore(cmd, settings, func(store *postgres.Store) error {
				contacts, err := store.ListContacts(cmd.Context(), filter)
				if err == nil && len(contacts) == 0 {
					err = checkQueueSkill(cmd, settings, skill)
				}
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), contacts)
				}
				return writeContacts(cmd.OutOrStdout(), contacts)
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only contacts in this `STATE`")
	cmd.Flags().StringVar(&skill, "skill", "", "only contacts of this `SKILL`")
	cmd.Flags().BoolVar(&held, "held", false, "only those that are held back or stuck, for a person to look at")
	cmd.Flags().BoolVar(&all, "all", false, "those that have ended too")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most `N` contacts; 0: all")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func writeContacts(w io.Writer, contacts []postgres.ContactSummary) error {
	columns := []column{
		{title: "ID"}, {title: "STATE"}, {title: "OUTCOME", spare: 1}, {title: "SKILL", least: 5, spare: 2}, {title: "ANI"},
		{title: "DNIS", spare: 3}, {title: "CALL BACK"}, {title: "AGENT"}, {title: "ARRIVED"}, {title: "ENDED", spare: 4},
	}
	rows := make([][]cell, len(contacts))
	for i, c := range contacts {
		rows[i] = plainCells(c.ID.String(), stateText(c), string(c.Outcome), c.Skill, c.ANI, c.DNIS,
			c.PhoneNumber, c.Agent, moment(c.ArrivedAt), moment(c.EndedAt))
	}
	return writeColumns(w, columns, rows)
}

// stateText tells a callback that nobody is offered from one that only waits (C7).
func stateText(c postgres.ContactSummary) string {
	if c.Held && c.State != callback.StateStuck {
		return string(c.State) + ", held"
	}
	return string(c.State)
}

// checkFilter takes the state into the filter and sees that the filter makes sense.
func checkFilter(filter *postgres.ContactFilter, state string, all bool) error {
	if filter.Limit < 0 {
		return fmt.Errorf("--limit %d: want a number from 0 on", filter.Limit)
	}
	filter.OpenOnly = !all && state != string(callback.StateEnded)
	if state == "" {
		return nil
	}
	words := make([]string, len(contactStates))
	for i, known := range contactStates {
		if string(known) == state {
			filter.State = known
			return nil
		}
		words[i] = string(known)
	}
	return fmt.Errorf("--state %s: want one of %s", state, strings.Join(words, ", "))
}

func contactShowCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a contact: its place, offers, attempts, legs and history",
		Long: `Show a contact: its state and its place in the queue, what people have asked for it and no callbackd
has done yet, its offers to agents, the attempts to call it back, its legs (the Asterisk channels that
served it) and everything that has happened to it. With --json, also its script's variables.`,
		Example: `  callbackd contact show 4711
  callbackd contact show 4711 --json | jq .legs`,
		Args: args("ID"),
		RunE: func(cmd *cobra.Command, given []string) error {
			id, err := contactID(cmd, given[0])
			if err != nil {
				return err
			}
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			err = withStore(cmd, settings, func(store *postgres.Store) error {
				detail, err := store.ShowContact(cmd.Context(), id)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), detail)
				}
				return writeContact(cmd.OutOrStdout(), detail, time.Now())
			})
			if errors.Is(err, dispatch.ErrNotFound) {
				return noContact(id)
			}
			return err
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// contactID reads the ID that a command was given.
func contactID(cmd *cobra.Command, given string) (callback.ContactID, error) {
	id, err := strconv.ParseInt(given, 10, 64)
	if err != nil || id < 1 {
		return 0, usageError{cmd.CommandPath(), fmt.Errorf("%q is not a contact ID, which is a whole number", given)}
	}
	return callback.ContactID(id), nil
}

func noContact(id callback.ContactID) error {
	return fmt.Errorf("there is no contact %s; callbackd contact list --all shows those there are", id)
}
