package script

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxSource bounds a script's text, in bytes: a script of a thousand actions has a quarter of it.
	maxSource = 1 << 18
	// maxDepth bounds how deep it is nested; an action's sounds are on the fifth level.
	maxDepth = 10
	// maxOpen bounds the brackets that are open at once, comments and texts included: the time to
	// read them grows with their square.
	maxOpen = 1000
)

// position is a place in the file; line and column count from 1.
type position struct{ line, column int }

// shape says what a node of the file is.
type shape int

const (
	empty shape = iota // nothing stands there
	scalar
	mapping
	sequence
	broken // reported already
)

func (s shape) String() string {
	return [...]string{"nothing", "a text", "a mapping", "a list", "something else"}[s]
}

// node is a piece of the file, in the little of YAML that scripts use.
type node struct {
	shape   shape
	at      position
	text    string  // of a scalar, as it is written: 012 stays 012
	entries []entry // of a mapping, in the order of the file, no key twice
	items   []node  // of a sequence
}

// entry is a key of a mapping and what stands behind it.
type entry struct {
	key   string
	at    position
	value node
}

// read turns the file into nodes. Where it is no YAML, that is reported and the node is broken.
func (p *checker) read(source []byte) node {
	start := position{1, 1}
	if len(source) > maxSource {
		return p.refuse(start, "the file has %d bytes; a script has at most %d", len(source), maxSource)
	}
	if line := overnested(source); line > 0 {
		return p.refuse(position{line, 1}, "more than %d brackets are open here; a script has at most %d levels", maxOpen, maxDepth)
	}
	source = bytes.TrimPrefix(source, []byte("\ufeff")) // as editors on Windows write it
	if !utf8.Valid(source) {
		return p.refuse(start, "the file is not in UTF-8; save it so")
	}
	file, err := parser.ParseBytes(source, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at, message := syntaxError(err)
		return p.refuse(at, "not readable as YAML: %s%s", message, hint(source, at.line))
	}
	var documents []*ast.DocumentNode
	for _, d := range file.Docs {
		if d.Body != nil {
			documents = append(documents, d)
		}
	}
	if len(documents) == 0 {
		return node{shape: empty, at: start}
	}
	for _, d := range documents[1:] {
		p.errorf(positionOf(d.Body), "a second document begins; a file holds one script")
	}
	return p.convert(documents[0].Body, 0)
}

// overnested gives the line in which more than maxOpen brackets are open, or 0.
func overnested(source []byte) int {
	line, open := 1, 0
	for _, c := range source {
		switch c {
		case '\n':
			line++
		case '[', '{':
			open++
		case ']', '}':
			open = max(open-1, 0)
		}
		if open > maxOpen {
			return line
		}
	}
	return 0
}

func syntaxError(err error) (position, string) {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil {
		return position{1, 1}, err.Error()
	}
	message := syntax.Message
	switch {
	case strings.Contains(message, "\t"):
		message = "a tab; lines are indented by spaces"
	case strings.Contains(message, "alias"), strings.Contains(message, "scalar value"):
		message += "; a text that begins with * or & stands in quotes"
	}
	return tokenPosition(syntax.Token), message
}

var (
	dialplan   = regexp.MustCompile(`^\s*(exten\s*=>|same\s*=>|\[[A-Za-z0-9_-]+\]\s*$)`)
	quotedText = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	bareBraces = regexp.MustCompile(`\{\s*[A-Za-z_][A-Za-z0-9_]*\s*\}`)
	bareColon  = regexp.MustCompile(`^\s*[A-Za-z-]+:\s+[^{\[\s][^#]*:\s`)
)

