package script

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// variable is one that scripts may read.
type variable struct {
	name string
	doc  string
	sets []string // the kinds of action that set it; none: the contact has it by itself

	values []string // all that it can be; nil: more than can be told
	form   string   // how it is written, as Go tells times; "": in no form
	like   string   // an example of that form
}

// variables is the closed list of what stands in braces, beside the script's own.
var variables = []variable{
	{name: "ANI", doc: "the caller's number; once a callback is dialled, the CallerID (C9)"},
	{name: "DNIS", doc: "the number that was dialled, as it reached us; once a callback is dialled, the PhoneNumber (C9)"},
	{name: "DIALLED", doc: "the number that the caller dialled before it was forwarded; DNIS where nothing better is known (C8)"},
	{name: "CONTACTID", doc: "the contact's ID"},
	{name: "SKILL", doc: "the skill in whose queue the contact stands, or stood before the agent who is on the line"},
	{name: "LANGUAGE", doc: "the language of the contact's channel, as in en"},
	{name: "AGENTID", doc: "the extension of the agent who answered"},
	{name: "EXTENSION", doc: "the extension in the callback's PhoneNumber, which is not dialled (C13)"},
	{name: "DATE", doc: "today's date in the script's time zone, as in 2026-03-01", form: time.DateOnly, like: "2026-03-01"},
	{name: "TIME", doc: "the time there, as in 17:30", form: "15:04", like: "17:30 or 09:05"},
	{name: "WEEKDAY", doc: "the day there: Mon, Tue, Wed, Thu, Fri, Sat or Sun", values: []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}},
	{name: "MRES", doc: "the keys that were pressed in the last Menu", sets: []string{"Menu"}},
	{name: "POSITION", doc: "the contact's position in the queue, from 1; 0 where it is not in it", sets: []string{"Getqueue", "EWT"}},
	{name: "WAITING", doc: "how many wait in the queue, the contact itself among them", sets: []string{"Getqueue"}},
	{name: "LONGESTWAIT", doc: "how long the first of them has waited, in seconds", sets: []string{"Getqueue"}},
	{name: "AGENTSLOGGEDIN", doc: "how many agents with the skill are logged in", sets: []string{"Getqueue"}},
	{name: "AGENTSAVAILABLE", doc: "how many of them are free", sets: []string{"Getqueue"}},
	{name: "EWT", doc: "the estimated wait, in seconds", sets: []string{"EWT"}},
	{name: "EWTCONFIDENCE", doc: "how much the estimate is worth: low, medium or high", sets: []string{"EWT"}, values: []string{"low", "medium", "high"}},
	{name: "CALLBACKID", doc: "the contact ID of a callback", sets: []string{"Queuecallback", "Querycallback"}},
	{name: "LOOP", doc: "the number of the round, from 1", sets: []string{"Loop"}},
	{name: "HTTPSTATUS", doc: "the status of the last web request's answer; 0 where there was none", sets: []string{"WebRequest"}},
	{name: "_ERR", doc: "the condensed reason for which an action failed last"},
}

// owner says whose the variable is.
func (v variable) owner() string {
	if len(v.sets) > 0 {
		return "set by the action " + orList(v.sets)
	}
	return "set by callbackd"
}

func findVariable(name string) (variable, bool) {
	i := slices.IndexFunc(variables, func(v variable) bool { return v.name == name })
	if i < 0 {
		return variable{}, false
	}
	return variables[i], true
}

// template is a property's text with its {VARIABLE}s.
type template struct {
	parts []part
	at    position
}

// part is a piece of fixed text, or a variable.
type part struct {
	text     string
	variable bool
}

var braced = regexp.MustCompile(`\{([^{}]*)\}`)

var inBraces = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseTemplate splits a text at its variables.
func parseTemplate(text string, at position) (template, error) {
	t := template{at: at}
	add := func(fixed string) error {
		if strings.ContainsAny(fixed, "{}") {
			return fmt.Errorf("%q has a brace without its other; a variable is written {ANI}", text)
		}
		if fixed != "" {
			t.parts = append(t.parts, part{text: fixed})
		}
		return nil
	}
	if strings.Contains(text, "${") {
		return t, fmt.Errorf("%q has a variable as in dialplan; here one is written {ANI}, without $", text)
	}
	end := 0
	for _, at := range braced.FindAllStringSubmatchIndex(text, -1) {
		if name := text[at[2]:at[3]]; !inBraces.MatchString(name) {
			return t, fmt.Errorf("%q has {%s}, which is no variable; one is written {ANI}: letters, digits and _ in braces", text, name)
		}
		if err := add(text[end:at[0]]); err != nil {
			return t, err
		}
		t.parts = append(t.parts, part{text: text[at[2]:at[3]], variable: true})
		end = at[1]
	}
	return t, add(text[end:])
}

// fixed gives the text, and whether it is the same for every contact.
func (t template) fixed() (string, bool) {
	var text strings.Builder
	for _, p := range t.parts {
		if p.variable {
			return "", false
		}
		text.WriteString(p.text)
	}
	return text.String(), true
}

// reads gives the names of the variables in it.
func (t template) reads() []string {
	var names []string
	for _, p := range t.parts {
		if p.variable {
			names = append(names, p.text)
		}
	}
	return names
}

// evaluate puts the variables' values in (C8).
func (t template) evaluate(value func(name string) string) string {
	var text strings.Builder
	for _, p := range t.parts {
		if p.variable {
			text.WriteString(value(p.text))
			continue
		}
		text.WriteString(p.text)
	}
	return text.String()
}
