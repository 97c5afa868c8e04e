package dispatch

import (
	"context"
	"errors"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/play"
)

// The words that a call is given back to the dialplan with, in CALLBACKD_STATUS.
const (
	statusUnavailable   = "UNAVAILABLE"
	statusUnknownScript = "UNKNOWN_SCRIPT"
	statusNoPorts       = "NO_PORTS"
)

// arrived takes a call that has just come in. The session owns the channel from now on, so that no
// event is lost while the contact is being saved.
func (d *Dispatcher) arrived(ctx context.Context, ev callback.LegArrived) {
	script := d.loaded.Load().script(ev.Script)
	if script == nil {
		d.log.Error("a call names a script that is not loaded: given back to the dialplan", "script", ev.Script, "channel", ev.Channel)
		d.metrics.calls.WithLabelValues("unknown_script").Inc()
		d.spawn(func() { d.giveBack(ctx, ev.Channel, statusUnknownScript) })
		return
	}
	s := d.newSession(Record{Contact: callback.Arrive(ev, refOf(script), d.o.Node, now())})
	d.mu.Lock()
	if d.owned[ev.Channel] != nil {
		d.mu.Unlock()
		return
	}
	if d.ports.full() {
		d.mu.Unlock()
		d.log.Warn("a call came in and node.ports are used up: given back to the dialplan", "channel", ev.Channel)
		d.metrics.calls.WithLabelValues("no_ports").Inc()
		d.spawn(func() { d.giveBack(ctx, ev.Channel, statusNoPorts) })
		return
	}
	d.ports.arriving++
	s.owns = []string{ev.Channel}
	d.owned[ev.Channel] = s
	d.mu.Unlock()
	d.spawn(func() {
		if d.create(ctx, s, ev) {
			s.run(ctx)
		}
	})
}

// create saves the new contact. Where that fails the call is given back to the dialplan, which has
// an answer for it.
func (d *Dispatcher) create(ctx context.Context, s *session, ev callback.LegArrived) bool {
	facts := []callback.Fact{{At: s.record.Contact.ArrivedAt, Kind: callback.FactArrived, Data: map[string]string{
		"ani": ev.ANI, "dnis": ev.DNIS, "dialled": ev.Dialled, "script": ev.Script,
	}}}
	id, err := d.save(ctx, Change{Record: s.record, Facts: facts})
	if err != nil {
		d.log.Error("a call could not be saved: given back to the dialplan", "channel", ev.Channel, "error", err)
		d.metrics.calls.WithLabelValues("given_back").Inc()
		if errors.Is(err, ErrUnsure) {
			d.callInDoubt(ctx, id)
		}
		d.giveBack(ctx, ev.Channel, statusUnavailable)
		d.disown(s) // only now: a resync would have taken the call in again
		d.noteArrival(s)
		return false
	}
	d.metrics.calls.WithLabelValues("taken").Inc()
	s.record.Contact.ID = id
	s.record.Rev = 1
	s.log = d.log.With("contact", id)
	s.log.Info("a call came in", "channel", ev.Channel, "ani", ev.ANI, "dnis", ev.DNIS, "script", ev.Script)
	d.mu.Lock()
	d.sessions[id] = s
	d.mu.Unlock()
	d.noteArrival(s)
	s.handle(ctx, play.Begin{})
	return true
}

// save saves a new contact. Where the commit was not answered it asks once what was saved.
func (d *Dispatcher) save(ctx context.Context, change Change) (callback.ContactID, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	id, err := d.o.Store.Create(ctx, d.lease(), change)
	if errors.Is(err, ErrLeaseLost) {
		d.askLease()
	}
	if !errors.Is(err, ErrUnsure) {
		return id, err
	}
	_, asked := d.o.Store.Revision(ctx, id)
	switch {
	case asked == nil:
		return id, nil
	case errors.Is(asked, ErrNotFound):
		return 0, errors.New("the connection to the database was lost before the commit")
	}
	return 0, err
}

// giveBack sends a call on in the dialplan. Nobody else has it, so Asterisk is asked until it answers.
func (d *Dispatcher) giveBack(ctx context.Context, channel, status string) {
	if err := d.insist(ctx, callback.GiveBack{Channel: channel, Status: status}); err != nil {
		d.log.Warn("a call was not given back", "channel", channel, "error", err)
	}
}
