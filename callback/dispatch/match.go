package dispatch

import (
	"context"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// pollPause is how often the queue is looked at when nobody has called: the guarantee behind the
// hints.
const pollPause = time.Second

// match offers contacts to free agents whenever something may have changed, and every pollPause.
func (d *Dispatcher) match(ctx context.Context) {
	ticker := time.NewTicker(pollPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-d.rematch:
		case <-d.o.Store.Wakes():
		}
		d.matchAll(ctx)
	}
}

// matchAll makes matches until there is none left to make.
func (d *Dispatcher) matchAll(ctx context.Context) {
	for ctx.Err() == nil && d.connected.Load() {
		devices := d.freeDevices()
		if len(devices) == 0 {
			return
		}
		matchCtx, cancel := context.WithTimeout(ctx, saveLimit)
		match, err := d.o.Store.Match(matchCtx, MatchRequest{Lease: d.lease(), Devices: devices, Offer: d.offer})
		cancel()
		if gone(err) {
			d.lost(err)
			return
		}
		if err != nil {
			// An offer whose commit was not answered stands in the database without a session: the
			// sweep for such offers finds it.
			d.log.Warn("no match: the database did not answer", "error", err)
			return
		}
		if match == nil {
			return
		}
		d.metrics.matches.Inc()
		d.present(ctx, match)
	}
}

// freeDevices gives the endpoints that Asterisk could ring.
func (d *Dispatcher) freeDevices() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var devices []string
	for device, state := range d.devices {
		if state == callback.DeviceNotInUse {
			devices = append(devices, device)
		}
	}
	return devices
}

// offer makes the offer for a contact and an agent whom the store has found.
func (d *Dispatcher) offer(contact callback.ContactID, place callback.Place, agent Agent) callback.OfferMade {
	return callback.NewOffer(place, agent.Extension, agent.Endpoint, d.env(contact))
}

// present hands the committed offer to the contact's session. The database may fall away between the
// match and the loading of the contact: it is asked until it answers.
func (d *Dispatcher) present(ctx context.Context, match *Match) {
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

// due wakes the contacts without a session whose script has something to do.
func (d *Dispatcher) due(ctx context.Context) {
	ticker := time.NewTicker(pollPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		ids, err := d.o.Store.Due(ctx, now())
		if err != nil {
			continue
		}
		for _, id := range ids {
			if err := d.deliver(ctx, id, callback.TimeReached{}); err != nil {
				d.log.Warn("a contact's deadline waits for the database", "contact", id, "error", err)
			}
		}
	}
}
