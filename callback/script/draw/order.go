package draw

import (
	"cmp"
	"slices"
)

// rounds is how often the order of the layers is gone through, down and up again.
const rounds = 16

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
	ranks [][]*spot
	spots map[*item]*spot
}

// orderLayers puts the items of each layer into their order.
func (l *layered) orderLayers() {
	o := &ordering{ranks: make([][]*spot, len(l.layers)+2), spots: make(map[*item]*spot)}
	o.link(l)
	o.begin(l)
	best, least := o.positions(), o.crossings()
	for round := range rounds {
		o.sweep(round%2 == 0)
		o.exchange()
		if crossings := o.crossings(); crossings < least {
			best, least = o.positions(), crossings
		}
	}
	o.restore(best)
	for layer, items := range l.layers {
		slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(o.spots[a].position, o.spots[b].position) })
		for position, i := range items {
			i.layer, i.position = layer, position
		}
	}
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
		rank := o.ranks[i]
		if !down {
			rank = o.ranks[len(o.ranks)-1-i]
		}
		for _, s := range rank {
			links := s.up
			if !down {
				links = s.down
			}
			s.weight = centre(links, float64(s.position))
		}
		slices.SortStableFunc(rank, func(a, b *spot) int { return cmp.Compare(a.weight, b.weight) })
		number(rank)
	}
}

func number(rank []*spot) {
	for position, s := range rank {
		s.position = position
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

// exchange exchanges neighbours as long as that saves crossings.
func (o *ordering) exchange() {
	for better := true; better; {
		better = false
		for _, rank := range o.ranks {
			for i := 1; i < len(rank); i++ {
				a, b := rank[i-1], rank[i]
				if pairCrossings(b.up, a.up)+pairCrossings(b.down, a.down) < pairCrossings(a.up, b.up)+pairCrossings(a.down, b.down) {
					rank[i-1], rank[i] = b, a
					a.position, b.position = i, i-1
					better = true
				}
			}
		}
	}
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
	for _, rank := range o.ranks {
		for i, a := range rank {
			for _, b := range rank[i+1:] {
				crossings += pairCrossings(a.down, b.down)
			}
		}
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

func (o *ordering) restore(kept [][]*spot) {
	for i, rank := range kept {
		o.ranks[i] = rank
		number(rank)
	}
}
