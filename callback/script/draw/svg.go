package draw

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/callbackd/callbackd/callback/script"
)

// What stands where a script rests.
const (
	restLabel   = "rests"
	adriftLabel = "no queue"
	restStub    = 10
	restRadius  = 6
)

// The colours. The picture has its own background, so it is the same in light and dark viewers.
const (
	paper        = "#fcfcfa"
	ink          = "#1f2a37"
	quiet        = "#66727f"
	lineColour   = "#4b5a6a"
	failColour   = "#b9807c"
	failInk      = "#9c5f5b"
	warning      = "#c2410c"
	promiseFill  = "#0b7a6b"
	promiseInk   = "#ffffff"
	promiseQuiet = "#c9ebe4"
	endFill      = "#39434f"
	endQuiet     = "#c3cbd3"
	eventFill    = "#e9edfb"
	eventLine    = "#5865b8"
)

const fonts = "Helvetica, Arial, 'Liberation Sans', 'Noto Sans', sans-serif"

// SVG writes the picture of a script. It is one SVG document that needs nothing else, and the same
// for the same script each time. The error is that of the writer.
func SVG(w io.Writer, s *script.Script) error {
	p := layOut(newGraph(view{start: s.Start(), events: s.Events(), actions: s.Actions()}))
	_, err := w.Write(p.svg(s.Name()))
	return err
}

// picture gathers the text of a document.
type picture struct{ bytes.Buffer }

