package dispatch

import (
	"slices"
	"sync"
)

// mailbox is a queue that never blocks who puts in and never loses what was put in.
type mailbox[T any] struct {
	ready chan struct{} // has a token while there may be something to take

	mu    sync.Mutex
	items []T
}

func newMailbox[T any]() *mailbox[T] {
	return &mailbox[T]{ready: make(chan struct{}, 1)}
}

func (m *mailbox[T]) put(item T) {
	m.mu.Lock()
	m.items = append(m.items, item)
	m.mu.Unlock()
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// take gives the oldest item; ok is false when there is none.
func (m *mailbox[T]) take() (item T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.items) == 0 {
		return item, false
	}
	item = m.items[0]
	m.items[0] = *new(T)
	m.items = m.items[1:]
	return item, true
}

// move puts what fits into another mailbox, in its order.
func (m *mailbox[T]) move(to *mailbox[T], fits func(T) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items = slices.DeleteFunc(m.items, func(item T) bool {
		if fits(item) {
			to.put(item)
			return true
		}
		return false
	})
}

func (m *mailbox[T]) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.items)
}
