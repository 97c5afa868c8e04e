package draw

// breakCycles marks the wires that lead back, so that the others lead to no box twice. What a person
// reads first stays forward: the flow from the start, then from the events, then what OnError
// brings. It marks the boxes aside, too, and gives the wires that lead from these back into the flow:
// where they lead, up or down, is seen when the flow stands.
func (g *graph) breakCycles() (returns []*wire) {
	t := &traversal{seen: make(map[*box]bool)}
	for _, b := range g.boxes {
		if b.shape == start || b.shape == event {
			t.visit(b)
		}
	}
	t.failures()
	for _, b := range g.boxes {
		t.visit(b)
	}
	t.failures()
	next := make(map[*box][]*box)
	for _, w := range t.wires {
		if w.back = leads(next, w.to, w.from); !w.back {
			next[w.from] = append(next[w.from], w.to)
		}
	}
	return t.returns
}

// traversal puts the wires into the order in which they are to stay forward.
type traversal struct {
	seen    map[*box]bool
	order   []*box
	aside   bool
	wires   []*wire
	returns []*wire // from the boxes aside
}

// visit goes through what can be come to without a failure, and counts the boxes that it finds. Of
// these wires only those that close a circle of the traversal will lead back.
func (t *traversal) visit(b *box) (found int) {
	if t.seen[b] {
		return 0
	}
	found = 1
	t.seen[b] = true
	b.aside = t.aside
	t.order = append(t.order, b)
	for _, w := range b.out {
		switch {
		case w.failure:
		case t.aside && t.seen[w.to] && !w.to.aside:
			t.returns = append(t.returns, w)
		default:
			found += t.follow(w)
		}
	}
	return found
}

func (t *traversal) follow(w *wire) (found int) {
	t.wires = append(t.wires, w)
	w.finds = t.visit(w.to)
	return w.finds
}

// failures goes on to what only failures lead to.
func (t *traversal) failures() {
	t.aside = true
	for i := 0; i < len(t.order); i++ { // the order grows on the way
		for _, w := range t.order[i].out {
			if w.failure {
				t.follow(w)
			}
		}
	}
	t.order, t.aside = nil, false
}

// leads says whether a way leads from one box to another.
func leads(next map[*box][]*box, from, to *box) bool {
	seen := map[*box]bool{from: true}
	for todo := []*box{from}; len(todo) > 0; {
		b := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if b == to {
			return true
		}
		for _, other := range next[b] {
			if !seen[other] {
				seen[other] = true
				todo = append(todo, other)
			}
		}
	}
	return false
}
