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
	store  *postgres.Store
	lease  dispatch.Lease
	agents []string // who are free
	times  []time.Duration
}

// size is what a queue has: so many who wait, in so many classes, for so many free agents.
type size struct{ waiting, classes, agents int }

func fill(b *testing.B, size size) *filled {
	b.Helper()
	url := postgrestest.URL(b)
	f := &filled{store: postgrestest.Open(b, url)}
	f.lease = acquire(b, f.store, node)
	for i := range size.agents {
		f.agents = append(f.agents, fmt.Sprint(1001+i))
		addAgent(b, f.store, f.agents[i], support)
	}
	fillQueue(b, url, size.waiting, size.classes)
	return f
}

// match measures one match and takes the offer back, which is not measured.
func (f *filled) match(b *testing.B) {
	b.Helper()
	begun := time.Now()
	m := match(b, f.store, request(f.lease, f.agents...))
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

// BenchmarkMatch measures a match with so many waiting, in so many classes, and for so many free agents, by turns,
// so that the load of the machine falls on all of them alike. It gives the medians, and what 1,000,000 waiting
// cost as against 10.
func BenchmarkMatch(b *testing.B) {
	b.Run("as the queue grows", func(b *testing.B) {
		took := matchByTurns(b, []size{{10, 1, 1}, {1_000, 1, 1}, {100_000, 1, 1}, {1_000_000, 1, 1}})
		b.ReportMetric(float64(took[3])/float64(took[0]), "1000000/10-waiting")
	})
	b.Run("as the classes grow", func(b *testing.B) {
		matchByTurns(b, []size{{100_000, 1, 1}, {100_000, 10, 1}, {100_000, 100, 1}, {100_000, 1_000, 1}, {100_000, 10_000, 1}})
	})
	b.Run("as the free agents grow", func(b *testing.B) {
		matchByTurns(b, []size{{10, 1, 1}, {10, 1, 20}, {10, 1, 500}})
	})
}

func matchByTurns(b *testing.B, sizes []size) []time.Duration {
	queues := make([]*filled, len(sizes))
	for i, size := range sizes {
		queues[i] = fill(b, size)
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
		b.ReportMetric(float64(took[i].Microseconds()),
			fmt.Sprintf("us/%d-waiting-%d-classes-%d-agents", sizes[i].waiting, sizes[i].classes, sizes[i].agents))
	}
	return took
}
