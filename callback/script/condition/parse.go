package condition

import (
	"strconv"
)

const (
	longest = 2000 // characters of a condition
	deepest = 50   // parentheses and nots inside one another
)

// Parse reads a condition. The error is a [*Mistake], the first one in the text.
func Parse(text string) (Condition, error) {
	characters := []rune(text)
	if len(characters) > longest {
		return Condition{}, mistakef(longest, "a condition has %d characters at most; spread it over several If actions", longest)
	}
	tokens, mistake := scan(characters)
	if mistake != nil {
		return Condition{}, mistake
	}
	if tokens[0].kind == atEnd {
		return Condition{}, mistakef(0, "a condition is missing, as in {EWT} > 300")
	}
	p := parser{tokens: tokens}
	root, mistake := p.either()
	if mistake == nil {
		mistake = p.finished()
	}
	if mistake != nil {
		return Condition{}, mistake
	}
	return Condition{root: root, variables: variables(tokens)}, nil
}

// variables gives those of all operands.
func variables(tokens []token) []Variable {
	var found []Variable
	for _, t := range tokens {
		for _, p := range t.operand.parts {
			if p.variable {
				found = append(found, Variable{Name: p.text, Offset: p.offset})
			}
		}
	}
	return found
}

// parser reads the tokens of one condition from the first to the last.
type parser struct {
	tokens []token
	at     int
	depth  int
}

func (p *parser) here() token { return p.tokens[p.at] }

// take passes over the token here if it is this one.
func (p *parser) take(k kind, text string) bool {
	if p.here().kind != k || p.here().text != text {
		return false
	}
	p.at++
	return true
}

func (p *parser) either() (node, *Mistake) {
	nodes, mistake := p.joined("or", p.both)
	if len(nodes) == 1 {
		return nodes[0], mistake
	}
	return anyOf(nodes), mistake
}

func (p *parser) both() (node, *Mistake) {
	nodes, mistake := p.joined("and", p.single)
	if len(nodes) == 1 {
		return nodes[0], mistake
	}
	return allOf(nodes), mistake
}

// joined reads conditions with a keyword between them.
func (p *parser) joined(between string, read func() (node, *Mistake)) ([]node, *Mistake) {
	var nodes []node
	for {
		n, mistake := read()
		if mistake != nil {
			return nil, mistake
		}
		nodes = append(nodes, n)
		if !p.take(keyword, between) {
			return nodes, nil
		}
	}
}

// single reads a comparison, one with not before it, or a condition in parentheses.
func (p *parser) single() (node, *Mistake) {
	at := p.here().offset
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > deepest {
		return nil, mistakef(at, "this is nested more than %d deep; spread it over several If actions", deepest)
	}
	if p.take(keyword, "not") {
		of, mistake := p.single()
		return negation{of}, mistake
	}
	if p.take(mark, "(") {
		inside, mistake := p.either()
		if mistake != nil {
			return nil, mistake
		}
		if !p.take(mark, ")") {
			return nil, p.missing("the ) of the ( at character " + strconv.Itoa(at+1))
		}
		return inside, nil
	}
	return p.comparison()
}

func (p *parser) comparison() (node, *Mistake) {
	left, mistake := p.operand("a comparison, as in {EWT} > 300,")
	if mistake != nil {
		return nil, mistake
	}
	if p.take(keyword, "in") {
		return p.membership(left)
	}
	t := p.here()
	if t.kind != operator {
		return nil, p.alone(left)
	}
	p.at++
	right, mistake := p.operand("a value")
	if mistake != nil {
		return nil, mistake
	}
	if again := p.here(); again.kind == operator {
		return nil, mistakef(again.offset, "a comparison has two sides; write %s %s %s and %s %s ...", left.source, t.text, right.source, right.source, again.text)
	}
	c := comparison{left, t.text, right}
	return c, c.check()
}

