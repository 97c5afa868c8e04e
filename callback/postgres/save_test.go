package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/callback/script"
)

func TestASaveOfAnOlderRevisionIsRefusedAndChangesNothing(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	record := save(t, store, lease, caller())
	stale := dispatch.Record{Contact: record.Contact.Clone(), Rev: record.Rev}
	record.Contact.Music = "default"
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err != nil {
		t.Fatal(err)
	}

	stale.Contact.Music = "other"
	stale.Contact.Place = place("support", callback.DefaultPriority, epoch)
	err := store.Save(t.Context(), lease, dispatch.Change{Record: stale, Facts: []callback.Fact{{At: epoch, Kind: callback.FactLog}}})
	if !errors.Is(err, dispatch.ErrConflict) {
		t.Fatalf("the save gives %v, want %v", err, dispatch.ErrConflict)
	}
	got, err := store.ShowContact(t.Context(), record.Contact.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Place != nil || len(got.History) != 0 {
		t.Errorf("place %+v and history %+v were saved", got.Place, got.History)
	}
	loaded, err := store.Load(t.Context(), record.Contact.ID)
	if err != nil || loaded.Contact.Music != "default" || loaded.Rev != 2 {
		t.Errorf("loaded %+v, %v", loaded, err)
	}
}

func TestNothingIsSavedUnderALostLease(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	record := save(t, store, lease, caller())
	if err := store.ReleaseLease(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if _, err := store.AcquireLease(t.Context(), node, "host:2:def", time.Minute); err != nil {
		t.Fatal(err)
	}
	addAgent(t, store, "1001", postgres.AgentSkill{Skill: "support", Proficiency: 1})

	_, createErr := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{Contact: caller()}})
	saveErr := store.Save(t.Context(), lease, dispatch.Change{Record: record})
	_, matchErr := store.Match(t.Context(), request(lease, "1001"))
	for name, err := range map[string]error{"create": createErr, "save": saveErr, "match": matchErr} {
		if !errors.Is(err, dispatch.ErrLeaseLost) {
			t.Errorf("%s gives %v, want %v", name, err, dispatch.ErrLeaseLost)
		}
	}
	listed, err := store.ListContacts(t.Context(), postgres.ContactFilter{})
	if err != nil || len(listed) != 1 {
		t.Errorf("%d contacts are there, want 1 (%v)", len(listed), err)
	}
}

func TestANumberWaitsForOneCallbackASkill(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	first := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))

	second := save(t, store, lease, caller())
	second.Contact.Place = place("support", callback.DefaultPriority, epoch)
	promised := dispatch.Record{Contact: second.Contact.Clone(), Rev: second.Rev}
	promised.Contact.State = callback.StateCallback
	promised.Contact.Promise = first.Contact.Promise
	err := store.Save(t.Context(), lease, dispatch.Change{Record: promised})
	if !errors.Is(err, dispatch.ErrCallbackOpen) {
		t.Fatalf("a second callback gives %v, want %v", err, dispatch.ErrCallbackOpen)
	}
	promised.Contact.Place.Skill = "sales"
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: promised}); err != nil {
		t.Fatalf("a callback in another skill: %v", err)
	}
}

func TestAnEndedContactLeavesTheQueueAndCanNotReturn(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	record := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	p := record.Contact.Place
	record.Contact.State, record.Contact.Outcome, record.Contact.EndedAt = callback.StateEnded, callback.OutcomeHungUp, epoch
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err == nil {
		t.Fatal("an ended contact was saved with its place")
	}
	record.Contact.Place = nil
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err != nil {
		t.Fatal(err)
	}
	record.Rev++
	record.Contact.Place = p
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err == nil {
		t.Fatal("an ended contact was queued again")
	}
	record.Contact.Place = nil
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err != nil {
		t.Fatalf("an ended contact could not be saved: %v", err)
	}
	shown, err := store.ShowContact(t.Context(), record.Contact.ID)
	if err != nil || shown.Place != nil {
		t.Fatalf("the place is %+v (%v)", shown.Place, err)
	}
	if shown.Skill != "support" {
		t.Errorf("the skill it waited in is forgotten: %q", shown.Skill)
	}
}

// promise is a change that makes a caller's place a callback (C5).
func promise(record dispatch.Record) dispatch.Change {
	c := record.Contact.Clone()
	c.State = callback.StateCallback
	c.Place = place("support", callback.DefaultPriority, epoch)
	c.Promise = &callback.Promise{PhoneNumber: "5550100", CallerID: "8005550100", PromisedAt: epoch}
	return dispatch.Change{
		Record: dispatch.Record{Contact: c, Rev: record.Rev},
		Facts:  []callback.Fact{{At: epoch, Kind: callback.FactPromised}},
	}
}

