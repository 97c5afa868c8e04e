package script

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// property is what an action is told.
type property struct {
	name     string
	doc      string
	kind     propertyKind
	required bool
	fallback string   // the value where none is given
	choices  []string // of a choice
	min, max int      // of a whole number, or of a duration in seconds; both included
	keys     entryKey // of entries: what their names are
	blank    bool     // a text that has to be given, and may turn out empty
}

// propertyKind is the type of a property's value.
type propertyKind int

const (
	text propertyKind = iota
	caption
	whole
	yesNo
	choice
	duration
	sound   // one sound
	prompt  // a list of sounds, recordings, numbers, digits and waits
	keys    // keys of a phone
	key     // one of them
	webURL  // an http or https URL
	setting // the name of a variable that the action sets
	when    // a condition
	entries // names, and a text for each
)

// entryKey is what the names of entries are.
type entryKey int

const (
	freeNames   entryKey = iota
	settings             // variables that the action sets, each to a text
	pathsOf              // variables that the action sets, each to a path in the answer
	headerNames          // of HTTP
)

// unbounded is the maximum of a whole number that has none; a greater one counts as this.
const unbounded = math.MaxInt32

// longest is the longest duration: a month.
const longest = 31 * 24 * 60 * 60

// maxText bounds a variable's value, in characters, so that a contact's row stays small.
const maxText = 1000

// single says whether the property has one value, with variables in it.
func (p property) single() bool {
	switch p.kind {
	case caption, prompt, when, entries:
		return false
	}
	return true
}

var (
	soundName    = regexp.MustCompile(`^[A-Za-z0-9_/][A-Za-z0-9_./+-]*$`)
	soundFormats = regexp.MustCompile(`\.(wav|wav16|gsm|ulaw|alaw|sln|sln16|g722|g729|ogg|mp3)$`)
	control      = regexp.MustCompile(`[\x00-\x1f\x7f]`)
	phoneKeys    = regexp.MustCompile(`^[0-9*#A-D]+$`)
	settingName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,39}$`)
	headerName   = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	valuePath    = regexp.MustCompile(`^[^.\x00-\x1f]+(\.[^.\x00-\x1f]+)*$`)
	urlHost      = regexp.MustCompile(`^https?://[^/?#@]+[/?#]`)
	timeParts    = regexp.MustCompile(`^(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,7})s)?$`)
)

// validate says what is wrong with a value of the property, for the author of the script as for _ERR.
// A required property is never empty, and neither is a number, a choice or a sound.
func (p property) validate(value string) error {
	if value == "" && p.kind == text && (p.blank || !p.required) {
		return nil
	}
	if value == "" {
		return errors.New("is empty")
	}
	switch p.kind {
	case whole:
		_, err := p.number(value)
		return err
	case duration:
		_, err := p.duration(value)
		return err
	case yesNo:
		if value != "true" && value != "false" {
			return fmt.Errorf("is %q; it is true or false", value)
		}
	case choice:
		if !slices.Contains(p.choices, value) {
			return fmt.Errorf("is %q; it is %s%s", value, orList(p.choices), didYouMean(value, p.choices))
		}
	case sound, prompt:
		return validateSound(value)
	case keys:
		if !phoneKeys.MatchString(value) {
			return fmt.Errorf("is %q; keys are 0 to 9, *, # and A to D, with nothing between them", value)
		}
	case key:
		if len(value) != 1 || !phoneKeys.MatchString(value) {
			return fmt.Errorf("is %q; it is one key: 0 to 9, *, # or A to D", value)
		}
	case webURL:
		return validateURL(value)
	case setting:
		return validateSetting(value)
	case text, caption, when, entries:
		if control.MatchString(value) {
			return fmt.Errorf("is %q; it is one line without control characters", value)
		}
	}
	return nil
}

// number reads the value of a whole number.
func (p property) number(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("is %q; it is a whole number", value)
	}
	if p.max == unbounded {
		if n < p.min {
			return 0, fmt.Errorf("is %s; it is at least %d", value, p.min)
		}
		return min(n, unbounded), nil
	}
	if n < p.min || n > p.max {
		return 0, fmt.Errorf("is %s; it is between %d and %d", value, p.min, p.max)
	}
	return n, nil
}

// duration reads the value of a duration: 90s, 15m, 4h, 1h30m, 2d, or whole seconds.
func (p property) duration(value string) (time.Duration, error) {
	seconds, err := strconv.Atoi(value)
	if err != nil {
		parts := timeParts.FindStringSubmatch(value)
		if parts == nil || value == "" {
			return 0, fmt.Errorf("is %q; a time is written 90s, 15m, 4h, 1h30m or 2d, or in whole seconds", value)
		}
		seconds = 0
		for i, unit := range []int{24 * 60 * 60, 60 * 60, 60, 1} {
			n, _ := strconv.Atoi(parts[i+1]) // digits, or nothing
			seconds += n * unit
		}
	}
	if seconds < p.min || seconds > p.max {
		return 0, fmt.Errorf("is %s; it is between %s and %s", value, inWords(p.min), inWords(p.max))
	}
	return time.Duration(seconds) * time.Second, nil
}

// inWords gives seconds as a script writes them.
func inWords(seconds int) string {
	for _, unit := range []struct {
		seconds int
		name    string
	}{{24 * 60 * 60, "d"}, {60 * 60, "h"}, {60, "m"}} {
		if seconds >= unit.seconds && seconds%unit.seconds == 0 {
			return strconv.Itoa(seconds/unit.seconds) + unit.name
		}
	}
	return strconv.Itoa(seconds) + "s"
}

func validateSound(value string) error {
	if format := soundFormats.FindString(value); format != "" {
		return fmt.Errorf("has %q; a sound is named without %s, so that Asterisk takes the best format", value, format)
	}
	if !soundName.MatchString(value) || strings.Contains(value, "..") {
		return fmt.Errorf("has %q; a sound is named by letters, digits, /, -, _ and ., as in callbackd/offer", value)
	}
	return nil
}

// hasControl says whether what is fixed of the text has control characters.
func (t template) hasControl() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return control.MatchString(p.text) })
}

// fixedHost says whether a URL's server is the same for every contact: what a variable holds must not
// choose it.
func (t template) fixedHost() bool {
	return len(t.parts) > 0 && !t.parts[0].variable && (len(t.parts) == 1 || urlHost.MatchString(t.parts[0].text))
}

func validateURL(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || control.MatchString(value) {
		return fmt.Errorf("is %q; it is a URL that begins with https:// or http://", value)
	}
	for step := range strings.SplitSeq(u.EscapedPath(), "/") {
		if step == "." || step == ".." {
			return errors.New("has a . or .. in its path, which leads elsewhere")
		}
	}
	if u.User != nil {
		return errors.New("has a user and a password in it; they belong into a header")
	}
	return nil
}

// validateSetting says whether a script may set a variable of that name.
func validateSetting(name string) error {
	if !settingName.MatchString(name) {
		return fmt.Errorf("is %q; a variable is named by a letter and then letters, digits and _, 40 at most", name)
	}
	if v, ok := findVariable(name); ok {
		return fmt.Errorf("is %q, which is %s; choose another name", name, v.owner())
	}
	return nil
}
