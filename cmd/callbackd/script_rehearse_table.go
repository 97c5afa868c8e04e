package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/callbackd/callbackd/callback/script/rehearse"
)

const (
	// longestRound is the longest row of steps that is seen to come again.
	longestRound = 40
	// fewRounds is how often it may come and be written out each time.
	fewRounds = 3
)

// writeSteps writes steps as a table, in which most cells are empty: they stay so.
func writeSteps(w io.Writer, steps []rehearse.Step) error {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "AT\tTIME\tPRIORITY\tWHAT\tHEARS\tVARIABLES")
	for _, row := range stepRows(steps) {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// stepRows writes steps as the rows of a table. A round that a script goes many times is written once.
func stepRows(steps []rehearse.Step) [][]string {
	var rows [][]string
	for len(steps) > 0 {
		length, times := rounds(steps)
		for _, step := range steps[:length] {
			rows = append(rows, stepRow(step))
		}
		if times > 1 {
			last := steps[length*times-1]
			rows = append(rows, []string{
				"...", "", last.Priority, fmt.Sprintf("the same again, %d times, until %s", times-1, rehearse.InWords(last.At)),
			})
		}
		steps = steps[length*times:]
	}
	return rows
}

// rounds gives how many steps come again at once, and how often they come in all. It is 1 and 1 where
// nothing does.
func rounds(steps []rehearse.Step) (length, times int) {
	for length := 1; length <= min(longestRound, len(steps)/fewRounds); length++ {
		times := 1
		for (times+1)*length <= len(steps) && slices.EqualFunc(steps[:length], steps[times*length:(times+1)*length], sameStep) {
			times++
		}
		if times > fewRounds {
			return length, times
		}
	}
	return 1, 1
}

// sameStep says whether the same happens in two steps, at whatever time.
func sameStep(a, b rehearse.Step) bool {
	return a.What == b.What && a.Kind == b.Kind && a.Music == b.Music &&
		slices.Equal(a.Plays, b.Plays) && maps.Equal(a.Variables, b.Variables)
}

func stepRow(s rehearse.Step) []string {
	what := s.What
	if s.Kind != "" {
		what += " (" + s.Kind + ")"
	}
	hears := strings.Join(s.Plays, ", ")
	if s.Music != "" {
		hears = "music " + s.Music
	}
	var variables []string
	for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
		variables = append(variables, name+"="+s.Variables[name])
	}
	return []string{rehearse.InWords(s.At), s.Time.Format("Mon 15:04:05"), s.Priority, what, hears, strings.Join(variables, "  ")}
}
