package dispatch

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// The words that a call is given back to the dialplan with, in CALLBACKD_STATUS.
const (
	statusUnavailable   = "UNAVAILABLE"
	statusUnknownScript = "UNKNOWN_SCRIPT"
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
	case callback.LegCreated:
		if !d.toOwner(ev.Channel, ev) {
			d.discard(ctx, callback.Hangup{Channel: ev.Channel, Reason: "normal"})
		}
	case callback.LegRinging:
		d.toOwner(ev.Channel, ev)
	case callback.LegProgress:
		d.toOwner(ev.Channel, ev)
	case callback.LegAnswered:
		d.toOwner(ev.Channel, ev)
	case callback.LegHangup:
		d.toOwner(ev.Channel, ev)
	case callback.LegEnded:
		d.toOwner(ev.Channel, ev)
	case callback.LegJoined:
		d.toOwner(ev.Channel, ev)
	case callback.KeyPressed:
		d.toOwner(ev.Channel, ev)
	case callback.PlaybackFinished:
		d.toOwner(ev.Channel, ev)
	}
}

// toOwner puts an event into the inbox of the session that owns the channel. It says false when
// nobody does.
func (d *Dispatcher) toOwner(channel string, ev callback.Event) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.owned[channel]
	if s != nil {
		s.inbox.put(ev)
	}
	return s != nil
}

// toAll puts an event into the inbox of every session, those among them whose contact is being saved.
func (d *Dispatcher) toAll(ev callback.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[*session]bool{}
	for _, s := range d.sessions {
		all[s] = true
	}
	for _, s := range d.owned {
		all[s] = true
	}
	for s := range all {
		s.inbox.put(ev)
	}
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

// spawn runs work that the end of the hold waits for.
func (d *Dispatcher) spawn(work func()) {
	d.group.Add(1)
	go func() {
		defer d.group.Done()
		work()
	}()
}

func (d *Dispatcher) deviceChanged(ev callback.DeviceChanged) {
	d.mu.Lock()
	d.devices[ev.Device] = ev.State
	d.mu.Unlock()
	if ev.State == callback.DeviceNotInUse {
		d.wake()
	}
}

// wake asks for a match soon.
func (d *Dispatcher) wake() {
	select {
	case d.rematch <- struct{}{}:
	default:
	}
}

// newSession makes a session; it runs when someone starts it.
func (d *Dispatcher) newSession(record Record) *session {
	return &session{
		d:      d,
		log:    d.log.With("contact", record.Contact.ID),
		inbox:  newMailbox[callback.Event](),
		outbox: newMailbox[outgoing](),
		done:   make(chan struct{}),
		record: record,
	}
}

// arrived takes a call that has just come in. The session owns the channel from now on, so that no
// event is lost while the contact is being saved.
func (d *Dispatcher) arrived(ctx context.Context, ev callback.LegArrived) {
	script := d.scripts.current[ev.Script]
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
			d.doubt(ev.Channel)
		}
		d.giveBack(ctx, ev.Channel, statusUnavailable)
		d.disown(s) // only now: a resync would have taken the call in again
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
	s.handle(ctx, begin{})
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

// own makes the session the owner of every channel that may exist for its contact, and of its
// bridge, and of no other.
func (d *Dispatcher) own(s *session) {
	c := s.record.Contact
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dropLocked(s)
	for _, leg := range c.Legs {
		if leg.Open() {
			s.owns = append(s.owns, leg.Channel)
		}
	}
	if c.Bridge != "" {
		s.owns = append(s.owns, c.Bridge)
	}
	for _, id := range s.owns {
		d.owned[id] = s
	}
}

// dropLocked makes the session the owner of nothing.
func (d *Dispatcher) dropLocked(s *session) {
	for _, id := range s.owns {
		if d.owned[id] == s {
			delete(d.owned, id)
		}
	}
	s.owns = s.owns[:0]
}

func (d *Dispatcher) disown(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.disownLocked(s)
}

func (d *Dispatcher) disownLocked(s *session) {
	d.dropLocked(s)
	if d.sessions[s.record.Contact.ID] == s {
		delete(d.sessions, s.record.Contact.ID)
	}
}

// leave ends a session that nobody needs: no channel may exist, no offer is open, all is saved, and
// nothing has come in meanwhile.
func (d *Dispatcher) leave(s *session) bool {
	if !s.record.Contact.Idle() || s.dirty {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.inbox.len() > 0 {
		return false
	}
	d.disownLocked(s)
	d.wake()
	return true
}

// deliver puts an event into the inbox of a contact's session, and starts one where there is none.
func (d *Dispatcher) deliver(ctx context.Context, id callback.ContactID, ev callback.Event) error {
	if d.toSession(id, ev) {
		return nil
	}
	record, err := d.load(ctx, id)
	if err != nil {
		return err
	}
	d.start(ctx, record, ev)
	return nil
}

func (d *Dispatcher) toSession(id callback.ContactID, ev callback.Event) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sessions[id]
	if s != nil {
		s.inbox.put(ev)
	}
	return s != nil
}

func (d *Dispatcher) load(ctx context.Context, id callback.ContactID) (Record, error) {
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	record, err := d.o.Store.Load(ctx, id)
	if err != nil {
		return Record{}, err
	}
	return record, d.scripts.load(ctx, d.o.Store, record.Contact.Script)
}

// start runs a session of a contact from the store, with its first event.
func (d *Dispatcher) start(ctx context.Context, record Record, ev callback.Event) {
	s := d.newSession(record)
	s.inbox.put(ev)
	d.mu.Lock()
	if other := d.sessions[record.Contact.ID]; other != nil {
		other.inbox.put(ev)
		d.mu.Unlock()
		return
	}
	d.sessions[record.Contact.ID] = s
	d.mu.Unlock()
	d.own(s)
	d.spawn(func() { s.run(ctx) })
}

// resync holds what the database knows of the node's legs against what exists in Asterisk: one path
// for start, reconnect and takeover.
func (d *Dispatcher) resync(ctx context.Context, snapshot *callback.Snapshot) {
	d.mu.Lock()
	d.devices = map[string]callback.DeviceState{}
	for device, state := range snapshot.Devices {
		d.devices[device] = state
	}
	d.mu.Unlock()
	if !d.resume(ctx, snapshot) {
		return
	}
	d.removeStrangers(ctx, snapshot)
	d.connected.Store(true)
	d.log.Info("in step with Asterisk", "channels", len(snapshot.Channels), "bridges", len(snapshot.Bridges))
	d.wake()
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
		if err := d.scripts.load(ctx, d.o.Store, record.Contact.Script); err != nil {
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
