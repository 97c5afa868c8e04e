package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/setting"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// settingsTable is what the README has to say of the configuration.
func settingsTable() string {
	var out strings.Builder
	out.WriteString("| key | default | meaning |\n|---|---|---|\n")
	for _, key := range config.Keys() {
		value := ""
		if key.Default != "" {
			value = "`" + key.Default + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", key.Name, value, key.Usage)
	}
	for _, known := range setting.All() {
		fmt.Fprintf(&out, "| `skills.NAME.%s` | `%s` | %s |\n", known.Name, known.Get(callback.DefaultSkill), known.Usage)
	}
	return out.String()
}

func TestTheReadmeHasEverySettingAndTheOldestAsterisk(t *testing.T) {
	if !strings.Contains(readRoot(t, "README.md"), settingsTable()) {
		t.Errorf("README.md does not have this table:\n%s", settingsTable())
	}
	if want := fmt.Sprintf("Asterisk %d or later", oldestAsterisk); !strings.Contains(readRoot(t, "README.md"), want) {
		t.Errorf("README.md does not ask for %s", want)
	}
}

func TestTheShippedConfigurationHasEverySetting(t *testing.T) {
	shipped := readRoot(t, "cmd/callbackd/callbackd.yaml")
	for _, known := range setting.All() {
		want := fmt.Sprintf("#    %s: %s ", known.Name, known.Get(callback.DefaultSkill))
		if !strings.Contains(shipped, "\n"+want) {
			t.Errorf("callbackd.yaml has no line that begins %q", want)
		}
	}
	for _, key := range config.Keys() {
		name := key.Name[strings.LastIndex(key.Name, ".")+1:]
		if !regexp.MustCompile(`(?m)^ *#` + name + `: `).MatchString(shipped) {
			t.Errorf("callbackd.yaml has no line for %s", key.Name)
		}
	}
}

func TestTheReadmeNamesOnlyVariablesAndCommandsThatExist(t *testing.T) {
	readme := readRoot(t, "README.md")
	known := map[string]bool{"CALLBACKD_CONFIG": true, "CALLBACKD_STATUS": true, "CALLBACKD_SCRIPT": true, "CALLBACKD_AWAY": true, "CALLBACKD_DNIS": true, "CALLBACKD_DIALLED": true, "CALLBACKD_CONTACT": true, "CALLBACKD_REASON_": true, "CALLBACKD_SCRIPT_": true}
	for _, key := range config.Keys() {
		known[key.Env()] = true
	}
	for _, name := range regexp.MustCompile(`CALLBACKD_[A-Z_]+`).FindAllString(readme, -1) {
		if !known[name] {
			t.Errorf("README.md names %s, which neither callbackd nor its dialplan knows", name)
		}
	}
	for _, found := range regexp.MustCompile("(?m)(?:^    |`)callbackd ([a-z]+(?: [a-z]+)?)").FindAllStringSubmatch(readme, -1) {
		command, rest, err := newRoot().Find(strings.Fields(found[1]))
		if err != nil || !command.HasParent() || command.HasSubCommands() && len(rest) > 0 {
			t.Errorf("README.md names the command %q, which does not exist", found[0])
		}
	}
	makefile := readRoot(t, "Makefile")
	for _, found := range regexp.MustCompile("(?m)(?:^    |`)make ([a-z-]+)").FindAllStringSubmatch(readme, -1) {
		if !regexp.MustCompile(`(?m)^` + found[1] + `:`).MatchString(makefile) {
			t.Errorf("README.md names make %s, which the Makefile does not have", found[1])
		}
	}
}

func TestTheReadmesLinksLeadSomewhere(t *testing.T) {
	prose := regexp.MustCompile("`[^`]*`").ReplaceAllString(readRoot(t, "README.md"), "")
	for _, found := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(prose, -1) {
		if strings.Contains(found[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, found[1])); err != nil {
			t.Errorf("README.md leads to %s: %v", found[1], err)
		}
	}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(command *cobra.Command) {
		if command.Short == "" {
			t.Errorf("%s says nothing of itself", command.CommandPath())
		}
		if !command.HasSubCommands() && command.Example == "" && command.Name() != "help" {
			t.Errorf("%s has no example", command.CommandPath())
		}
		for _, sub := range command.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
}
