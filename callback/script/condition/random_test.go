package condition_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback/script/condition"
)

// Random conditions over small whole numbers hold exactly when a plain evaluation says so.
func TestRandomConditionsHoldAsAPlainEvaluationSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := map[string]int{"A": 0, "B": 0, "C": 0}
		for _, name := range []string{"A", "B", "C"} {
			numbers[name] = rapid.IntRange(-2, 2).Draw(t, name)
		}
		text, want := randomEither(t, numbers, 3)
		c, err := condition.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		holds, err := c.Holds(func(name string) string { return strconv.Itoa(numbers[name]) })
		if holds != want || err != nil {
			t.Errorf("%s with %v: %v, %v; want %v", text, numbers, holds, err, want)
		}
	})
}

// randomEither draws conditions with or between them, and tells whether they hold.
func randomEither(t *rapid.T, numbers map[string]int, depth int) (string, bool) {
	var texts []string
	holds := false
	for range rapid.IntRange(1, 3).Draw(t, "ors") {
		text, one := randomBoth(t, numbers, depth)
		texts = append(texts, text)
		holds = holds || one
	}
	return strings.Join(texts, " or "), holds
}

func randomBoth(t *rapid.T, numbers map[string]int, depth int) (string, bool) {
	var texts []string
	holds := true
	for range rapid.IntRange(1, 3).Draw(t, "ands") {
		text, one := randomSingle(t, numbers, depth)
		texts = append(texts, text)
		holds = holds && one
	}
	return strings.Join(texts, " and "), holds
}

func randomSingle(t *rapid.T, numbers map[string]int, depth int) (string, bool) {
	if depth > 0 && rapid.Bool().Draw(t, "not") {
		text, holds := randomSingle(t, numbers, depth-1)
		return "not " + text, !holds
	}
	if depth > 0 && rapid.Bool().Draw(t, "parentheses") {
		text, holds := randomEither(t, numbers, depth-1)
		return "(" + text + ")", holds
	}
	name := rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "variable")
	left, right := numbers[name], rapid.IntRange(-2, 2).Draw(t, "number")
	operator := rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">=", "in"}).Draw(t, "operator")
	if operator == "in" {
		return fmt.Sprintf("{%s} in (%d, %d.0)", name, right, right+1), left == right || left == right+1
	}
	holds := map[string]bool{
		"=": left == right, "!=": left != right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right,
	}
	return fmt.Sprintf("{%s} %s %d", name, operator, right), holds[operator]
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "{EWT} > 300 and not {WEEKDAY} in (Sat, 'Sun')", `("{A} b" != '') or {T} < 18:05`, "{A} == 1", "{A", "'", "((", "not", "{A} = \xff", "5 < 3",
	} {
		f.Add(text, "300")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		c, err := condition.Parse(text)
		if err != nil {
			var mistake *condition.Mistake
			if !errors.As(err, &mistake) {
				t.Fatalf("the error is %T: %v", err, err)
			}
			if mistake.Offset < 0 || mistake.Offset > utf8.RuneCountInString(text) {
				t.Errorf("the mistake is at %d, outside the text", mistake.Offset)
			}
			if mistake.Message == "" || strings.ContainsAny(mistake.Message, "\r\n") {
				t.Errorf("the message is %q, not one line", mistake.Message)
			}
			return
		}
		characters := []rune(text)
		for _, v := range c.Variables() {
			if braced := string(characters[v.Offset : v.Offset+len(v.Name)+2]); braced != "{"+v.Name+"}" {
				t.Errorf("variable %s is at %d, where %q is", v.Name, v.Offset, braced)
			}
		}
		if len(c.Variables()) == 0 {
			t.Errorf("%q reads no variable", text)
		}
		if holds, err := c.Holds(func(string) string { return value }); err != nil && holds {
			t.Errorf("%q holds in spite of %v", text, err)
		}
	})
}
