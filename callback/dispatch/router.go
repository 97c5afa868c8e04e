package dispatch

import (
	"context"

	"github.com/callbackd/callbackd/callback"
)

// route takes the node's events to the sessions.
func (d *Dispatcher) route(ctx context.Context) {
	for {
		ev, ok := d.events.take()
		if ok {
			d.routeOne(ctx, ev)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-d.events.ready:
		}
	}
}

func (d *Dispatcher) routeOne(ctx context.Context, ev callback.Event) {
	switch ev := ev.(type) {
	case callback.NodeConnected:
		d.resync(ctx, ev.Snapshot)
	case callback.NodeLost:
		d.connected.Store(false)
		d.toAll(ev)
		d.log.Warn("event stream lost", "error", ev.Err)
	case callback.DeviceChanged:
		d.deviceChanged(ev)
	case callback.LegArrived:
		d.arrived(ctx, ev)
	case callback.CodeDialled:
		d.codeDialled(ctx, ev)
	case callback.LegLeft:
		d.codeOver(ev.Channel)
		d.toOwner(ev.Channel, ev)
	case callback.LegCreated:
		if !d.toOwner(ev.Channel, ev) {
			d.discard(ctx, callback.Hangup{Channel: ev.Channel, Reason: "normal"})
		}
	case callback.LegReplaced:
		if !d.adopt(ev) {
			d.discard(ctx, callback.Hangup{Channel: ev.By, Reason: "normal"})
		}
	case callback.LegEvent:
		d.toOwner(ev.OnChannel(), ev)
	}
}

func (d *Dispatcher) deviceChanged(ev callback.DeviceChanged) {
	d.mu.Lock()
	d.devices[ev.Device] = ev.State
	if !ev.State.InCall() {
		delete(d.coding, ev.Device)
	}
	d.mu.Unlock()
	d.wake() // also where it can't be rung any more: the other nodes are told
}

// wake asks for a match soon.
func (d *Dispatcher) wake() {
	select {
	case d.rematch <- struct{}{}:
	default:
	}
}
