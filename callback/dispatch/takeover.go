package dispatch

import (
	"context"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// standStill asks the session of a callback to hold still while its place is taken over. Between the
// moment at which it agrees and done it saves nothing and handles nothing, and what it has sent before
// has been carried out: so the taker can have the agent's leg with all that comes of it.
type standStill struct {
	callback.TimeReached
	rev  int64       // the revision that is taken over
	ok   chan<- bool // whether it holds still; takes one without a reader
	done <-chan bool // whether the place was taken over; closed when it was not
}

// holdStill makes the session of a callback that was found hold still, where this daemon has one. The
// release says whether the place was taken over. Without one, the callback is busy with something else.
func (d *Dispatcher) holdStill(ctx context.Context, found Record) (release func(taken bool), err error) {
	ok, done := make(chan bool, 1), make(chan bool, 1)
	release = func(taken bool) {
		if taken {
			done <- true
		}
		close(done)
	}
	if !d.toSession(found.Contact.ID, standStill{rev: found.Rev, ok: ok, done: done}) {
		return release, nil
	}
	limit := time.NewTimer(commandTime)
	defer limit.Stop()
	select {
	case still := <-ok:
		if still {
			return release, nil
		}
	case <-limit.C:
	case <-ctx.Done():
	}
	release(false)
	return nil, callback.ErrUnderWay
}

// standStill holds still for who takes the place over. Afterwards the contact has ended, and what is left
// of its legs is hung up.
func (s *session) standStill(ctx context.Context, ask standStill) {
	if s.dirty || s.record.Rev != ask.rev || !s.sentAll(ctx) {
		ask.ok <- false
		return
	}
	ask.ok <- true
	select {
	case <-ctx.Done():
	case taken := <-ask.done:
		if taken {
			s.reload(ctx, nil)
		}
	}
}

// sentAll waits, for a short while, until all that the session has decided is sent.
func (s *session) sentAll(ctx context.Context) bool {
	reached := make(chan struct{})
	s.outbox.put(outgoing{reached: reached})
	limit := time.NewTimer(commandTime)
	defer limit.Stop()
	select {
	case <-reached:
		return true
	case <-limit.C:
	case <-ctx.Done():
	}
	return false
}
