package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback/script/draw"
)

func scriptDrawCommand() *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use:   "draw FILE",
		Short: "Draw a script's flow, as SVG",
		Long: `Draw a script's flow, as an SVG picture that browsers show: the actions as boxes, from top to bottom,
the branches as lines with their names. What OnError brings is thin and dashed, a Callback is green,
a pause sign stands where the script has nothing more to do: red where that can leave a caller on the
line who is in no queue.`,
		Example: `  callbackd script draw support.yaml -o support.svg
  callbackd script draw support.yaml | rsvg-convert > support.png`,
		Args: args("FILE"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if ending := strings.ToLower(filepath.Ext(output)); ending != "" && ending != ".svg" {
				return usageError{cmd.CommandPath(), fmt.Errorf("-o %s: the drawing is SVG; want a name that ends in .svg", output)}
			}
			parsed, err := parseScript(given[0])
			if err != nil {
				return err
			}
			var picture bytes.Buffer
			if err := draw.SVG(&picture, parsed); err != nil {
				return fmt.Errorf("drawing %s: %w", given[0], err)
			}
			if output == "" {
				_, err := picture.WriteTo(cmd.OutOrStdout())
				return err
			}
			if err := os.WriteFile(output, picture.Bytes(), 0o644); err != nil { //nolint:gosec // a picture for everybody
				return fmt.Errorf("writing the picture: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this `FILE` instead of the standard output")
	return cmd
}
