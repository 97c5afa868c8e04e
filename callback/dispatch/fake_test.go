package dispatch

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/queue"
)

// errAway is what the fake store answers while it is away.
var errAway = errors.New("connection refused")

// fakeStore is a store that fails when it is told to, at the instant that a test wants: what a real
// Postgres can't be made to do on the microsecond. It holds one node and one agent.
type fakeStore struct {
	mu       sync.Mutex
	reached  map[string][]string // by node, the phones that it can ring
	contacts map[callback.ContactID]Record
	facts    []callback.Fact
	agent    callback.Activity
	until    time.Time                                 // of the agent's activity
	presence callback.Presence                         // of the agent
	reason   string                                    // of the presence
	codes    int                                       // how often a code has changed the agent
	looks    int                                       // how often Lamps was asked
	phones   Phones                                    // as last noted
	ownCalls int                                       // how many the agent has had
	offers   map[callback.ContactID]callback.OfferMade // matched, and not yet saved with the contact
	promised map[callback.ContactID]bool               // a callback has been saved at some time
	current  []callback.ScriptRef                      // as NoteScripts said
	sources  map[callback.ScriptRef][]byte
	away     bool
	// unsure answers the next save that fits with ErrUnsure; saved says whether it is saved.
	unsure func(Change) (match, saved bool)
	// lie saves what fits and answers that it was refused.
	lie func(Change) bool
	// unsureCreate answers the next new contact with ErrUnsure, and says whether it is saved.
	unsureCreate func() (saved bool)
	nobody       bool          // no agent is logged in
	saving       func()        // what happens before each save
	find         func()        // what happens once OpenCallback has found a contact
	matched      func() error  // what happens between a match's commit and its answer; it fails if the answer is lost
	lostMatch    bool          // the next match is not committed, and the answer is lost, too
	creating     chan struct{} // Create waits until it is closed; nil: it does not
	wakes        chan struct{}
	asked        []fakeRequest // in the order of their IDs, from 1
}

func newFakeStore() *fakeStore {
	return &fakeStore{
		contacts: map[callback.ContactID]Record{}, offers: map[callback.ContactID]callback.OfferMade{},
		promised: map[callback.ContactID]bool{}, sources: map[callback.ScriptRef][]byte{}, reached: map[string][]string{}, wakes: make(chan struct{}, 1), agent: callback.Free,
		presence: callback.Available,
	}
}