// throughProxy gives a store whose connections a test can break, and one whose it can't.
func throughProxy(t *testing.T) (broken *postgres.Store, proxy *postgrestest.Proxy, direct *postgres.Store) {
	t.Helper()
	url := postgrestest.URL(t)
	proxy = postgrestest.NewProxy(t, url)
	return postgrestest.Open(t, proxy.URL()), proxy, postgrestest.Open(t, url)
}

func await(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("waited in vain for " + what)
	}
}

func TestC5ACommitWithoutAnAnswerIsUnsureAndTheRevisionTells(t *testing.T) {
	for name, test := range map[string]struct {
		cut  func(*postgrestest.Proxy, []byte) <-chan struct{}
		want int64
	}{
		"after the commit":  {(*postgrestest.Proxy).CutAfterCommit, 2},
		"before the commit": {(*postgrestest.Proxy).CutBeforeCommit, 1},
	} {
		t.Run(name, func(t *testing.T) {
			store, proxy, direct := throughProxy(t)
			lease := acquire(t, direct, node)
			record := save(t, store, lease, caller())
			cut := test.cut(proxy, []byte(`"promised"`))
			err := store.Save(t.Context(), lease, promise(record))
			if !errors.Is(err, dispatch.ErrUnsure) {
				t.Fatalf("the save gives %v, want %v", err, dispatch.ErrUnsure)
			}
			await(t, cut, "the cut")
			rev, err := store.Revision(t.Context(), record.Contact.ID)
			if err != nil || rev != test.want {
				t.Fatalf("the revision is %d, want %d (%v)", rev, test.want, err)
			}
		})
	}
}

func TestANewContactWhoseCommitHasNoAnswerIsFoundByItsID(t *testing.T) {
	for name, test := range map[string]struct {
		cut  func(*postgrestest.Proxy, []byte) <-chan struct{}
		want error
	}{
		"after the commit":  {(*postgrestest.Proxy).CutAfterCommit, nil},
		"before the commit": {(*postgrestest.Proxy).CutBeforeCommit, dispatch.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			store, proxy, direct := throughProxy(t)
			lease := acquire(t, direct, node)
			cut := test.cut(proxy, []byte(`5550199`))
			c := caller()
			c.ANI = "5550199"
			id, err := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{Contact: c}})
			if !errors.Is(err, dispatch.ErrUnsure) || id == 0 {
				t.Fatalf("the save gives contact %s and %v, want an ID and %v", id, err, dispatch.ErrUnsure)
			}
			await(t, cut, "the cut")
			if _, err := store.Revision(t.Context(), id); !errors.Is(err, test.want) {
				t.Fatalf("asked for the revision: %v, want %v", err, test.want)
			}
		})
	}
}

func TestTheRevisionWaitsForASaveThatIsUnderWay(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	id := save(t, store, lease, caller()).Contact.ID
	tx, err := db.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("UPDATE contact SET rev = 2 WHERE id = $1", id); err != nil {
		t.Fatal(err)
	}
	var rev int64
	var asked sync.WaitGroup
	asked.Go(func() { rev, err = store.Revision(t.Context(), id) })
	awaitTrue(t, "Revision to wait", lockWaits(db, 1))
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	asked.Wait()
	if err != nil || rev != 2 {
		t.Fatalf("the revision is %d, want 2 (%v)", rev, err)
	}
}

func TestTheRevisionWaitsForANewContactThatIsBeingSaved(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	c := caller()
	c.Legs = []callback.Leg{{
		Channel: "in-1", Node: node, Party: callback.PartyContact, Direction: callback.Inbound, CreatedAt: epoch,
	}}
	before := save(t, store, lease, caller()).Contact.ID
	obstacle, err := db.Beginx() // has the same channel open, so that the save waits
	if err != nil {
		t.Fatal(err)
	}
	_, err = obstacle.Exec(`
		INSERT INTO leg (contact_id, channel, node, party, direction, from_number, to_number, endpoint, created_at)
		VALUES ($1, 'in-1', $2, 'contact', 'inbound', '', '', '', now())`, before, node)
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		id  callback.ContactID
		rev int64
		err error
	}
	created, asked := make(chan answer, 1), make(chan answer, 1)
	go func() {
		id, err := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{Contact: c}})
		created <- answer{id: id, err: err}
	}()
	awaitTrue(t, "the save to wait", lockWaits(db, 1))
	go func() {
		rev, err := store.Revision(t.Context(), before+1)
		asked <- answer{rev: rev, err: err}
	}()
	awaitTrue(t, "Revision to wait, too", lockWaits(db, 2))
	if err := obstacle.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := <-created; got.err != nil || got.id != before+1 {
		t.Errorf("the save gives contact %s, want %s (%v)", got.id, before+1, got.err)
	}
	if got := <-asked; got.err != nil || got.rev != 1 {
		t.Errorf("the revision is %d, want 1 (%v)", got.rev, got.err)
	}
}

