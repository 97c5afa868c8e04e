package draw

// Distances from side to side, in pixels.
const (
	boxGap  = 34 // between two boxes
	lineGap = 18 // between a box and a line that passes it
	bendGap = 14 // between two lines
)

// place gives each item its column: long lines straight first, then what goes on without a failure.
func (l *layered) place() {
	p := &placing{}
	for _, items := range l.layers {
		for position, i := range items {
			i.number = p.count
			p.count++
			if position > 0 {
				p.separate(items[position-1], i)
			}
		}
	}
	for _, b := range l.boxes {
		for _, port := range b.ports {
			if port.wire != nil {
				p.align(b.item, port.offset, port.wire.next(), port.wire.arrival(), port.wire.straightness())
			}
		}
	}
	for _, items := range l.layers {
		for _, i := range items {
			if i.box == nil {
				p.alignBend(i)
			}
		}
	}
	columns := solve(p.count, p.spans)
	for _, items := range l.layers {
		for _, i := range items {
			i.x = columns[i.number]
		}
	}
}

// arrival is where a wire touches what comes next, from its middle.
func (w *wire) arrival() int {
	if next := w.next(); next.box != nil {
		return w.net.entry
	}
	return 0
}

// straightness says how much a wire wants to go straight down from its box.
func (w *wire) straightness() int {
	if w.back {
		return 1
	}
	return w.pull()
}

// placing gathers what is asked of the columns.
type placing struct {
	count int
	spans []span
}

// separate keeps two neighbours apart.
func (p *placing) separate(left, right *item) {
	p.spans = append(p.spans, span{left.number, right.number, leastDistance(left, right), 0})
}

// leastDistance gives how far the middles of two neighbours are apart at least.
func leastDistance(left, right *item) int {
	gap := boxGap
	switch {
	case left.box == nil && right.box == nil:
		gap = bendGap
	case left.box == nil || right.box == nil:
		gap = lineGap
	}
	return left.right + gap + right.left
}

// align wants a point of one item straight above a point of another. The number that it adds lies to
// the left of both, so that each distance beyond the other costs.
func (p *placing) align(a *item, offset int, b *item, other, weight int) {
	both := p.count
	p.count++
	p.spans = append(p.spans,
		span{both, a.number, max(0, other-offset), weight},
		span{both, b.number, max(0, offset-other), weight})
}

// alignBend wants a bend straight above what comes below it; one that leads to its box beside it, near
// to that.
func (p *placing) alignBend(bend *item) {
	n := bend.net
	weight := 16
	if n.failure {
		weight = 6
	}
	next := n.below(bend)
	switch {
	case next == nil:
	case next.box != nil:
		p.align(bend, 0, next, n.entry, weight/2)
	default:
		p.align(bend, 0, next, 0, weight)
	}
	if bend.up && bend.layer == n.to.layer {
		p.align(bend, 0, n.to.item, n.entry, 1)
	}
}
