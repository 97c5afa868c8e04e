package condition

import "errors"

// Condition is what [Parse] has read. It is never changed, so many contacts may use one at once.
type Condition struct {
	root      node
	variables []Variable
}

// Variable is a variable that a condition reads.
type Variable struct {
	Name   string // without its braces
	Offset int    // of its opening brace in the text, from 0, in characters
}

// Mistake is the error of [Parse].
type Mistake struct {
	Offset  int    // where it is in the text, from 0, in characters; the text's length: at its end
	Message string // what is wrong and what would be right, for people
}

// Error gives the message.
func (m *Mistake) Error() string { return m.Message }

// Variables are all that the condition reads, in the order of the text, one for each place.
func (c Condition) Variables() []Variable { return c.variables }

// Equality is a comparison by =, != or in of a variable with a fixed text.
type Equality struct {
	Variable string // without its braces
	Value    string
}

// Equalities are all comparisons of a variable alone with a fixed text that ask whether the two are the
// same, in the order of the text.
func (c Condition) Equalities() []Equality {
	if c.root == nil {
		return nil
	}
	return c.root.equalities()
}

// Holds evaluates the condition. Value gives a variable's value, "" for one that is not set. The error,
// made for _ERR, names the value that has no order.
func (c Condition) Holds(value func(name string) string) (bool, error) {
	if c.root == nil {
		return false, errors.New("there is no condition")
	}
	return c.root.holds(value)
}

// node is a condition, or a part of one that is a condition by itself.
type node interface {
	holds(value func(name string) string) (bool, error)
	equalities() []Equality
}

type (
	allOf      []node
	anyOf      []node
	negation   struct{ of node }
	comparison struct {
		left     operand
		operator string
		right    operand
	}
	membership struct {
		one  operand
		list []operand
	}
)

func (a allOf) holds(value func(string) string) (bool, error) {
	for _, n := range a {
		if holds, err := n.holds(value); err != nil || !holds {
			return false, err
		}
	}
	return true, nil
}

func (a anyOf) holds(value func(string) string) (bool, error) {
	for _, n := range a {
		if holds, err := n.holds(value); err != nil || holds {
			return holds, err
		}
	}
	return false, nil
}

func (n negation) holds(value func(string) string) (bool, error) {
	holds, err := n.of.holds(value)
	return err == nil && !holds, err
}

func (c comparison) holds(value func(string) string) (bool, error) {
	switch c.operator {
	case "=":
		return same(c.left.evaluate(value), c.right.evaluate(value)), nil
	case "!=":
		return !same(c.left.evaluate(value), c.right.evaluate(value)), nil
	}
	order, err := c.order(value)
	if err != nil {
		return false, err
	}
	switch c.operator {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	default: // >=
		return order >= 0, nil
	}
}

func (m membership) holds(value func(string) string) (bool, error) {
	one := m.one.evaluate(value)
	for _, other := range m.list {
		if same(one, other.evaluate(value)) {
			return true, nil
		}
	}
	return false, nil
}
