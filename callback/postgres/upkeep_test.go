package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

func TestFactsGoIntoTheirMonthAndNoneIsRefused(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	now := time.Now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, 2, 0)
	name := "fact_" + month.Format("2006_01")
	partition := func(at time.Time) string {
		t.Helper()
		var name string
		if err := db.Get(&name, "SELECT tableoid::regclass FROM fact WHERE at = $1", at); err != nil {
			t.Fatal(err)
		}
		return name
	}
	// As if that month had come before its partition was made.
	if _, err := db.Exec("DROP TABLE " + name); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	facts := []callback.Fact{
		{At: month, Kind: callback.FactLog},
		{At: old, Kind: callback.FactLog},
		{At: now.Truncate(time.Microsecond), Kind: callback.FactLog},
	}
	if _, err := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{Contact: caller()}, Facts: facts}); err != nil {
		t.Fatal(err)
	}
	if got := partition(month); got != "fact_default" {
		t.Errorf("without a partition the fact is in %s", got)
	}
	for range 2 {
		if err := store.EnsurePartitions(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for at, want := range map[time.Time]string{month: name, old: "fact_default", facts[2].At: "fact_" + now.Format("2006_01")} {
		if got := partition(at); got != want {
			t.Errorf("the fact of %s is in %s, want %s", at, got, want)
		}
	}
}

func TestEmptyClassesAreRemovedAndMadeAgain(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	record := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	if n, err := store.ForgetEmptyClasses(t.Context()); n != 0 || err != nil {
		t.Fatalf("%d classes removed, want 0 (%v)", n, err)
	}
	p := record.Contact.Place
	record.Contact.Place = nil
	leave := store.Save(t.Context(), lease, dispatch.Change{Record: record})
	n, err := store.ForgetEmptyClasses(t.Context())
	if err := errors.Join(leave, err); n != 1 || err != nil {
		t.Fatalf("%d classes removed, want 1 (%v)", n, err)
	}
	record.Rev++
	record.Contact.Place = p
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err != nil {
		t.Fatalf("queueing in a class that was removed: %v", err)
	}
	loaded, err := store.Load(t.Context(), record.Contact.ID)
	if err != nil || loaded.Contact.Place == nil || *loaded.Contact.Place != *p {
		t.Fatalf("loaded place %+v, want %+v (%v)", loaded.Contact.Place, p, err)
	}
}
