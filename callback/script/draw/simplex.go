package draw

import (
	"math"
	"slices"
)

// span is a wish about two numbers: that of head is at least that of tail plus least, and what it is
// more than that costs weight each.
type span struct{ tail, head, least, weight int }

// solve gives n whole numbers, the smallest 0, that keep all spans at the least cost. The spans have
// no cycle. It is the network simplex method as it is used for drawing graphs: a
// tree of spans that are tight gives all numbers; as long as a span of the tree should rather be
// longer, it is exchanged for the one that becomes tight first.
func solve(n int, spans []span) []int {
	if n == 0 {
		return nil
	}
	spans = connect(n, spans)
	s := &simplex{
		spans: spans, out: make([][]int, n), in: make([][]int, n), rank: make([]int, n),
		inTree: make([]bool, len(spans)), cut: make([]int, len(spans)), tree: make([][]int, n),
		parent: make([]int, n), low: make([]int, n), lim: make([]int, n), byLim: make([]int, n),
	}
	for i, e := range spans {
		s.out[e.tail] = append(s.out[e.tail], i)
		s.in[e.head] = append(s.in[e.head], i)
	}
	s.start()
	s.grow()
	s.number(0, -1, 0)
	s.cuts()
	for range maxPivots {
		leaving := s.leaving()
		if leaving < 0 {
			break
		}
		s.exchange(leaving, s.entering(leaving))
	}
	s.normalise()
	return s.rank
}

// maxPivots bounds the time; what is found by then is right, only not the best.
const maxPivots = 20_000

type simplex struct {
	spans   []span
	out, in [][]int // the spans at a number, as indexes
	rank    []int   // the numbers

	inTree []bool
	tree   [][]int // the spans of the tree at a number
	cut    []int   // what it would cost to make a span of the tree longer by one
	next   int     // where the search for a leaving span goes on

	// The tree, hung up at number 0: the span to the parent, and the position in postorder. The
	// numbers below one are those at the positions from its low to its lim.
	parent   []int
	low, lim []int
	byLim    []int
}

// connect adds spans that cost nothing between parts that hang together by none, from the first number
// of each part.
func connect(n int, spans []span) []span {
	part := make([]int, n) // towards the number that stands for the part
	find := func(v int) int {
		for part[v] != v {
			part[v] = part[part[v]]
			v = part[v]
		}
		return v
	}
	for v := range part {
		part[v] = v
	}
	for _, e := range spans {
		part[find(e.head)] = find(e.tail)
	}
	connected := slices.Clip(spans)
	for v := 1; v < n; v++ {
		if find(v) != find(0) {
			part[find(v)] = find(0)
			connected = append(connected, span{0, v, 0, 0})
		}
	}
	return connected
}

// start takes the smallest numbers that keep all spans.
func (s *simplex) start() {
	waits := make([]int, len(s.in))
	var ready []int
	for v := range s.in {
		if waits[v] = len(s.in[v]); waits[v] == 0 {
			ready = append(ready, v)
		}
	}
	for len(ready) > 0 {
		v := ready[0]
		ready = ready[1:]
		for _, i := range s.out[v] {
			e := s.spans[i]
			s.rank[e.head] = max(s.rank[e.head], s.rank[v]+e.least)
			if waits[e.head]--; waits[e.head] == 0 {
				ready = append(ready, e.head)
			}
		}
	}
}

func (s *simplex) slack(i int) int {
	e := s.spans[i]
	return s.rank[e.head] - s.rank[e.tail] - e.least
}

// grow makes the first tree: it takes in what is tight, and moves the tree to what is nearest.
func (s *simplex) grow() {
	within := make([]bool, len(s.rank))
	members := []int{0}
	within[0] = true
	for grown := 0; ; {
		for ; grown < len(members); grown++ {
			v := members[grown]
			for _, i := range slices.Concat(s.out[v], s.in[v]) {
				if other := s.across(i, v); !within[other] && s.slack(i) == 0 {
					within[other] = true
					members = append(members, other)
					s.addToTree(i)
				}
			}
		}
		if len(members) == len(s.rank) {
			return
		}
		by := s.nearest(within)
		for _, v := range members {
			s.rank[v] += by
		}
		grown = 0
	}
}

// nearest gives how far the tree is from what is nearest to it.
func (s *simplex) nearest(within []bool) int {
	by, least := 0, math.MaxInt
	for i, e := range s.spans {
		if within[e.tail] == within[e.head] || s.slack(i) >= least {
			continue
		}
		least = s.slack(i)
		if by = least; within[e.head] {
			by = -least
		}
	}
	return by
}

