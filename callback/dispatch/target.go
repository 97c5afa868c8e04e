package dispatch

import (
	"context"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// TargetAway is a contact that waits for one agent, who is away.
type TargetAway struct {
	Contact callback.ContactID
	Agent   string
}

// targets looks every pollPause for contacts that may go to any agent because the one whom they wait for
// is away.
func (d *Dispatcher) targets(ctx context.Context) {
	ticker := time.NewTicker(pollPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !d.connected.Load() {
			continue // who was live may have gone
		}
		if err := d.dropTargets(ctx); err != nil && ctx.Err() == nil {
			d.log.Debug("contacts whose agent is away wait for the database", "error", err)
		}
	}
}

func (d *Dispatcher) dropTargets(ctx context.Context) error {
	lookCtx, cancel := context.WithTimeout(ctx, saveLimit)
	away, err := d.o.Store.TargetsAway(lookCtx, d.o.Node)
	cancel()
	if err != nil {
		return err
	}
	for _, found := range away {
		if err := d.deliver(ctx, found.Contact, callback.TargetAway{Agent: found.Agent}); err != nil {
			return err
		}
	}
	return nil
}
