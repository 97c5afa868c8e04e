package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

func env() callback.Env {
	return callback.Env{
		Now: time.Now().UTC().Truncate(time.Microsecond), Node: node, NewID: newChannel,
		Skill:           func(string) callback.Skill { return callback.DefaultSkill },
		ContactEndpoint: func(number string) string { return "PJSIP/" + number + "@trunk" },
	}
}

// play plays a turn of the contact, saves it, and gives the contact as it is loaded.
func play(t *testing.T, store *postgres.Store, lease dispatch.Lease, id callback.ContactID, act func(*callback.Turn)) dispatch.Record {
	t.Helper()
	record := load(t, store, id)
	turn := callback.NewTurn(record.Contact, env())
	act(turn)
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Facts: turn.Facts, Agents: turn.Agents}); err != nil {
		t.Fatal(err)
	}
	return load(t, store, id)
}

func load(t *testing.T, store *postgres.Store, id callback.ContactID) dispatch.Record {
	t.Helper()
	record, err := store.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// callAgain lets somebody call whose callback waits.
func callAgain(t *testing.T, store *postgres.Store, lease dispatch.Lease) dispatch.Record {
	t.Helper()
	c := callback.Arrive(callback.LegArrived{Channel: newChannel(), ANI: "5550100", DNIS: "8005550100"},
		callback.ScriptRef{Name: "example", Version: "1"}, node, env().Now)
	return save(t, store, lease, c)
}

// accept lets the agent 1001 be matched with the contact and accept its callback.
func accept(t *testing.T, store *postgres.Store, lease dispatch.Lease) {
	t.Helper()
	m := match(t, store, request(lease, "1001"))
	if m == nil {
		t.Fatal("no match")
	}
	for _, ev := range []callback.Event{m.Made, callback.LegCreated{Channel: m.Made.Leg.Channel}, callback.LegAnswered{Channel: m.Made.Leg.Channel}} {
		play(t, store, lease, m.Contact, func(turn *callback.Turn) { turn.Handle(ev) })
	}
}

// takeOver gives the change by which the one takes the other's place over.
func takeOver(t *testing.T, taker, old dispatch.Record) dispatch.Change {
	t.Helper()
	turn := callback.NewTurn(taker.Contact.Clone(), env())
	taken, err := turn.TakeOver(old.Contact)
	if err != nil {
		t.Fatal(err)
	}
	return dispatch.Change{
		Record: dispatch.Record{Contact: turn.Contact, Rev: taker.Rev},
		Facts:  turn.Facts, Agents: turn.Agents,
		Taken: &dispatch.Record{Contact: taken, Rev: old.Rev},
	}
}

func kinds(t *testing.T, store *postgres.Store, id callback.ContactID) string {
	t.Helper()
	shown, err := store.ShowContact(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []callback.FactKind
	for _, line := range shown.History {
		kinds = append(kinds, line.Kind)
	}
	return fmt.Sprint(kinds)
}

func TestATakeoverMovesThePlaceAndEndsTheCallbackInOneTransaction(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	old := save(t, store, lease, waiting("5550100", place("support", callback.Priority{Initial: 7, Acceleration: 2, Maximum: 90}, epoch)))
	taker := callAgain(t, store, lease)
	if err := store.Save(t.Context(), lease, takeOver(t, taker, old)); err != nil {
		t.Fatal(err)
	}
	ended := load(t, store, old.Contact.ID)
	if ended.Contact.State != callback.StateEnded || ended.Contact.Outcome != callback.OutcomeTakenOver || ended.Contact.Place != nil || ended.Rev != 2 {
		t.Errorf("the callback is %+v, revision %d", ended.Contact, ended.Rev)
	}
	want := *old.Contact.Place
	want.Node = node
	got := load(t, store, taker.Contact.ID)
	if got.Contact.Place == nil || *got.Contact.Place != want || got.Rev != 2 {
		t.Errorf("the new call has the place %+v, want %+v; revision %d", got.Contact.Place, want, got.Rev)
	}
	if got := kinds(t, store, old.Contact.ID); got != "[taken_over ended]" {
		t.Errorf("the callback's history is %s", got)
	}
	if got := kinds(t, store, taker.Contact.ID); got != "[taken_over queued]" {
		t.Errorf("the new call's history is %s", got)
	}
	if m := match(t, store, request(lease, "1001")); m == nil || m.Contact != taker.Contact.ID {
		t.Errorf("matched %+v, want the new call", m)
	}
	// The number may be promised a callback again.
	save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
}

func TestATakeoverMovesTheAgentWithTheOffer(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	old := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	accept(t, store, lease)
	old = play(t, store, lease, old.Contact.ID, func(turn *callback.Turn) { turn.Handle(callback.TimeReached{}) })
	channel := old.Contact.Offer.Channel
	taker := callAgain(t, store, lease)
	if err := store.Save(t.Context(), lease, takeOver(t, taker, old)); err != nil {
		t.Fatal(err)
	}
	ended := load(t, store, old.Contact.ID).Contact
	if len(ended.Legs) != 1 || ended.Legs[0].Party != callback.PartyContact || ended.Legs[0].HangupAt.IsZero() || ended.Offer != nil || ended.Attempt != nil {
		t.Errorf("of the callback is left %+v, offer %+v, attempt %+v", ended.Legs, ended.Offer, ended.Attempt)
	}
	got := load(t, store, taker.Contact.ID).Contact
	if !got.Offer.Accepted() || got.Offer.Channel != channel || got.Offer.Kind != callback.OfferLive || len(got.Legs) != 2 {
		t.Errorf("the new call has the offer %+v, legs %+v", got.Offer, got.Legs)
	}
	shown, err := store.ShowContact(t.Context(), old.Contact.ID)
	if err != nil || len(shown.Attempts) != 1 || shown.Attempts[0].Outcome != callback.AttemptTakenOver || shown.Attempts[0].Counts {
		t.Errorf("the attempts are %+v (%v)", shown.Attempts, err)
	}
	addAgent(t, store, "1002", support)
	if m := match(t, store, request(lease, "1002")); m != nil {
		t.Errorf("the new call is offered to a second agent: %+v", m)
	}
	// The agent leaves, and the new call is where it was in the queue.
	play(t, store, lease, taker.Contact.ID, func(turn *callback.Turn) {
		turn.Handle(callback.LegEnded{Channel: channel, Cause: callback.CauseNormal})
	})
	if m := match(t, store, request(lease, "1001", "1002")); m == nil || m.Contact != taker.Contact.ID {
		t.Errorf("matched %+v, want the new call", m)
	}
}

func TestATakeoverOfAContactThatHasChangedSavesNothing(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	old := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	taker := callAgain(t, store, lease)
	change := takeOver(t, taker, old)
	accept(t, store, lease)
	err := store.Save(t.Context(), lease, change)
	if !errors.Is(err, dispatch.ErrTakenChanged) {
		t.Fatalf("the takeover gives %v, want %v", err, dispatch.ErrTakenChanged)
	}
	if got := load(t, store, taker.Contact.ID); got.Rev != taker.Rev || got.Contact.Place != nil {
		t.Errorf("of the new call was saved: %+v", got.Contact)
	}
	if got := load(t, store, old.Contact.ID).Contact; got.State != callback.StateCalling || !got.Offer.Accepted() {
		t.Errorf("the callback has become %+v", got)
	}
}

func TestATakeoverByAContactThatHasChangedLeavesTheCallback(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	old := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	taker := callAgain(t, store, lease)
	change := takeOver(t, taker, old)
	play(t, store, lease, taker.Contact.ID, func(turn *callback.Turn) { turn.Begin() })
	if err := store.Save(t.Context(), lease, change); !errors.Is(err, dispatch.ErrConflict) {
		t.Fatalf("the takeover gives %v, want %v", err, dispatch.ErrConflict)
	}
	if got := load(t, store, old.Contact.ID); got.Rev != old.Rev || got.Contact.State != callback.StateCallback || got.Contact.Place == nil {
		t.Errorf("the callback has become %+v", got.Contact)
	}
}

func TestATakeoverOfAnAgentMeetsAMatchForTheNewCall(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	old := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	accept(t, store, lease)
	old = load(t, store, old.Contact.ID)
	taker := callAgain(t, store, lease)
	taker = play(t, store, lease, taker.Contact.ID, func(turn *callback.Turn) {
		if err := turn.Reqagent("support", callback.DefaultPriority, ""); err != nil {
			t.Fatal(err)
		}
	})
	change := takeOver(t, taker, old)
	addAgent(t, store, "1002", support)
	m := match(t, store, request(lease, "1002"))
	if m == nil || m.Contact != taker.Contact.ID {
		t.Fatalf("matched %+v, want the new call", m)
	}
	if err := store.Save(t.Context(), lease, change); !errors.Is(err, dispatch.ErrTakenChanged) {
		t.Fatalf("the takeover gives %v, want %v", err, dispatch.ErrTakenChanged)
	}
	if got := load(t, store, old.Contact.ID).Contact; got.State != callback.StateCalling {
		t.Errorf("the callback has become %+v", got)
	}
}

func TestAnAgentWhomAMatchFoundForACallbackThatWasJustTakenOverIsFreeAgain(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	old := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	taker := callAgain(t, store, lease)
	change := takeOver(t, taker, old)
	m := match(t, store, request(lease, "1001"))
	if err := store.Save(t.Context(), lease, change); err != nil {
		t.Fatal(err)
	}
	play(t, store, lease, old.Contact.ID, func(turn *callback.Turn) { turn.Handle(m.Made) })
	if again := match(t, store, request(lease, "1001")); again == nil || again.Contact != taker.Contact.ID {
		t.Errorf("matched %+v, want the new call", again)
	}
}

func TestAPlaceIsTakenOverOnce(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	old := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	const takers = 4
	results := make(chan error, takers)
	var at sync.WaitGroup
	for range takers {
		change := takeOver(t, callAgain(t, store, lease), old)
		at.Go(func() { results <- store.Save(t.Context(), lease, change) })
	}
	at.Wait()
	close(results)
	won := 0
	for err := range results {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, dispatch.ErrTakenChanged):
			t.Errorf("a takeover gives %v", err)
		}
	}
	if won != 1 {
		t.Errorf("the place was taken over %d times", won)
	}
}

