package rehearse

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/callbackd/callbackd/callback/script"
)

// Check says what of the rehearsal does not fit the script: actions that it does not have, and answers
// that they can't get. The options are those of Run.
func (r Rehearsal) Check(s *script.Script, o Options) script.Diagnostics {
	actions := make(map[string][]asker)
	if !actionsOf(s, o, actions, make(map[string]bool)) {
		return nil // a variable says where it goes on: all names may be right
	}
	var found script.Diagnostics
	for _, p := range r.named {
		if _, known := actions[p.name]; !known {
			found = append(found, p.mistake("the script has no action %q", p.name))
		}
	}
	for _, said := range r.said {
		asking, known := actions[said.action]
		switch {
		case !known:
		case len(asking) == 0:
			found = append(found, said.mistake("%s asks nothing, so it gets no answer", said.action))
		default:
			found = append(found, checkSaid(said, asking)...)
		}
	}
	return found
}

// actionsOf gathers the actions of a script and of those to which it leads, with what those that ask
// can be answered. It says false where it can't be known to which.
func actionsOf(s *script.Script, o Options, actions map[string][]asker, seen map[string]bool) (known bool) {
	seen[s.Name()] = true
	for _, a := range s.Actions() {
		askers := actions[a.Name]
		if sets, asks := s.Asks(a.Name); asks {
			askers = append(askers, asker{a.Kind, sets})
		}
		actions[a.Name] = askers
	}
	others, known := s.Others()
	for _, name := range others {
		if seen[name] || o.Scripts == nil {
			continue
		}
		if other := o.Scripts(name); other != nil {
			known = actionsOf(other, o, actions, seen) && known
		}
	}
	return known
}

// Check says what differs from what is expected, a line each; nothing where all is as expected.
func (r Result) Check(e Expect) []string {
	var d differences
	end := r.End
	if e.Outcome != "" {
		d.want("outcome", string(e.Outcome), orNone(string(end.Outcome)))
	}
	if e.State != "" {
		d.want("state", string(e.State), string(end.State))
	}
	if e.Actions != nil {
		d.row("actions", e.Actions, end.Actions)
	}
	d.within("passes", e.Passes, end.Actions)
	d.within("plays", e.Plays, end.Plays)
	d.within("log", e.Log, end.Log)
	if e.Dialled != nil {
		d.row("dialled", *e.Dialled, end.Dialled)
	}
	d.pairs("variables", e.Variables, end.Variables)
	switch {
	case e.NotSaved && end.Saved != nil:
		d.add("saved", "none is expected, and a callback to "+end.Saved["PhoneNumber"]+" was promised")
	case e.Saved != nil && end.Saved == nil:
		d.add("saved", "a callback is expected, and none was promised")
	default:
		d.pairs("saved", e.Saved, end.Saved)
	}
	if e.Skill != "" {
		d.want("skill", e.Skill, orNone(end.Skill))
	}
	if e.Priority != "" {
		d.want("priority", e.Priority, orNone(end.Priority))
	}
	if e.Given {
		for _, missed := range r.Missed {
			d.add("happens", missed)
		}
	}
	if e.Held != nil {
		d.want("held", strconv.FormatBool(*e.Held), strconv.FormatBool(end.Held))
	}
	return d
}

// differences gathers what is not as expected.
type differences []string

func (d *differences) add(what, text string) { *d = append(*d, what+": "+text) }

func (d *differences) want(what, expected, is string) {
	if expected != is {
		d.add(what, fmt.Sprintf("%s is expected, and it is %s", expected, is))
	}
}

func (d *differences) pairs(what string, expected, are map[string]string) {
	for _, name := range sortedKeys(expected) {
		if expected[name] != are[name] {
			d.add(what, fmt.Sprintf("%s: %q is expected, and it is %q", name, expected[name], are[name]))
		}
	}
}

// row holds two lists against each other, the first difference of which is told.
func (d *differences) row(what string, expected, are []string) {
	for i := range max(len(expected), len(are)) {
		want, is := "nothing", "nothing"
		if i < len(expected) {
			want = expected[i]
		}
		if i < len(are) {
			is = are[i]
		}
		if want != is {
			d.add(what, fmt.Sprintf("%s is expected as number %d, and it is %s; all of them: %s", want, i+1, is, orNone(strings.Join(are, ", "))))
			return
		}
	}
}

// within holds that what is expected comes in its order, whatever stands between.
func (d *differences) within(what string, expected, are []string) {
	rest := are
	for _, name := range expected {
		i := slices.Index(rest, name)
		if i < 0 {
			d.add(what, fmt.Sprintf("%s is missing, or comes in another order; all of them: %s", name, orNone(strings.Join(are, ", "))))
			return
		}
		rest = rest[i+1:]
	}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
