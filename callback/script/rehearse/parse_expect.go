package rehearse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/callbackd/callbackd/callback"
)

// promised are the parts of a promise that a rehearsal may expect.
var promised = []string{"PhoneNumber", "CallerID", "CallDelaySec", "Extension"}

func (p *reader) readExpect(n ast.Node, r *Rehearsal) {
	e := &r.Expect
	p.fields(n, "expect", map[string]func(ast.Node){
		"state":     func(n ast.Node) { e.State = parsed(p, n, oneOf(states)) },
		"outcome":   func(n ast.Node) { e.Outcome = parsed(p, n, oneOf(outcomes)) },
		"actions":   func(n ast.Node) { e.Actions = p.readActions(n, r) },
		"passes":    func(n ast.Node) { e.Passes = p.readActions(n, r) },
		"plays":     func(n ast.Node) { e.Plays = p.texts(n) },
		"log":       func(n ast.Node) { e.Log = p.texts(n) },
		"variables": func(n ast.Node) { e.Variables = p.pairs(n, "variables") },
		"saved":     func(n ast.Node) { p.readSaved(n, e) },
		"dialled": func(n ast.Node) {
			numbers := []string{}
			if !isNone(n) {
				numbers = p.texts(n)
			}
			e.Dialled = &numbers
		},
		"skill":    func(n ast.Node) { e.Skill, _ = p.text(n) },
		"priority": func(n ast.Node) { e.Priority = parsed(p, n, parsePriority) },
		"held": func(n ast.Node) {
			held := parsed(p, n, parseBool)
			e.Held = &held
		},
	})
	e.Given = true
}

var (
	states = []callback.State{
		callback.StateLive, callback.StateCallback, callback.StateCalling, callback.StateConnected,
		callback.StateReleased, callback.StateStuck, callback.StateEnded,
	}
	outcomes = []callback.Outcome{
		callback.OutcomeServed, callback.OutcomeAbandoned, callback.OutcomeNotReached, callback.OutcomeHungUp,
	}
)

// oneOf reads one of some words.
func oneOf[T ~string](words []T) func(string) (T, error) {
	return func(text string) (T, error) {
		if slices.Contains(words, T(text)) {
			return T(text), nil
		}
		list := make([]string, len(words))
		for i, word := range words {
			list[i] = string(word)
		}
		return "", fmt.Errorf("%q is none of %s", text, strings.Join(list, ", "))
	}
}

// readActions reads names of actions and remembers their places, since only the script knows them.
func (p *reader) readActions(n ast.Node, r *Rehearsal) []string {
	names := []string{}
	for _, item := range items(n) {
		if name, ok := p.text(item); ok {
			names = append(names, name)
			r.named = append(r.named, p.place(name, item))
		}
	}
	return names
}

// readSaved reads the promise that is expected, or none.
func (p *reader) readSaved(n ast.Node, e *Expect) {
	if isNone(n) {
		e.NotSaved = true
		return
	}
	e.Saved = make(map[string]string)
	read := make(map[string]func(ast.Node))
	for _, name := range promised {
		read[name] = func(n ast.Node) { e.Saved[name], _ = p.text(n) }
	}
	p.fields(n, "saved", read)
}

// isNone says whether "none" stands there.
func isNone(n ast.Node) bool {
	text, ok := n.(*ast.StringNode)
	return ok && text.Value == "none"
}
