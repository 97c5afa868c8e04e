package script

import (
	"fmt"
	"strings"
)

// listed joins names as in a sentence.
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// orList joins names of which one is wanted.
func orList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// inDialplan are applications of the dialplan and what does the same in a script.
var inDialplan = map[string]string{
	"playback": "Play", "background": "Menu", "backgrounddetect": "Menu", "read": "Capture", "queue": "Reqagent",
	"musiconhold": "Music", "gotoiftime": "If", "gotoif": "If", "execif": "If", "set": "Assign", "wait": "Wait",
	"waitexten": "Menu", "noop": "Log", "verbose": "Log", "curl": "WebRequest", "agi": "WebRequest",
	"gosub": "Runscript", "macro": "Runscript",
}

// asInDialplan says what stands in a script for an application of the dialplan.
func asInDialplan(written string) string {
	lower := strings.ToLower(written)
	if kind, ok := inDialplan[lower]; ok && kind != written {
		return fmt.Sprintf("; what %s does in dialplan does %s here", written, kind)
	}
	if lower == "goto" || lower == "next" {
		return "; where a script goes on stands under branches, as in branches: {Default: music}"
	}
	return ""
}

// didYouMean gives "; did you mean NAME?" where one of the names is close to what was written.
func didYouMean(written string, names []string) string {
	if name := closest(written, names); name != "" {
		return fmt.Sprintf("; did you mean %s?", name)
	}
	return ""
}

// closest gives the name that was probably meant, or "".
func closest(written string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		d := distance(strings.ToLower(written), strings.ToLower(name))
		if d < least && d*2 < len(name) {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters to insert, remove or replace to get from a to b.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