// hint says what is probably wrong with a line that is no YAML.
func hint(source []byte, line int) string {
	lines := strings.Split(string(source), "\n")
	if line > len(lines) {
		return ""
	}
	text := quotedText.ReplaceAllString(lines[line-1], "")
	switch {
	case dialplan.MatchString(text):
		return "; this looks like dialplan, and a script is YAML: callbackd script example shows one"
	case bareBraces.MatchString(text):
		return "; a text with a {VARIABLE} stands in quotes, as in \"{ANI}\""
	case bareColon.MatchString(text):
		return "; a text with a colon and a space in it stands in quotes"
	}
	return ""
}

func positionOf(n ast.Node) position { return tokenPosition(n.GetToken()) }

func tokenPosition(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{1, 1}
	}
	return position{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// convert turns YAML into a node and refuses what scripts do not use.
func (p *checker) convert(n ast.Node, depth int) node {
	at := positionOf(n)
	if depth > maxDepth {
		return p.refuse(at, "nested too deep; a script has at most %d levels", maxDepth)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return p.convertMapping(n.Values, at, depth)
	case *ast.MappingValueNode:
		return p.convertMapping([]*ast.MappingValueNode{n}, at, depth)
	case *ast.SequenceNode:
		list := node{shape: sequence, at: at}
		for _, item := range n.Values {
			list.items = append(list.items, p.convert(item, depth+1))
		}
		return list
	case *ast.NullNode:
		return node{shape: empty, at: at}
	case *ast.LiteralNode:
		return node{shape: scalar, at: at, text: n.Value.Value}
	case *ast.StringNode:
		return node{shape: scalar, at: at, text: n.Value}
	case *ast.AnchorNode, *ast.AliasNode:
		return p.refuse(at, "an anchor (&) or alias (*); write it out, or put it in quotes if it is a text")
	case *ast.TagNode:
		return p.refuse(at, "a tag (!); put it in quotes if it is a text")
	case ast.ScalarNode:
		return node{shape: scalar, at: at, text: n.GetToken().Value}
	default:
		return p.refuse(at, "%s is not used in scripts", n.Type())
	}
}

// refuse reports a mistake and gives what stands for it in the tree.
func (p *checker) refuse(at position, format string, args ...any) node {
	p.errorf(at, format, args...)
	return node{shape: broken, at: at}
}

func (p *checker) convertMapping(values []*ast.MappingValueNode, at position, depth int) node {
	m := node{shape: mapping, at: at}
	seen := make(map[string]position)
	for i, v := range values {
		keyAt := positionOf(v.Key)
		if i == 0 && keyAt.line == at.line && keyAt.column < at.column {
			m.at = keyAt // a block's token is its first colon
		}
		key, ok := keyText(v.Key)
		if !ok {
			p.errorf(keyAt, "a key is a plain text")
			continue
		}
		if first, twice := seen[key]; twice {
			p.errorf(keyAt, "%q stands here a second time; the first is in line %d", key, first.line)
			continue
		}
		seen[key] = keyAt
		m.entries = append(m.entries, entry{key: key, at: keyAt, value: p.convert(v.Value, depth+1)})
	}
	if len(m.entries) == 0 && len(values) > 0 {
		m.shape = broken
	}
	return m
}

// keyText gives a key as it is written, so that the menu key 1 is "1" and 01 is "01".
func keyText(key ast.MapKeyNode) (string, bool) {
	switch k := key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return k.GetToken().Value, true
	}
	return "", false
}

// unquoted says what to do where a mapping stands that is a variable without its quotes: {ANI}.
func (n node) unquoted() string {
	if n.shape == mapping && len(n.entries) == 1 && n.entries[0].value.shape == empty && inBraces.MatchString(n.entries[0].key) {
		return fmt.Sprintf("; a text with a variable stands in quotes: \"{%s}\"", n.entries[0].key)
	}
	return ""
}

// want says that a node has the wrong shape.
func (n node) want(what string) string {
	if n.shape == scalar {
		return fmt.Sprintf("%q stands where %s belongs", n.text, what)
	}
	return fmt.Sprintf("%s stands where %s belongs", n.shape, what)
}
