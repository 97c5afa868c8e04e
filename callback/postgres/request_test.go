package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// ask asks for something for a contact, and gives the request as the daemon of the node finds it.
func ask(t *testing.T, store *postgres.Store, id callback.ContactID, kind callback.RequestKind, changes callback.Changes) callback.Request {
	t.Helper()
	request := callback.Request{Contact: id, Kind: kind, AskedBy: "ann", Changes: changes}
	number, err := store.AskContact(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	request.ID = number
	return request
}

func openRequests(t *testing.T, store *postgres.Store, node string) string {
	t.Helper()
	open, err := store.OpenRequests(t.Context(), node)
	if err != nil {
		t.Fatal(err)
	}
	var ids []callback.ContactID
	for _, request := range open {
		ids = append(ids, request.Contact)
	}
	return fmt.Sprint(ids)
}

// decide plays a request and gives the change that decides it.
func decide(t *testing.T, record dispatch.Record, request callback.Request) dispatch.Change {
	t.Helper()
	turn := callback.NewTurn(record.Contact.Clone(), env())
	done := callback.RequestDone{ID: request.ID}
	if err := turn.Ask(request); err != nil {
		done.Refused = err.Error()
	}
	return dispatch.Change{
		Record: dispatch.Record{Contact: turn.Contact, Script: record.Script, Rev: record.Rev},
		Facts:  turn.Facts, Agents: turn.Agents, Request: &done,
	}
}

// settled gives what became of a request, as who has asked reads it.
func settled(t *testing.T, store *postgres.Store, request callback.Request) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	refused, err := store.AwaitRequest(ctx, request.ID)
	if err != nil {
		t.Fatal(err)
	}
	return refused
}

func TestARequestComesBackAsItWasAsked(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	record := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	delay, initial, acceleration, maximum := 0, 7, 0, 90
	skill, agent, number := "sales", "", "5551234 ext 12"
	want := ask(t, store, record.Contact.ID, callback.RequestChange, callback.Changes{
		CallDelaySec: &delay, Initial: &initial, Acceleration: &acceleration, Maximum: &maximum,
		Skill: &skill, TargetAgent: &agent, PhoneNumber: &number,
	})
	open, err := store.OpenRequests(t.Context(), node)
	if err != nil || len(open) != 1 {
		t.Fatalf("%d requests, %v", len(open), err)
	}
	got := open[0]
	if got.ID != want.ID || got.Contact != want.Contact || got.Kind != want.Kind || got.AskedBy != "ann" ||
		*got.CallDelaySec != 0 || *got.Initial != 7 || *got.Acceleration != 0 || *got.Maximum != 90 ||
		*got.Skill != "sales" || *got.TargetAgent != "" || *got.PhoneNumber != number {
		t.Errorf("the request comes back as %+v", got)
	}
	_, err = store.AskContact(t.Context(), callback.Request{Contact: 4711, Kind: callback.RequestCancel, AskedBy: "ann"})
	if !errors.Is(err, dispatch.ErrNotFound) {
		t.Errorf("a request for no contact gives %v", err)
	}
}

func TestARequestIsForTheNodeThatHasTheContactOrElseForAny(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	idle := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	live := callAgain(t, store, lease)
	for _, id := range []callback.ContactID{live.Contact.ID, idle.Contact.ID} {
		ask(t, store, id, callback.RequestCancel, callback.Changes{})
	}
	if got, want := openRequests(t, store, node), fmt.Sprintf("[%s %s]", live.Contact.ID, idle.Contact.ID); got != want {
		t.Errorf("the caller's node is asked for %s, want %s", got, want)
	}
	if got, want := openRequests(t, store, "pbx2"), fmt.Sprintf("[%s]", idle.Contact.ID); got != want {
		t.Errorf("another node is asked for %s, want %s", got, want)
	}
}

