package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
)

func main() {
	file := flag.String("o", "cmd/callbackd/picture/call.svg", "the file to write")
	flag.Parse()
	if err := os.WriteFile(*file, draw(), 0o644); err != nil { //nolint:gosec // a picture for everyone
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

// The picture's measures, in pixels.
const (
	laneWidth  = 188
	margin     = 24
	headTop    = 24
	headHeight = 50
	rowHeight  = 38
	phaseGap   = 42 // above a phase's first step, with its heading
	barWidth   = 10
	// letterWidth is about that of a letter of a step's words.
	letterWidth = 6
)

// canvas gathers the picture in layers, so that lines lie below the words that cross them.
type canvas struct {
	bands, lines, bars, arrows bytes.Buffer
	y                          int
	began                      map[lane]int
}

// draw gives the whole picture.
func draw() []byte {
	c := &canvas{y: headTop + headHeight, began: map[lane]int{}}
	for _, p := range story {
		c.phase(p)
	}
	bottom := c.y + 30
	for l := range lanes {
		c.lane(lane(l), bottom)
	}
	c.legend(bottom + 14)
	width, height := margin*2+laneWidth*len(lanes), bottom+44
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="Helvetica, Arial, sans-serif" role="img">
<title>The way of a call through callbackd</title>
<rect width="100%%" height="100%%" rx="12" fill="#ffffff"/>
`, width, height, width, height)
	for _, layer := range []*bytes.Buffer{&c.bands, &c.lines, &c.bars, &c.arrows} {
		out.Write(layer.Bytes())
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// phase draws a heading and the steps below it.
func (c *canvas) phase(p phase) {
	top := c.y + 28
	c.y = top + phaseGap - rowHeight/2
	for _, s := range p.steps {
		c.y += rowHeight
		c.step(s)
	}
	fill := "#f8fafc"
	if p.quiet {
		fill = "#fef9e7"
	}
	width := laneWidth * len(lanes)
	fmt.Fprintf(&c.bands, `<rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="%s" stroke="#e2e8f0"/>`+"\n",
		margin, top, width, c.y+18-top, fill)
	fmt.Fprintf(&c.arrows, `<text x="%d" y="%d" font-size="15" font-weight="bold" fill="#0f172a" stroke="%s" stroke-width="5" paint-order="stroke">%s<tspan dx="10" font-size="13" font-weight="normal" fill="#475569">%s</tspan></text>`+"\n",
		margin+14, top+24, fill, p.heading, p.remark)
}

// step draws one arrow with its words, and begins and ends the bars of the calls.
func (c *canvas) step(s step) {
	for _, l := range s.begins {
		c.began[l] = c.y
	}
	c.arrow(s)
	for _, l := range s.ends {
		c.bar(l, c.began[l], c.y)
	}
}

func (c *canvas) arrow(s step) {
	from, to := center(s.from), center(s.to)
	direction := 1
	if to < from {
		direction = -1
	}
	start, end := from+direction*barWidth/2, to-direction*(barWidth/2+1)
	colour := lanes[s.from].colour
	dash := ""
	if s.spoken {
		dash = ` stroke-dasharray="2 4" stroke-linecap="round"`
	}
	fmt.Fprintf(&c.arrows, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="1.8"%s/>`+"\n", start, c.y, end-direction*6, c.y, colour, dash)
	fmt.Fprintf(&c.arrows, `<path d="M%d %d l%d -5 v10 z" fill="%s"/>`+"\n", end, c.y, -direction*9, colour)
	if s.both {
		fmt.Fprintf(&c.arrows, `<path d="M%d %d l%d -5 v10 z" fill="%s"/>`+"\n", start+direction, c.y, direction*9, lanes[s.to].colour)
	}
	// Words that fit stand beside their arrow's start, clear of the lanes that it crosses.
	x := (from + to) / 2
	if letterWidth*len(s.text) < laneWidth {
		x = from + direction*laneWidth/2
	}
	c.words(s, x)
}

// words writes a step's text above its arrow, with a rim that keeps the lanes' lines out of it. A
// commit is marked by a database's drum.
func (c *canvas) words(s step, x int) {
	weight, colour := "normal", "#0f172a"
	if s.commit {
		weight = "bold"
		c.drum(center(s.to)+14, c.y-6, lanes[s.to].colour)
	}
	if s.spoken {
		colour = "#475569"
	}
	fmt.Fprintf(&c.arrows, `<text x="%d" y="%d" font-size="13" font-weight="%s" text-anchor="middle" fill="%s" stroke="#f8fafc" stroke-width="4" stroke-linejoin="round" paint-order="stroke">%s</text>`+"\n",
		x, c.y-7, weight, colour, s.text)
}

// drum draws the sign of a commit.
func (c *canvas) drum(x, y int, colour string) {
	fmt.Fprintf(&c.arrows, `<path d="M%d %d v12 a8 3 0 0 0 16 0 v-12" fill="#ecfeff" stroke="%s" stroke-width="1.5"/><ellipse cx="%d" cy="%d" rx="8" ry="3" fill="#ecfeff" stroke="%s" stroke-width="1.5"/>`+"\n",
		x, y, colour, x+8, y, colour)
}

// legend says what the signs mean.
func (c *canvas) legend(y int) {
	grey := "#475569"
	note := func(x int, text string) {
		fmt.Fprintf(&c.arrows, `<text x="%d" y="%d" font-size="12" fill="%s">%s</text>`+"\n", x, y+4, grey, text)
	}
	c.drum(margin+14, y-6, lanes[postgres].colour)
	note(margin+40, "committed before the next step is taken")
	fmt.Fprintf(&c.arrows, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="1.8" stroke-dasharray="2 4" stroke-linecap="round"/>`+"\n", 342, y, 382, y, grey)
	note(392, "sound")
	fmt.Fprintf(&c.arrows, `<rect x="%d" y="%d" width="28" height="%d" rx="4" fill="%s" fill-opacity="0.85"/>`+"\n", 492, y-barWidth/2, barWidth, grey)
	note(530, "a call exists")
}

// bar shows that somebody has a call from one moment to another.
func (c *canvas) bar(l lane, top, bottom int) {
	fmt.Fprintf(&c.bars, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" fill="%s" fill-opacity="0.85"/>`+"\n",
		center(l)-barWidth/2, top-6, barWidth, bottom-top+12, lanes[l].colour)
}

// lane draws the head and the line of one who takes part.
func (c *canvas) lane(l lane, bottom int) {
	about := lanes[l]
	x := center(l)
	fmt.Fprintf(&c.lines, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-opacity="0.45" stroke-width="1.5" stroke-dasharray="4 5"/>`+"\n",
		x, headTop+headHeight, x, bottom, about.colour)
	fmt.Fprintf(&c.arrows, `<rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="%s"/><text x="%d" y="%d" font-size="15" font-weight="bold" text-anchor="middle" fill="#ffffff">%s</text><text x="%d" y="%d" font-size="11.5" text-anchor="middle" fill="#ffffff" fill-opacity="0.9">%s</text>`+"\n",
		x-laneWidth/2+12, headTop, laneWidth-24, headHeight, about.colour, x, headTop+22, about.name, x, headTop+39, about.below)
}

func center(l lane) int { return margin + laneWidth/2 + laneWidth*int(l) }
