package draw

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback/script"
)

// rectangle is a part of the page; its edges belong to it.
type rectangle struct {
	left, top, right, bottom int
	what                     string
}

func (r rectangle) meets(other rectangle) bool {
	return r.left <= other.right && other.left <= r.right && r.top <= other.bottom && other.top <= r.bottom
}

// stretch is a straight piece of a net's line.
type stretch struct {
	rectangle
	net *net
}

func (b *box) rectangle() rectangle {
	return rectangle{b.x - b.width/2, b.y, b.x + b.width/2, b.y + b.height, "box " + b.name}
}

// labels gives where the texts below a box stand, and the sign of a rest.
func (b *box) labels() (labels []rectangle) {
	for _, p := range b.ports {
		x, y := b.x+p.offset, b.y+b.height
		if p.wire == nil {
			labels = append(labels, rectangle{x - restRadius, y + 1, x + p.reach, y + restStub + 2*restRadius, "rest of " + b.name})
		} else if len(p.label) > 0 {
			labels = append(labels, rectangle{x + labelGap, y + 2, x + p.reach, y + len(p.label)*labelHeight + 2, "label " + strings.Join(p.label, " ") + " of " + b.name})
		}
	}
	return labels
}

func (n *net) stretches() (stretches []stretch) {
	for _, line := range n.lines {
		for i := 1; i < len(line); i++ {
			a, b := line[i-1], line[i]
			r := rectangle{min(a.x, b.x), min(a.y, b.y), max(a.x, b.x), max(a.y, b.y), fmt.Sprintf("line to %s (failure: %t)", n.to.name, n.failure)}
			stretches = append(stretches, stretch{r, n})
		}
	}
	return stretches
}

// untidy says what a drawing must not have: boxes, labels and lines on each other, lines that end
// nowhere, and what lies outside of the page.
func untidy(p *page) (found []string) {
	var solid []rectangle
	var stretches []stretch
	for _, part := range p.parts {
		for _, b := range part.boxes {
			solid = append(append(solid, b.rectangle()), b.labels()...)
		}
		for _, n := range part.nets {
			stretches = append(stretches, n.stretches()...)
			found = append(found, looseEnds(n)...)
		}
	}
	inside := func(r rectangle) {
		if r.left < 0 || r.top < 0 || r.right > p.width || r.bottom > p.height {
			found = append(found, r.what+" is outside of the page")
		}
	}
	for i, a := range solid {
		inside(a)
		for _, b := range solid[i+1:] {
			if a.meets(b) {
				found = append(found, a.what+" lies on "+b.what)
			}
		}
	}
	for i, s := range stretches {
		inside(s.rectangle)
		if s.left != s.right && s.top != s.bottom {
			found = append(found, s.what+" goes aslant")
		}
		found = append(found, crossed(s, solid)...)
		for _, other := range stretches[i+1:] {
			if s.net != other.net && along(s, other) {
				found = append(found, s.what+" lies on "+other.what)
			}
		}
	}
	return found
}

// crossed gives the boxes and labels that a line crosses. It may touch its own boxes: the lower edge of
// those that it comes from, and, a little before, the upper edge of the one that it leads to.
func crossed(s stretch, solid []rectangle) (found []string) {
	for _, r := range solid {
		if !s.meets(r) {
			continue
		}
		leaves := s.left == s.right && s.top == r.bottom && slices.ContainsFunc(s.net.wires, func(w *wire) bool {
			return w.from.rectangle() == r && w.from.x+w.port.offset == s.left
		})
		if !leaves {
			found = append(found, s.what+" crosses "+r.what)
		}
	}
	return found
}

// along says whether two stretches lie on each other, or so near that nobody tells them apart.
func along(a, b stretch) bool {
	const near = 3
	if a.left == a.right && b.left == b.right {
		return abs(a.left-b.left) <= near && a.top < b.bottom && b.top < a.bottom
	}
	if a.top == a.bottom && b.top == b.bottom {
		return abs(a.top-b.top) <= near && a.left < b.right && b.left < a.right
	}
	return false
}

