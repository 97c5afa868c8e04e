package condition

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// kind is what a token is.
type kind int

const (
	atEnd    kind = iota
	value         // a variable, a word, a text in quotes
	keyword       // and, or, not, in
	operator      // = != < <= > >=
	mark          // ( ) ,
)

// token is a piece of a condition.
type token struct {
	kind    kind
	text    string // of keywords, operators and marks
	operand operand
	offset  int
}

var (
	keywords  = []string{"and", "or", "not", "in"}
	operators = []string{"=", "!=", "<", "<=", ">", ">="}
	// meant are the operators of other languages.
	meant = map[string]string{
		"==": "=", "===": "=", "<>": "!=", "!==": "!=", "=!": "!=", "=>": ">=", "=<": "<=",
		"!": "not", "&": "and", "&&": "and", "|": "or", "||": "or",
	}
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

const (
	marks         = "(),"
	operatorMarks = "=!<>&|"
	wordMarks     = "-:._+#*"
)

// scan splits a text into its tokens; the last is atEnd.
func scan(text []rune) ([]token, *Mistake) {
	var tokens []token
	for at := 0; ; {
		for at < len(text) && unicode.IsSpace(text[at]) {
			at++
		}
		t, length, mistake := next(text[at:], at)
		if mistake != nil {
			return nil, mistake
		}
		tokens = append(tokens, t)
		if t.kind == atEnd {
			return tokens, nil
		}
		at += length
	}
}

// next reads the token with which the rest begins, and gives its length.
func next(rest []rune, offset int) (token, int, *Mistake) {
	if len(rest) == 0 {
		return token{kind: atEnd, offset: offset}, 0, nil
	}
	first := rest[0]
	switch {
	case first == '{':
		return braced(rest, offset)
	case first == '\'' || first == '"':
		return quoted(rest, offset)
	case strings.ContainsRune(marks, first):
		return token{kind: mark, text: string(first), offset: offset}, 1, nil
	case strings.ContainsRune(operatorMarks, first):
		return symbol(rest, offset)
	case wordCharacter(first):
		return word(rest, offset)
	}
	if first == '$' && len(rest) > 1 && rest[1] == '{' {
		return token{}, 0, mistakef(offset, "a variable is written {ANI}, without $")
	}
	return token{}, 0, mistakef(offset, "%q has no meaning here; a text that has it stands in quotes", first)
}

func braced(rest []rune, offset int) (token, int, *Mistake) {
	name, mistake := nameIn(rest, offset)
	if mistake != nil {
		return token{}, 0, mistake
	}
	o := operand{source: asWritten([]rune("{" + name + "}")), offset: offset, parts: []part{{text: name, variable: true, offset: offset}}}
	return token{kind: value, operand: o, offset: offset}, len(name) + len("{}"), nil
}

// nameIn gives the name of the variable with whose brace the text begins.
func nameIn(text []rune, offset int) (string, *Mistake) {
	end := slices.Index(text, '}')
	if end < 0 {
		return "", mistakef(offset, "a brace is not closed; a variable is written {ANI}")
	}
	name := string(text[1:end])
	if !variableName.MatchString(name) {
		return "", mistakef(offset, "{%s} is no variable; one is written {ANI}: letters, digits and _ in braces", asWritten([]rune(name)))
	}
	return name, nil
}

func quoted(rest []rune, offset int) (token, int, *Mistake) {
	length := slices.Index(rest[1:], rest[0]) + 2
	if length < 2 {
		return token{}, 0, mistakef(offset, "the quote %c is not closed", rest[0])
	}
	o := operand{source: asWritten(rest[:length]), offset: offset, quoted: true}
	var fixed []rune
	for at := 1; at < length-1; {
		switch rest[at] {
		case '{':
			name, mistake := nameIn(rest[at:length-1], offset+at)
			if mistake != nil {
				return token{}, 0, mistake
			}
			o.parts = append(o.parts, part{text: string(fixed)}, part{text: name, variable: true, offset: offset + at})
			fixed = nil
			at += len(name) + len("{}")
		case '}':
			return token{}, 0, mistakef(offset+at, "a brace is closed that was not opened; a variable is written {ANI}")
		default:
			fixed = append(fixed, rest[at])
			at++
		}
	}
	o.parts = append(o.parts, part{text: string(fixed)})
	return token{kind: value, operand: o, offset: offset}, length, nil
}

func symbol(rest []rune, offset int) (token, int, *Mistake) {
	text := string(leading(rest, func(r rune) bool { return strings.ContainsRune(operatorMarks, r) }))
	if slices.Contains(operators, text) {
		return token{kind: operator, text: text, offset: offset}, len(text), nil
	}
	if right, ok := meant[text]; ok {
		return token{}, 0, mistakef(offset, "%s is no operator; write %s", text, right)
	}
	return token{}, 0, mistakef(offset, "%s is no operator; there are = != < <= > >= and in", text)
}

func word(rest []rune, offset int) (token, int, *Mistake) {
	text := leading(rest, wordCharacter)
	written := string(text)
	if slices.Contains(keywords, written) {
		return token{kind: keyword, text: written, offset: offset}, len(text), nil
	}
	if lower := strings.ToLower(written); slices.Contains(keywords, lower) {
		return token{}, 0, mistakef(offset, "write %s in small letters; as a text, %s stands in quotes", lower, written)
	}
	o := operand{source: asWritten(text), offset: offset, parts: []part{{text: written}}}
	return token{kind: value, operand: o, offset: offset}, len(text), nil
}

func wordCharacter(r rune) bool {
	return unicode.IsLetter(r) || '0' <= r && r <= '9' || strings.ContainsRune(wordMarks, r)
}

// leading gives the characters at the text's beginning of which all are so.
func leading(text []rune, so func(rune) bool) []rune {
	if end := slices.IndexFunc(text, func(r rune) bool { return !so(r) }); end >= 0 {
		return text[:end]
	}
	return text
}

// asWritten gives a piece of the script for an error: short, on one line.
func asWritten(text []rune) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(short(text))
}

func mistakef(offset int, format string, args ...any) *Mistake {
	return &Mistake{Offset: offset, Message: fmt.Sprintf(format, args...)}
}