// check finds a comparison that can't be meant.
func (c comparison) check() *Mistake {
	_, leftFixed := c.left.fixed()
	_, rightFixed := c.right.fixed()
	if leftFixed && rightFixed {
		return constant(c.left)
	}
	if c.operator == "=" || c.operator == "!=" {
		return nil
	}
	for _, o := range []operand{c.left, c.right} {
		if text, fixed := o.fixed(); fixed && formOf(text) == formless {
			return mistakef(o.offset, "%s has no order; %s needs numbers, times (%s) or dates (2026-12-24)", o.source, c.operator, likeTime(text))
		}
	}
	return nil
}

// likeTime gives the example of a time that fits best.
func likeTime(text string) string {
	if clockForm.MatchString("0" + text) {
		return "0" + text
	}
	return "18:05, up to 23:59"
}

func constant(o operand) *Mistake {
	if variableName.MatchString(o.source) {
		return mistakef(o.offset, "this compares fixed texts and is the same for every contact; if %s is a variable, write {%s}", o.source, o.source)
	}
	return mistakef(o.offset, "this compares fixed texts and is the same for every contact; a variable is written {ANI}")
}

// membership reads the list behind in.
func (p *parser) membership(one operand) (node, *Mistake) {
	if !p.take(mark, "(") {
		return nil, p.missing("a list in parentheses, as in (Sat, Sun),")
	}
	var list []operand
	for {
		o, mistake := p.operand("a value")
		if mistake != nil {
			return nil, mistake
		}
		list = append(list, o)
		if p.take(mark, ",") {
			continue
		}
		if !p.take(mark, ")") {
			return nil, p.missing("a comma or the ) of the list")
		}
		break
	}
	m := membership{one, list}
	return m, m.check()
}

// check finds a list that can't be meant.
func (m membership) check() *Mistake {
	for _, o := range append([]operand{m.one}, m.list...) {
		if _, fixed := o.fixed(); !fixed {
			return nil
		}
	}
	return constant(m.one)
}

// operand reads a value; what names what could stand here.
func (p *parser) operand(what string) (operand, *Mistake) {
	t := p.here()
	if t.kind != value {
		return operand{}, p.missing(what)
	}
	p.at++
	return t.operand, nil
}

// alone says what is wrong where no operator follows a value.
func (p *parser) alone(o operand) *Mistake {
	t := p.here()
	_, fixed := o.fixed()
	switch {
	case t.kind == keyword && t.text == "not":
		return mistakef(t.offset, "not stands before the comparison: write not %s ...", o.source)
	case t.kind == value:
		return mistakef(t.offset, "an operator is missing between %s and %s; a text of several words stands in quotes", o.source, t.operand.source)
	case fixed:
		return mistakef(o.offset, "%s alone is no condition; compare a variable with it, as in {MRES} = %s", o.source, o.source)
	default:
		return mistakef(o.offset, "%s alone is no condition; compare it, as in %s = 1 or %s != ''", o.source, o.source, o.source)
	}
}

// finished finds what stands behind the condition.
func (p *parser) finished() *Mistake {
	t := p.here()
	switch {
	case t.kind == atEnd:
		return nil
	case t.kind == mark && t.text == ")":
		return mistakef(t.offset, "this ) has no (")
	case t.kind == value:
		return mistakef(t.offset, "before %s an and or an or is missing; a text of several words stands in quotes", t.operand.source)
	case t.kind == keyword && t.text == "not":
		return mistakef(t.offset, "before not an and or an or is missing")
	default:
		return mistakef(t.offset, "%s can't stand here", t.text)
	}
}

// missing says what should stand where the parser is.
func (p *parser) missing(what string) *Mistake {
	t := p.here()
	switch t.kind {
	case atEnd:
		return mistakef(t.offset, "%s is missing at the end", what)
	case value:
		return mistakef(t.offset, "%s is missing before %s", what, t.operand.source)
	default:
		return mistakef(t.offset, "%s is missing before %s", what, t.text)
	}
}
