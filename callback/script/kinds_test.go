package script

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each kind's example is a script's action as it stands there.
func TestTheExampleOfEachKindIsRight(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s, found := Parse("example.yaml", exampleScript(k))
			if s == nil || len(found) > 0 {
				t.Fatalf("%v\n%s", found, exampleScript(k))
			}
			if s.actions[s.order[1]].kind != k {
				t.Errorf("the example of %s is one of another kind", k.name)
			}
		})
	}
}

// exampleScript puts a kind's example into a script: a request comes before it, an action of each name
// that it leads to after it.
func exampleScript(k *kind) []byte {
	var b strings.Builder
	b.WriteString("type: Phone\nstart: first\ninputs: [NUMBER, caller]\nactions:\n  first:\n    Reqagent: {Skill: support}\n    branches: {Default: menu}\n")
	name := ""
	for line := range strings.Lines(strings.TrimPrefix(k.example, "\n")) {
		if name == "" {
			name = strings.TrimSuffix(strings.TrimSpace(line), ":")
		}
		b.WriteString("  " + line)
	}
	fmt.Fprintf(&b, "  menu:\n    Menu: {Keys: \"1\"}\n    branches: {Default: queue_first}\n")
	fmt.Fprintf(&b, "  queue_first:\n    Getqueue: {}\n    branches: {Default: ewt_first}\n  ewt_first:\n    EWT: {}\n    branches: {Default: %s}\n", name)
	for _, to := range regexp.MustCompile(`(?m)^  branches: \{(.*)\}$`).FindAllStringSubmatch(k.example, -1) {
		written := map[string]bool{name: true}
		for _, pair := range strings.Split(to[1], ", ") {
			_, target, _ := strings.Cut(pair, ": ")
			if !written[target] {
				fmt.Fprintf(&b, "  %s:\n    Wait: {For: 4h}\n", target)
			}
			written[target] = true
		}
	}
	return []byte(b.String())
}

// Parsing, checking and stepping follow from the table of kinds, so the table itself has to be right.
func TestTheTableOfKindsIsSound(t *testing.T) {
	for _, k := range kinds {
		if k.doc == "" || k.example == "" || k.enter == nil || k.waits && k.on == nil || k.voice && !k.waits {
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
		if len(names) > 0 && !slices.Contains(names, branchOnError) {
			t.Errorf("%s lacks OnError", k.name)
		}
		if leaves := k.name == "Runscript"; len(names) > 0 && slices.Contains(names, branchDefault) == leaves {
			t.Errorf("%s has Default: %v", k.name, !leaves)
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
	// What is not given stays as it is, or follows from the Body.
	optional := k.name == "UpdateContact" || p.name == "Method"
	if (p.kind == whole || p.kind == yesNo || p.kind == choice || p.kind == duration) && !p.required && p.fallback == "" && !optional {
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