func (s *simplex) across(i, v int) int {
	if s.spans[i].tail == v {
		return s.spans[i].head
	}
	return s.spans[i].tail
}

func (s *simplex) addToTree(i int) {
	s.inTree[i] = true
	s.tree[s.spans[i].tail] = append(s.tree[s.spans[i].tail], i)
	s.tree[s.spans[i].head] = append(s.tree[s.spans[i].head], i)
}

// number puts what hangs at v into postorder, from a position on, and gives the next position.
func (s *simplex) number(v, parent, position int) int {
	s.parent[v], s.low[v] = parent, position
	for _, i := range s.tree[v] {
		if i != parent {
			position = s.number(s.across(i, v), i, position)
		}
	}
	s.lim[v], s.byLim[position] = position, v
	return position + 1
}

// below says whether a number hangs at v, or is v.
func (s *simplex) below(v, other int) bool {
	return s.low[v] <= s.lim[other] && s.lim[other] <= s.lim[v]
}

// cuts computes what each span of the tree would cost if it were longer, from the ends of the tree
// inwards: the weights that lead out of the part below it less those that lead in. Inside the part
// they cancel each other.
func (s *simplex) cuts() {
	outward := make([]int, len(s.rank))
	for _, e := range s.spans {
		outward[e.tail] += e.weight
		outward[e.head] -= e.weight
	}
	for _, v := range s.byLim {
		i := s.parent[v]
		if i < 0 {
			continue
		}
		outward[s.across(i, v)] += outward[v]
		s.cut[i] = outward[v]
		if s.spans[i].head == v {
			s.cut[i] = -outward[v]
		}
	}
}

// leaving gives a span of the tree that should be longer, the worst of some, or -1.
func (s *simplex) leaving() int {
	const enough = 30
	worst, found := -1, 0
	for range s.spans {
		s.next = (s.next + 1) % len(s.spans)
		if i := s.next; s.inTree[i] && s.cut[i] < 0 {
			if worst < 0 || s.cut[i] < s.cut[worst] {
				worst = i
			}
			if found++; found == enough {
				break
			}
		}
	}
	return worst
}

// entering gives the span that becomes tight first when another one of the tree gets longer. Since
// that saves cost there is one: a span that leads the other way between the same two parts.
func (s *simplex) entering(leaving int) int {
	e := s.spans[leaving]
	v, ways := e.head, s.out // the part below the head, and what leads out of it
	if s.lim[e.tail] < s.lim[e.head] {
		v, ways = e.tail, s.in
	}
	best, least := -1, math.MaxInt
	for position := s.low[v]; position <= s.lim[v]; position++ {
		u := s.byLim[position]
		for _, i := range ways[u] {
			if slack := s.slack(i); slack < least && !s.below(v, s.across(i, u)) {
				best, least = i, slack
			}
		}
	}
	return best
}

// exchange puts one span of the tree in the place of another.
func (s *simplex) exchange(leaving, entering int) {
	e := s.spans[leaving]
	v, by := e.head, s.slack(entering)
	if s.lim[e.tail] < s.lim[e.head] {
		v, by = e.tail, -by
	}
	for position := s.low[v]; position <= s.lim[v]; position++ {
		s.rank[s.byLim[position]] += by
	}
	saved := s.cut[leaving]
	f := s.spans[entering]
	top := s.pass(f.tail, f.head, saved, true)
	s.pass(f.head, f.tail, saved, false)
	s.cut[entering], s.cut[leaving] = -saved, 0
	s.inTree[leaving] = false
	for _, end := range []int{e.tail, e.head} {
		s.tree[end] = slices.DeleteFunc(s.tree[end], func(i int) bool { return i == leaving })
	}
	s.addToTree(entering)
	s.number(top, s.parent[top], s.low[top])
}

// pass changes the costs on the way from one number up to where the way to the other begins.
func (s *simplex) pass(v, to, by int, forward bool) int {
	for !s.below(v, to) {
		i := s.parent[v]
		if (s.spans[i].tail == v) == forward {
			s.cut[i] += by
		} else {
			s.cut[i] -= by
		}
		v = s.across(i, v)
	}
	return v
}

func (s *simplex) normalise() {
	least := slices.Min(s.rank)
	for v := range s.rank {
		s.rank[v] -= least
	}
}
