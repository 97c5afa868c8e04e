package postgres

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/lib/pq"
)

// wakeChannel is the channel of NOTIFY that says that the queue or an agent has changed.
const wakeChannel = "callbackd"

// notifier tells the matchers of all daemons that there may be something to match. It does so after
// the commit and on a connection of its own: inside a transaction NOTIFY locks the whole database at
// the commit. Those that come while one is being sent are gathered into the next.
type notifier struct {
	db     *database
	logger *slog.Logger

	mu      sync.Mutex
	wanted  bool
	running bool
	closed  bool
	runs    sync.WaitGroup
}

// connect opens the connection, so that the first wake-up does not wait for it.
func (n *notifier) connect() {
	n.runs.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), connectTime)
		defer cancel()
		_ = n.db.PingContext(ctx) // the first wake-up tries again
	})
}

// poke has the matchers woken soon. It never blocks.
func (n *notifier) poke() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wanted = true
	if n.running || n.closed {
		return
	}
	n.running = true
	n.runs.Go(n.run)
}

func (n *notifier) run() {
	for n.next() {
		ctx, cancel := context.WithTimeout(context.Background(), connectTime)
		_, err := n.db.ExecContext(ctx, "NOTIFY "+wakeChannel)
		cancel()
		if err != nil {
			// The matchers poll as well.
			n.logger.Warn("could not wake the matchers", "error", plain(err))
		}
	}
}

// next says whether another wake-up is wanted, and takes it.
func (n *notifier) next() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running = n.wanted
	n.wanted = false
	return n.running
}

// close waits for the wake-ups that are wanted.
func (n *notifier) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.runs.Wait()
}

// wakes hears the wake-ups of all daemons, from the first time that someone asks for them.
type wakes struct {
	heard chan struct{} // holds one: who reads late finds them gathered

	mu       sync.Mutex
	listener *pq.Listener
	closed   bool
	runs     sync.WaitGroup
}

const (
	reconnectFirst = 100 * time.Millisecond
	reconnectLast  = 5 * time.Second
	// listenerCheck is how often a silent listener is asked whether it still has its connection.
	listenerCheck = 20 * time.Second
)

// Wakes signals that the queue or an agent may have changed, in this daemon or another one, and that
// a lost connection is there again. It is a hint: poll as well.
func (s *Store) Wakes() <-chan struct{} {
	w := &s.wakes
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener == nil && !w.closed {
		w.listener = pq.NewDialListener(dialer{}, s.url, reconnectFirst, reconnectLast, s.listenerEvent)
		w.runs.Go(w.listen)
	}
	return w.heard
}

// listenerEvent logs a connection that was lost; until it is there again the matchers poll.
func (s *Store) listenerEvent(event pq.ListenerEventType, err error) {
	if event == pq.ListenerEventDisconnected && err != nil {
		s.logger.Warn("lost the connection that hears of changes", "error", plain(err))
	}
}

func (w *wakes) listen() {
	// It waits until there is a connection, and fails only when the listener was closed.
	if err := w.listener.Listen(wakeChannel); err != nil {
		return
	}
	check := time.NewTicker(listenerCheck)
	defer check.Stop()
	for {
		select {
		case _, open := <-w.listener.NotificationChannel():
			if !open {
				return
			}
			w.signal() // a nil notification, too: what came before the reconnect was missed
		case <-check.C:
			// A connection that fails the check is made anew; the error is reported as an event.
			w.runs.Go(func() { _ = w.listener.Ping() })
		}
	}
}

func (w *wakes) signal() {
	select {
	case w.heard <- struct{}{}:
	default:
	}
}

func (w *wakes) close() {
	w.mu.Lock()
	w.closed = true
	listener := w.listener
	w.mu.Unlock()
	if listener != nil {
		_ = listener.Close() // fails only when it was closed before
	}
	w.runs.Wait()
}