// lockWaits says whether so many of the database's transactions wait for another one.
func lockWaits(db *sqlx.DB, n int) func() bool {
	return func() bool {
		var waiting bool
		err := db.Get(&waiting, `
			SELECT count(*) = $1 FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`, n)
		return err == nil && waiting
	}
}

func TestWhatMayHaveBeenSavedWakesTheMatchersToo(t *testing.T) {
	url := postgrestest.URL(t)
	heard, proxy := hear(t, url), postgrestest.NewProxy(t, url)
	store, direct := postgrestest.Open(t, proxy.URL()), postgrestest.Open(t, url)
	lease := acquire(t, direct, node)
	record := save(t, store, lease, caller())
	proxy.CutAfterCommit([]byte(`"promised"`))
	if err := store.Save(t.Context(), lease, promise(record)); !errors.Is(err, dispatch.ErrUnsure) {
		t.Fatalf("the save gives %v, want %v", err, dispatch.ErrUnsure)
	}
	next(t, heard)
}

func awaitTrue(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(30 * time.Second)
	for !condition() {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatal("waited in vain for " + what)
		}
	}
}

func TestWithTheDatabaseAwayNothingIsSavedAndAfterwardsItGoesOn(t *testing.T) {
	store, proxy, direct := throughProxy(t)
	lease := acquire(t, direct, node)
	record := save(t, store, lease, caller())
	if err := proxy.Refuse(); err != nil {
		t.Fatal(err)
	}
	err := store.Save(t.Context(), lease, promise(record))
	if err == nil || errors.Is(err, dispatch.ErrUnsure) {
		t.Fatalf("with the database away the save gives %v, want an error that says nothing was saved", err)
	}
	if err := proxy.Restore(); err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), lease, promise(record)); err != nil {
		t.Fatalf("with the database back: %v", err)
	}
}

