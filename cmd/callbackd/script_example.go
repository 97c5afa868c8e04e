package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/script/examples"
)

func scriptExampleCommand() *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use:   "example [NAME]",
		Short: "List the scripts that ship with callbackd, or write one out",
		Long: `List the scripts that ship with callbackd, or write one out, to begin your own with. A file that exists
is not overwritten.`,
		Example: `  callbackd script example
  callbackd script example other-number -o /etc/callbackd/support.yaml`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return nil
			}
			return args("NAME")(cmd, given)
		},
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 && output != "" {
				return usageError{cmd.CommandPath(), fmt.Errorf("-o %s: which example? NAME is missing", output)}
			}
			if len(given) == 0 {
				return listExamples(cmd)
			}
			source, exists := examples.Source(given[0])
			if !exists {
				return usageError{cmd.CommandPath(), fmt.Errorf("there is no example %q, only %s", given[0], strings.Join(exampleNames(), ", "))}
			}
			if output == "" {
				_, err := cmd.OutOrStdout().Write(source)
				return err
			}
			return writeNew(output, source)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this `FILE`, which must not exist yet, instead of the standard output")
	return cmd
}

func listExamples(cmd *cobra.Command) error {
	var rows [][]string
	for _, example := range examples.All() {
		rows = append(rows, []string{example.Name, example.About})
	}
	return writeTable(cmd.OutOrStdout(), []string{"NAME", "WHAT IT DOES"}, rows)
}

func exampleNames() []string {
	var names []string
	for _, example := range examples.All() {
		names = append(names, example.Name)
	}
	return names
}

// writeNew writes a file that must not exist yet, so that nobody's own work is lost.
func writeNew(name string, content []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // the daemon has to read it
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already, and is left as it is", name)
	}
	if err != nil {
		return fmt.Errorf("writing the example: %w", err)
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("writing the example: %w", err)
	}
	return nil
}
