package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/private"
)

const (
	measured   = 3 * time.Second // of matching, and of pgbench before and after it
	manyAgents = 100_000         // each gets one contact
	manyPlaces = 100_000
	busyAgents = 500
	phones     = 20 // that become free at once, where it is not one at a time
)

// BenchmarkMatchesASecond lets so many matchers, each with a node of its own, take from one queue, and
// compares that with the transactions a second of pgbench -N with as many clients, which have as many
// statements each. Both run on the same Postgres, one that waits for its disk.
func BenchmarkMatchesASecond(b *testing.B) {
	h := newHall(b)
	for _, size := range []struct{ matchers, free int }{{1, 1}, {4, 1}, {16, 1}, {1, phones}, {4, phones}, {16, phones}} {
		matchers := size.matchers
		b.Run(fmt.Sprintf("%d matchers, %d free at once", matchers, size.free), func(b *testing.B) {
			var matches, transactions float64
			rounds := 0.0
			for b.Loop() {
				before := h.pgbench(b, matchers)
				matches += h.match(b, matchers, size.free)
				transactions += (before + h.pgbench(b, matchers)) / 2
				rounds++
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(matches/rounds, "matches/s")
			b.ReportMetric(transactions/rounds, "pgbench-tx/s")
			b.ReportMetric(matches/transactions, "matches/tx")
		})
	}
}

// hall is a Postgres as a site has it, with a queue and agents who are all free.
type hall struct {
	server *private.Server
	pgpath string
	agents atomic.Int64 // who have been asked for
}

const (
	hallDatabase  = "hall"
	benchDatabase = "pgbench"
)

func newHall(b *testing.B) *hall {
	b.Helper()
	dir, err := os.MkdirTemp("", "callbackd-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { check(b, os.RemoveAll(dir)) })
	check(b, os.Chmod(dir, 0o755)) // the server has a user of its own
	h := &hall{}
	h.server, err = private.Start(b.Context(), private.Options{Dir: filepath.Join(dir, "postgres")})
	check(b, err)
	b.Cleanup(func() { check(b, h.server.Stop(context.Background())) })
	programs, err := private.Installed()
	check(b, err)
	h.pgpath = filepath.Join(programs, "pgbench")
	for _, name := range []string{hallDatabase, benchDatabase} {
		check(b, h.server.CreateDatabase(b.Context(), name, ""))
	}
	h.run(b, "-i", "-q", "-s", "10")
	check(b, postgres.Migrate(b.Context(), h.server.URL(hallDatabase), nil, b.Output()))
	fillQueue(b, h.server.URL(hallDatabase), manyPlaces, 1)
	fillHistory(b, h.server.URL(hallDatabase), 10_000)
	h.hire(b)
	return h
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// hire adds the agents, and others who are busy: Postgres plans by how many offers are open.
func (h *hall) hire(b *testing.B) {
	b.Helper()
	db := open(b, h.server.URL(hallDatabase))
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO agent (extension, endpoint, presence)
			SELECT n::text, 'PJSIP/' || n, 'available' FROM generate_series(1, %d) n`, manyAgents+busyAgents),
		`INSERT INTO agent_skill (agent, skill, proficiency) SELECT extension, 'support', 1 FROM agent`,
		fmt.Sprintf(`WITH served AS (
			    INSERT INTO contact (state, script, script_version, arrived_at)
			    SELECT 'live', 'example', '1', now() FROM generate_series(1, %d) RETURNING id)
			INSERT INTO offer (contact_id, channel, agent, endpoint, skill, kind, result, offered_at, accepted_at)
			SELECT id, 'busy-' || id, (%d + row_number() OVER ())::text, '', 'support', 'live', 'accepted', now(), now() FROM served`,
			busyAgents, manyAgents),
		"VACUUM ANALYZE",
	} {
		if _, err := db.Exec(statement); err != nil {
			b.Fatal(err)
		}
	}
}

// match gives the matches a second.
func (h *hall) match(b *testing.B, matchers, free int) float64 {
	b.Helper()
	var stores []*postgres.Store
	var leases []dispatch.Lease
	for i := range matchers {
		store, err := postgres.Open(b.Context(), h.server.URL(hallDatabase), postgres.Options{
			Logger: slog.New(slog.DiscardHandler), MaxConnections: 2, PlanOnce: true,
		})
		check(b, err)
		lease, err := store.AcquireLease(b.Context(), fmt.Sprintf("pbx%d", i), "bench", time.Minute)
		check(b, err)
		stores, leases = append(stores, store), append(leases, lease)
	}
	var matches atomic.Int64
	var group sync.WaitGroup
	begun := time.Now()
	for i, store := range stores {
		group.Go(func() {
			for time.Since(begun) < measured {
				if err := h.serve(b.Context(), store, leases[i], free, &matches); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	rate := float64(matches.Load()) / time.Since(begun).Seconds()
	for i, store := range stores {
		check(b, errors.Join(store.ReleaseLease(b.Context(), leases[i]), store.Close()))
	}
	return rate
}

// serve gives the next agents, so many at once, a contact each.
func (h *hall) serve(ctx context.Context, store *postgres.Store, lease dispatch.Lease, free int, matches *atomic.Int64) error {
	last := h.agents.Add(int64(free))
	if last > min(manyAgents, manyPlaces) {
		return errors.New("the benchmark has no agents and no contacts left: give it less time")
	}
	extensions := make([]string, free)
	for i := range extensions {
		extensions[i] = strconv.FormatInt(last-int64(i), 10)
	}
	for len(extensions) > 0 {
		r := request(lease, extensions...)
		r.Ports = 2 * free
		made, err := store.Match(ctx, r)
		if err != nil {
			return err
		}
		if len(made) == 0 {
			return errors.New("an agent is left without a contact")
		}
		matches.Add(int64(len(made)))
		for _, m := range made {
			extensions = slices.DeleteFunc(extensions, func(e string) bool { return e == m.Made.Offer.Agent })
		}
	}
	return nil
}

var tps = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)

// pgbench gives the transactions a second.
func (h *hall) pgbench(b *testing.B, clients int) float64 {
	b.Helper()
	out := h.run(b, "-n", "-N", "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, runtime.NumCPU())),
		"-T", strconv.Itoa(int(measured.Seconds())))
	found := tps.FindSubmatch(out)
	if found == nil {
		b.Fatalf("pgbench says: %s", out)
	}
	rate, err := strconv.ParseFloat(string(found[1]), 64)
	check(b, err)
	return rate
}

func (h *hall) run(b *testing.B, arguments ...string) []byte {
	b.Helper()
	arguments = append([]string{"-h", h.server.Dir(), "-p", "5432", "-U", "callbackd"}, append(arguments, benchDatabase)...)
	out, err := exec.CommandContext(b.Context(), h.pgpath, arguments...).CombinedOutput()
	if err != nil {
		b.Fatalf("pgbench: %v: %s", err, out)
	}
	return out
}
