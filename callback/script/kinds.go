package script

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/callbackd/callbackd/callback"
)

// kind is a kind of action: what an administrator may write, and what it does.
type kind struct {
	name       string
	doc        string
	voice      bool // the contact has to be on the line (C11)
	waits      bool // it stands still until something happens, so a loop through it does not spin
	properties []property
	branches   []branch

	// check reports what the table can't say; nil: nothing.
	check func(*checker, *action)
	// named says what is wrong with a branch that is not in branches; nil: there are no others.
	named func(a *action, branch string) error
	// enter begins the action. It gives the branch that it ends with, or stays; an error takes
	// OnError.
	enter func(*run) (branch string, err error)
	// on is what happens while it waits; it answers as enter does.
	on func(*run, Input) (branch string, err error)
}

// property is what an action is told.
type property struct {
	name     string
	doc      string
	kind     propertyKind
	required bool
	fallback string   // the value where none is given
	choices  []string // of a choice
	min, max int      // of a whole number, both included
}

// propertyKind is the type of a property's value.
type propertyKind int

const (
	text propertyKind = iota
	caption
	whole
	yesNo
	choice
	sound  // one sound
	sounds // a list of sounds
	keys   // keys of a phone
)

// unbounded is the maximum of a whole number that has none; a greater one counts as this.
const unbounded = math.MaxInt32

// branch is a way on.
type branch struct{ name, doc string }

// The branches that all kinds know.
const (
	branchDefault = "Default"
	branchOnError = "OnError"
)

var (
	takesDefault = branch{branchDefault, "where no other branch is defined for what happened"}
	takesOnError = branch{branchOnError, "the action failed; _ERR holds a condensed reason"}
	hasCaption   = property{name: "Caption", kind: caption, doc: "a short phrase, unique in the script; the action's name when absent"}
)

// kinds is the language: all kinds of action, in the order in which people look for them.
var kinds = []*kind{
	{
		name: "Reqagent",
		doc:  "Puts the contact into a skill's queue. The script goes on; an agent's answer ends whatever is playing.",
		properties: []property{
			hasCaption,
			{name: "Skill", kind: text, required: true, doc: "the skill in whose queue the contact waits"},
			{name: "TargetAgent", kind: text, doc: "the extension of the one agent who is wanted"},
			{name: "PriorityManagement", kind: choice, choices: []string{"DefaultFromSkill", "Custom"}, fallback: "DefaultFromSkill", doc: "where the three priority settings come from"},
			{name: "InitialPriority", kind: whole, fallback: strconv.Itoa(callback.DefaultPriority.Initial), max: 1000, doc: "the priority at the moment of queueing"},
			{name: "Acceleration", kind: whole, fallback: strconv.Itoa(callback.DefaultPriority.Acceleration), max: 1000, doc: "what each minute of waiting adds"},
			{name: "MaxPriority", kind: whole, fallback: strconv.Itoa(callback.DefaultPriority.Maximum), max: 1000, doc: "where the priority stops growing"},
		},
		branches: []branch{takesDefault, takesOnError},
		check:    checkReqagent,
		enter:    enterReqagent,
	},
	{
		name:  "Music",
		doc:   "Plays a class of music on hold, or a file, while the contact waits.",
		voice: true,
		waits: true,
		properties: []property{
			hasCaption,
			{name: "Class", kind: text, doc: "a class of musiconhold.conf; default where neither it nor File is given"},
			{name: "File", kind: sound, doc: "a sound, without its extension, in the place of a class"},
			{name: "Seconds", kind: whole, fallback: "0", max: 86400, doc: "for how long; 0: the whole file, ten minutes at most, or the class without an end"},
		},
		branches: []branch{takesDefault, {"OnComplete", "the file has come to its end"}, takesOnError},
		check:    checkMusic,
		enter:    enterMusic,
		on:       onMusic,
	},
	{
		name:  "Play",
		doc:   "Plays sounds, one after the other.",
		voice: true,
		waits: true,
		properties: []property{
			hasCaption,
			{name: "Sounds", kind: sounds, required: true, doc: "the sounds, without their extension, as Asterisk names them"},
			{name: "EndOnKey", kind: yesNo, fallback: "false", doc: "whether a key ends it"},
		},
		branches: []branch{takesDefault, takesOnError},
		enter:    enterPlay,
		on:       onPlay,
	},
	{
		name:  "Menu",
		doc:   "Plays a prompt and takes keys, also while the prompt plays. The keys land in MRES.",
		voice: true,
		waits: true,
		properties: []property{
			hasCaption,
			{name: "Prompt", kind: sounds, doc: "the sounds, without their extension; none: what plays goes on"},
			{name: "Keys", kind: keys, required: true, doc: "the keys that count, as in \"12*\""},
			{name: "Digits", kind: whole, fallback: "1", min: 1, max: 32, doc: "how many keys make an answer"},
			{name: "FirstKeySec", kind: whole, fallback: "5", min: 1, max: 300, doc: "seconds to wait for the first key after the prompt"},
			{name: "NextKeySec", kind: whole, fallback: "3", min: 1, max: 300, doc: "seconds to wait for each further key; then the keys so far are the answer"},
		},
		branches: []branch{
			takesDefault,
			{"NoInput", "no key was pressed in time"},
			{"WrongKey", "a key that is not among Keys"},
			takesOnError,
		},
		named: checkMenuBranch,
		enter: enterMenu,
		on:    onMenu,
	},
	{
		name: "Callback",
		doc:  "Reserves the contact's place in the queue and ends the call; the contact is called back when an agent accepts.",
		properties: []property{
			hasCaption,
			{name: "PhoneNumber", kind: text, required: true, doc: "the number to call back; {ANI} is the one that the caller called from"},
			{name: "CallerID", kind: text, fallback: "{DNIS}", doc: "what the contact's phone shows"},
			{name: "CallDelaySec", kind: whole, fallback: "0", max: unbounded, doc: "seconds from the agent's accepting to the dialling, 0 to 59; more refuses the agent"},
		},
		branches: []branch{takesDefault, takesOnError},
		check:    checkCallback,
		enter:    enterCallback,
	},
	{
		name:       "Hangup",
		doc:        "Ends the script, the call and, after Callback, the callback: the contact leaves the queue.",
		properties: []property{hasCaption},
		enter:      enterHangup,
	},
}

