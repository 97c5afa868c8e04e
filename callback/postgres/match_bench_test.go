package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// filled is a database with a queue, for benchmarks.
type filled struct {
	store *postgres.Store
	lease dispatch.Lease
	times []time.Duration
}

func fill(b *testing.B, waiting, classes int) *filled {
	b.Helper()
	url := postgrestest.URL(b)
	f := &filled{store: postgrestest.Open(b, url)}
	f.lease = acquire(b, f.store, node)
	addAgent(b, f.store, "1001", support)
	fillQueue(b, url, waiting, classes)
	return f
}

// match measures one match and takes the offer back, which is not measured.
func (f *filled) match(b *testing.B) {
	b.Helper()
	begun := time.Now()
	m := match(b, f.store, request(f.lease, "1001"))
	f.times = append(f.times, time.Since(begun))
	if m == nil {
		b.Fatal("no match")
	}
	if err := endOffer(b.Context(), f.store, f.lease, m, callback.OfferWithdrawn, callback.AgentChange{Activity: callback.Free}); err != nil {
		b.Fatal(err)
	}
}

func (f *filled) median() time.Duration {
	slices.Sort(f.times)
	return f.times[len(f.times)/2]
}

// BenchmarkMatch measures a match with so many waiting and in so many classes, by turns, so that the load
// of the machine falls on all of them alike. It gives the medians, and what 1,000,000 waiting cost as
// against 10.
func BenchmarkMatch(b *testing.B) {
	b.Run("as the queue grows", func(b *testing.B) {
		took := matchByTurns(b, [][2]int{{10, 1}, {1_000, 1}, {100_000, 1}, {1_000_000, 1}})
		b.ReportMetric(float64(took[3])/float64(took[0]), "1000000/10-waiting")
	})
	b.Run("as the classes grow", func(b *testing.B) {
		matchByTurns(b, [][2]int{{100_000, 1}, {100_000, 10}, {100_000, 100}, {100_000, 1_000}, {100_000, 10_000}})
	})
}

func matchByTurns(b *testing.B, sizes [][2]int) []time.Duration {
	queues := make([]*filled, len(sizes))
	for i, size := range sizes {
		queues[i] = fill(b, size[0], size[1])
	}
	b.ResetTimer()
	for range max(b.N, 101) {
		for _, f := range queues {
			f.match(b)
		}
	}
	b.ReportMetric(0, "ns/op")
	took := make([]time.Duration, len(sizes))
	for i, f := range queues {
		took[i] = f.median()
		b.ReportMetric(float64(took[i].Microseconds()), fmt.Sprintf("us/%d-waiting-%d-classes", sizes[i][0], sizes[i][1]))
	}
	return took
}
