package main

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/setting"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

func configCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the configuration as it holds, passwords masked",
		Long: `Print the configuration as it holds, passwords masked, in the form of a configuration file.

A setting's flag wins over its environment variable, that over the file, that over the default.
The file is ` + config.DefaultFile + `, or the one that --config or CALLBACKD_CONFIG names.
Skills stand in the file only.

` + settingsHelp(),
		Example: "  callbackd config > callbackd.yaml",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), settings.Effective())
			}
			return settings.Print(cmd.OutOrStdout())
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// settingsHelp lists every key and every setting of a skill.
func settingsHelp() string {
	var out strings.Builder
	rows := make([][]string, 0)
	for _, key := range config.Keys() {
		rows = append(rows, []string{key.Name, key.Env(), key.Default, key.Usage})
	}
	for _, known := range setting.All() {
		rows = append(rows, []string{"skills.NAME." + known.Name, "", known.Get(callback.DefaultSkill), known.Usage})
	}
	if err := writeTable(&out, []string{"KEY", "ENVIRONMENT", "DEFAULT", "MEANING"}, rows); err != nil {
		return cmp.Or(err.Error(), out.String())
	}
	return strings.TrimSuffix(out.String(), "\n")
}
