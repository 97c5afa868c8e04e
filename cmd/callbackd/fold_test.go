package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestParagraphsAreFoldedAndColumnsStay(t *testing.T) {
	const text = "One two three\nfour.\n\n  an example that is long   and stays\nKEY  WHAT IT MEANS\nunbreakable-word and more"
	const want = "One two\nthree\nfour.\n\n  an example that is long   and stays\nKEY  WHAT IT MEANS\nunbreakable-word\nand more"
	if got := fold(text, 9); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestATextHangsFromItsColumnWhereTheTerminalHasRoom(t *testing.T) {
	const text = "no phone is registered at PJSIP/1001 now"
	for width, want := range map[int]string{
		0: text, 35: text, 36: "no phone is registered at\n      PJSIP/1001 now", 100: text,
	} {
		if got := hanging(text, 6, width); got != want {
			t.Errorf("in %d columns: %q, want %q", width, got, want)
		}
	}
}

// What is to be copied, and the table of the settings, may be longer.
func TestHelpFitsATerminalOf80Columns(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(command *cobra.Command) {
		var out strings.Builder
		command.SetOut(&out)
		if err := command.Help(); err != nil {
			t.Fatal(err)
		}
		example := false
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			example = line == "Examples:" || example && line != ""
			long := textWidth(line) > helpWidth && len(strings.Fields(line)) > 1
			if long && !example && !strings.HasPrefix(line, "  callbackd ") && command.Name() != "config" {
				t.Errorf("%s: %q has %d columns", command.CommandPath(), line, textWidth(line))
			}
		}
		for _, sub := range command.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
}
