package draw

import "slices"

// item is what stands in a layer: a box, or the bend of a net.
type item struct {
	box         *box // nil for a bend
	net         *net // of a bend
	up          bool // the bend leads up
	layer       int
	position    int // in the order of the layer
	x           int // the middle
	left, right int // how far it reaches from there
	number      int // in place.go
}

// net is all the wires that lead to one box in the same way, failures or not. They join as soon as
// they can, so in each layer that they pass there is one bend for what leads down and one for what
// leads up.
type net struct {
	to       *box
	failure  bool
	wires    []*wire
	down, up map[int]*item // by layer
	entry    int           // where it comes into the box, from its middle
	lines    [][]point     // its way, in pieces
}

// layered is a graph whose boxes and bends stand in layers.
type layered struct {
	*graph
	nets   []*net
	layers [][]*item
}

func newLayered(g *graph) *layered {
	l := &layered{graph: g}
	depth := 0
	for _, b := range g.boxes {
		depth = max(depth, b.layer+1)
	}
	l.layers = make([][]*item, depth)
	for _, b := range g.boxes {
		b.item = l.add(&item{box: b, layer: b.layer})
	}
	for _, w := range g.wires {
		l.join(w)
	}
	for _, n := range l.nets {
		l.bend(n)
	}
	return l
}

func (l *layered) add(i *item) *item {
	l.layers[i.layer] = append(l.layers[i.layer], i)
	return i
}

// join takes a wire into its net.
func (l *layered) join(w *wire) {
	i := slices.IndexFunc(l.nets, func(n *net) bool { return n.to == w.to && n.failure == w.failure })
	if i < 0 {
		i = len(l.nets)
		l.nets = append(l.nets, &net{to: w.to, failure: w.failure, down: make(map[int]*item), up: make(map[int]*item)})
	}
	w.net = l.nets[i]
	w.net.wires = append(w.net.wires, w)
}

// bend gives a net its bends: below its highest wire down to its box, and beside its box down to its
// lowest wire back.
func (l *layered) bend(n *net) {
	highest, lowest := n.to.layer, n.to.layer-1
	for _, w := range n.wires {
		if w.back {
			lowest = max(lowest, w.from.layer)
		} else {
			highest = min(highest, w.from.layer)
		}
	}
	for layer := highest + 1; layer < n.to.layer; layer++ {
		n.down[layer] = l.add(&item{net: n, layer: layer})
	}
	for layer := n.to.layer; layer <= lowest; layer++ {
		n.up[layer] = l.add(&item{net: n, layer: layer, up: true})
	}
}

// next gives where a wire goes from its box: a bend, or its end.
func (w *wire) next() *item {
	if w.back {
		return w.net.up[w.from.layer]
	}
	if bend := w.net.down[w.from.layer+1]; bend != nil {
		return bend
	}
	return w.to.item
}

// below gives what a bend's line is joined with below: the next bend, or the box where it ends; nil
// for the lowest bend of a way back.
func (n *net) below(bend *item) *item {
	bends := n.down
	if bend.up {
		bends = n.up
	}
	if next := bends[bend.layer+1]; next != nil {
		return next
	}
	if bend.up {
		return nil
	}
	return n.to.item
}
