package dispatch

import (
	"context"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// dueAgain is the pause before the next look where there were not slots for all.
const dueAgain = 50 * time.Millisecond

// due looks every pollPause for contacts without a session whose script has something to do, and sooner
// where many have.
func (d *Dispatcher) due(ctx context.Context) {
	pause := time.NewTimer(pollPause)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		more, err := d.wakeDue(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.Debug("deadlines wait for the database", "error", err)
		}
		if more {
			pause.Reset(dueAgain)
		} else {
			pause.Reset(pollPause)
		}
	}
}

// wakeDue gives every contact that is due its turn, but for those that there is no slot for: they stay due.
// It says whether to look again soon: there were slots, and not enough of them.
func (d *Dispatcher) wakeDue(ctx context.Context) (again bool, err error) {
	dueCtx, cancel := context.WithTimeout(ctx, saveLimit)
	found, err := d.o.Store.Due(dueCtx, now())
	cancel()
	if err != nil {
		return false, err
	}
	woken, passedOver := false, false
	for _, due := range found {
		if d.toSession(due.Contact, callback.TimeReached{}) {
			continue
		}
		slot := d.dueSlots.take(due.Standing)
		if slot == nil {
			passedOver = true
			continue
		}
		if err := d.wakeOne(ctx, due.Contact, slot); err != nil {
			return false, err
		}
		woken = true
	}
	return woken && passedOver, nil
}

// wakeOne gives a contact its turn in a new session.
func (d *Dispatcher) wakeOne(ctx context.Context, id callback.ContactID, slot *dueSlot) error {
	record, err := d.load(ctx, id)
	if err != nil {
		slot.free()
		return err
	}
	s := d.newSession(record)
	s.slot = slot
	d.startSession(ctx, s, callback.TimeReached{})
	return nil
}
