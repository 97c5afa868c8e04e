package script

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// variable is one that scripts may read.
type variable struct {
	name string
	doc  string
	sets []string // the kinds of action that set it; none: the contact has it by itself
}

// variables is the closed list of what stands in braces.
var variables = []variable{
	{name: "ANI", doc: "the caller's number; once a callback is dialled, the CallerID (C9)"},
	{name: "DNIS", doc: "the number that was dialled, as it reached us; once a callback is dialled, the PhoneNumber (C9)"},
	{name: "DIALLED", doc: "the number that the caller dialled before it was forwarded; DNIS where nothing better is known (C8)"},
	{name: "CONTACTID", doc: "the contact's ID"},
	{name: "SKILL", doc: "the skill in whose queue the contact stands"},
	{name: "AGENTID", doc: "the extension of the agent who answered"},
	{name: "MRES", doc: "the keys that were pressed in the last Menu", sets: []string{"Menu"}},
	{name: "_ERR", doc: "the condensed reason for which an action failed last"},
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
	end := 0
	for _, at := range braced.FindAllStringSubmatchIndex(text, -1) {
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
