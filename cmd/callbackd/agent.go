package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

func agentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Add agents, list them, set their states, remove them",
		Args:  cobra.ArbitraryArgs,
		RunE:  group,
	}
	cmd.AddCommand(agentAddCommand(), agentListCommand(), agentStateCommand(), agentImportCommand(), agentRemoveCommand())
	return cmd
}

func agentAddCommand() *cobra.Command {
	name, endpoint := "", ""
	var wanted []string
	cmd := &cobra.Command{
		Use:   "add EXTENSION --skill NAME[=PROFICIENCY]...",
		Short: "Add an agent, or change the name, endpoint and skills of one",
		Long: `Add an agent, logged out, or change the name, endpoint and skills of one who is there: what is not named
stays, and --skill names all that the agent has from then on.

The proficiency in a skill goes from 1, the best and the default, to 20: of the agents who are free,
the one with the best gets the contact.`,
		Example: `  callbackd agent add 1001 --name Ann --skill support
  callbackd agent add 1002 --skill support=2 --skill sales --endpoint PJSIP/desk-2`,
		Args: args("EXTENSION"),
		RunE: func(cmd *cobra.Command, given []string) error {
			extension := given[0]
			if err := checkExtension(extension); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			skills, err := parseSkills(wanted)
			if err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			if err := checkSkills(skills, settings); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			agent := postgres.Agent{
				Extension: extension, Endpoint: strings.ReplaceAll(settings.DialAgent, "{EXTENSION}", extension), Presence: callback.LoggedOut,
			}
			return withStore(cmd, settings, func(store *postgres.Store) error {
				there, err := findAgent(cmd, store, extension)
				if err != nil {
					return err
				}
				if there != nil {
					agent = *there
				}
				if cmd.Flags().Changed("name") {
					agent.Name = name
				}
				agent.Endpoint = cmp.Or(endpoint, agent.Endpoint)
				if len(skills) > 0 {
					agent.Skills = skills
				}
				return addAgent(cmd, store, agent, there != nil)
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the agent's `NAME`, for lists and reports")
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "the `ENDPOINT` that Asterisk rings (default from dial.agent)")
	cmd.Flags().StringArrayVar(&wanted, "skill", nil, "a skill that the agent serves, `NAME[=PROFICIENCY]`; may be repeated")
	return cmd
}

// addAgent adds an agent, or changes one who is there, says what holds now, and warns of a phone that can't be
// rung.
func addAgent(cmd *cobra.Command, store *postgres.Store, agent postgres.Agent, there bool) error {
	if len(agent.Skills) == 0 {
		return usageError{cmd.CommandPath(), errors.New("--skill is missing: which skills does the agent serve?")}
	}
	if err := store.AddAgent(cmd.Context(), agent.Extension, agent.Name, agent.Endpoint, agent.Skills); err != nil {
		return err
	}
	done := "added"
	if there {
		done = "changed"
	}
	text := fmt.Sprintf("agent %s is %s: %s, rung at %s, skills %s",
		agent.Extension, done, cmp.Or(agent.Name, "no name"), agent.Endpoint, skillList(agent.Skills))
	if agent.Presence != callback.Available {
		text += fmt.Sprintf("; to get contacts: callbackd agent state %s available", agent.Extension)
	}
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), text); err != nil {
		return err
	}
	return warnOfPhone(cmd, store, agent)
}

// ringTime is how long the daemons may take to say that they can ring the phone of an agent who is new.
const ringTime = 2 * time.Second

// warnOfPhone warns where no node can ring an agent's phone.
func warnOfPhone(cmd *cobra.Command, store *postgres.Store, agent postgres.Agent) error {
	nodes, err := store.HeldNodes(cmd.Context())
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "callbackd: no callbackd runs, and until one does %s can't be rung\n", agent.Endpoint)
		return nil
	}
	const look = 100 * time.Millisecond
	for waited := time.Duration(0); ; waited += look {
		saved, err := findAgent(cmd, store, agent.Extension)
		switch {
		case err != nil || saved == nil || len(saved.Nodes) > 0: // nil: removed by somebody else in this moment
			return err
		case waited >= ringTime:
			fmt.Fprintf(cmd.ErrOrStderr(), "callbackd: no node can ring %s now: is the phone registered there, and not in use?\n", agent.Endpoint)
			return nil
		}
		select {
		case <-cmd.Context().Done():
			return cmd.Context().Err()
		case <-time.After(look):
		}
	}
}

// findAgent gives the agent of an extension; nil where there is none.
func findAgent(cmd *cobra.Command, store *postgres.Store, extension string) (*postgres.Agent, error) {
	agents, err := store.ListAgents(cmd.Context())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(agents, func(a postgres.Agent) bool { return a.Extension == extension })
	if i < 0 {
		return nil, nil
	}
	return &agents[i], nil
}

func agentListCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the agents with their states and skills",
		Long: `List the agents with their states and skills. PHONE names the nodes in which the agent's phone can be rung at
this moment. Where there is none it is in use or not registered, or no callbackd runs there, and nothing is
offered to the agent, whatever the state.

On a terminal, what does not fit into its width is cut or left out; elsewhere, and with --json, all is there.`,
		Example: "  callbackd agent list --json",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			return withStore(cmd, settings, func(store *postgres.Store) error {
				agents, err := store.ListAgents(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), agents)
				}
				return writeAgents(cmd.OutOrStdout(), agents, time.Now())
			})
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// writeAgents writes the agents for people, as they stand at that moment.
func writeAgents(w io.Writer, agents []postgres.Agent, now time.Time) error {
	columns := []column{
		{title: "EXTENSION"}, {title: "NAME", least: 6, spare: 2}, {title: "STATE", least: 24}, {title: "SINCE", spare: 3},
		{title: "PHONE"}, {title: "ENDPOINT", least: 10, spare: 4}, {title: "SKILLS", least: 10, spare: 1},
	}
	rows := make([][]cell, len(agents))
	for i, agent := range agents {
		rows[i] = plainCells(agent.Extension, agent.Name, agentDoes(postgres.QueueAgent{Agent: agent}, now).text,
			clock(agent.Since, now), strings.Join(agent.Nodes, " "), agent.Endpoint, skillList(agent.Skills))
	}
	return writeColumns(w, columns, rows)
}

func agentStateCommand() *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use:        "state EXTENSION available|unavailable|logged_out|ready",
		Short:      "Set what an agent is there for",
		SuggestFor: []string{"ready", "available", "unavailable", "logged_out", "login", "logout", "pause", "unpause"},
		Long: `Set what an agent is there for: available for contacts, unavailable for a while, or logged out. A
call that is under way goes on, and what was asked for holds after it.

ready ends an agent's after-call work, or the time for which one who did not accept is left alone. It
ends no pause; available ends all three. Agents do the same by the codes that the dialplan has for them.`,
		Example: `  callbackd agent state 1001 available
  callbackd agent state 1001 unavailable --reason lunch
  callbackd agent state 1001 ready`,
		Args: args("EXTENSION", "STATE"),
		RunE: func(cmd *cobra.Command, given []string) error {
			extension, ask := given[0], callback.AgentAsk{Kind: callback.AskKind(given[1]), Reason: reason}
			switch {
			case ask.Kind == callback.AskReady && reason != "":
				return usageError{cmd.CommandPath(), errors.New("--reason does not go with ready")}
			case !slices.Contains(askable, ask.Kind):
				return usageError{cmd.CommandPath(), fmt.Errorf("%q is not a state; want available, unavailable, logged_out or ready", given[1])}
			}
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			err = withStore(cmd, settings, func(store *postgres.Store) error {
				if _, err := store.AskAgent(cmd.Context(), extension, ask, whoAsks()); err != nil {
					return err
				}
				return tellAgent(cmd, store, extension)
			})
			if errors.Is(err, dispatch.ErrNotFound) {
				return noAgent(extension)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, as `TEXT` for the list and the history")
	return cmd
}

// tellAgent says how an agent stands now: what was asked for may begin after a call only.
func tellAgent(cmd *cobra.Command, store *postgres.Store, extension string) error {
	agent, err := findAgent(cmd, store, extension)
	if err != nil || agent == nil { // removed by somebody else in this moment
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "agent %s is %s\n", extension, agentDoes(postgres.QueueAgent{Agent: *agent}, time.Now()).text)
	return err
}

// askable is what can be asked for an agent by its name; the toggles are for phones.
var askable = []callback.AskKind{callback.AskAvailable, callback.AskUnavailable, callback.AskLoggedOut, callback.AskReady}

// withStore opens the database, lets act work on it, and closes it.
func withStore(cmd *cobra.Command, settings config.Config, act func(*postgres.Store) error) error {
	if err := settings.NeedDatabase(); err != nil {
		return err
	}
	store, err := openStore(cmd.Context(), settings, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(act(store), store.Close())
}

func checkExtension(extension string) error {
	if extension == "" || strings.Trim(extension, "0123456789") != "" {
		return fmt.Errorf("%q is not an extension, which has digits only", extension)
	}
	return nil
}

// parseSkills reads NAME or NAME=PROFICIENCY each.
func parseSkills(wanted []string) ([]postgres.AgentSkill, error) {
	skills := make([]postgres.AgentSkill, len(wanted))
	for i, text := range wanted {
		name, proficiency, given := strings.Cut(text, "=")
		skills[i] = postgres.AgentSkill{Skill: name, Proficiency: 1}
		if !given {
			continue
		}
		n, err := strconv.Atoi(proficiency)
		if err != nil || n < 1 || n > 20 {
			return nil, fmt.Errorf("--skill %s: the proficiency is a whole number from 1 (best) to 20", text)
		}
		skills[i].Proficiency = n
	}
	return skills, nil
}

// checkSkills sees that the configuration has the skills, since nobody is queued in another.
func checkSkills(skills []postgres.AgentSkill, settings config.Config) error {
	for _, skill := range skills {
		if _, exists := settings.Skills[skill.Skill]; !exists {
			return fmt.Errorf("--skill %s: the configuration has no such skill, only %s",
				skill.Skill, strings.Join(slices.Sorted(maps.Keys(settings.Skills)), ", "))
		}
	}
	return nil
}

func skillList(skills []postgres.AgentSkill) string {
	texts := make([]string, len(skills))
	for i, skill := range skills {
		texts[i] = fmt.Sprintf("%s=%d", skill.Skill, skill.Proficiency)
	}
	return strings.Join(texts, " ")
}

// whoAsks names the person at the command line, for the agent's history.
func whoAsks() string {
	account, err := user.Current()
	if err != nil {
		return "command line"
	}
	return "command line, " + account.Username
}
