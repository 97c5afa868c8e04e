package dispatch

import (
	"context"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// dueAtOnce is how many contacts without a leg may be at work at the same moment because their deadline
// has come, the answers to what their scripts ask included. A thousand that come due together take turns:
// neither the database nor a web server is to be asked by all of them at once.
const dueAtOnce = 32

// due looks every pollPause for contacts without a session whose script has something to do.
func (d *Dispatcher) due(ctx context.Context) {
	ticker := time.NewTicker(pollPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := d.wakeDue(ctx); err != nil && ctx.Err() == nil {
			d.log.Debug("deadlines wait for the database", "error", err)
		}
	}
}

// wakeDue gives every contact that is due its turn.
func (d *Dispatcher) wakeDue(ctx context.Context) error {
	dueCtx, cancel := context.WithTimeout(ctx, saveLimit)
	ids, err := d.o.Store.Due(dueCtx, now())
	cancel()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := d.wakeOne(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// wakeOne gives a contact its turn, in its session or in a new one.
func (d *Dispatcher) wakeOne(ctx context.Context, id callback.ContactID) error {
	if d.toSession(id, callback.TimeReached{}) {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case d.dueSlots <- struct{}{}:
	}
	record, err := d.load(ctx, id)
	if err != nil {
		<-d.dueSlots
		return err
	}
	s := d.newSession(record)
	s.slot = d.dueSlots
	d.startSession(ctx, s, callback.TimeReached{})
	return nil
}

// freeSlot lets the next contact that is due have its turn.
func (s *session) freeSlot() {
	if s.slot != nil {
		<-s.slot
		s.slot = nil
	}
}