func TestARequestIsDoneInTheTransactionOfItsTurn(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	record := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	cancel := ask(t, store, record.Contact.ID, callback.RequestCancel, callback.Changes{})

	stale := decide(t, record, cancel)
	stale.Record.Rev--
	if err := store.Save(t.Context(), lease, stale); !errors.Is(err, dispatch.ErrConflict) {
		t.Fatalf("a stale turn gives %v", err)
	}
	if openRequests(t, store, node) == "[]" {
		t.Fatal("the request is done without its turn")
	}
	if err := store.Save(t.Context(), lease, decide(t, record, cancel)); err != nil {
		t.Fatal(err)
	}
	if refused := settled(t, store, cancel); refused != "" || openRequests(t, store, node) != "[]" {
		t.Errorf("the request was refused: %q; open: %s", refused, openRequests(t, store, node))
	}
	record = load(t, store, record.Contact.ID)
	if c := record.Contact; c.Outcome != callback.OutcomeCancelled || c.Place != nil {
		t.Errorf("the contact is %s %q at %+v", c.State, c.Outcome, c.Place)
	}
	if got := kinds(t, store, record.Contact.ID); got != "[cancelled ended]" {
		t.Errorf("the history is %s", got)
	}

	// Told a second time, to whoever has loaded the contact by now.
	if err := store.Save(t.Context(), lease, decide(t, record, cancel)); !errors.Is(err, dispatch.ErrRequestDone) {
		t.Errorf("the second time gives %v", err)
	}
	if after := load(t, store, record.Contact.ID); after.Rev != record.Rev {
		t.Errorf("the second time has saved the contact: revision %d, was %d", after.Rev, record.Rev)
	}
	again := ask(t, store, record.Contact.ID, callback.RequestCancel, callback.Changes{})
	if err := store.Save(t.Context(), lease, decide(t, record, again)); err != nil {
		t.Fatal(err)
	}
	if refused := settled(t, store, again); refused != "it has ended: cancelled" {
		t.Errorf("refused: %q", refused)
	}
}

func TestOfManyDaemonsOneDoesARequest(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	record := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	request := ask(t, store, record.Contact.ID, callback.RequestCancel, callback.Changes{})
	var daemons sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		change := decide(t, record, request)
		daemons.Go(func() { results[i] = store.Save(t.Context(), lease, change) })
	}
	daemons.Wait()
	done := 0
	for _, err := range results {
		if err == nil {
			done++
		} else if !errors.Is(err, dispatch.ErrRequestDone) {
			t.Error(err)
		}
	}
	if got := kinds(t, store, record.Contact.ID); done != 1 || got != "[cancelled ended]" {
		t.Errorf("done %d times; the history is %s", done, got)
	}
}

func TestAReleasedContactIsMatchedAgain(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	c := waiting("5550101", place("support", callback.DefaultPriority, epoch))
	c.Place.Held, c.Promise.CallDelay = true, time.Minute
	record := save(t, store, lease, c)
	held, err := store.ListContacts(t.Context(), postgres.ContactFilter{HeldOnly: true})
	if err != nil || len(held) != 1 || !held[0].Held {
		t.Fatalf("held: %+v, %v", held, err)
	}
	if m := match(t, store, request(lease, "1001")); m != nil {
		t.Fatalf("a contact that is held is matched: %+v", m)
	}
	delay := 5
	release := ask(t, store, c.ID, callback.RequestRelease, callback.Changes{CallDelaySec: &delay})
	if err := store.Save(t.Context(), lease, decide(t, record, release)); err != nil {
		t.Fatal(err)
	}
	if m := match(t, store, request(lease, "1001")); m == nil || m.Contact != c.ID {
		t.Errorf("matched %+v", m)
	}
	if held, err = store.ListContacts(t.Context(), postgres.ContactFilter{HeldOnly: true}); err != nil || len(held) != 0 {
		t.Errorf("held: %+v, %v", held, err)
	}
}

func TestANumberThatWaitsInTheSkillAlreadyIsNotGivenToAnother(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	record := save(t, store, lease, waiting("5550102", place("support", callback.DefaultPriority, epoch)))
	number := "5550101"
	change := ask(t, store, record.Contact.ID, callback.RequestChange, callback.Changes{PhoneNumber: &number})
	if err := store.Save(t.Context(), lease, decide(t, record, change)); !errors.Is(err, dispatch.ErrCallbackOpen) {
		t.Errorf("the save gives %v", err)
	}
	if openRequests(t, store, node) == "[]" {
		t.Error("the request is done without its turn")
	}
}

