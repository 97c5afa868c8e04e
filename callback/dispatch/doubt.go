package dispatch

import (
	"context"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// doubt takes note that a commit was not answered which may have left an open leg without a session:
// an offer, or the call of that channel, which was given back.
func (d *Dispatcher) doubt(givenBack string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doubtful = true
	if givenBack != "" {
		d.givenBack[givenBack] = true
	}
}

// doubts looks every pollPause for what a commit that was never answered has left.
func (d *Dispatcher) doubts(ctx context.Context) {
	ticker := time.NewTicker(pollPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := d.settleDoubts(ctx); err != nil {
			d.log.Debug("commits in doubt wait for the database", "error", err)
		}
	}
}

// settleDoubts starts the sessions of offers, and ends the contacts of calls, that a commit without
// an answer has left in the database.
func (d *Dispatcher) settleDoubts(ctx context.Context) error {
	d.mu.Lock()
	doubtful, resumed := d.doubtful, d.resumed
	d.doubtful = false
	d.mu.Unlock()
	if !doubtful || !resumed {
		return nil
	}
	records, err := d.open(ctx)
	if err != nil {
		d.doubt("")
		return err
	}
	for _, record := range records {
		if ev := d.doubtOf(record.Contact); ev != nil {
			d.start(ctx, record, ev)
		}
	}
	return nil
}

// doubtOf gives what a contact that has an open leg and no session has not been told; nil for nothing.
func (d *Dispatcher) doubtOf(c *callback.Contact) callback.Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions[c.ID] != nil {
		return nil
	}
	if d.givenBack[c.Channel] {
		delete(d.givenBack, c.Channel)
		return callback.GivenBack{}
	}
	return waitingOffer(c)
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
