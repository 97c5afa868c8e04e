package config

import (
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with the configuration.
type Mistake struct {
	Where string // "FILE:LINE", a variable's name, or a flag
	What  string // what is wrong, and what would be right
}

// Error gives both in one line.
func (m Mistake) Error() string { return m.Where + ": " + m.What }

// Mistakes is everything that is wrong, in the order of its places; it is never empty.
type Mistakes []Mistake

// Error gives one line a mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each mistake as an error.
func (m Mistakes) Unwrap() []error {
	errs := make([]error, len(m))
	for i, mistake := range m {
		errs[i] = mistake
	}
	return errs
}

// suggest gives `; did you mean "near"?` for the known word that word most likely was meant to be,
// or "" where none is near.
func suggest(word string, known []string) string {
	best, bestDistance := "", 1+max(1, len(word)/3)
	for _, candidate := range slices.Sorted(slices.Values(known)) {
		d := distance(strings.ToLower(word), strings.ToLower(candidate))
		if strings.HasPrefix(candidate, word+"_") {
			d = 1 // only its end is missing
		}
		if d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return `; did you mean "` + best + `"?`
}

// distance counts the letters to insert, remove or replace between two words (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
