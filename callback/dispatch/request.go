package dispatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/play"
)

// requests takes what people ask for contacts by hand, when it is woken and every pollPause.
func (d *Dispatcher) requests(ctx context.Context) {
	ticker := time.NewTicker(pollPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-d.requested:
		}
		d.takeRequests(ctx)
	}
}

// wakeRequests has the requests looked at soon.
func (d *Dispatcher) wakeRequests() {
	select {
	case d.requested <- struct{}{}:
	default:
	}
}

// takeRequests hands each request to its contact's session. One that is told twice, here or to another
// daemon, is done once: the store refuses the second.
func (d *Dispatcher) takeRequests(ctx context.Context) {
	if !d.connected.Load() {
		return // what has become of the legs is not known
	}
	openCtx, cancel := context.WithTimeout(ctx, saveLimit)
	open, err := d.o.Store.OpenRequests(openCtx, d.o.Node)
	cancel()
	if err != nil {
		d.log.Debug("requests wait for the database", "error", err)
		return
	}
	for _, request := range open {
		if err := d.deliver(ctx, request.Contact, play.Requested{Request: request}); err != nil {
			d.log.Debug("a request waits for the database", "contact", request.Contact, "error", err)
		}
	}
}

// elsewhere says whether the contact has open legs, and none of them in this node. That is so when another
// daemon's match was faster than what this session had to do, and it has loaded the contact again: what comes
// next is that daemon's to do.
func (s *session) elsewhere() bool {
	c := s.record.Contact
	here := func(l callback.Leg) bool { return l.Open() && l.Node == s.d.o.Node }
	return !c.Idle() && !slices.ContainsFunc(c.Legs, here)
}

// requestUnsaved goes on after a request whose turn was not saved. It says false when the request is to be
// played again, refused. Otherwise it stands, unless it was done before, and is found again.
func (s *session) requestUnsaved(err error, refused *play.Refused) bool {
	switch {
	case errors.Is(err, ErrCallbackOpen) && refused.Request == nil:
		refused.Request = ErrCallbackOpen
		return false
	case errors.Is(err, ErrRequestDone):
	default:
		s.log.Warn("a request waits: the database did not save what it brings", "error", err)
	}
	return true
}
