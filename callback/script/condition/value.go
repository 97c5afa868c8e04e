package condition

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// longestNumber is how many characters a number may have. It bounds the work of a comparison.
const longestNumber = 64

// longestShown is how many characters of a value, or of what is written, stand in an error.
const longestShown = 40

// operand is a value as the script has it.
type operand struct {
	source string // as it is written, short, for errors
	offset int
	parts  []part
	quoted bool
}

// part is a piece of fixed text, or a variable.
type part struct {
	text     string
	variable bool
	offset   int // of a variable's opening brace
}

// datum is a value at run time.
type datum struct {
	text   string
	quoted bool // compared as text
}

func (o operand) evaluate(value func(name string) string) datum {
	var text strings.Builder
	for _, p := range o.parts {
		if p.variable {
			text.WriteString(value(p.text))
			continue
		}
		text.WriteString(p.text)
	}
	return datum{text.String(), o.quoted}
}

// fixed gives the text, and whether it is the same for every contact.
func (o operand) fixed() (string, bool) {
	var text strings.Builder
	for _, p := range o.parts {
		if p.variable {
			return "", false
		}
		text.WriteString(p.text)
	}
	return text.String(), true
}

// form is what a text can be ordered as. A text has one at most.
type form string

const (
	formless form = ""
	number   form = "number"
	clock    form = "time"
	date     form = "date"
)

var (
	numberForm = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	clockForm  = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
)

func formOf(text string) form {
	switch {
	case len(text) <= longestNumber && numberForm.MatchString(text):
		return number
	case clockForm.MatchString(text):
		return clock
	case isDate(text):
		return date
	}
	return formless
}

func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// same compares as = does.
func same(a, b datum) bool {
	if a.quoted || b.quoted || formOf(a.text) != number || formOf(b.text) != number {
		return a.text == b.text
	}
	return compare(a.text, b.text, number) == 0
}

// compare gives -1, 0 or 1 for two texts of one form.
func compare(a, b string, as form) int {
	if as != number {
		return strings.Compare(a, b) // times and dates have fixed places
	}
	return rational(a).Cmp(rational(b))
}

// rational gives the exact value of a text that has the form of a number.
func rational(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(fmt.Sprintf("condition: %q has the form of a number and is none", text))
	}
	return r
}

// order compares as < does: -1, 0 or 1.
func (c comparison) order(value func(name string) string) (int, error) {
	left, right := c.left.evaluate(value).text, c.right.evaluate(value).text
	leftForm, rightForm := formOf(left), formOf(right)
	_, leftFixed := c.left.fixed()
	_, rightFixed := c.right.fixed()
	switch {
	case leftForm == rightForm && leftForm != formless:
		return compare(left, right, leftForm), nil
	case rightFixed || leftForm == formless && rightForm != formless:
		return 0, fmt.Errorf("%s, which is no %s", c.left.shown(left), rightForm)
	case leftFixed || leftForm != formless && rightForm == formless:
		return 0, fmt.Errorf("%s, which is no %s", c.right.shown(right), leftForm)
	case leftForm == formless:
		return 0, fmt.Errorf("%s, which is no number, time or date", c.left.shown(left))
	default:
		return 0, fmt.Errorf("%s, a %s, and %s, a %s, which have no order", c.left.shown(left), leftForm, c.right.shown(right), rightForm)
	}
}

// shown names the value that an operand has at run time.
func (o operand) shown(text string) string {
	if text == "" {
		return o.source + " is empty"
	}
	return fmt.Sprintf("%s is %q", o.source, short([]rune(text)))
}

// short cuts a text that is too long for an error.
func short(text []rune) string {
	if len(text) > longestShown {
		return string(text[:longestShown]) + "..."
	}
	return string(text)
}