func (f *fakeStore) setAway(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

func (f *fakeStore) check() error {
	if f.away {
		return errAway
	}
	return nil
}

func (f *fakeStore) AcquireLease(_ context.Context, node, holder string, _ time.Duration) (Lease, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Lease{Node: node, Holder: holder, Epoch: 1}, f.check()
}

func (f *fakeStore) RenewLease(context.Context, Lease, time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.check()
}

func (f *fakeStore) ReleaseLease(context.Context, Lease) error { return nil }

func (f *fakeStore) Create(_ context.Context, _ Lease, change Change) (callback.ContactID, error) {
	if f.creating != nil {
		<-f.creating
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(); err != nil {
		return 0, err
	}
	c := change.Record.Contact
	if c.State == callback.StateCallback && f.openCallback(numberKey(c), c.Place.Skill, 0) != 0 {
		return 0, ErrCallbackOpen
	}
	id := callback.ContactID(len(f.contacts) + 1)
	change.Record.Contact = c.Clone()
	change.Record.Contact.ID = id
	change.Record.Rev = 1
	if unsure := f.unsureCreate; unsure != nil {
		f.unsureCreate = nil
		if unsure() {
			f.apply(id, change)
		}
		return id, ErrUnsure
	}
	f.apply(id, change)
	return id, nil
}

func (f *fakeStore) Save(_ context.Context, _ Lease, change Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.saving != nil {
		f.saving()
	}
	if err := f.check(); err != nil {
		return err
	}
	id := change.Record.Contact.ID
	if f.contacts[id].Rev != change.Record.Rev {
		return ErrConflict
	}
	if c := change.Record.Contact; c.State == callback.StateCallback {
		if f.openCallback(numberKey(c), c.Place.Skill, id) != 0 {
			return ErrCallbackOpen
		}
	}
	if taken := change.Taken; taken != nil && f.contacts[taken.Contact.ID].Rev != taken.Rev {
		return ErrTakenChanged
	}
	if done := change.Request; done != nil && f.asked[done.ID-1].done != nil {
		return ErrRequestDone
	}
	change.Record.Rev++
	if f.unsure != nil {
		if match, saved := f.unsure(change); match {
			f.unsure = nil
			if saved {
				f.apply(id, change)
			}
			return ErrUnsure
		}
	}
	f.apply(id, change)
	if f.lie != nil && f.lie(change) {
		f.lie = nil
		return errAway
	}
	return nil
}

func (f *fakeStore) apply(id callback.ContactID, change Change) {
	if done := change.Request; done != nil {
		f.asked[done.ID-1].done = done
	}
	if change.Taken != nil {
		taken := *change.Taken
		taken.Rev++
		f.apply(taken.Contact.ID, Change{Record: taken})
	}
	change.Record.Contact = change.Record.Contact.Clone()
	f.contacts[id] = change.Record
	for _, leg := range change.Record.Contact.Legs {
		if leg.Channel == f.offers[id].Leg.Channel {
			delete(f.offers, id)
		}
	}
	f.promised[id] = f.promised[id] || change.Record.Contact.Promise != nil
	f.facts = append(f.facts, change.Facts...)
	for _, agent := range change.Agents {
		_ = f.changeAgent(agent) // nothing that a turn brings is refused
	}
}

// loaded gives a contact as the database holds it: what has ended is left out, and an offer that was
// matched is there.
func (f *fakeStore) loaded(id callback.ContactID) Record {
	record := f.contacts[id]
	record.Contact = record.Contact.Clone()
	record.Contact.Prune()
	if made, ok := f.offers[id]; ok {
		record.Contact.Offer = &made.Offer
		record.Contact.Legs = append(record.Contact.Legs, made.Leg)
	}
	return record
}

func (f *fakeStore) Revision(_ context.Context, id callback.ContactID) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(); err != nil {
		return 0, err
	}
	if _, ok := f.contacts[id]; !ok {
		return 0, ErrNotFound
	}
	return f.contacts[id].Rev, nil
}

func (f *fakeStore) Load(_ context.Context, id callback.ContactID) (Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loaded(id), f.check()
}

func (f *fakeStore) OpenOn(context.Context, string) ([]Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var open []Record
	for id := range f.contacts {
		if record := f.loaded(id); !record.Contact.Idle() {
			open = append(open, record)
		}
	}
	return open, f.check()
}

// numberKey tells whether two callbacks go to the same number.
func numberKey(c *callback.Contact) string { return cmp.Or(c.Promise.E164, c.Promise.PhoneNumber) }

// openCallback gives the ID of the contact, another than that one, whose callback to that number is open in
// that skill; 0 for none.
func (f *fakeStore) openCallback(key, skill string, but callback.ContactID) callback.ContactID {
	for id, record := range f.contacts {
		c := record.Contact
		open := c.State == callback.StateCallback || c.State == callback.StateCalling || c.State == callback.StateStuck
		if open && id != but && numberKey(c) == key && c.Place.Skill == skill {
			return id
		}
	}
	return 0
}

func (f *fakeStore) OpenCallback(_ context.Context, key, skill string) (Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(); err != nil {
		return Record{}, err
	}
	id := f.openCallback(key, skill, 0)
	if id == 0 {
		return Record{}, ErrNotFound
	}
	found := f.loaded(id)
	if f.find != nil {
		f.find()
	}
	return found, nil
}

func (f *fakeStore) QueueCallback(ctx context.Context, lease Lease, change Change) (callback.ContactID, error) {
	return f.Create(ctx, lease, change)
}

// QueueStatus counts the places in the skill; the fake's one agent is logged in.
func (f *fakeStore) QueueStatus(_ context.Context, skill string, contact callback.ContactID) (QueueStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	status := QueueStatus{LoggedIn: 1}
	if f.agent == callback.Free {
		status.Available = 1
	}
	for _, record := range f.contacts {
		if place := record.Contact.Place; place != nil && place.Skill == skill {
			status.Waiting++
			status.Longest = max(status.Longest, now().Sub(place.QueuedAt))
		}
	}
	status.Position = f.position(skill, contact)
	return status, f.check()
}

// Estimate gives three minutes for each contact.
func (f *fakeStore) Estimate(_ context.Context, skill callback.Skill, contact callback.ContactID) (Estimate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	position := f.position(skill.Name, contact)
	if position == 0 {
		position = f.position(skill.Name, 0)
	}
	if f.nobody {
		return Estimate{Position: position}, f.check()
	}
	return Estimate{
		Wait: time.Duration(position) * 3 * time.Minute, Confidence: queue.Low, LoggedIn: 1, Position: position,
	}, f.check()
}

// position gives the contact's position in the skill's queue, 0 where it is not in it; for the contact
// 0, that of one who would be queued now with the skill's own priority.
func (f *fakeStore) position(skill string, contact callback.ContactID) int {
	own := callback.Place{Skill: skill, Priority: callback.DefaultPriority, QueuedAt: now()}
	if contact != 0 {
		c := f.contacts[contact].Contact
		if c == nil || c.Place == nil || c.Place.Skill != skill {
			return 0
		}
		own = *c.Place
	}
	position := 1
	for id, record := range f.contacts {
		other := record.Contact.Place
		if other != nil && other.Skill == skill && id != contact && callback.Before(id, *other, contact, own, now()) {
			position++
		}
	}
	return position
}

func (f *fakeStore) NoteScripts(_ context.Context, _ Lease, current []callback.ScriptRef) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current = slices.Clone(current)
	return f.check()
}

