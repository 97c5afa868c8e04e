package rehearse

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/callbackd/callbackd/callback/script"
)

// maxSource bounds a rehearsal's text, in bytes.
const maxSource = 1 << 18

// reader reads a file and gathers what is wrong with it.
type reader struct {
	file  string
	found script.Diagnostics
}

// place is a name, and where it stands.
type place struct {
	name         string
	file         string
	line, column int
}

func (p *reader) place(name string, n ast.Node) place {
	at := mistake(p.file, n.GetToken(), "")
	return place{name, at.File, at.Line, at.Column}
}

func (p place) mistake(format string, args ...any) script.Diagnostic {
	return script.Diagnostic{File: p.file, Line: p.line, Column: p.column, Message: fmt.Sprintf(format, args...)}
}

// entry is a key of a mapping and what stands behind it.
type entry struct {
	key   string
	at    ast.Node
	value ast.Node
}

func (p *reader) errorf(at *token.Token, format string, args ...any) {
	p.found = append(p.found, mistake(p.file, at, format, args...))
}

func mistake(file string, at *token.Token, format string, args ...any) script.Diagnostic {
	d := script.Diagnostic{File: file, Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}
	if at != nil && at.Position != nil {
		d.Line, d.Column = max(at.Position.Line, 1), max(at.Position.Column, 1)
	}
	return d
}

// read gives the top of the file; nil where there is none, which is reported.
func (p *reader) read(source []byte) ast.Node {
	if len(source) > maxSource {
		p.errorf(nil, "the file has %d bytes; a rehearsal has at most %d", len(source), maxSource)
		return nil
	}
	file, err := parser.ParseBytes(source, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		message, at := err.Error(), (*token.Token)(nil)
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) {
			message, at = syntax.Message, syntax.Token
		}
		p.errorf(at, "not readable as YAML: %s", message)
		return nil
	}
	documents := slices.DeleteFunc(file.Docs, func(d *ast.DocumentNode) bool { return d.Body == nil })
	if len(documents) == 0 {
		p.errorf(nil, "the file is empty; a rehearsal names its script and says what happens")
		return nil
	}
	if len(documents) > 1 {
		p.errorf(documents[1].Body.GetToken(), "a second document begins; a file holds one rehearsal")
	}
	return documents[0].Body
}

// entries gives the entries of a mapping, no key twice.
func (p *reader) entries(n ast.Node, what string) []entry {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		p.errorf(n.GetToken(), "%s: a mapping belongs here, as in {key: value}", what)
		return nil
	}
	var list []entry
	lines := make(map[string]int)
	for _, v := range values {
		at := v.Key.GetToken()
		key := at.Value
		if first, twice := lines[key]; twice {
			p.errorf(at, "%q stands here a second time; the first is in line %d", key, first)
			continue
		}
		lines[key] = at.Position.Line
		list = append(list, entry{key, v.Key, v.Value})
	}
	return list
}

// fields reads a mapping whose keys are known, each by its own function.
func (p *reader) fields(n ast.Node, what string, read map[string]func(ast.Node)) {
	for _, e := range p.entries(n, what) {
		if into, known := read[e.key]; known {
			into(e.value)
			continue
		}
		p.errorf(e.at.GetToken(), "%s has no %q; it has %s", what, e.key, listed(read))
	}
}

// listed gives the keys of a map, in the order of the alphabet.
func listed[V any](m map[string]V) string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// text reads one value as it is written.
func (p *reader) text(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	p.errorf(n.GetToken(), "one value belongs here; a text that is none of letters and digits stands in quotes")
	return "", false
}

// items gives the items of a list; one that stands alone is a list of one.
func items(n ast.Node) []ast.Node {
	if list, ok := n.(*ast.SequenceNode); ok {
		return list.Values
	}
	return []ast.Node{n}
}

// texts reads a list of values. It is never nil.
func (p *reader) texts(n ast.Node) []string {
	list := []string{}
	for _, item := range items(n) {
		if text, ok := p.text(item); ok {
			list = append(list, text)
		}
	}
	return list
}

// pairs reads a mapping of names to values.
func (p *reader) pairs(n ast.Node, what string) map[string]string {
	pairs := make(map[string]string)
	for _, e := range p.entries(n, what) {
		if text, ok := p.text(e.value); ok {
			pairs[e.key] = text
		}
	}
	return pairs
}

// parsed reads one value by a function that says what is wrong with it.
func parsed[T any](p *reader, n ast.Node, parse func(string) (T, error)) T {
	var value T
	text, ok := p.text(n)
	if !ok {
		return value
	}
	value, err := parse(text)
	if err != nil {
		p.errorf(n.GetToken(), "%v", err)
	}
	return value
}
