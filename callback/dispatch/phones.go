package dispatch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// Phones is what a node has seen of its phones, by their endpoints, as in PJSIP/1001.
type Phones struct {
	InCall []string // those that are in a call now
	// OwnCalls are those of them that were so at the look before, too, and not to dial a code of ours. Whether
	// the call is ours the store knows.
	OwnCalls []string
	For      time.Duration // since the look before
}

// codeTime is how long a call to a code of ours takes at most, with its prompt.
const codeTime = 10 * time.Second

// watch looks which phones are in a call. Once is not enough: when one of our own calls has ended, Asterisk
// says a little later that the phone is free.
type watch struct {
	d        *Dispatcher
	before   map[string]bool // in a call at the last look
	lookedAt time.Time       // when that was; or when the watch began
}

// look notes what has become of the phones since the look before. What could not be noted is noted the next
// time. While the event stream is away calls go on, but not for ever: after leaseTime what a node has last
// seen counts for no more than if nobody held it.
func (w *watch) look(ctx context.Context) {
	now := time.Now()
	seen := w.d.connected.Load()
	if !seen && now.Sub(w.lookedAt) < leaseTime {
		w.before = nil
		return
	}
	phones, inCall := w.phones(seen, now)
	phones.For = now.Sub(w.lookedAt)
	if seen {
		w.before, w.lookedAt = inCall, now
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	err := w.d.o.Store.NotePhones(ctx, w.d.lease(), phones)
	switch {
	case errors.Is(err, ErrLeaseLost):
		w.d.askLease()
	case err != nil && ctx.Err() == nil:
		w.d.log.Debug("the agents' own calls wait for the database", "error", err)
	}
}

// phones gives what there is to say of the phones, and which are in a call; nothing where they are not seen.
func (w *watch) phones(seen bool, now time.Time) (phones Phones, inCall map[string]bool) {
	inCall = map[string]bool{}
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	for device, state := range w.d.devices {
		if seen && state.InCall() {
			inCall[device] = true
			phones.InCall = append(phones.InCall, device)
		}
	}
	maps.DeleteFunc(w.d.coding, func(_ string, until time.Time) bool { return until.Before(now) })
	for _, device := range phones.InCall {
		if _, codes := w.d.coding[device]; w.before[device] && !codes {
			phones.OwnCalls = append(phones.OwnCalls, device)
		}
	}
	return phones, inCall
}

// setAgentPhones takes note of which phones are agents': an Asterisk may have thousands of others.
func (d *Dispatcher) setAgentPhones(agents []AgentLamp) {
	phones := make(map[string]bool, len(agents))
	for _, agent := range agents {
		phones[agent.Endpoint] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.agentPhones == nil || !maps.Equal(phones, d.agentPhones) {
		d.agentPhones = phones
		d.wake()
	}
}

// freeDevices gives the agents' endpoints that Asterisk could ring, sorted, and how many ports there are for it;
// none while Asterisk can't be reached or the node has no ports left.
func (d *Dispatcher) freeDevices() (devices []string, ports int) {
	if !d.connected.Load() || d.unreachedLately() {
		return nil, 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	ports = d.ports.free()
	if ports == 0 {
		return nil, 0
	}
	for device, state := range d.devices {
		if state == callback.DeviceNotInUse && (d.agentPhones == nil || d.agentPhones[device]) {
			devices = append(devices, device)
		}
	}
	slices.Sort(devices)
	return devices, ports
}

// reachable gives what the other nodes are to know of freeDevices: those to whom this node could give a callback.
// Until it knows which phones are agents', and while it makes no matches, there are none.
func (d *Dispatcher) reachable() []string {
	devices, ports := d.freeDevices()
	d.mu.Lock()
	defer d.mu.Unlock()
	if ports < callbackPorts || d.agentPhones == nil || d.matchless {
		return nil
	}
	return devices
}

// reach tells the other nodes which phones this one can ring, where that has changed. What could not be told
// is told the next time.
func (d *Dispatcher) reach(ctx context.Context) {
	devices := d.reachable()
	if d.reached != nil && slices.Equal(*d.reached, devices) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	err := d.o.Store.Reach(ctx, d.lease(), devices)
	switch {
	case err == nil:
		d.reached = &devices
	case errors.Is(err, ErrLeaseLost):
		d.askLease()
	case ctx.Err() == nil:
		d.log.Debug("the other nodes do not know which phones can be rung", "error", err)
	}
}
