package queue

import "container/heap"

// line is places in an order of which only the first is of interest: a heap.
type line struct {
	before  func(a, b *entry) bool
	entries []*entry
}

var _ heap.Interface = (*line)(nil)

func (l *line) enter(e *entry) {
	e.line = l
	heap.Push(l, e)
}

// Len, Less, Swap, Push and Pop are for the package heap.
func (l *line) Len() int           { return len(l.entries) }
func (l *line) Less(i, j int) bool { return l.before(l.entries[i], l.entries[j]) }

// Swap keeps in each place where it stands.
func (l *line) Swap(i, j int) {
	l.entries[i], l.entries[j] = l.entries[j], l.entries[i]
	l.entries[i].index, l.entries[j].index = i, j
}

// Push adds a place at the end.
func (l *line) Push(e any) {
	added := e.(*entry)
	added.index = len(l.entries)
	l.entries = append(l.entries, added)
}

// Pop takes the last place.
func (l *line) Pop() any {
	last := len(l.entries) - 1
	e := l.entries[last]
	l.entries[last] = nil
	l.entries = l.entries[:last]
	return e
}
