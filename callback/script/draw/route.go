package draw

import "slices"

// Heights, in pixels.
const (
	trackGap  = 11 // between two tracks
	trackRoom = 8  // above the first
	arrowRoom = 22 // below the last, for the arrows
	bandRoom  = 8  // below a box whose lines have no labels
	arrow     = 7  // the length of an arrow
	corner    = 7  // the radius of a bend
)

type point struct{ x, y int }

// route gives the channels their tracks, the boxes their heights and the nets their lines.
func (l *layered) route() {
	l.straighten()
	channels := l.channels()
	y := 0
	for i, c := range channels {
		c.assignTracks()
		if c.tracks > 0 {
			y += trackRoom
		}
		for _, r := range c.runs {
			r.y = y + r.track*trackGap
		}
		y += max(c.tracks-1, 0) * trackGap
		if i > 0 || c.tracks > 0 {
			y += arrowRoom
		}
		if i < len(l.layers) {
			y = l.setLayer(i, y)
		}
	}
	for _, n := range l.nets {
		t := &tracing{l: l, channels: channels, net: n, claimed: make(map[*run]bool)}
		for _, w := range n.wires {
			t.trace(w)
		}
	}
}

// almost is how far from its place on a box a line may come in to be straight.
const almost = 12

// straighten lets the line that comes to a box the straightest come straight.
func (l *layered) straighten() {
	for _, n := range l.nets {
		r := l.run(n, n.to.layer)
		off := almost + 1
		for _, p := range r.entries {
			if p.upper && abs(p.x-r.exit.x) < abs(off) {
				off = p.x - r.exit.x
			}
		}
		near := func(other *net) bool {
			return other != n && other.to == n.to && abs(n.entry+off-other.entry) < clear+2
		}
		if abs(off) <= almost && !slices.ContainsFunc(l.nets, near) {
			n.entry += off
		}
	}
}

// setLayer puts the boxes of a layer at a height, and gives the height below them and their labels.
func (l *layered) setLayer(layer, y int) (below int) {
	below = y
	for _, i := range l.layers[layer] {
		if i.box == nil {
			continue
		}
		i.box.x, i.box.y = i.x, y
		below = max(below, y+i.box.height+i.box.band())
	}
	return below
}

// band is the height of what stands below a box.
func (b *box) band() int {
	height := bandRoom
	for _, p := range b.ports {
		height = max(height, len(p.label)*labelHeight+4)
		if p.wire == nil {
			height = max(height, restStub+2*restRadius+2)
		}
	}
	return height
}

// channels gives the runs of all nets; a channel lies above the layer of its number.
func (l *layered) channels() []*channel {
	channels := make([]*channel, len(l.layers)+1)
	for i := range channels {
		channels[i] = &channel{}
		for _, n := range l.nets {
			if r := l.run(n, i); r != nil {
				channels[i].runs = append(channels[i].runs, r)
			}
		}
	}
	return channels
}

// run gives what a net does in a channel, nil for nothing.
func (l *layered) run(n *net, i int) *run {
	r := &run{net: n}
	for _, w := range n.wires {
		if w.from.layer == i-1 {
			r.entries = append(r.entries, pin{w.from.item.x + w.port.offset, true})
		}
	}
	if bend := n.down[i-1]; bend != nil {
		r.entries = append(r.entries, pin{bend.x, true})
	}
	if bend := n.up[i]; bend != nil {
		r.entries = append(r.entries, pin{bend.x, false})
	}
	if len(r.entries) == 0 {
		return nil
	}
	switch {
	case i < n.to.layer:
		r.exit = pin{n.down[i].x, false}
	case i == n.to.layer:
		r.exit = pin{n.to.item.x + n.entry, false}
	default:
		r.exit = pin{n.up[i-1].x, true}
	}
	return r
}

// tracing follows the wires of a net through the channels.
type tracing struct {
	l        *layered
	channels []*channel
	net      *net
	claimed  map[*run]bool // the runs whose exit a line goes through already
}

// trace adds the line of a wire, up to where it joins another.
func (t *tracing) trace(w *wire) {
	at := pin{w.from.x + w.port.offset, true}
	line := []point{{at.x, w.from.y + w.from.height}}
	i := w.from.layer + 1
	for r := t.entered(i, at); ; {
		var joined bool
		if line, joined = t.through(r, at, line); joined {
			break
		}
		at = pin{r.exit.x, !r.exit.upper}
		switch {
		case r.onward != nil:
			r = r.onward
			continue
		case r.exit.upper:
			i--
		case i == t.net.to.layer:
			line = append(line, point{at.x, t.net.to.y - arrow})
			t.net.lines = append(t.net.lines, line)
			return
		default:
			i++
		}
		r = t.entered(i, at)
	}
	t.net.lines = append(t.net.lines, line)
}

// entered gives the run of a channel that has an entry.
func (t *tracing) entered(i int, at pin) *run {
	runs := t.channels[i].runs
	return runs[slices.IndexFunc(runs, func(r *run) bool { return r.net == t.net && slices.Contains(r.entries, at) })]
}

// through takes a line through a run, or to where it joins another line there.
func (t *tracing) through(r *run, at pin, line []point) (_ []point, joined bool) {
	exit := r.exit.x
	if at.x != exit {
		line = append(line, point{at.x, r.y})
		if !r.outermost(at) {
			return append(line, point{toward(at.x, exit, 2*corner), r.y}), true
		}
		line = append(line, point{exit, r.y})
	}
	if !t.claimed[r] {
		t.claimed[r] = true
		return line, false
	}
	y := r.y + 2*corner
	if r.exit.upper {
		y = r.y - 2*corner
	}
	return append(line, point{exit, y}), true
}

// outermost says whether no other line comes to the exit from further away on the same side.
func (r *run) outermost(at pin) bool {
	for _, p := range r.entries {
		sameSide := (p.x < r.exit.x) == (at.x < r.exit.x)
		farther := abs(p.x-r.exit.x) > abs(at.x-r.exit.x)
		if sameSide && farther {
			return false
		}
	}
	return true
}

// toward gives the column a step away from one on the way to another.
func toward(from, to, step int) int {
	if from < to {
		return min(from+step, to)
	}
	return max(from-step, to)
}
