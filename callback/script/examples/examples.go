package examples

import (
	"embed"
	"slices"

	"github.com/callbackd/callbackd/callback/script"
)

// Example is a script that ships with callbackd.
type Example struct {
	Name  string // as in expected-wait
	About string // what it does, in one line
}

// all begins with the script that runs where none is configured (C19); its text is script.Example's.
var all = []Example{
	{"example", "music, and the offer of a callback every half minute; runs where no script is configured"},
	{"expected-wait", "says position and expected wait, and offers a callback where the wait is long"},
	{"other-number", "calls back at the number of the call, or at another that the caller enters"},
	{"outside-hours", "knows opening hours and holidays; outside them offers a callback for the morning"},
	{"repeat-caller", "who calls again takes the place of the callback that waits for them"},
	{"survey", "three questions after the call, answered by keys, also after a callback"},
}

//go:embed *.yaml
var files embed.FS

// All gives the scripts, the plainest first.
func All() []Example { return slices.Clone(all) }

// Source gives the text of a script's file, and false for a name that none has.
func Source(name string) ([]byte, bool) {
	if !slices.ContainsFunc(all, func(e Example) bool { return e.Name == name }) {
		return nil, false
	}
	if name == all[0].Name {
		return script.Example(), true
	}
	text, err := files.ReadFile(name + ".yaml")
	return text, err == nil
}
