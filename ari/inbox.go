package ari

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// item is what waits in the inbox: an event as it came, or the end of a subscription.
type item struct {
	event      []byte
	subscribed *subscription
}

// inbox holds what the reader has received and the translator has not handled. It neither drops nor
// blocks: its depth, which counts what is taken and not done, is a metric.
type inbox struct {
	depth prometheus.Gauge

	mu     sync.Mutex
	filled *sync.Cond
	items  []item
	err    error // why nothing more comes
}

func newInbox(depth prometheus.Gauge) *inbox {
	b := &inbox{depth: depth}
	b.filled = sync.NewCond(&b.mu)
	depth.Set(0)
	return b
}

// put adds an item. After close it is ignored.
func (b *inbox) put(i item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return
	}
	b.items = append(b.items, i)
	b.depth.Inc()
	b.filled.Signal()
}

// close says that nothing more comes, and why.
func (b *inbox) close(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
	b.filled.Signal()
}

// take waits for items and returns all that there are, in their order. Once the inbox is closed and
// empty it returns the reason.
func (b *inbox) take() ([]item, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.items) == 0 && b.err == nil {
		b.filled.Wait()
	}
	if len(b.items) == 0 {
		return nil, b.err
	}
	items := b.items
	b.items = nil
	return items, nil
}

// done says that one taken item was handled.
func (b *inbox) done() { b.depth.Dec() }
