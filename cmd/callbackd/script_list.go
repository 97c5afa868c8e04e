package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/postgres"
)

func scriptListCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the scripts that run, and how many contacts stand in them",
		Long: `List the scripts that run: a line for each version that new calls begin with on some node, or that open
contacts are still in. A contact stays on the version with which it began. A node that no daemon serves
now is not running.

STAND AT tells at which actions the open contacts stand and how many; those that rest have nothing
more to do until an agent answers or the call ends.`,
		Example: `  callbackd script list
  callbackd script list --json`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			return withStore(cmd, settings, func(store *postgres.Store) error {
				versions, err := store.ListScripts(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), versions)
				}
				rows := make([][]string, len(versions))
				for i, v := range versions {
					rows[i] = scriptRow(v)
				}
				return writeTable(cmd.OutOrStdout(), []string{"NAME", "VERSION", "FIRST SEEN", "NODES", "CONTACTS", "STAND AT"}, rows)
			})
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// scriptRow gives the cells of a version.
func scriptRow(v postgres.ScriptVersion) []string {
	var nodes, standing []string
	for _, n := range v.Nodes {
		nodes = append(nodes, nodeText(n))
	}
	contacts := 0
	for _, s := range v.Standing {
		contacts += s.Contacts
		standing = append(standing, standingText(s))
	}
	return []string{
		v.Name, shortVersion(v.Version), moment(v.FirstSeen), strings.Join(nodes, ", "),
		fmt.Sprint(contacts), strings.Join(standing, ", "),
	}
}

func nodeText(n postgres.ScriptNode) string {
	if n.Running {
		return n.Node
	}
	return n.Node + " (not running)"
}

func standingText(s postgres.ScriptStanding) string {
	action := s.Action
	if action == "" {
		action = "(not begun)"
	}
	if s.Resting == 0 {
		return fmt.Sprintf("%s: %d", action, s.Contacts)
	}
	return fmt.Sprintf("%s: %d (%d resting)", action, s.Contacts, s.Resting)
}
