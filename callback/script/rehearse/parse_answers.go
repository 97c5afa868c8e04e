package rehearse

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/callbackd/callbackd/callback/script"
)

func (p *reader) readAnswers(n ast.Node, r *Rehearsal) {
	r.Answers = make(map[string][]Answer)
	for _, e := range p.entries(n, "answers") {
		r.named = append(r.named, p.place(e.key, e.at))
		for _, item := range items(e.value) {
			answer, said := p.readAnswer(item)
			said.place, said.action = p.place(e.key, e.at), e.key
			r.Answers[e.key] = append(r.Answers[e.key], answer)
			r.said = append(r.said, said)
		}
	}
}

func (p *reader) readAnswer(n ast.Node) (Answer, saidAnswer) {
	var a Answer
	var said saidAnswer
	part := func(name string, read func(ast.Node)) func(ast.Node) {
		return func(n ast.Node) {
			said.parts = append(said.parts, p.place(name, n))
			read(n)
		}
	}
	p.fields(n, "an answer", map[string]func(ast.Node){
		"values": func(n ast.Node) {
			a.Values = make(map[string]string)
			for _, e := range p.entries(n, "values") {
				said.values = append(said.values, p.place(e.key, e.at))
				a.Values[e.key], _ = p.text(e.value)
			}
		},
		"status": part("status", func(n ast.Node) { a.Status = parsed(p, n, parseWhole) }),
		"error":  func(n ast.Node) { a.Err, _ = p.text(n) },
		"found":  part("found", func(n ast.Node) { a.Found = parsed(p, n, parseBool) }),
		"waited": part("waited", func(n ast.Node) { a.Waited = parsed(p, n, ParseDuration) }),
		"after":  func(n ast.Node) { a.After = parsed(p, n, ParseDuration) },
	})
	return a, said
}

// AddAnswers adds answers as a command line gives them, in place of those that the rehearsal has for the
// same actions: "estimate EWT=600", "crm status=500", "crm error=connection refused", "query found
// waited=20m". Several for one action come one after the other.
func (r *Rehearsal) AddAnswers(texts []string) error {
	given := make(map[string][]Answer)
	for _, text := range texts {
		where := fmt.Sprintf("--answer %q", text)
		answer, said, err := parseAnswer(where, text)
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		given[said.action] = append(given[said.action], answer)
		r.named = append(r.named, said.place)
		r.said = append(r.said, said)
	}
	answers := maps.Clone(r.Answers)
	if answers == nil {
		answers = make(map[string][]Answer)
	}
	maps.Copy(answers, given)
	r.Answers = answers
	return nil
}

// parseAnswer reads an action's name and the parts of an answer, of which a text may have spaces.
func parseAnswer(where, text string) (a Answer, said saidAnswer, err error) {
	action, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	said.place, said.action = place{action, where, 1, 1}, action
	parts := answerParts(rest)
	if len(parts) == 0 {
		return a, said, errors.New(`an action and its answer belong here, as in "estimate EWT=600", "crm status=500", "crm error=refused" or "query found"`)
	}
	a.Values = make(map[string]string)
	for _, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		at := place{name, where, 1, 1 + strings.Index(text, part)}
		switch name {
		case "found":
			a.Found = true
		case "status":
			a.Status, err = parseWhole(value)
		case "error":
			a.Err = value
		case "waited":
			a.Waited, err = ParseDuration(value)
		case "after":
			a.After, err = ParseDuration(value)
		default:
			a.Values[name] = value
			said.values = append(said.values, at)
			continue
		}
		said.parts = append(said.parts, at)
		if err != nil {
			return a, said, err
		}
	}
	return a, said, nil
}

// answerParts gives "found" and each NAME=TEXT; a word without "=" goes on with the text before it.
func answerParts(text string) []string {
	var parts []string
	for _, word := range strings.Fields(text) {
		switch {
		case strings.Contains(word, "="), len(parts) == 0:
			parts = append(parts, word)
		default:
			parts[len(parts)-1] += " " + word
		}
	}
	return parts
}

// answering are the kinds of action whose answers have a part that others have not.
var answering = map[string][]string{
	"found": {"Querycallback", "Contacttakeover"}, "waited": {"Contacttakeover"}, "status": {"WebRequest"},
}

// checkSaid holds an answer against the actions of its name.
func checkSaid(said saidAnswer, actions []asker) (found script.Diagnostics) {
	can := func(p place) bool {
		kinds := answering[p.name]
		return kinds == nil || slices.ContainsFunc(actions, func(a asker) bool { return slices.Contains(kinds, a.kind) })
	}
	for _, p := range said.parts {
		if !can(p) {
			found = append(found, p.mistake("%s is answered without %q; that is for %s", said.action, p.name, strings.Join(answering[p.name], " and ")))
		}
	}
	for _, p := range said.values {
		if !slices.ContainsFunc(actions, func(a asker) bool { return slices.Contains(a.sets, p.name) }) {
			found = append(found, p.mistake("%s does not set %q; it sets %s", said.action, p.name, orNone(strings.Join(setBy(actions), ", "))))
		}
	}
	return found
}

// asker is an action that asks a question.
type asker struct {
	kind string
	sets []string
}

// setBy gives the variables that actions set, in the order of the alphabet.
func setBy(actions []asker) []string {
	var names []string
	for _, a := range actions {
		names = append(names, a.sets...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
