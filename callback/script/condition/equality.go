package condition

func (a allOf) equalities() []Equality { return gathered(a) }
func (a anyOf) equalities() []Equality { return gathered(a) }

func gathered(nodes []node) []Equality {
	var all []Equality
	for _, n := range nodes {
		all = append(all, n.equalities()...)
	}
	return all
}

func (n negation) equalities() []Equality { return n.of.equalities() }

func (c comparison) equalities() []Equality {
	if c.operator != "=" && c.operator != "!=" {
		return nil
	}
	if text, fixed := c.left.fixed(); fixed {
		return c.right.equals(text)
	}
	if text, fixed := c.right.fixed(); fixed {
		return c.left.equals(text)
	}
	return nil
}

func (m membership) equalities() []Equality {
	var all []Equality
	for _, o := range m.list {
		if text, fixed := o.fixed(); fixed {
			all = append(all, m.one.equals(text)...)
		}
	}
	return all
}

// equals gives the comparison of a variable alone with a text.
func (o operand) equals(text string) []Equality {
	name := ""
	for _, p := range o.parts {
		switch {
		case p.variable && name == "":
			name = p.text
		case p.variable || p.text != "":
			return nil
		}
	}
	if name == "" {
		return nil
	}
	return []Equality{{Variable: name, Value: text}}
}