func TestASilentDatabaseIsNotWaitedForWithoutEnd(t *testing.T) {
	url := postgrestest.URL(t)
	proxy := postgrestest.NewProxy(t, url)
	store, err := postgres.Open(t.Context(), proxy.URL(), postgres.Options{StatementTime: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	proxy.Freeze()
	limit, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := store.ListContacts(limit, postgres.ContactFilter{}); err == nil || limit.Err() != nil {
		t.Errorf("a silent database gives %v, and the limit of the test %v", err, limit.Err())
	}
	if err := errors.Join(proxy.Restore(), store.Close()); err != nil {
		t.Error(err)
	}
}

func TestASaveGivesUpWhenItsContextEndsAndHasSavedNothing(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	record := save(t, store, lease, caller())
	obstacle, err := db.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := obstacle.Exec("SELECT FROM contact FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = store.Save(ctx, lease, dispatch.Change{Record: record})
	if err == nil || errors.Is(err, dispatch.ErrUnsure) {
		t.Errorf("the save gives %v, want an error that says nothing was saved", err)
	}
	if err := obstacle.Rollback(); err != nil {
		t.Fatal(err)
	}
	if rev, err := store.Revision(t.Context(), record.Contact.ID); err != nil || rev != 1 {
		t.Errorf("the revision is %d, want 1 (%v)", rev, err)
	}
}

func TestWhatACallerSendsNeverMakesAContactUnsaveable(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	c := caller()
	c.ANI = "555\x000100\xff"
	id, err := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{
		Contact: c, Script: script.State{Vars: map[string]string{"A": "\x00\\u0000\"\\"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := store.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got.Contact.ANI != "555\ufffd0100\ufffd" || got.Script.Vars["A"] != "\ufffd\\u0000\"\\" {
		t.Errorf("loaded ANI %q and variable %q", got.Contact.ANI, got.Script.Vars["A"])
	}
}

func TestScriptsThatAreDueAreThoseOfContactsWithoutALeg(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	now := epoch
	create := func(number string, deadline time.Time, legs ...callback.Leg) callback.ContactID {
		t.Helper()
		c := waiting(number, place("support", callback.DefaultPriority, epoch))
		c.Legs = legs
		id, err := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{
			Contact: c, Script: script.State{Deadline: deadline},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	due := create("5550101", now)
	create("5550102", now.Add(time.Microsecond))
	create("5550103", time.Time{})
	create("5550104", now, callback.Leg{
		Channel: "in-1", Node: node, Party: callback.PartyContact, Direction: callback.Inbound, CreatedAt: epoch,
	})
	found, err := store.Due(t.Context(), now)
	if err != nil || len(found) != 1 || found[0].Contact != due {
		t.Fatalf("due are %v, want %s (%v)", found, due, err)
	}
}

func TestManyWhoAreDueAtOneActionHideNobodyWhoStandsElsewhere(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	stand := func(i int, at dispatch.Standing) callback.ContactID {
		t.Helper()
		c := waiting(fmt.Sprintf("555%04d", i), place("support", callback.DefaultPriority, epoch))
		c.Script = at.Script
		id, err := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{
			Contact: c, Script: script.State{Action: at.Action, Deadline: epoch.Add(time.Duration(i) * time.Millisecond)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	crowded := dispatch.Standing{Script: callback.ScriptRef{Name: "example", Version: "1"}, Action: "wait"}
	crowd := 0
	for ; crowd < 150; crowd++ {
		stand(crowd, crowded)
	}
	var want []dispatch.Due
	for i, at := range []dispatch.Standing{
		{Script: crowded.Script, Action: "expire"},
		{Script: crowded.Script}, // it has not begun
		{Script: callback.ScriptRef{Name: "example", Version: "2"}, Action: "wait"},
		{Script: callback.ScriptRef{Name: "another", Version: "1"}, Action: "wait"},
	} {
		want = append(want, dispatch.Due{Contact: stand(crowd+i, at), Standing: at})
	}
	found, err := store.Due(t.Context(), epoch.Add(time.Second))
	if err != nil || len(found) != 100+len(want) || !slices.Equal(found[100:], want) {
		t.Fatalf("%d are due, at last %+v; want 100 and %+v (%v)", len(found), found[min(100, len(found)):], want, err)
	}
	for i, due := range found[:100] {
		if due.Standing != crowded || i > 0 && due.Contact <= found[i-1].Contact {
			t.Fatalf("of those who stand together %+v comes after %+v", due, found[max(i-1, 0)])
		}
	}
}

func TestTheContactsOfANodeAreThoseWithAnOpenLegThere(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	leg := func(channel, node string, ended time.Time) callback.Leg {
		return callback.Leg{Channel: channel, Node: node, Party: callback.PartyContact, Direction: callback.Inbound, CreatedAt: epoch, EndedAt: ended}
	}
	c := caller()
	c.Legs = []callback.Leg{leg("in-1", node, time.Time{})}
	here := save(t, store, lease, c).Contact.ID
	for _, legs := range [][]callback.Leg{nil, {leg("in-1", "pbx2", time.Time{})}, {leg("in-2", node, epoch)}} {
		c := caller()
		c.Legs = legs
		save(t, store, lease, c)
	}
	records, err := store.OpenOn(t.Context(), node)
	if err != nil || len(records) != 1 || records[0].Contact.ID != here {
		t.Fatalf("open are %+v, want contact %s (%v)", records, here, err)
	}
}

func TestAScriptIsKeptInEachVersion(t *testing.T) {
	store := postgrestest.New(t)
	first, second := callback.ScriptRef{Name: "example", Version: "1"}, callback.ScriptRef{Name: "example", Version: "2"}
	for range 2 { // each daemon saves what it runs whenever it starts
		if err := errors.Join(store.SaveScript(t.Context(), first, []byte("a: 1")), store.SaveScript(t.Context(), second, []byte("a: \x002"))); err != nil {
			t.Fatal(err)
		}
	}
	for ref, want := range map[callback.ScriptRef]string{first: "a: 1", second: "a: \x002"} {
		if got, err := store.ScriptSource(t.Context(), ref); err != nil || string(got) != want {
			t.Errorf("version %s is %q (%v)", ref.Version, got, err)
		}
	}
	if _, err := store.ScriptSource(t.Context(), callback.ScriptRef{Name: "example", Version: "3"}); !errors.Is(err, dispatch.ErrNotFound) {
		t.Errorf("an unknown version gives %v", err)
	}
}
