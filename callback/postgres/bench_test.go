package postgres_test

import (
	"fmt"
	"testing"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// BenchmarkSave saves ordinary turns of contacts on the line, on a Postgres that does not wait for its
// disk.
func BenchmarkSave(b *testing.B) {
	for _, at := range []int{1, 8} {
		b.Run(fmt.Sprintf("%d at once", at), func(b *testing.B) {
			store := postgrestest.New(b)
			lease := acquire(b, store, node)
			work := make(chan struct{})
			done := make(chan error)
			for range at {
				record := save(b, store, lease, caller())
				record.Contact.Place = place("support", callback.DefaultPriority, epoch)
				go func() {
					var err error
					for range work {
						err = store.Save(b.Context(), lease, dispatch.Change{
							Record: record,
							Facts:  []callback.Fact{{At: epoch, Kind: callback.FactAction, Data: map[string]string{"name": "music"}}},
						})
						record.Rev++
					}
					done <- err
				}()
			}
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			for range at {
				if err := <-done; err != nil {
					b.Error(err)
				}
			}
		})
	}
}

// BenchmarkQueueStatus and BenchmarkEstimate ask for the contact in the middle of the queue.
func BenchmarkQueueStatus(b *testing.B) {
	askInTheMiddle(b, func(store *postgres.Store, id callback.ContactID) (int, error) {
		status, err := store.QueueStatus(b.Context(), "support", id)
		return status.Position, err
	})
}

func BenchmarkEstimate(b *testing.B) {
	askInTheMiddle(b, func(store *postgres.Store, id callback.ContactID) (int, error) {
		estimate, err := store.Estimate(b.Context(), supportSkill, id)
		return estimate.Position, err
	})
}

func askInTheMiddle(b *testing.B, ask func(*postgres.Store, callback.ContactID) (position int, err error)) {
	for _, size := range []struct{ waiting, classes int }{{1_000, 1}, {100_000, 1}, {100_000, 100}, {100_000, 1_000}} {
		b.Run(fmt.Sprintf("%d waiting, %d classes", size.waiting, size.classes), func(b *testing.B) {
			url := postgrestest.URL(b)
			store := postgrestest.Open(b, url)
			addAgent(b, store, "1001", postgres.AgentSkill{Skill: "support", Proficiency: 1})
			fillQueue(b, url, size.waiting, size.classes)
			fillHistory(b, url, 10_000)
			for b.Loop() {
				if position, err := ask(store, callback.ContactID(size.waiting/2)); err != nil || position == 0 {
					b.Fatalf("the position is %d (%v)", position, err)
				}
			}
		})
	}
}
