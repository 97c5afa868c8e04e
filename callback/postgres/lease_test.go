package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

const otherHolder = "host:2:def"

func TestANodeHasOneHolderUntilItIsReleased(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	if _, err := store.AcquireLease(t.Context(), node, otherHolder, time.Minute); !errors.Is(err, dispatch.ErrLeaseHeld) {
		t.Fatalf("a second holder gets %v, want %v", err, dispatch.ErrLeaseHeld)
	}
	if again := acquire(t, store, node); again != lease {
		t.Fatalf("the holder gets %+v, want %+v again", again, lease)
	}
	if err := store.RenewLease(t.Context(), lease, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := store.ReleaseLease(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	next, err := store.AcquireLease(t.Context(), node, otherHolder, time.Minute)
	if err != nil || next.Epoch <= lease.Epoch {
		t.Fatalf("after the release another holder gets %+v, %v; want a later epoch than %d", next, err, lease.Epoch)
	}
	for name, err := range map[string]error{
		"renewal": store.RenewLease(t.Context(), lease, time.Minute),
		"release": store.ReleaseLease(t.Context(), lease),
	} {
		if !errors.Is(err, dispatch.ErrLeaseLost) {
			t.Errorf("the %s of the old lease gives %v, want %v", name, err, dispatch.ErrLeaseLost)
		}
	}
}

func TestALeaseThatRanOutIsTakenOverAfterTheMarginAndNotBefore(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	// The database's clock can't be put forward; the lease can be put back.
	expire := func(ago time.Duration) {
		t.Helper()
		if _, err := db.Exec("UPDATE node SET expires_at = clock_timestamp() - make_interval(secs => $1)", ago.Seconds()); err != nil {
			t.Fatal(err)
		}
	}
	expire(postgres.TakeoverMargin - time.Second)
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: dispatch.Record{Contact: caller(), Rev: 1}}); !errors.Is(err, dispatch.ErrLeaseLost) {
		t.Errorf("a save under a lease that ran out gives %v, want %v", err, dispatch.ErrLeaseLost)
	}
	if _, err := store.AcquireLease(t.Context(), node, otherHolder, time.Minute); !errors.Is(err, dispatch.ErrLeaseHeld) {
		t.Fatalf("within the margin another holder gets %v, want %v", err, dispatch.ErrLeaseHeld)
	}
	if err := store.RenewLease(t.Context(), lease, time.Minute); err != nil {
		t.Fatalf("a lease that nobody has taken could not be renewed: %v", err)
	}
	save(t, store, lease, caller())

	expire(postgres.TakeoverMargin + time.Millisecond)
	if _, err := store.AcquireLease(t.Context(), node, otherHolder, time.Minute); err != nil {
		t.Fatalf("after the margin: %v", err)
	}
	if err := store.RenewLease(t.Context(), lease, time.Minute); !errors.Is(err, dispatch.ErrLeaseLost) {
		t.Fatalf("the holder before renews: %v, want %v", err, dispatch.ErrLeaseLost)
	}
}

func TestATakeoverWaitsForTheSavesThatAreUnderWay(t *testing.T) {
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
	saved, taken := make(chan error, 1), make(chan error, 1)
	go func() { saved <- store.Save(t.Context(), lease, dispatch.Change{Record: record}) }()
	awaitTrue(t, "the save to wait", lockWaits(db, 1))
	if err := store.ReleaseLease(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := store.AcquireLease(t.Context(), node, otherHolder, time.Minute)
		taken <- err
	}()
	awaitTrue(t, "the takeover to wait, too", lockWaits(db, 2))
	if err := obstacle.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-saved; err != nil {
		t.Errorf("the save: %v", err)
	}
	if err := <-taken; err != nil {
		t.Errorf("the takeover: %v", err)
	}
}
