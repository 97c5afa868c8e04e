package queue_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/queue"
)

// walk is the slow model: it knows neither classes nor heads. It sorts the whole queue by the contract's
// order and walks it.
type walk struct {
	places  map[callback.ContactID]callback.Place
	offered map[callback.ContactID]string // the agent of the open offer
}

// order gives the contacts of the queue, the first first.
func (w walk) order(now time.Time) []callback.ContactID {
	ids := make([]callback.ContactID, 0, len(w.places))
	for id := range w.places {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(x, y callback.ContactID) int {
		if callback.Before(x, w.places[x], y, w.places[y], now) {
			return -1
		}
		return 1
	})
	return ids
}

// offerable says whether the contact can be offered to somebody.
func (w walk) offerable(id callback.ContactID, now time.Time) bool {
	p := w.places[id]
	return w.offered[id] == "" && !p.Held && !now.Before(p.ReadyAt)
}

func idle(a queue.Agent, now time.Time) bool {
	free := a.Activity == callback.Free || (a.Activity == callback.AfterCall || a.Activity == callback.Refused) && !now.Before(a.Until)
	return a.Presence == callback.Available && free
}

// able gives those of the agents who can serve the place now.
func able(p callback.Place, agents []queue.Agent, now time.Time) []queue.Agent {
	var able []queue.Agent
	for _, a := range agents {
		reached := p.Node == "" && len(a.Nodes) > 0 || slices.Contains(a.Nodes, p.Node)
		if idle(a, now) && reached && a.Skills[p.Skill] > 0 && (p.TargetAgent == "" || p.TargetAgent == a.Extension) {
			able = append(able, a)
		}
	}
	return able
}

// first gives the pair that has to come next.
func (w walk) first(agents []queue.Agent, now time.Time) (queue.Pair, bool) {
	for _, id := range w.order(now) {
		p := w.places[id]
		if !w.offerable(id, now) {
			continue
		}
		able := able(p, agents, now)
		if len(able) == 0 {
			continue
		}
		// Sorted by what matters least first.
		slices.SortStableFunc(able, func(a, b queue.Agent) int { return cmp.Compare(a.Extension, b.Extension) })
		slices.SortStableFunc(able, func(a, b queue.Agent) int { return a.IdleSince.Compare(b.IdleSince) })
		slices.SortStableFunc(able, func(a, b queue.Agent) int { return cmp.Compare(a.Skills[p.Skill], b.Skills[p.Skill]) })
		node := p.Node
		if node == "" {
			node = slices.Sorted(slices.Values(able[0].Nodes))[0]
		}
		return queue.Pair{Contact: id, Agent: able[0].Extension, Node: node}, true
	}
	return queue.Pair{}, false
}
