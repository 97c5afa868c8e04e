package script

import (
	"slices"
	"testing"
)

// Parsing, checking and stepping follow from the table of kinds, so the table itself has to be right.
func TestTheTableOfKindsIsSound(t *testing.T) {
	for _, k := range kinds {
		if k.doc == "" || k.enter == nil || k.waits != (k.on != nil) {
			t.Errorf("%s is incomplete", k.name)
		}
		if findKind(k.name) != k {
			t.Errorf("%s stands twice", k.name)
		}
		for i, p := range k.properties {
			if slices.ContainsFunc(k.properties[:i], func(q property) bool { return q.name == p.name }) {
				t.Errorf("%s of %s stands twice", p.name, k.name)
			}
			checkProperty(t, k, p)
		}
		names := k.branchNames()
		if len(names) > 0 && (!slices.Contains(names, branchDefault) || !slices.Contains(names, branchOnError)) {
			t.Errorf("%s lacks Default or OnError", k.name)
		}
	}
}

func checkProperty(t *testing.T, k *kind, p property) {
	t.Helper()
	if p.doc == "" || p.required && p.fallback != "" {
		t.Errorf("%s of %s: no text, or a fallback that is never used", p.name, k.name)
	}
	if p.kind == whole && p.min > p.max || p.kind == choice && len(p.choices) < 2 {
		t.Errorf("%s of %s: nothing to choose", p.name, k.name)
	}
	if (p.kind == whole || p.kind == yesNo || p.kind == choice) && !p.required && p.fallback == "" {
		t.Errorf("%s of %s has no value where none is given", p.name, k.name)
	}
	fallback, err := parseTemplate(p.fallback, position{})
	if err != nil {
		t.Errorf("%s of %s: %v", p.name, k.name, err)
	}
	if value, fixed := fallback.fixed(); fixed && value != "" {
		if err := p.validate(value); err != nil {
			t.Errorf("the fallback of %s of %s %v", p.name, k.name, err)
		}
	}
	for _, name := range fallback.reads() {
		if _, ok := findVariable(name); !ok {
			t.Errorf("the fallback of %s of %s reads {%s}", p.name, k.name, name)
		}
	}
}

func TestSuggestionsAreCloseAndNeverWild(t *testing.T) {
	names := []string{"Reqagent", "Music", "Play", "Menu", "Callback", "Hangup"}
	for written, want := range map[string]string{
		"Reqagnt": "Reqagent", "reqagent": "Reqagent", "Callbak": "Callback", "Hang-up": "Hangup", "musik": "Music",
		"Mneu": "", "P": "", "": "", "Transfer": "", "Plya": "", "Pla": "Play",
	} {
		if got := closest(written, names); got != want {
			t.Errorf("%q: did you mean %q, want %q", written, got, want)
		}
	}
}
