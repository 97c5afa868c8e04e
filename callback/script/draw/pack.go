package draw

// Distances on the page, in pixels.
const (
	margin    = 32
	partGap   = 56 // between parts that hang together by nothing
	titleRoom = 40
)

// page is a picture with all its parts in their places.
type page struct {
	parts         []*layered
	width, height int
}

// layOut lays out each part of a graph, and puts them side by side.
func layOut(g *graph) *page {
	p := &page{}
	for _, part := range g.components() {
		part.assignLayers(part.breakCycles())
		l := newLayered(part)
		l.orderLayers()
		l.arrangePorts()
		l.place()
		l.tidy()
		l.route()
		p.parts = append(p.parts, l)
	}
	p.pack()
	return p
}

// pack puts the part with the start to the left. The others follow in columns that are no longer than
// it, or than the longest of them.
func (p *page) pack() {
	longest := 0
	for _, part := range p.parts {
		_, _, _, bottom := part.bounds()
		longest = max(longest, bottom)
	}
	x, y, widest := margin, 0, 0
	for i, part := range p.parts {
		left, top, right, bottom := part.bounds()
		if i > 0 && (i == 1 || y+bottom-top > longest) {
			x, y, widest = x+widest+partGap, 0, 0
		}
		part.move(x-left, margin+titleRoom+y-top)
		y += bottom - top + partGap
		widest = max(widest, right-left)
		p.width = max(p.width, x+right-left+margin)
		p.height = max(p.height, titleRoom+y-partGap+2*margin)
	}
}

// bounds gives the sides of what a part draws.
func (l *layered) bounds() (left, top, right, bottom int) {
	first := l.boxes[0]
	left, top, right, bottom = first.x, first.y, first.x, first.y
	for _, b := range l.boxes {
		left, right = min(left, b.x-b.item.left), max(right, b.x+b.item.right)
		top, bottom = min(top, b.y), max(bottom, b.y+b.height+b.band())
	}
	for _, n := range l.nets {
		for _, line := range n.lines {
			for _, at := range line {
				left, right = min(left, at.x), max(right, at.x)
				top, bottom = min(top, at.y), max(bottom, at.y)
			}
		}
	}
	return left, top, right, bottom
}

func (l *layered) move(x, y int) {
	for _, b := range l.boxes {
		b.x += x
		b.y += y
	}
	for _, n := range l.nets {
		for _, line := range n.lines {
			for i := range line {
				line[i].x += x
				line[i].y += y
			}
		}
	}
}
