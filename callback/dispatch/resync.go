package dispatch

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// resync holds what the database knows of the node's legs against what exists in Asterisk: one path
// for start, reconnect and takeover.
func (d *Dispatcher) resync(ctx context.Context, snapshot *callback.Snapshot) {
	d.mu.Lock()
	d.devices = map[string]callback.DeviceState{}
	for device, state := range snapshot.Devices {
		d.devices[device] = state
	}
	d.lamps = map[string]callback.DeviceState{}
	maps.Copy(d.lamps, snapshot.Lamps)
	d.mu.Unlock()
	if !d.resume(ctx, snapshot) {
		return
	}
	d.adoptMembers(snapshot.Bridges)
	d.removeStrangers(ctx, snapshot)
	d.refuseCodes(ctx, snapshot)
	d.connected.Store(true)
	d.log.Info("in step with Asterisk", "channels", len(snapshot.Channels), "bridges", len(snapshot.Bridges))
	d.wake()
	d.wakeLamps()
}

// resume tells every contact with a leg in the node what is left of it. The first time in a hold the
// contacts are in the database, which is waited for; later they all have sessions. It says false when
// ctx has ended first.
func (d *Dispatcher) resume(ctx context.Context, snapshot *callback.Snapshot) bool {
	ev := callback.Resynced{Snapshot: snapshot}
	d.toAll(ev)
	d.mu.Lock()
	first := !d.resumed
	d.mu.Unlock()
	for first {
		records, err := d.open(ctx)
		if err == nil {
			for _, record := range records {
				d.start(ctx, record, ev)
			}
			d.mu.Lock()
			d.resumed = true
			d.mu.Unlock()
			return true
		}
		d.log.Warn("not in step with Asterisk yet: the database does not say what is open", "error", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(retryPause):
		}
	}
	return true
}

// open gives the contacts with an open leg in the node, with their scripts loaded.
func (d *Dispatcher) open(ctx context.Context) ([]Record, error) {
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	records, err := d.o.Store.OpenOn(ctx, d.o.Node)
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		if err := d.versions.load(ctx, d.o.Store, record.Contact.Script); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// removeStrangers ends what we made and no contact knows, and takes in the calls that came while
// nobody listened.
func (d *Dispatcher) removeStrangers(ctx context.Context, snapshot *callback.Snapshot) {
	for channel, found := range snapshot.Channels {
		switch {
		case d.isOwned(channel):
		case found.Arrived != nil:
			d.arrived(ctx, *found.Arrived)
		case strings.HasPrefix(channel, callback.ChannelPrefix):
			d.discard(ctx, callback.Hangup{Channel: channel, Reason: "normal"})
		}
	}
	for bridge := range snapshot.Bridges {
		if strings.HasPrefix(bridge, callback.ChannelPrefix) && !d.isOwned(bridge) {
			d.discard(ctx, callback.DestroyBridge{Bridge: bridge})
		}
	}
}

func (d *Dispatcher) isOwned(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.owned[id] != nil
}

// discard sends a command for a channel or bridge of ours that no contact knows.
func (d *Dispatcher) discard(ctx context.Context, cmd callback.Command) {
	d.log.Warn("removing what no contact knows", "command", name(cmd), "what", cmd)
	d.spawn(func() {
		var failure *callback.CommandError
		err := d.insist(ctx, cmd)
		if err != nil && !(errors.As(err, &failure) && failure.Kind == callback.CommandNotFound) {
			d.log.Warn("not removed", "what", cmd, "error", err)
		}
	})
}

// insist sends a command until Asterisk has answered it.
func (d *Dispatcher) insist(ctx context.Context, cmd callback.Command) error {
	for {
		cmdCtx, cancel := context.WithTimeout(ctx, commandTime)
		err := d.o.Switch.Do(cmdCtx, cmd)
		cancel()
		var failure *callback.CommandError
		if !errors.As(err, &failure) || failure.Status != 0 && failure.Status < http.StatusInternalServerError {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(retryPause):
		}
	}
}