func findKind(name string) *kind {
	i := slices.IndexFunc(kinds, func(k *kind) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return kinds[i]
}

func (k *kind) property(name string) (property, bool) {
	i := slices.IndexFunc(k.properties, func(p property) bool { return p.name == name })
	if i < 0 {
		return property{}, false
	}
	return k.properties[i], true
}

func (k *kind) propertyNames() []string {
	names := make([]string, len(k.properties))
	for i, p := range k.properties {
		names[i] = p.name
	}
	return names
}

func (k *kind) branchNames() []string {
	names := make([]string, len(k.branches))
	for i, b := range k.branches {
		names[i] = b.name
	}
	return names
}

var (
	soundName    = regexp.MustCompile(`^[A-Za-z0-9_/][A-Za-z0-9_./+-]*$`)
	soundFormats = regexp.MustCompile(`\.(wav|wav16|gsm|ulaw|alaw|sln|sln16|g722|g729|ogg|mp3)$`)
	control      = regexp.MustCompile(`[\x00-\x1f\x7f]`)
	phoneKeys    = regexp.MustCompile(`^[0-9*#A-D]+$`)
)

// validate says what is wrong with a value of the property, for the author of the script as for _ERR.
// A required property is never empty, and neither is a number, a choice or a sound.
func (p property) validate(value string) error {
	if value == "" && p.kind == text && !p.required {
		return nil
	}
	if value == "" {
		return errors.New("is empty")
	}
	switch p.kind {
	case whole:
		_, err := p.number(value)
		return err
	case yesNo:
		if value != "true" && value != "false" {
			return fmt.Errorf("is %q; it is true or false", value)
		}
	case choice:
		if !slices.Contains(p.choices, value) {
			return fmt.Errorf("is %q; it is %s%s", value, strings.Join(p.choices, " or "), didYouMean(value, p.choices))
		}
	case sound, sounds:
		return validateSound(value)
	case keys:
		if !phoneKeys.MatchString(value) {
			return fmt.Errorf("is %q; keys are 0 to 9, *, # and A to D, with nothing between them", value)
		}
	case text, caption:
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

func validateSound(value string) error {
	if format := soundFormats.FindString(value); format != "" {
		return fmt.Errorf("has %q; a sound is named without %s, so that Asterisk takes the best format", value, format)
	}
	if !soundName.MatchString(value) || strings.Contains(value, "..") {
		return fmt.Errorf("has %q; a sound is named by letters, digits, /, -, _ and ., as in callbackd/offer", value)
	}
	return nil
}
