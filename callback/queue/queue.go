package queue

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// Class is what places have in common that share all that orders them but the moment of queueing.
type Class struct {
	Skill       string
	Priority    callback.Priority
	TargetAgent string // "": any agent with the skill
	Node        string // of a live caller; "" for callbacks, which any node can serve
}

// ClassOf gives the class of a place.
func ClassOf(p callback.Place) Class {
	return Class{Skill: p.Skill, Priority: p.Priority, TargetAgent: p.TargetAgent, Node: p.Node}
}

// Queue is the places of those who wait. The zero value is an empty queue. Time must not go backwards
// from one Match to the next.
type Queue struct {
	entries map[callback.ContactID]*entry
	classes map[string]map[Class]*line // by skill: those with somebody who can be offered now
	resting line                       // not ready yet, by the moment at which they are
}

// entry is a place in the queue.
type entry struct {
	id      callback.ContactID
	place   callback.Place
	offered bool
	line    *line // that it stands in; nil: none, it can't be offered
	index   int   // in the line
}

// Len gives how many are in the queue, held ones and those being offered among them.
func (q *Queue) Len() int { return len(q.entries) }

// Put queues a contact, or gives one that is queued another place: another skill, other parameters, another
// moment at which it is ready. An open offer stays open.
func (q *Queue) Put(id callback.ContactID, p callback.Place) {
	e := q.entries[id]
	if e == nil {
		if q.entries == nil {
			q.entries = make(map[callback.ContactID]*entry)
		}
		e = &entry{id: id}
		q.entries[id] = e
	}
	q.leave(e)
	e.place = p
	q.stand(e)
}

// Remove takes a contact out of the queue, if it is in it.
func (q *Queue) Remove(id callback.ContactID) {
	if e := q.entries[id]; e != nil {
		q.leave(e)
		delete(q.entries, id)
	}
}

// Withdraw ends the contact's open offer: the place can be offered again.
func (q *Queue) Withdraw(id callback.ContactID) {
	if e := q.entries[id]; e != nil {
		e.offered = false
		q.leave(e)
		q.stand(e)
	}
}

// Match finds the first contact in the queue's order that one of the agents can serve who are free, and the
// best of them for it, and opens the offer: the place is not offered again before Withdraw. Without a pair it
// gives false.
func (q *Queue) Match(now time.Time, agents []Agent) (Pair, bool) {
	q.awake(now)
	free := map[string][]Agent{} // by skill
	for _, a := range agents {
		if !a.Offerable(now) {
			continue
		}
		for skill := range a.Skills {
			free[skill] = append(free[skill], a)
		}
	}
	var best *entry
	for skill, able := range free {
		for class, l := range q.classes[skill] {
			head := l.entries[0]
			if !slices.ContainsFunc(able, func(a Agent) bool { return a.fits(class) }) {
				continue
			}
			if best == nil || callback.Before(head.id, head.place, best.id, best.place, now) {
				best = head
			}
		}
	}
	if best == nil {
		return Pair{}, false
	}
	q.leave(best)
	best.offered = true
	class, able := ClassOf(best.place), free[best.place.Skill]
	return pair(best.id, class, able[choose(class, able)]), true
}

// Position gives the contact's position in the queue of its skill, from 1; 0: it is not in the queue. Those
// count, too, who can't be offered now. It walks the whole queue.
func (q *Queue) Position(id callback.ContactID, now time.Time) int {
	own := q.entries[id]
	if own == nil {
		return 0
	}
	position := 1
	for _, e := range q.entries {
		if e.place.Skill == own.place.Skill && callback.Before(e.id, e.place, id, own.place, now) {
			position++
		}
	}
	return position
}

// stand puts a place into the line where it belongs.
func (q *Queue) stand(e *entry) {
	switch {
	case e.offered || e.place.Held:
	case !e.place.ReadyAt.IsZero():
		q.resting.before = readier
		q.resting.enter(e)
	default:
		q.lineOf(ClassOf(e.place)).enter(e)
	}
}

// awake makes those offerable whose time has come.
func (q *Queue) awake(now time.Time) {
	for len(q.resting.entries) > 0 && q.resting.entries[0].place.ReadyAt.UnixMicro() <= now.UnixMicro() {
		e := q.resting.entries[0]
		q.leave(e)
		q.lineOf(ClassOf(e.place)).enter(e)
	}
}

// leave takes a place out of its line, if it is in one. A class where nobody is left costs nothing more.
func (q *Queue) leave(e *entry) {
	if e.line == nil {
		return
	}
	l := e.line
	heap.Remove(l, e.index)
	e.line = nil
	if len(l.entries) == 0 && l != &q.resting {
		delete(q.classes[e.place.Skill], ClassOf(e.place))
	}
}

func (q *Queue) lineOf(c Class) *line {
	if q.classes == nil {
		q.classes = make(map[string]map[Class]*line)
	}
	of := q.classes[c.Skill]
	if of == nil {
		of = make(map[Class]*line)
		q.classes[c.Skill] = of
	}
	if of[c] == nil {
		of[c] = &line{before: earlier}
	}
	return of[c]
}

// earlier is the order inside a class, whatever the moment.
func earlier(a, b *entry) bool {
	return cmp.Or(
		cmp.Compare(a.place.QueuedAt.UnixMicro(), b.place.QueuedAt.UnixMicro()),
		cmp.Compare(a.id, b.id),
	) < 0
}

// readier is the order of those who are not ready.
func readier(a, b *entry) bool { return a.place.ReadyAt.Before(b.place.ReadyAt) }
