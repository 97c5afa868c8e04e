package draw

import (
	"cmp"
	"slices"

	"github.com/callbackd/callbackd/callback/script"
)

// graph is a script's flow.
type graph struct {
	boxes []*box
	wires []*wire
}

// box is an action, or the marker of a place where the script is entered.
type box struct {
	kind    string // as in Menu; "" for an entry
	name    string // of the action, or of the event; Start
	caption string
	shape   shape
	summary string  // what it does, in a few words; may be ""
	rests   bool    // where nothing more is defined, the script rests
	adrift  bool    // and may then leave a caller on the line who is in no queue
	aside   bool    // only a failure leads here
	out     []*wire // in the order of the branches

	lines         []string // the caption as it is written, at most maxLines
	says          []string // the summary as it is written, at most summaryLines
	width, height int
	layer         int
	item          *item
	ports         []*port // below, from left to right
	x, y          int     // the middle, and the upper edge
}

// shape is what a box looks like.
type shape int

const (
	plain    shape = iota
	promise        // Callback
	end            // Hangup
	handover       // another script goes on
	start          // where the script begins
	event          // where it goes on after an event
)

// wire is what leads from one box to another: one branch, or several that lead to the same.
type wire struct {
	from, to *box
	branches []string // none for an entry
	failure  bool     // OnError
	back     bool     // to a box above, or to the box itself
	finds    int      // how many boxes a reader comes to by it for the first time
	net      *net
	port     *port
}

// view is what a script shows of itself.
type view struct {
	start   string
	events  []script.Branch
	actions []script.Action
}

func newGraph(v view) *graph {
	g := &graph{}
	g.addBox(&box{name: "Start", caption: "Start", shape: start})
	for _, e := range v.events {
		g.addBox(&box{name: e.Name, caption: e.Name, shape: event})
	}
	actions := make(map[string]*box)
	for _, a := range v.actions {
		actions[a.Name] = g.addBox(&box{
			kind: a.Kind, name: a.Name, caption: cmp.Or(a.Caption, a.Name), summary: a.Summary,
			shape: shapeOf(a.Kind), rests: a.Rests, adrift: a.Adrift,
		})
	}
	g.addWire(g.boxes[0], actions[v.start], "")
	for i, e := range v.events {
		g.addWire(g.boxes[1+i], actions[e.To], "")
	}
	for _, a := range v.actions {
		for _, b := range a.Branches {
			g.addWire(actions[a.Name], actions[b.To], b.Name)
		}
	}
	for _, b := range g.boxes {
		b.measure()
	}
	return g
}

func (g *graph) addBox(b *box) *box {
	g.boxes = append(g.boxes, b)
	return b
}

// addWire adds a branch; branches from and to the same boxes share a wire, but for OnError.
func (g *graph) addWire(from, to *box, branch string) {
	if to == nil {
		return
	}
	failure := branch == onError
	same := func(w *wire) bool { return w.to == to && w.failure == failure }
	if i := slices.IndexFunc(from.out, same); i >= 0 {
		from.out[i].branches = append(from.out[i].branches, branch)
		return
	}
	w := &wire{from: from, to: to, failure: failure}
	if branch != "" {
		w.branches = []string{branch}
	}
	from.out = append(from.out, w)
	g.wires = append(g.wires, w)
}

const onError = "OnError"

func shapeOf(kind string) shape {
	switch kind {
	case "Callback":
		return promise
	case "Hangup":
		return end
	case "Runscript":
		return handover
	}
	return plain
}

// components gives the parts of the graph that hang together by wires, that of the start first.
func (g *graph) components() []*graph {
	next := make(map[*box][]*box)
	for _, w := range g.wires {
		next[w.from] = append(next[w.from], w.to)
		next[w.to] = append(next[w.to], w.from)
	}
	part := make(map[*box]*graph)
	var parts []*graph
	for _, root := range g.boxes {
		if part[root] != nil {
			continue
		}
		p := &graph{}
		parts = append(parts, p)
		part[root] = p
		for todo := []*box{root}; len(todo) > 0; {
			b := todo[0]
			todo = todo[1:]
			for _, other := range next[b] {
				if part[other] == nil {
					part[other] = p
					todo = append(todo, other)
				}
			}
		}
	}
	for _, b := range g.boxes {
		part[b].boxes = append(part[b].boxes, b)
	}
	for _, w := range g.wires {
		part[w.from].wires = append(part[w.from].wires, w)
	}
	return parts
}
