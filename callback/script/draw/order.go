package draw

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// How hard the order is looked for.
const (
	starts = 8 // orders to begin with
	rounds = 4 // of sweeps from each of them
	passes = 4 // over the nets, to lay each of them elsewhere
)

// spot is what has a place in the order of a layer: an item, or the turn of a net that leads back,
// which lies between two layers and takes part in the order of the one beyond.
type spot struct {
	item     *item // nil for a turn
	rank     int   // 0 is above the first layer
	position int
	up, down []link // to the spots of the layers above and below
	weight   float64
}

type link struct {
	to     *spot
	weight int
}

// ordering looks for an order of the layers with few crossings; a crossing of what happens without a
// failure counts the most.
type ordering struct {
	*layered
	ranks [][]*spot
	spots map[*item]*spot

	counts []int  // the crossings below each layer; -1: not known
	unsure []bool // the layers in which moving a spot may save crossings
}

// orderLayers puts the items of each layer into their order.
func (l *layered) orderLayers() {
	o := newOrdering(l)
	o.search()
	for layer, items := range l.layers {
		slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(o.spots[a].position, o.spots[b].position) })
		for position, i := range items {
			i.layer, i.position = layer, position
		}
	}
}

// search begins with the order in which a person would read, and with others that come from shuffling
// it, always in the same way; the best is made better.
func (o *ordering) search() {
	shuffle := rand.New(rand.NewPCG(1, 1))
	best, least := o.positions(), o.crossings()
	for range starts {
		for round := range rounds {
			o.sweep(round%2 == 0)
			o.sift()
			if crossings := o.crossings(); crossings < least {
				best, least = o.positions(), crossings
			}
		}
		for i, rank := range o.ranks {
			shuffle.Shuffle(len(rank), func(a, b int) { rank[a], rank[b] = rank[b], rank[a] })
			o.renumber(i)
		}
	}
	o.restore(best)
	for range passes {
		if !o.moveNets() {
			break
		}
	}
}

func newOrdering(l *layered) *ordering {
	n := len(l.layers) + 2
	o := &ordering{layered: l, ranks: make([][]*spot, n), spots: make(map[*item]*spot), counts: make([]int, n), unsure: make([]bool, n)}
	o.link(l)
	o.begin(l)
	for i := range o.ranks {
		o.renumber(i)
	}
	return o
}

// spot gives the spot of an item.
func (o *ordering) spot(i *item) *spot {
	if o.spots[i] == nil {
		o.spots[i] = &spot{item: i, rank: i.layer + 1}
	}
	return o.spots[i]
}

// link joins the spots that a line joins.
func (o *ordering) link(l *layered) {
	for _, b := range l.boxes {
		o.spot(b.item)
		for _, w := range b.out {
			if !w.back {
				join(o.spot(b.item), o.spot(w.next()), w.crossing())
			}
		}
	}
	for _, items := range l.layers {
		for _, bend := range items {
			if bend.box == nil {
				o.linkBend(bend)
			}
		}
	}
}

func (o *ordering) linkBend(bend *item) {
	n := bend.net
	weight := n.wires[0].crossing()
	if next := n.below(bend); next != nil {
		join(o.spot(bend), o.spot(next), weight)
	}
	if bend.up {
		o.turn(n, bend, weight)
	}
}

// turn joins a bend that leads up with what it meets beside it: the boxes whose wires turn up into it,
// and the box that it leads to.
func (o *ordering) turn(n *net, bend *item, weight int) {
	var below *spot
	for _, w := range n.wires {
		if !w.back || w.from.layer != bend.layer {
			continue
		}
		if below == nil {
			below = &spot{rank: bend.layer + 2}
			join(o.spot(bend), below, weight)
		}
		join(o.spot(w.from.item), below, weight)
	}
	if bend.layer == n.to.layer {
		above := &spot{rank: bend.layer}
		join(above, o.spot(bend), weight)
		join(above, o.spot(n.to.item), weight)
	}
}

func join(upper, lower *spot, weight int) {
	upper.down = append(upper.down, link{lower, weight})
	lower.up = append(lower.up, link{upper, weight})
}

// crossing says how bad it is to cross a wire.
func (w *wire) crossing() int {
	if w.failure {
		return 1
	}
	return 3
}

// begin makes the first order: the one in which a person would read.
func (o *ordering) begin(l *layered) {
	seen := make(map[*spot]bool)
	var visit func(s *spot)
	visit = func(s *spot) {
		if seen[s] {
			return
		}
		seen[s] = true
		s.position = len(o.ranks[s.rank])
		o.ranks[s.rank] = append(o.ranks[s.rank], s)
		for _, next := range s.down {
			visit(next.to)
		}
		for _, next := range s.up {
			visit(next.to)
		}
	}
	for _, b := range l.boxes {
		visit(o.spots[b.item])
	}
}