func TestATakeoverWhoseCommitHasNoAnswerIsToldByTheNewCallsRevision(t *testing.T) {
	for name, test := range map[string]struct {
		cut  func(*postgrestest.Proxy, []byte) <-chan struct{}
		rev  int64
		want callback.State
	}{
		"after the commit":  {(*postgrestest.Proxy).CutAfterCommit, 2, callback.StateEnded},
		"before the commit": {(*postgrestest.Proxy).CutBeforeCommit, 1, callback.StateCallback},
	} {
		t.Run(name, func(t *testing.T) {
			store, proxy, direct := throughProxy(t)
			lease := acquire(t, direct, node)
			old := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
			taker := callAgain(t, store, lease)
			cut := test.cut(proxy, []byte(`"taken_over"`))
			if err := store.Save(t.Context(), lease, takeOver(t, taker, old)); !errors.Is(err, dispatch.ErrUnsure) {
				t.Fatalf("the takeover gives %v, want %v", err, dispatch.ErrUnsure)
			}
			await(t, cut, "the cut")
			rev, err := store.Revision(t.Context(), taker.Contact.ID)
			if err != nil || rev != test.rev {
				t.Fatalf("the new call's revision is %d, want %d (%v)", rev, test.rev, err)
			}
			if got := load(t, direct, old.Contact.ID); got.Contact.State != test.want || got.Rev != test.rev {
				t.Errorf("the callback is %s, revision %d; want %s, %d", got.Contact.State, got.Rev, test.want, test.rev)
			}
		})
	}
}