// looseEnds follows each wire of a net: its line begins at its box and ends at the net's box, or where
// another line of the net goes on.
func looseEnds(n *net) (found []string) {
	if len(n.lines) != len(n.wires) {
		found = append(found, fmt.Sprintf("%d lines for %d wires to %s", len(n.lines), len(n.wires), n.to.name))
	}
	arrived := 0
	for i, line := range n.lines {
		from, first, last := n.wires[i].from, line[0], line[len(line)-1]
		if first != (point{from.x + n.wires[i].port.offset, from.y + from.height}) {
			found = append(found, "a line to "+n.to.name+" does not begin at "+from.name)
		}
		if last == (point{n.to.x + n.entry, n.to.y - arrow}) {
			arrived++
			continue
		}
		joins := slices.ContainsFunc(n.lines, func(other []point) bool { return &other[0] != &line[0] && on(last, other) })
		if !joins {
			found = append(found, fmt.Sprintf("the line from %s to %s ends nowhere, at %v", from.name, n.to.name, last))
		}
	}
	if arrived != 1 {
		found = append(found, fmt.Sprintf("%d lines come to %s", arrived, n.to.name))
	}
	return found
}

// on says whether a point lies on a line.
func on(at point, line []point) bool {
	for i := 1; i < len(line); i++ {
		a, b := line[i-1], line[i]
		if min(a.x, b.x) <= at.x && at.x <= max(a.x, b.x) && min(a.y, b.y) <= at.y && at.y <= max(a.y, b.y) {
			return true
		}
	}
	return false
}

// randomView draws a script's view: mostly chains, with any branches to anywhere.
func randomView(t *rapid.T, most int) view {
	n := rapid.IntRange(1, most).Draw(t, "actions")
	anywhere := rapid.Map(rapid.IntRange(0, n-1), func(i int) string { return fmt.Sprintf("a%d", i) })
	v := view{start: "a0"}
	for _, event := range []string{"OnAgentRelease", "OnAnswer", "OnRelease"} {
		if rapid.IntRange(0, 3).Draw(t, event) == 0 {
			v.events = append(v.events, script.Branch{Name: event, To: anywhere.Draw(t, "to")})
		}
	}
	branches := []string{"Default", "OnComplete", "1", "2", "*", "NoInput", "a branch with a long name", "OnError"}
	for i := range n {
		a := script.Action{
			Name:    fmt.Sprintf("a%d", i),
			Kind:    rapid.SampledFrom([]string{"Play", "Menu", "Callback", "Hangup", "Runscript", "Contacttakeover"}).Draw(t, "kind"),
			Caption: rapid.SampledFrom([]string{"", "x", "Half a minute of music", strings.Repeat("long captions ", 9), "語語語語語語語語語語語語語語語語"}).Draw(t, "caption"),
			Summary: rapid.SampledFrom([]string{"", "support", strings.Repeat("{EWT} > 300 and ", 9)}).Draw(t, "summary"),
		}
		a.Rests = a.Kind != "Hangup" && rapid.Bool().Draw(t, "rests")
		a.Adrift = a.Rests && rapid.Bool().Draw(t, "adrift")
		for _, branch := range branches {
			switch draw := rapid.IntRange(0, 9).Draw(t, branch); {
			case a.Kind == "Hangup":
			case draw < 2:
				a.Branches = append(a.Branches, script.Branch{Name: branch, To: anywhere.Draw(t, "to")})
			case draw < 7 && branch == "Default" && i+1 < n:
				a.Branches = append(a.Branches, script.Branch{Name: branch, To: fmt.Sprintf("a%d", i+1)})
			}
		}
		v.actions = append(v.actions, a)
	}
	return v
}

func TestDrawingsOfRandomScriptsAreClean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGraph(randomView(t, 30))
		p := layOut(g)
		if found := untidy(p); len(found) > 0 {
			t.Fatal(strings.Join(found, "\n"))
		}
		boxes := 0
		for _, part := range p.parts {
			boxes += len(part.boxes)
			for _, w := range part.wires {
				if w.back != (w.to.layer <= w.from.layer) {
					t.Fatalf("the wire from %s to %s leads from layer %d to %d, back: %t", w.from.name, w.to.name, w.from.layer, w.to.layer, w.back)
				}
			}
		}
		if boxes != len(g.boxes) {
			t.Fatalf("%d boxes, want %d", boxes, len(g.boxes))
		}
	})
}