// sweep puts each layer into the order of what its spots are joined with in the layer before.
func (o *ordering) sweep(down bool) {
	for i := range o.ranks {
		if !down {
			i = len(o.ranks) - 1 - i
		}
		for _, s := range o.ranks[i] {
			links := s.up
			if !down {
				links = s.down
			}
			s.weight = centre(links, float64(s.position))
		}
		slices.SortStableFunc(o.ranks[i], func(a, b *spot) int { return cmp.Compare(a.weight, b.weight) })
		o.renumber(i)
	}
}

// renumber notes that the order of a layer has changed.
func (o *ordering) renumber(i int) {
	for position, s := range o.ranks[i] {
		s.position = position
	}
	o.counts[i], o.unsure[i] = -1, true
	if i > 0 {
		o.counts[i-1], o.unsure[i-1] = -1, true
	}
	if i < len(o.ranks)-1 {
		o.unsure[i+1] = true
	}
}

// centre gives the middle of the positions of what a spot is joined with.
func centre(links []link, otherwise float64) float64 {
	sum, weights := 0, 0
	for _, to := range links {
		sum += to.to.position * to.weight
		weights += to.weight
	}
	if weights == 0 {
		return otherwise
	}
	return float64(sum) / float64(weights)
}

// sift moves spots within their layers as long as that saves crossings.
func (o *ordering) sift() {
	for slices.Contains(o.unsure, true) {
		for i, rank := range o.ranks {
			if !o.unsure[i] {
				continue
			}
			o.unsure[i] = false
			for from := range rank {
				if to, saved := bestPlace(rank, from); saved > 0 {
					o.move(i, from, to)
				}
			}
		}
	}
}

// move moves a spot of a layer to another place in it.
func (o *ordering) move(i, from, to int) {
	rank := o.ranks[i]
	s := rank[from]
	copy(rank[from:], rank[from+1:])
	copy(rank[to+1:], rank[to:len(rank)-1])
	rank[to] = s
	o.renumber(i)
}

// moveNets lays each net that has bends to the far left and to the far right, and keeps what saves
// crossings. It says whether something did.
func (o *ordering) moveNets() bool {
	least := o.crossings()
	before := least
	for _, n := range o.nets {
		if len(n.down)+len(n.up) == 0 {
			continue
		}
		for _, right := range []bool{false, true} {
			kept := o.positions()
			o.moveNet(n, right)
			o.sift()
			if crossings := o.crossings(); crossings < least {
				least = crossings
			} else {
				o.restore(kept)
			}
		}
	}
	return least < before
}

func (o *ordering) moveNet(n *net, right bool) {
	for layer := range o.layers {
		for _, bend := range []*item{n.down[layer], n.up[layer]} {
			if bend == nil {
				continue
			}
			s, to := o.spots[bend], 0
			if right {
				to = len(o.ranks[s.rank]) - 1
			}
			o.move(s.rank, s.position, to)
		}
	}
}

// bestPlace gives the best other place for a spot of a layer, and what that saves.
func bestPlace(rank []*spot, from int) (to, saved int) {
	s := rank[from]
	sum := 0
	for i := from - 1; i >= 0; i-- {
		if sum += exchange(rank[i], s); sum > saved {
			to, saved = i, sum
		}
	}
	sum = 0
	for i := from + 1; i < len(rank); i++ {
		if sum += exchange(s, rank[i]); sum > saved {
			to, saved = i, sum
		}
	}
	return to, saved
}

// exchange gives what is saved if two spots change sides.
func exchange(left, right *spot) int {
	return pairCrossings(left.up, right.up) + pairCrossings(left.down, right.down) -
		pairCrossings(right.up, left.up) - pairCrossings(right.down, left.down)
}

// pairCrossings is what the links of a spot and of its neighbour on the right cross each other.
func pairCrossings(left, right []link) int {
	crossings := 0
	for _, a := range left {
		for _, b := range right {
			if a.to.position > b.to.position {
				crossings += a.weight * b.weight
			}
		}
	}
	return crossings
}

func (o *ordering) crossings() int {
	crossings := 0
	for i, rank := range o.ranks {
		if o.counts[i] < 0 {
			o.counts[i] = 0
			for left, a := range rank {
				for _, b := range rank[left+1:] {
					o.counts[i] += pairCrossings(a.down, b.down)
				}
			}
		}
		crossings += o.counts[i]
	}
	return crossings
}

func (o *ordering) positions() [][]*spot {
	kept := make([][]*spot, len(o.ranks))
	for i, rank := range o.ranks {
		kept[i] = slices.Clone(rank)
	}
	return kept
}

// restore brings an order back.
func (o *ordering) restore(kept [][]*spot) {
	for i, rank := range kept {
		if !slices.Equal(o.ranks[i], rank) {
			copy(o.ranks[i], rank)
			o.renumber(i)
		}
	}
}
