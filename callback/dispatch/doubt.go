package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// matchesInDoubt presents those matches that stand, once the database says which: their commit had no answer.
func (d *Dispatcher) matchesInDoubt(ctx context.Context, matches []Match) {
	d.metrics.doubts.Inc()
	for _, match := range matches {
		d.reserve(match.Contact)
	}
	d.spawn(func() {
		stand := map[callback.ContactID]bool{}
		if !d.answered(ctx, func(ctx context.Context) error {
			made, err := d.o.Store.Made(ctx, matches)
			for _, match := range made {
				stand[match.Contact] = true
			}
			return err
		}) {
			return
		}
		for _, match := range matches {
			if stand[match.Contact] {
				d.present(ctx, match)
			} else {
				d.offerOver(match.Contact)
			}
		}
		d.wake()
	})
}

// callInDoubt ends the contact of a call that was given back, if it was made after all: the commit had no answer.
func (d *Dispatcher) callInDoubt(ctx context.Context, id callback.ContactID) {
	d.spawn(func() {
		made := true
		if d.answered(ctx, func(ctx context.Context) error {
			_, err := d.o.Store.Revision(ctx, id)
			if errors.Is(err, ErrNotFound) {
				made = false
				return nil
			}
			return err
		}) && made {
			d.answered(ctx, func(ctx context.Context) error { return d.deliver(ctx, id, callback.GivenBack{}) })
		}
	})
}

// answered asks the database until it answers; false means that ctx has ended first.
func (d *Dispatcher) answered(ctx context.Context, ask func(context.Context) error) bool {
	for {
		askCtx, cancel := context.WithTimeout(ctx, saveLimit)
		err := ask(askCtx)
		cancel()
		if err == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(retryPause):
		}
	}
}

// waitingOffer gives the contact's offer if it rings or is about to, or if its end is decided and not known to
// have come; nil if not.
func waitingOffer(c *callback.Contact) callback.Event {
	if !c.Offer.Open() {
		return nil
	}
	for _, leg := range c.Legs {
		if leg.Channel == c.Offer.Channel && (c.Offer.Ringing() || !leg.HangupAt.IsZero()) {
			return callback.OfferMade{Offer: *c.Offer, Leg: leg}
		}
	}
	return nil
}
