package postgres_test

import (
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// open gives a connection of the test's own.
func open(t testing.TB, url string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

type fataler interface{ Fatal(args ...any) }

func priorityAt(t *testing.T, f fataler, db *sqlx.DB, p callback.Priority, queued, at time.Time) int64 {
	var steps int64
	err := db.GetContext(t.Context(), &steps, "SELECT priority_at($1, $2, $3, $4, $5)", p.Initial, p.Acceleration, p.Maximum, queued, at)
	if err != nil {
		f.Fatal(err)
	}
	return steps
}

func TestThePriorityIsTheSameInGoAndSQL(t *testing.T) {
	db := open(t, postgrestest.URL(t))
	rapid.Check(t, func(rt *rapid.T) {
		p := callback.Priority{
			Initial:      int(rapid.Int32().Draw(rt, "initial")),
			Acceleration: rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(0, 1<<31-1)).Draw(rt, "acceleration"),
			Maximum:      rapid.IntRange(-1<<31, 1000).Draw(rt, "maximum"),
		}
		queued := moment.Draw(rt, "queued")
		at := rapid.OneOf(moment, rapid.Map(rapid.Int64Range(-1e6, 3600e6), func(waited int64) time.Time {
			return queued.Add(time.Duration(waited) * time.Microsecond)
		})).Draw(rt, "at")
		if got, want := priorityAt(t, rt, db, p, queued, at), p.At(queued, at); got != want {
			rt.Fatalf("SQL gives %d, Go %d", got, want)
		}
	})
}

func TestThePublishedPriorities(t *testing.T) {
	db := open(t, postgrestest.URL(t))
	for name, test := range map[string]struct {
		priority callback.Priority
		waited   time.Duration
		want     int64
	}{
		"4 with acceleration 1 after 3 min":     {callback.Priority{Initial: 4, Acceleration: 1, Maximum: 1000}, 3 * time.Minute, 7},
		"101 with acceleration 10 after 10 min": {callback.Priority{Initial: 101, Acceleration: 10, Maximum: 1000}, 10 * time.Minute, 201},
		"no higher than the maximum":            {callback.Priority{Initial: 101, Acceleration: 10, Maximum: 150}, 10 * time.Minute, 150},
		"no acceleration":                       {callback.Priority{Initial: 3, Acceleration: 0, Maximum: 1000}, time.Hour, 3},
	} {
		got := priorityAt(t, t, db, test.priority, epoch, epoch.Add(test.waited))
		if got != test.want*callback.Minute {
			t.Errorf("%s is %d steps, want %d", name, got, test.want*callback.Minute)
		}
	}
	slow, fast := callback.Priority{Initial: 3, Acceleration: 1, Maximum: 1000}, callback.Priority{Initial: 1, Acceleration: 5, Maximum: 1000}
	for waited, ahead := range map[time.Duration]bool{0: false, 29 * time.Second: false, 31 * time.Second: true, time.Minute: true} {
		at := epoch.Add(waited)
		if got := priorityAt(t, t, db, fast, epoch, at) > priorityAt(t, t, db, slow, epoch, at); got != ahead {
			t.Errorf("after %s, 1 with acceleration 5 is ahead of 3 with acceleration 1: %t, want %t", waited, got, ahead)
		}
	}
}
