package postgres_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// hear gives what is notified from now on.
func hear(t *testing.T, url string) <-chan *pq.Notification {
	t.Helper()
	listener := pq.NewListener(url, time.Second, time.Second, nil)
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := listener.Listen("callbackd"); err != nil {
		t.Fatal(err)
	}
	return listener.NotificationChannel()
}

func next(t *testing.T, heard <-chan *pq.Notification) string {
	t.Helper()
	select {
	case notification := <-heard:
		return notification.Extra
	case <-time.After(30 * time.Second):
		t.Fatal("waited in vain for a notification")
		return ""
	}
}

func TestTheMatchersOfAllDaemonsAreToldWhatCanBeMatchedAndNothingElse(t *testing.T) {
	url := postgrestest.URL(t)
	db, heard := open(t, url), hear(t, url)
	store, err := postgres.Open(t.Context(), url, postgres.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	lease := acquire(t, store, node)
	record := save(t, store, lease, caller())
	record.Contact.Music = "default"
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err != nil {
		t.Fatal(err)
	}
	record.Rev++
	if err := store.Close(); err != nil { // which would send what waits
		t.Fatal(err)
	}
	if _, err := db.Exec("NOTIFY callbackd, 'nothing before'"); err != nil {
		t.Fatal(err)
	}
	if got := next(t, heard); got != "nothing before" {
		t.Fatal("a contact that is not queued has woken the matchers")
	}

	store = postgrestest.Open(t, url)
	record.Contact.Place = place("support", callback.DefaultPriority, epoch)
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err != nil {
		t.Fatal(err)
	}
	next(t, heard)
	if err := store.AddAgent(t.Context(), "1001", "", "PJSIP/1001", nil); err != nil {
		t.Fatal(err)
	}
	next(t, heard)
	if err := store.SetPresence(t.Context(), "1001", callback.Available, "", "a test"); err != nil {
		t.Fatal(err)
	}
	next(t, heard)
}

// awaitListener waits until the store listens.
func awaitListener(t *testing.T, db *sqlx.DB) {
	t.Helper()
	awaitTrue(t, "the listener", func() bool {
		var listens bool
		err := db.Get(&listens, `
			SELECT EXISTS (SELECT FROM pg_stat_activity
			               WHERE datname = current_database() AND state = 'idle' AND query LIKE 'LISTEN %')`)
		return err == nil && listens
	})
}

func TestAStoreHearsTheWakesOfOthers(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	wakes := store.Wakes()
	awaitListener(t, db)
	if _, err := db.Exec("NOTIFY callbackd"); err != nil {
		t.Fatal(err)
	}
	await(t, wakes, "the wake")
}

func TestALostListenerWakesWhenItIsBack(t *testing.T) {
	url := postgrestest.URL(t)
	proxy, db := postgrestest.NewProxy(t, url), open(t, url)
	wakes := postgrestest.Open(t, proxy.URL()).Wakes()
	awaitListener(t, db)
	if err := proxy.Refuse(); err != nil {
		t.Fatal(err)
	}
	if err := proxy.Restore(); err != nil {
		t.Fatal(err)
	}
	await(t, wakes, "the wake after the reconnect")
}
