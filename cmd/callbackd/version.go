package main

import (
	"cmp"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what the build knows about itself.
type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the source; "" where it was built without its history
	Modified bool   `json:"modified"` // the source had changes that no revision holds
	Go       string `json:"go"`
}

func versionCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Say which version this is",
		Example: "  callbackd version --json",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			built := readVersion()
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), built)
			}
			modified := ""
			if built.Modified {
				modified = ", with changes"
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "callbackd %s (revision %s%s, %s)\n",
				built.Version, cmp.Or(built.Revision, "unknown"), modified, built.Go)
			return err
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func readVersion() version {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version{Version: "unknown"}
	}
	built := version{Version: info.Main.Version, Go: info.GoVersion}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			built.Revision = setting.Value
		case "vcs.modified":
			built.Modified = setting.Value == "true"
		}
	}
	return built
}

func jsonFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "write JSON, for programs")
}