func TestACancelOfACallbackThatIsBeingCalledIsSavedWhole(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	id := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch))).Contact.ID
	accept(t, store, lease)
	record := play(t, store, lease, id, func(turn *callback.Turn) { turn.Handle(callback.TimeReached{}) })
	cancel := ask(t, store, id, callback.RequestCancel, callback.Changes{})
	if stands, err := store.ShowContact(t.Context(), id); err != nil || len(stands.Requests) != 1 || stands.Requests[0].Kind != callback.RequestCancel {
		t.Errorf("before it is done the requests are %+v, %v", stands.Requests, err)
	}
	change := decide(t, record, cancel)
	if err := store.Save(t.Context(), lease, change); err != nil {
		t.Fatal(err)
	}
	change.Record.Contact.Prune()
	if got := load(t, store, id).Contact; fmt.Sprintf("%+v", got.Offer) != fmt.Sprintf("%+v", change.Record.Contact.Offer) ||
		len(got.Legs) != 2 || got.Attempt != nil || got.Outcome != callback.OutcomeCancelled {
		t.Errorf("loaded %+v", got)
	}
	shown, err := store.ShowContact(t.Context(), id)
	if err != nil || len(shown.Attempts) != 1 || shown.Attempts[0].Outcome != callback.AttemptCancelled {
		t.Errorf("attempts %+v, %v", shown.Attempts, err)
	}
	if len(shown.Requests) != 0 {
		t.Errorf("one that is done still stands: %+v", shown.Requests)
	}
}

func TestARequestThatCanNotBeReadIsRefusedAndHoldsUpNoOther(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	record := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	strange := callback.Request{}
	err := db.Get(&strange.ID, `
		INSERT INTO contact_request (contact_id, kind, arguments, asked_by)
		VALUES ($1, 'change', '{"colour": "blue"}', 'a newer callbackd') RETURNING id`, int64(record.Contact.ID))
	if err != nil {
		t.Fatal(err)
	}
	ask(t, store, record.Contact.ID, callback.RequestCancel, callback.Changes{})
	if got, want := openRequests(t, store, node), fmt.Sprintf("[%s]", record.Contact.ID); got != want {
		t.Errorf("open are the requests for %s, want %s", got, want)
	}
	if refused := settled(t, store, strange); !strings.Contains(refused, `"colour"`) {
		t.Errorf("refused: %q", refused)
	}
}

func TestWhoAsksIsToldWhenNobodyDoesIt(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	record := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	request := ask(t, store, record.Contact.ID, callback.RequestCancel, callback.Changes{})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := store.AwaitRequest(ctx, request.ID); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the wait ends with %v", err)
	}
}

func TestARequestWakesTheDaemons(t *testing.T) {
	store := postgrestest.New(t)
	record := callAgain(t, store, acquire(t, store, node)) // not queued: nothing else wakes anybody
	wakes, limit := store.Wakes(), time.After(10*time.Second)
	for {
		ask(t, store, record.Contact.ID, callback.RequestCancel, callback.Changes{})
		select {
		case <-wakes:
			return
		case <-limit:
			t.Fatal("nobody is woken")
		case <-time.After(50 * time.Millisecond): // the listener may not have been connected yet
		}
	}
}

func TestARemovedAgentIsGoneAndTheHistoryStays(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	id := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch))).Contact.ID
	m := match(t, store, request(lease, "1001"))
	if m == nil {
		t.Fatal("no match")
	}
	if err := store.SetPresence(t.Context(), "1001", callback.LoggedOut, "", "ann"); err != nil {
		t.Fatal(err)
	}
	want := "removing agent 1001: the agent is still engaged by contact " + id.String()
	if err := store.RemoveAgent(t.Context(), "1001", "ann"); err == nil || err.Error() != want {
		t.Errorf("the removal gives %v, want %q", err, want)
	}
	if err := endOffer(t.Context(), store, lease, m, callback.OfferRefused, callback.AgentChange{Activity: callback.Free}); err != nil {
		t.Fatal(err)
	}
	if err := store.RemoveAgent(t.Context(), "1001", "ann"); err != nil {
		t.Fatal(err)
	}
	agents, err := store.ListAgents(t.Context())
	if err != nil || len(agents) != 0 {
		t.Errorf("agents %+v, %v", agents, err)
	}
	if shown, err := store.ShowContact(t.Context(), id); err != nil || len(shown.Offers) != 1 || shown.Offers[0].Agent != "1001" {
		t.Errorf("the contact's offers are %+v, %v", shown.Offers, err)
	}
	if err := store.RemoveAgent(t.Context(), "1001", "ann"); !errors.Is(err, dispatch.ErrNotFound) {
		t.Errorf("the second removal gives %v", err)
	}
	addAgent(t, store, "1001", support) // the extension's next owner
	if m := match(t, store, request(lease, "1001")); m == nil || m.Contact != id {
		t.Errorf("matched %+v", m)
	}
}
