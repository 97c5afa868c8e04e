package dispatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// pollPause is how often the queue is looked at when nobody has called: the guarantee behind the
// hints.
const pollPause = time.Second

// match offers contacts to free agents whenever something may have changed, and every pollPause.
func (d *Dispatcher) match(ctx context.Context) {
	d.reached = nil
	d.reach(context.WithoutCancel(ctx)) // what was said before holds no more, however short this hold may be
	ticker := time.NewTicker(pollPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-d.rematch:
		case <-d.o.Store.Wakes():
			d.wakeRequests()
			d.wakeLamps()
		}
		d.matchAll(ctx)
		d.reach(ctx)
	}
}

// rematchFor asks for a match for the agents whom a turn has changed: at once, and when their after-call work
// or time as Refused is over. The store's wake-up for the first takes longer; for the second there is none.
func (d *Dispatcher) rematchFor(changes []callback.AgentChange) {
	for _, change := range changes {
		if change.Until.IsZero() {
			d.wake()
			continue
		}
		time.AfterFunc(time.Until(change.Until), d.wake)
	}
}

// matchAll makes matches until there is none left to make.
func (d *Dispatcher) matchAll(ctx context.Context) {
	rung := map[string]bool{}
	for ctx.Err() == nil {
		devices, ports := d.freeDevices()
		devices = slices.DeleteFunc(devices, func(device string) bool { return rung[device] })
		if len(devices) == 0 {
			return
		}
		matchCtx, cancel := context.WithTimeout(ctx, saveLimit)
		matches, err := d.o.Store.Match(matchCtx, MatchRequest{Lease: d.lease(), Devices: devices, Ports: ports, Offer: d.offer})
		cancel()
		d.noteMatching(err)
		if errors.Is(err, ErrUnsure) {
			d.matchesInDoubt(ctx, matches)
		}
		if err != nil || len(matches) == 0 {
			return
		}
		for _, match := range matches {
			rung[match.Made.Offer.Endpoint] = true
			d.metrics.matches.Inc()
			d.reserve(match.Contact)
			d.present(ctx, match)
		}
		d.wakeLamps()
	}
}

// noteUnreached takes note that a command did not get as far as Asterisk. An offer would end at once then,
// and be matched again at once: matching pauses.
func (d *Dispatcher) noteUnreached() { d.unreached.Store(time.Now().UnixNano()) }

func (d *Dispatcher) unreachedLately() bool {
	return time.Since(time.Unix(0, d.unreached.Load())) < pollPause
}

// noteMatching logs once that matching has stopped working, and once that it works again.
func (d *Dispatcher) noteMatching(err error) {
	if errors.Is(err, ErrLeaseLost) {
		d.askLease()
	}
	switch {
	case err != nil && !d.matchless:
		d.log.Warn("no matches: the database is away", "error", err)
	case err == nil && d.matchless:
		d.log.Info("matching again")
	}
	d.matchless = err != nil
}

// offer makes the offer for a contact and an agent whom the store has found.
func (d *Dispatcher) offer(contact callback.ContactID, place callback.Place, agent Agent) callback.OfferMade {
	return callback.NewOffer(place, agent.Extension, agent.Endpoint, d.env(contact))
}

// present hands the committed offer to the contact's session. The database may fall away between the
// match and the loading of the contact: it is asked until it answers.
func (d *Dispatcher) present(ctx context.Context, match Match) {
	err := d.deliver(ctx, match.Contact, match.Made)
	if err == nil {
		return
	}
	d.log.Warn("an offer waits for the database", "contact", match.Contact, "error", err)
	d.spawn(func() {
		for err != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(retryPause):
			}
			err = d.deliver(ctx, match.Contact, match.Made)
		}
	})
}
