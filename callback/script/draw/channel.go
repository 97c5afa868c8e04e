package draw

import (
	"math"
	"slices"
)

// clear is how near two lines may come to each other.
const clear = 8

// pin is where a line comes into a channel or leaves it, at its upper or lower edge.
type pin struct {
	x     int
	upper bool
}

// run is what a net does in a channel, the space between two layers: from the pins where it comes in
// it goes sideways, all in one track, to the pin where it leaves.
type run struct {
	net     *net
	entries []pin
	exit    pin
	onward  *run // where the exit leads to another run of the same channel
	track   int  // from the top; -1 where it goes straight through
	y       int  // of the track
}

func (r *run) pins() []pin { return append(slices.Clone(r.entries), r.exit) }

// reach gives how far a run goes sideways.
func (r *run) reach() (lo, hi int) {
	lo, hi = r.exit.x, r.exit.x
	for _, p := range r.entries {
		lo, hi = min(lo, p.x), max(hi, p.x)
	}
	return lo, hi
}

func (r *run) straight() bool {
	lo, hi := r.reach()
	return lo == hi
}

// channel is the space between two layers, with a track for each run that goes sideways.
type channel struct {
	runs   []*run
	tracks int
}

// assignTracks gives the runs their tracks, so that no two lines lie on each other and few cross.
func (c *channel) assignTracks() {
	var sideways []*run
	for _, r := range c.runs {
		if r.track = -1; !r.straight() {
			sideways = append(sideways, r)
		}
	}
	order, circle := precedence(sideways)
	for circle != nil {
		lower := c.split(circle)
		c.runs, sideways = append(c.runs, lower), append(sideways, lower)
		order, circle = precedence(sideways)
	}
	sorted := improve(order)
	for i, r := range sorted {
		r.track = 0
		for _, above := range sorted[:i] {
			if above.track >= r.track && overlap(above, r) {
				r.track = above.track + 1
			}
		}
		c.tracks = max(c.tracks, r.track+1)
	}
}

// mustPrecede says whether a run must lie above another: a line of it comes down where a line of the
// other goes on down.
func mustPrecede(a, b *run) bool {
	if a.net == b.net {
		return a.onward == b && !a.exit.upper || b.onward == a && b.exit.upper
	}
	for _, p := range a.pins() {
		for _, q := range b.pins() {
			if p.upper && !q.upper && abs(p.x-q.x) < clear {
				return true
			}
		}
	}
	return false
}

// precedence puts runs into an order in which each lies above those that it must. Where they stand in
// a circle it gives one of those that do.
func precedence(runs []*run) (order []*run, circle *run) {
	left := slices.Clone(runs)
	for len(left) > 0 {
		free := slices.IndexFunc(left, func(r *run) bool {
			return !slices.ContainsFunc(left, func(above *run) bool { return above != r && mustPrecede(above, r) })
		})
		if free < 0 {
			return nil, inCircle(left)
		}
		order = append(order, left[free])
		left = slices.Delete(left, free, free+1)
	}
	return order, nil
}

// inCircle gives a run that stands in a circle, where each of them has to lie below another: whoever
// goes from one to one that has to lie above it comes round. The halves of a split never stand in one.
func inCircle(runs []*run) *run {
	var seen []*run
	r := runs[0]
	for !slices.Contains(seen, r) {
		seen = append(seen, r)
		i := slices.IndexFunc(runs, func(above *run) bool { return above != r && mustPrecede(above, r) })
		r = runs[i]
	}
	return r
}

// split makes two runs of one: it keeps the pins above, the new one has those below, and a line in a
// free column joins them.
func (c *channel) split(r *run) (lower *run) {
	column := c.freeColumn(r)
	lower = &run{net: r.net, track: -1}
	var above []pin
	for _, p := range r.entries {
		if p.upper {
			above = append(above, p)
		} else {
			lower.entries = append(lower.entries, p)
		}
	}
	r.entries = above
	if r.exit.upper {
		r.entries = append(r.entries, pin{column, false})
		lower.exit, lower.onward = pin{column, true}, r
		return lower
	}
	lower.entries = append(lower.entries, pin{column, true})
	lower.exit = r.exit
	r.exit, r.onward = pin{column, false}, lower
	return lower
}

// freeColumn gives the column nearest to the middle of a run in which no line goes.
func (c *channel) freeColumn(r *run) int {
	lo, hi := r.reach()
	taken := func(x int) bool {
		return slices.ContainsFunc(c.runs, func(other *run) bool {
			return slices.ContainsFunc(other.pins(), func(p pin) bool { return abs(p.x-x) < clear })
		})
	}
	for distance := 0; ; distance++ {
		for _, x := range []int{(lo+hi)/2 + distance, (lo+hi)/2 - distance} {
			if !taken(x) {
				return x
			}
		}
	}
}

// improve moves runs up and down in their order as long as that saves crossings.
func improve(order []*run) []*run {
	n := len(order)
	cost := make(map[[2]*run]int, n*n)
	for _, a := range order {
		for _, b := range order {
			if a != b {
				cost[[2]*run{a, b}] = crossings(a, b)
			}
		}
	}
	for better := true; better; {
		better = false
		for from := range n {
			to, saved := bestMove(order, from, cost)
			if saved > 0 {
				r := order[from]
				order = slices.Insert(slices.Delete(order, from, from+1), to, r)
				better = true
			}
		}
	}
	return order
}

// bestMove gives the best other position for a run of the order, and what that saves.
func bestMove(order []*run, from int, cost map[[2]*run]int) (to, saved int) {
	r := order[from]
	sum := 0
	for i := from - 1; i >= 0; i-- {
		if sum += cost[[2]*run{order[i], r}] - cost[[2]*run{r, order[i]}]; sum > saved {
			to, saved = i, sum
		}
	}
	sum = 0
	for i := from + 1; i < len(order); i++ {
		if sum += cost[[2]*run{r, order[i]}] - cost[[2]*run{order[i], r}]; sum > saved {
			to, saved = i, sum
		}
	}
	return to, saved
}

// crossings weighs what two runs cross each other if one lies above the other.
func crossings(above, below *run) int {
	if mustPrecede(below, above) {
		return math.MaxInt32
	}
	count := 0
	lo, hi := below.reach()
	for _, p := range above.pins() {
		if !p.upper && lo < p.x && p.x < hi {
			count++
		}
	}
	lo, hi = above.reach()
	for _, p := range below.pins() {
		if p.upper && lo < p.x && p.x < hi {
			count++
		}
	}
	weight := func(r *run) int { return r.net.wires[0].crossing() }
	return count * weight(above) * weight(below)
}

// overlap says whether two runs would touch each other in one track.
func overlap(a, b *run) bool {
	alo, ahi := a.reach()
	blo, bhi := b.reach()
	return alo < bhi+clear && blo < ahi+clear
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
