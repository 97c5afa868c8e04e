package queue

import (
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// Pair is a contact and the agent who is to be offered it.
type Pair struct {
	Contact callback.ContactID
	Agent   string // the extension
	Node    string // that rings the agent
}

func pair(id callback.ContactID, c Class, a Agent) Pair {
	return Pair{Contact: id, Agent: a.Extension, Node: a.node(c)}
}

// Ports is how many channels an offer of a contact with that place comes to use beside those that are there: the
// agent's, and the contact's where it is to be called back.
func Ports(p callback.Place) int {
	if p.Node == "" {
		return 2
	}
	return 1
}

// Waiting is a place that can be offered now.
type Waiting struct {
	ID    callback.ContactID
	Place callback.Place
}

// Pairs gives what [Queue.Match] would, called again and again until there is no pair left: all that can be
// brought together at one moment, in the queue's order. Those who wait are to be so many that no other could
// come into it, in any order, and all can be offered now; the agents are free. Daemons that know the same
// come to the same, and each carries out the pairs of its own node.
func Pairs(now time.Time, waiting []Waiting, agents []Agent) []Pair {
	left := slices.Clone(agents)
	var pairs []Pair
	for _, w := range InOrder(now, waiting) {
		class := ClassOf(w.Place)
		chosen := choose(class, left)
		if chosen < 0 {
			continue
		}
		pairs = append(pairs, pair(w.ID, class, left[chosen]))
		left = slices.Delete(left, chosen, chosen+1)
	}
	return pairs
}

// InOrder gives those who wait in the queue's order at that moment.
func InOrder(now time.Time, waiting []Waiting) []Waiting {
	return slices.SortedFunc(slices.Values(waiting), func(x, y Waiting) int {
		if callback.Before(x.ID, x.Place, y.ID, y.Place, now) {
			return -1
		}
		return 1
	})
}

// choose gives the index of the best of the agents for a contact of that class; -1 where none can serve it.
func choose(c Class, agents []Agent) int {
	best := -1
	for i, a := range agents {
		if a.fits(c) && (best < 0 || compare(c.Skill, a, agents[best]) < 0) {
			best = i
		}
	}
	return best
}