// Due gives no more than a hundred that stand at one action, as the real one does.
func (f *fakeStore) Due(_ context.Context, at time.Time) ([]Due, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []Due
	each := map[Standing]int{}
	for _, id := range f.byDeadline() {
		record := f.contacts[id]
		standing := Standing{record.Contact.Script, record.Script.Action}
		deadline := record.Script.Deadline
		if deadline.IsZero() || at.Before(deadline) || each[standing] == 100 {
			continue
		}
		online := slices.Contains([]callback.State{callback.StateLive, callback.StateConnected, callback.StateReleased}, record.Contact.State)
		if !online && f.loaded(id).Contact.Idle() {
			found = append(found, Due{id, standing})
			each[standing]++
		}
	}
	return found, f.check()
}

// byDeadline gives the contacts in the order in which their scripts are due.
func (f *fakeStore) byDeadline() []callback.ContactID {
	return slices.SortedFunc(maps.Keys(f.contacts), func(a, b callback.ContactID) int {
		return f.contacts[a].Script.Deadline.Compare(f.contacts[b].Script.Deadline)
	})
}

func (f *fakeStore) Reach(_ context.Context, lease Lease, devices []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(); err != nil {
		return err
	}
	f.reached[lease.Node] = slices.Clone(devices)
	return nil
}

func (f *fakeStore) Match(_ context.Context, request MatchRequest) ([]Match, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(); err != nil {
		return nil, err
	}
	var q queue.Queue
	agent := queue.Agent{
		AgentState: f.agentState(), Extension: "1001", Skills: map[string]int{}, Nodes: []string{request.Lease.Node},
	}
	for id := range f.contacts {
		if c := f.loaded(id).Contact; c.Place != nil && !c.Offer.Open() {
			q.Put(id, *c.Place)
			agent.Skills[c.Place.Skill] = 1
		}
	}
	pair, ok := q.Match(now(), []queue.Agent{agent})
	if !ok || queue.Ports(*f.contacts[pair.Contact].Contact.Place) > request.Ports {
		return nil, nil
	}
	id := pair.Contact
	match := Match{Contact: id, Made: request.Offer(id, *f.contacts[id].Contact.Place, Agent{Extension: "1001", Endpoint: "PJSIP/1001"})}
	if f.lostMatch {
		f.lostMatch = false
		return []Match{match}, ErrUnsure
	}
	f.agent, f.until = callback.Offered, time.Time{}
	f.offers[id] = match.Made
	if f.matched != nil {
		return []Match{match}, f.matched()
	}
	return []Match{match}, nil
}

func (f *fakeStore) Made(_ context.Context, matches []Match) (made []Match, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, match := range matches {
		if o := f.loaded(match.Contact).Contact.Offer; o != nil && o.Channel == match.Made.Offer.Channel {
			made = append(made, match)
		}
	}
	return made, f.check()
}

func (f *fakeStore) Wakes() <-chan struct{} { return f.wakes }

func (f *fakeStore) SaveScript(_ context.Context, ref callback.ScriptRef, source []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(); err != nil {
		return err
	}
	f.sources[ref] = source
	return nil
}

func (f *fakeStore) ScriptSource(_ context.Context, ref callback.ScriptRef) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	source, ok := f.sources[ref]
	if !ok {
		return nil, ErrNotFound
	}
	return source, f.check()
}

// saved gives a contact as saved.
func (f *fakeStore) saved(id callback.ContactID) *callback.Contact {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loaded(id).Contact
}

// contact gives the only contact as saved.
func (f *fakeStore) contact() *callback.Contact {
	f.mu.Lock()
	defer f.mu.Unlock()
	if record, ok := f.contacts[1]; ok {
		return record.Contact
	}
	return &callback.Contact{}
}

func (f *fakeStore) has(kind callback.FactKind) bool { return f.fact(kind).Kind != "" }

// fact gives the first fact of that kind; a zero one for none.
func (f *fakeStore) fact(kind callback.FactKind) callback.Fact {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fact := range f.facts {
		if fact.Kind == kind {
			return fact
		}
	}
	return callback.Fact{}
}
