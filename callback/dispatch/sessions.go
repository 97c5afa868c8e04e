package dispatch

import (
	"context"
	"time"

	"github.com/callbackd/callbackd/callback"
)

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

// spawn runs work that the end of the hold waits for.
func (d *Dispatcher) spawn(work func()) {
	d.group.Add(1)
	go func() {
		defer d.group.Done()
		work()
	}()
}

// newSession makes a session; it runs when someone starts it.
func (d *Dispatcher) newSession(record Record) *session {
	return &session{
		d:      d,
		log:    d.log.With("contact", record.Contact.ID),
		inbox:  newMailbox[callback.Event](),
		outbox: newMailbox[outgoing](),
		done:   make(chan struct{}),
		asking: map[string]bool{},
		record: record,
	}
}

// own makes the session the owner of every channel that may exist for its contact, and of its
// bridge, and of no other. What another session had not handled of such a channel comes with it.
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
	s.owns = append(s.owns, s.adopted...)
	if c.Bridge != "" {
		s.owns = append(s.owns, c.Bridge)
	}
	d.ports.note(c, d.o.Node)
	for _, id := range s.owns {
		if other := d.owned[id]; other != nil && other != s {
			other.inbox.move(s.inbox, func(ev callback.Event) bool { return isOf(ev, id) })
		}
		d.owned[id] = s
	}
}

// adopt gives the session that owns a channel the one that has taken its place, too. It says false when
// nobody owns it.
func (d *Dispatcher) adopt(ev callback.LegReplaced) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.owned[ev.Channel]
	if s != nil {
		d.adoptLocked(s, ev.By)
		s.inbox.put(ev)
	}
	return s != nil
}

// adoptMembers gives every channel in a bridge of a contact's to that contact's session: a transfer may have
// put it there while nobody listened.
func (d *Dispatcher) adoptMembers(bridges map[string][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for bridge, channels := range bridges {
		s := d.owned[bridge]
		for _, channel := range channels {
			if s != nil && d.owned[channel] == nil {
				d.adoptLocked(s, channel)
			}
		}
	}
}

func (d *Dispatcher) adoptLocked(s *session, channel string) {
	s.adopted, s.owns = append(s.adopted, channel), append(s.owns, channel)
	d.owned[channel] = s
}

// isOf says whether the event is one of that channel.
func isOf(ev callback.Event, channel string) bool {
	leg, ok := ev.(callback.LegEvent)
	return ok && leg.OnChannel() == channel
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
		d.ports.forget(s.record.Contact.ID)
	}
}

// leave ends a session that nobody needs: no channel may exist here, no offer is open here, all is saved, no
// answer is waited for, and nothing has come in meanwhile.
func (d *Dispatcher) leave(s *session) bool {
	if !s.record.Contact.Idle() && !s.elsewhere() || s.dirty || len(s.asking) > 0 || len(s.kept) > 0 {
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

// deliver puts an event into the inbox of a contact's session, and starts one where there is none, but for an
// offer that is over by then: its agent may have another one.
func (d *Dispatcher) deliver(ctx context.Context, id callback.ContactID, ev callback.Event) error {
	if d.toSession(id, ev) {
		return nil
	}
	record, err := d.load(ctx, id)
	if err != nil {
		return err
	}
	if _, offer := ev.(callback.OfferMade); offer && waitingOffer(record.Contact) == nil {
		d.offerOver(id)
		return nil
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
	return record, d.versions.load(ctx, d.o.Store, record.Contact.Script)
}

// start runs a session of a contact from the store, with its first event.
func (d *Dispatcher) start(ctx context.Context, record Record, ev callback.Event) {
	d.startSession(ctx, d.newSession(record), ev)
}

// startSession runs a session that was made. Where the contact has one by now, that has the event. The
// hang-ups that the record has decided on are repeated: of those that a takeover has sent for an offer which was
// not told yet, nobody has heard that there was nothing to hang up. A resync sees what there is.
func (d *Dispatcher) startSession(ctx context.Context, s *session, ev callback.Event) {
	id := s.record.Contact.ID
	s.inbox.put(ev)
	d.mu.Lock()
	if other := d.sessions[id]; other != nil {
		other.inbox.put(ev)
		d.mu.Unlock()
		s.freeSlot()
		return
	}
	d.sessions[id] = s
	d.mu.Unlock()
	d.own(s)
	if _, resynced := ev.(callback.Resynced); !resynced {
		s.post(s.hangups(), time.Now())
	}
	d.spawn(func() { s.run(ctx) })
}
