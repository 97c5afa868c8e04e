package aritest

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// Boot is how far the server pretends to have booted.
type Boot int

// The ways to boot.
const (
	BootDone     Boot = iota
	BootRequests      // sockets open, requests are answered with 503
	BootAll           // everything is answered with 503
)

// Loss is what becomes of a request that is never answered.
type Loss int

// The losses.
const (
	LoseNothing Loss = iota
	LoseAnswer       // it is carried out
	LoseRequest      // it is not carried out
)

// trouble is how the server misbehaves now.
type trouble struct {
	booting Boot
	refuse  bool          // every user
	frozen  bool          // nothing is sent or answered, nothing is closed
	holding bool          // events wait
	keeping bool          // subscriptions wait
	slow    time.Duration // before each answer
	losses  []lossRule
	changed chan struct{} // closed and replaced when frozen, holding or keeping changes
}

type lossRule struct {
	request string // how method and path begin
	loss    Loss
}

// SetBooting makes the server answer 503 from now on, or no longer.
func (s *Server) SetBooting(b Boot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble.booting = b
}

// RefuseUser makes the server refuse every user, as while ari.conf is being changed, or no longer.
func (s *Server) RefuseUser(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble.refuse = on
}

// Freeze makes the server's links half-open: nothing is sent, answered or closed any more.
func (s *Server) Freeze() { s.alter(func(t *trouble) { t.frozen = true }) }

// Thaw ends a freeze. What was held up goes on.
func (s *Server) Thaw() { s.alter(func(t *trouble) { t.frozen = false }) }

// HoldEvents makes events late: they are sent by ReleaseEvents, in their order. Requests are answered.
func (s *Server) HoldEvents() { s.alter(func(t *trouble) { t.holding = true }) }

// ReleaseEvents sends what HoldEvents has held.
func (s *Server) ReleaseEvents() { s.alter(func(t *trouble) { t.holding = false }) }

// HoldSubscriptions makes subscriptions wait for ReleaseSubscriptions before they are carried out.
func (s *Server) HoldSubscriptions() { s.alter(func(t *trouble) { t.keeping = true }) }

// ReleaseSubscriptions carries out what HoldSubscriptions has held.
func (s *Server) ReleaseSubscriptions() { s.alter(func(t *trouble) { t.keeping = false }) }

func (s *Server) alter(change func(*trouble)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.trouble)
	close(s.trouble.changed)
	s.trouble.changed = make(chan struct{})
}

// SetSlow makes each answer wait. The request is carried out before.
func (s *Server) SetSlow(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble.slow = d
}

// LoseOnce makes the next request whose method and path begin so ("POST /ari/bridges/") one that is
// never answered.
func (s *Server) LoseOnce(request string, loss Loss) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble.losses = append(s.trouble.losses, lossRule{request, loss})
}

func (s *Server) loss(r *http.Request) Loss {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, rule := range s.trouble.losses {
		if strings.HasPrefix(r.Method+" "+r.URL.Path, rule.request) {
			s.trouble.losses = append(s.trouble.losses[:i:i], s.trouble.losses[i+1:]...)
			return rule.loss
		}
	}
	return LoseNothing
}

// thawed waits until the server is not frozen. It returns false if the client or the server ends first.
func (s *Server) thawed(ctx context.Context) bool {
	return s.await(ctx, func(t *trouble) bool { return !t.frozen })
}

// released waits until events are not held.
func (s *Server) released(ctx context.Context) bool {
	return s.await(ctx, func(t *trouble) bool { return !t.holding })
}

// maySubscribe waits until subscriptions are not held.
func (s *Server) maySubscribe(ctx context.Context) bool {
	return s.await(ctx, func(t *trouble) bool { return !t.keeping })
}

func (s *Server) await(ctx context.Context, over func(*trouble) bool) bool {
	for {
		s.mu.Lock()
		done, changed := over(&s.trouble), s.trouble.changed
		s.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-s.done:
			return false
		case <-changed:
		}
	}
}

// slowed waits as long as answers take. It returns false if the client or the server ends first.
func (s *Server) slowed(ctx context.Context) bool {
	s.mu.Lock()
	slow := s.trouble.slow
	s.mu.Unlock()
	if slow == 0 {
		return true
	}
	timer := time.NewTimer(slow)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-s.done:
		return false
	case <-timer.C:
		return true
	}
}

// neverAnswer holds a request until its client gives up, and closes its connection.
func (s *Server) neverAnswer(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.done:
	}
	panic(http.ErrAbortHandler)
}

// Cut closes all sockets without a word.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.sockets {
		k.cut()
	}
}
