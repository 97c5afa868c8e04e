package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

func agentImportCommand() *cobra.Command {
	var renamed []string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Add the members of the queues in Asterisk's queues.conf as agents",
		Long: `Add the members of the queues in Asterisk's queues.conf as agents, logged out, and show them. Agents who
are there get the skills that they lack; what else they have stays. Either all are saved or none.

A queue is the skill of the same name, or the one that --skill-map names. A member's penalty becomes the
proficiency: 0 becomes 1, the best, 1 becomes 2, and so on; 19 and more become 20, the last. Members that
callbackd can't ring, Local/ channels and variables among them, and files that are included are not taken:
each is named on standard error, with its line and what to do. Settings of the queues are not read.`,
		Example: `  callbackd agent import /etc/asterisk/queues.conf
  callbackd agent import queues.conf --skill-map helpdesk=support --skill-map old=`,
		Args: args("FILE"),
		RunE: func(cmd *cobra.Command, given []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			skillOf, err := skillMap(renamed, settings)
			if err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			agents, err := readMembers(cmd, given[0], skillOf)
			if err != nil {
				return err
			}
			return withStore(cmd, settings, func(store *postgres.Store) error {
				made, err := store.ImportAgents(cmd.Context(), agents)
				if err != nil {
					return err
				}
				return tellImported(cmd, agents, made)
			})
		},
	}
	cmd.Flags().StringArrayVar(&renamed, "skill-map", nil, "the skill of a queue with another name, `QUEUE=SKILL`; QUEUE= leaves the queue out; may be repeated")
	return cmd
}

// skillMap gives the function that names the skill of a queue, "" for one that is left out.
func skillMap(renamed []string, settings config.Config) (func(queue string) (string, error), error) {
	skills := slices.Sorted(maps.Keys(settings.Skills))
	named := make(map[string]string, len(renamed))
	for _, text := range renamed {
		queue, skill, ok := strings.Cut(text, "=")
		if !ok || queue == "" {
			return nil, fmt.Errorf("--skill-map %s: want QUEUE=SKILL, or QUEUE= to leave the queue out", text)
		}
		if skill != "" && !slices.Contains(skills, skill) {
			return nil, fmt.Errorf("--skill-map %s: the configuration has no skill %s, only %s", text, skill, strings.Join(skills, ", "))
		}
		named[queue] = skill
	}
	return func(queue string) (string, error) {
		if skill, ok := named[queue]; ok {
			return skill, nil
		}
		if slices.Contains(skills, queue) {
			return queue, nil
		}
		return "", fmt.Errorf("the configuration has no skill %s, only %s: add --skill-map %s=SKILL, or --skill-map %s= to leave the queue out",
			queue, strings.Join(skills, ", "), queue, queue)
	}, nil
}

// readMembers reads the agents of a queues.conf, and writes what was passed over to standard error.
func readMembers(cmd *cobra.Command, path string, skillOf func(string) (string, error)) ([]postgres.Agent, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the administrator names the file
	if err != nil {
		var reason *fs.PathError
		if errors.As(err, &reason) {
			err = reason.Err
		}
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	file := readQueues(string(text))
	found := &memberImport{skillOf: skillOf, agents: map[string]*postgres.Agent{}}
	for _, member := range file.members {
		found.add(member)
	}
	if len(found.wrong) > 0 {
		return nil, fmt.Errorf("%s\nnothing was imported", strings.Join(tell(path, found.wrong), "\n"))
	}
	for _, line := range tell(path, slices.Concat(file.passed, found.passed)) {
		fmt.Fprintf(cmd.ErrOrStderr(), "callbackd: %s\n", line)
	}
	if len(found.agents) == 0 {
		return nil, fmt.Errorf("%s has no member that callbackd can take, as in member => PJSIP/1001", path)
	}
	return found.sorted(), nil
}

// tellImported shows the agents with what has become of each.
func tellImported(cmd *cobra.Command, agents []postgres.Agent, made []postgres.Imported) error {
	rows := make([][]string, len(agents))
	for i, agent := range agents {
		rows[i] = []string{agent.Extension, agent.Name, agent.Endpoint, skillList(agent.Skills), string(made[i])}
	}
	return writeTable(cmd.OutOrStdout(), []string{"EXTENSION", "NAME", "ENDPOINT", "SKILLS", "IMPORT"}, rows)
}