// to gives a contact that waits for its callback to a number of which more may be known than what is dialled.
func to(dialled, e164, skill string) *callback.Contact {
	c := waiting(dialled, place(skill, callback.DefaultPriority, epoch))
	c.Promise.E164 = e164
	return c
}

func TestOneNumberWaitsOnceInASkillHoweverItIsWritten(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	first := save(t, store, lease, to("+12125550123", "+12125550123", "support"))
	unknown := save(t, store, lease, to("5551234", "", "support"))
	create := func(c *callback.Contact) error {
		_, err := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{Contact: c}})
		return err
	}
	for _, again := range []*callback.Contact{
		to("2125550123", "+12125550123", "support"), to("12125550123", "+12125550123", "support"), to("5551234", "", "support"),
	} {
		if err := create(again); !errors.Is(err, dispatch.ErrCallbackOpen) {
			t.Errorf("a second callback to %s gives %v, want %v", again.Promise.PhoneNumber, err, dispatch.ErrCallbackOpen)
		}
	}
	for _, other := range []*callback.Contact{to("2125550123", "+12125550123", "sales"), to("2125550123", "", "support")} {
		if err := create(other); err != nil {
			t.Errorf("a callback to %+v in %s gives %v", other.Promise, other.Place.Skill, err)
		}
	}
	for key, want := range map[string]dispatch.Record{"+12125550123": first, "5551234": unknown} {
		found, err := store.OpenCallback(t.Context(), key, "support")
		if err != nil || found.Contact.ID != want.Contact.ID || found.Contact.Promise.E164 != want.Contact.Promise.E164 {
			t.Errorf("the callback to %s is %+v, want %+v (%v)", key, found.Contact, want.Contact, err)
		}
	}
}

