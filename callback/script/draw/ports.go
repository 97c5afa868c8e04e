package draw

import (
	"cmp"
	"slices"
	"strings"
)

// Distances, in pixels.
const (
	padding    = 14 // between a box's text and its sides
	boxMinimum = 116
	portGap    = 24 // between two lines that leave a box
	labelGap   = 5  // between a line and its label
	entryGap   = 18 // between the middle of a box and where failures come in, if others do too
	pillHeight = 28 // of an entry
	hexagon    = 14 // what the sides of a Callback reach out
)

// port is where a line leaves a box, or where its script rests.
type port struct {
	wire   *wire // nil: it rests
	label  []string
	offset int // from the middle of the box
	reach  int // of the label, to the right of the line
}

// measure gives a box its size, as far as its text asks for it.
func (b *box) measure() {
	b.lines = wrap(b.caption, captionSize, captionWidth, maxLines)
	for _, line := range b.lines {
		b.width = max(b.width, textWidth(line, captionSize)+2*padding)
	}
	if b.shape == start || b.shape == event {
		b.height = pillHeight
		return
	}
	b.says = wrap(b.summary, kindSize, summaryWidth, summaryLines)
	for _, line := range append([]string{b.kind}, b.says...) {
		b.width = max(b.width, textWidth(line, kindSize)+2*padding)
	}
	b.height = 10 + lineHeight*len(b.lines) + kindHeight + summaryLine*len(b.says) + 8
	b.width = even(max(b.width, boxMinimum) + 2*b.inset())
}

// inset is what the sides of a box take from the lines that touch it.
func (b *box) inset() int {
	switch b.shape {
	case promise:
		return hexagon
	case plain, handover:
		return 0
	}
	return b.height / 3
}

func even(n int) int { return n + n%2 }

// arrangePorts says where the lines leave the boxes and come into them, once the order is known.
func (l *layered) arrangePorts() {
	for _, b := range l.boxes {
		b.addPorts()
		b.spread()
		b.item.left, b.item.right = b.width/2, b.width/2
		for _, p := range b.ports {
			b.item.right = max(b.item.right, p.offset+p.reach)
		}
	}
	for _, n := range l.nets {
		n.entry = n.chooseEntry(l.nets)
	}
}

// addPorts puts what leaves a box into the order of where it goes.
func (b *box) addPorts() {
	for _, w := range b.out {
		w.port = &port{wire: w, label: wrap(strings.Join(w.branches, ", "), labelSize, labelWidth, labelLines)}
		b.ports = append(b.ports, w.port)
	}
	if b.rests {
		b.ports = append(b.ports, &port{label: []string{b.restLabel()}})
	}
	for _, p := range b.ports {
		for _, line := range p.label {
			p.reach = max(p.reach, labelGap+textWidth(line, labelSize))
		}
		if p.wire == nil {
			p.reach += restRadius
		}
	}
	slices.SortStableFunc(b.ports, func(a, c *port) int {
		return cmp.Or(cmp.Compare(b.side(a), b.side(c)), cmp.Compare(a.direction(), c.direction()))
	})
}

// restLabel is what stands beside the sign of a rest.
func (b *box) restLabel() string {
	if b.adrift {
		return adriftLabel
	}
	return restLabel
}

// side is where a line goes: -1 back along the left side, 0 down, 1 back along the right.
func (b *box) side(p *port) int {
	if p.wire == nil || !p.wire.back {
		return 0
	}
	return cmp.Compare(p.wire.next().position, b.item.position)
}

// direction orders the lines of one side. Those that go back lie inside one another, the nearest
// outermost on the box.
func (p *port) direction() int {
	switch {
	case p.wire == nil:
		return int(^uint(0) >> 1)
	case p.wire.back:
		return -p.wire.next().position
	}
	return p.wire.next().position
}

// spread gives the ports of a box their distances. The one by which it goes on, if there is one only,
// stands in the middle.
func (b *box) spread() {
	k := len(b.ports)
	if k == 0 {
		return
	}
	middle := b.middlePort()
	usual := (b.width - 2*b.inset()) / max(k, 2)
	if middle >= 0 {
		usual = max(0, (b.width-2*b.inset())/3)
	}
	at := 0
	for _, p := range b.ports {
		p.offset = at
		at += max(p.reach+labelGap+2, portGap, usual)
	}
	shift := (b.ports[0].offset + b.ports[k-1].offset) / 2
	if middle >= 0 {
		shift = b.ports[middle].offset
	}
	for _, p := range b.ports {
		p.offset -= shift
	}
	widest := max(-b.ports[0].offset, b.ports[k-1].offset)
	b.width = max(b.width, even(2*(widest+padding+b.inset())))
}

// middlePort gives the one port that is no failure's, or -1.
func (b *box) middlePort() int {
	found := -1
	for i, p := range b.ports {
		if p.wire != nil && p.wire.failure {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// chooseEntry says where a net comes into its box: in the middle, but failures beside what else comes
// in there, on the side from which they come.
func (n *net) chooseEntry(nets []*net) int {
	if !n.failure {
		return 0
	}
	i := slices.IndexFunc(nets, func(other *net) bool { return other.to == n.to && other != n })
	switch {
	case i < 0:
		return 0
	case n.comesFrom() < nets[i].comesFrom():
		return -entryGap
	}
	return entryGap
}

// comesFrom says from how far left or right a net comes to its box: the mean of the positions of what
// it comes from.
func (n *net) comesFrom() float64 {
	const far = 1000 // beyond each layer's end
	sum, count := 0, 0
	if bend := n.up[n.to.layer]; bend != nil {
		sum, count = far*cmp.Compare(bend.position, n.to.item.position), 1
	}
	if bend := n.down[n.to.layer-1]; bend != nil {
		sum, count = sum+bend.position, count+1
	}
	for _, w := range n.wires {
		if !w.back && w.from.layer == n.to.layer-1 {
			sum, count = sum+w.from.item.position, count+1
		}
	}
	return float64(sum) / float64(count)
}