func (p *page) svg(title string) []byte {
	o := &picture{}
	width := max(p.width, textWidth(title, titleSize)+2*margin)
	o.addf(`<?xml version="1.0" encoding="UTF-8"?>`)
	o.addf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="%s" text-anchor="middle">`,
		width, p.height, width, p.height, fonts)
	o.addf(`<title>%s</title>`, escape(title))
	o.addf(`<rect width="%d" height="%d" rx="10" fill="%s"/>`, width, p.height, paper)
	o.addf(`<text x="%d" y="%d" text-anchor="start" font-size="%d" font-weight="bold" fill="%s">%s</text>`,
		margin, margin+titleSize, titleSize, ink, escape(title))
	for _, failure := range []bool{true, false} {
		for _, part := range p.parts {
			for _, n := range part.nets {
				if n.failure == failure {
					o.net(n)
				}
			}
		}
	}
	for _, part := range p.parts {
		for _, b := range part.boxes {
			o.box(b)
			for _, port := range b.ports {
				o.port(b, port)
			}
		}
	}
	o.addf(`</svg>`)
	return o.Bytes()
}

func (o *picture) addf(format string, args ...any) { fmt.Fprintf(o, format+"\n", args...) }

// net draws the lines to a box, and the arrow at their end.
func (o *picture) net(n *net) {
	colour, stroke := lineColour, `stroke-width="1.6"`
	if n.failure {
		colour, stroke = failColour, `stroke-width="1.2" stroke-dasharray="5 3"`
	}
	var ways strings.Builder
	for _, line := range n.lines {
		ways.WriteString(rounded(line))
	}
	o.addf(`<g><title>to %s</title><path d="%s" fill="none" stroke="%s" %s/>`, escape(n.to.caption), ways.String(), colour, stroke)
	x, y := n.to.x+n.entry, n.to.y
	o.addf(`<path d="M%d %dl-4 -%dh8z" fill="%s"/></g>`, x, y, arrow+1, colour)
}

// rounded gives the path of a line, its corners rounded.
func rounded(line []point) string {
	var d strings.Builder
	fmt.Fprintf(&d, "M%d %d", line[0].x, line[0].y)
	for i := 1; i < len(line)-1; i++ {
		before, at, after := line[i-1], line[i], line[i+1]
		r := min(corner, float64(distance(before, at))/2, float64(distance(at, after))/2)
		from, to := near(at, before, r), near(at, after, r)
		fmt.Fprintf(&d, "L%s Q%d %d %s", from, at.x, at.y, to)
	}
	last := line[len(line)-1]
	fmt.Fprintf(&d, "L%d %d", last.x, last.y)
	return d.String()
}

func distance(a, b point) int { return abs(a.x-b.x) + abs(a.y-b.y) }

// near gives the point at a distance from one on the straight way to another.
func near(from, to point, r float64) string {
	step := func(a, b int) float64 {
		if a == b {
			return float64(a)
		}
		return float64(a) + math.Copysign(r, float64(b-a))
	}
	return fmt.Sprintf("%g %g", step(from.x, to.x), step(from.y, to.y))
}

// box draws a box with its caption and its kind.
func (o *picture) box(b *box) {
	o.addf(`<g><title>%s</title>`, escape(b.full()))
	text, small := ink, quiet
	switch b.shape {
	case promise:
		text, small = promiseInk, promiseQuiet
		o.hexagon(b)
	case end:
		text, small = promiseInk, endQuiet
		o.rect(b, b.height/2, endFill, endFill, 1)
	case start:
		text = promiseInk
		o.rect(b, b.height/2, ink, ink, 1)
	case event:
		text = eventLine
		o.rect(b, b.height/2, eventFill, eventLine, 1.2)
	case handover:
		o.rect(b, 2, "#ffffff", quiet, 1.2)
		o.addf(`<path d="M%d %dv%dM%d %dv%d" stroke="%s" stroke-width="1.2"/>`,
			b.x-b.width/2+5, b.y, b.height, b.x+b.width/2-5, b.y, b.height, quiet)
	default:
		o.plain(b)
	}
	y := b.y + 10 + captionSize - 2
	if b.kind == "" {
		y = b.y + b.height/2 + captionSize*2/5
	}
	for _, line := range b.lines {
		o.addf(`<text x="%d" y="%d" font-size="%d" font-weight="bold" fill="%s">%s</text>`, b.x, y, captionSize, text, escape(line))
		y += lineHeight
	}
	if b.kind != "" {
		o.addf(`<text x="%d" y="%d" font-size="%d" fill="%s">%s</text>`, b.x, y, kindSize, small, escape(b.kind))
		y += kindHeight
	}
	for _, line := range b.says {
		o.addf(`<text x="%d" y="%d" font-size="%d" fill="%s">%s</text>`, b.x, y, kindSize, text, escape(line))
		y += summaryLine
	}
	o.addf(`</g>`)
}

func (o *picture) plain(b *box) {
	if b.aside {
		o.rect(b, 5, "#fdf6f4", "#cfa9a5", 1)
		return
	}
	o.rect(b, 5, "#ffffff", "#8a97a5", 1.2)
}

func (o *picture) rect(b *box, radius int, fill, stroke string, width float64) {
	o.addf(`<rect x="%d" y="%d" width="%d" height="%d" rx="%d" fill="%s" stroke="%s" stroke-width="%g"/>`,
		b.x-b.width/2, b.y, b.width, b.height, radius, fill, stroke, width)
}

func (o *picture) hexagon(b *box) {
	flat, half := b.width-2*hexagon, b.height/2
	o.addf(`<path d="M%d %dh%dl%d %dl-%d %dh-%dl-%d -%dz" fill="%s" stroke="%s" stroke-width="3" stroke-linejoin="round"/>`,
		b.x-flat/2, b.y, flat, hexagon, half, hexagon, b.height-half, flat, hexagon, b.height-half, promiseFill, promiseFill)
}

// port writes the name of what leaves a box, or draws that it rests.
func (o *picture) port(b *box, p *port) {
	x, y := b.x+p.offset, b.y+b.height
	if p.wire == nil {
		o.rest(b, x, y)
		return
	}
	colour, style := ink, ""
	switch {
	case p.wire.failure:
		colour = failInk
	case len(p.wire.branches) == 1 && p.wire.branches[0] == "Default":
		colour = quiet
	}
	if p.wire.failure {
		style = ` font-style="italic"`
	}
	o.addf(`<g text-anchor="start" font-size="%d" fill="%s"%s><title>%s</title>`, labelSize, colour, style, escape(p.wire.full()))
	for i, line := range p.label {
		o.addf(`<text x="%d" y="%d">%s</text>`, x+labelGap, y+labelHeight*(i+1), escape(line))
	}
	o.addf(`</g>`)
}

// rest draws the sign of a pause below a box, in the colour of a warning where somebody may be left
// on the line whom nobody will ever answer.
func (o *picture) rest(b *box, x, y int) {
	colour, title := quiet, "nothing more is defined: the script rests"
	if b.adrift {
		colour, title = warning, "nothing more is defined: the script can rest with a caller on the line who is in no queue"
	}
	middle := y + restStub + restRadius
	o.addf(`<g stroke="%s" stroke-width="1.4"><title>%s</title>`, colour, title)
	o.addf(`<path d="M%d %dv%d"/><circle cx="%d" cy="%d" r="%d" fill="%s"/>`, x, y, restStub, x, middle, restRadius, paper)
	o.addf(`<path d="M%d %dv5M%d %dv5"/>`, x-2, middle-2, x+2, middle-2)
	o.addf(`<text x="%d" y="%d" text-anchor="start" font-size="%d" fill="%s" stroke="none">%s</text></g>`,
		x+restRadius+labelGap, middle+4, labelSize, colour, b.restLabel())
}

// full says all of a box.
func (b *box) full() string {
	if b.kind == "" {
		return b.caption
	}
	text := b.kind + " " + b.name
	if b.caption != b.name {
		text += ": " + b.caption
	}
	if b.summary != "" {
		text += " (" + b.summary + ")"
	}
	return text
}

// full says all of a wire.
func (w *wire) full() string {
	return strings.Join(w.branches, ", ") + " of " + w.from.caption + ": to " + w.to.caption
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