func TestC14AQueuedCallbackIsFoundOfferedAndTheOnlyOneOfItsNumber(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	asker := callAgain(t, store, lease)
	queue := func() (callback.ContactID, error) {
		c, facts := callback.QueueCallback(asker.Contact, "support", callback.DefaultPriority, "",
			callback.Promise{PhoneNumber: "5550177", Extension: "4", CallerID: "8005550100"}, env().Now)
		return store.QueueCallback(t.Context(), lease, dispatch.Change{Record: dispatch.Record{Contact: c}, Facts: facts})
	}
	if _, err := store.OpenCallback(t.Context(), "5550177", "support"); !errors.Is(err, dispatch.ErrNotFound) {
		t.Errorf("before it is queued a look for it gives %v", err)
	}
	id, err := queue()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := queue(); !errors.Is(err, dispatch.ErrCallbackOpen) {
		t.Errorf("a second one gives %v, want %v", err, dispatch.ErrCallbackOpen)
	}
	found, err := store.OpenCallback(t.Context(), "5550177", "support")
	if err != nil || found.Contact.ID != id || !found.Contact.Idle() || found.Contact.Promise.Extension != "4" || found.Rev != 1 {
		t.Errorf("found %+v (%v)", found.Contact, err)
	}
	for _, other := range [][2]string{{"5550178", "support"}, {"5550177", "sales"}} {
		if _, err := store.OpenCallback(t.Context(), other[0], other[1]); !errors.Is(err, dispatch.ErrNotFound) {
			t.Errorf("a look for %v gives %v", other, err)
		}
	}
	if got := kinds(t, store, id); got != "[arrived queued promised]" {
		t.Errorf("its history is %s", got)
	}
	if m := match(t, store, request(lease, "1001")); m == nil || m.Contact != id || m.Made.Offer.Kind != callback.OfferCallback {
		t.Errorf("matched %+v, want a callback to contact %s", m, id)
	}
}
