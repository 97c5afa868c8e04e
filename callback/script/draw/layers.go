package draw

import "slices"

// assignLayers puts each box below those that lead to it, and near to the one from which a reader
// comes. The returns are decided by that: they lead up where their box stands above. One that stands
// beside makes room, if it can.
func (g *graph) assignLayers(returns []*wire) {
	var down []*wire
	next := make(map[*box][]*box)
	for _, w := range g.wires {
		if !w.back && !slices.Contains(returns, w) {
			down = append(down, w)
			next[w.from] = append(next[w.from], w.to)
		}
	}
	g.layer(down)
	for _, w := range returns {
		if w.to.layer >= w.from.layer && !leads(next, w.to, w.from) {
			down = append(down, w)
			next[w.from] = append(next[w.from], w.to)
		}
	}
	g.layer(down)
	for _, w := range returns {
		w.back = w.to.layer <= w.from.layer
	}
}

// layer gives the boxes their layers by the wires that lead down.
func (g *graph) layer(down []*wire) {
	number := make(map[*box]int)
	for i, b := range g.boxes {
		number[b] = i
	}
	spans := make([]span, len(down))
	for i, w := range down {
		spans[i] = span{number[w.from], number[w.to], 1, w.pull()}
		if w.finds > 0 {
			spans[i].weight *= 10
		}
	}
	for i, layer := range solve(len(g.boxes), spans) {
		g.boxes[i].layer = layer
	}
}

// pull says how much a wire wants to be short and straight: the most where the larger part of what
// follows hangs on it.
func (w *wire) pull() int {
	switch {
	case w.finds == 0:
		return 1
	case w.failure:
		return 2
	}
	for _, other := range w.from.out {
		if other.finds > w.finds && !other.failure {
			return 4
		}
	}
	return 8
}
