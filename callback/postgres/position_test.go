package postgres_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// queuer puts places into the database beside the store, each case into a skill of its own.
type queuer struct {
	t    testing.TB
	db   *sqlx.DB
	next callback.ContactID
}

func (q *queuer) put(f fataler, places []callback.Place) []callback.ContactID {
	ids := make([]callback.ContactID, len(places))
	for i, p := range places {
		q.next++
		ids[i] = q.next
		_, err := q.db.ExecContext(q.t.Context(), `
			INSERT INTO contact (id, state, script, script_version, arrived_at, skill) VALUES ($1, 'live', 'example', '1', now(), $2)`,
			int64(q.next), p.Skill)
		if err != nil {
			f.Fatal(err)
		}
		_, err = q.db.ExecContext(q.t.Context(), `
			WITH made AS (
			    INSERT INTO class (skill, initial, acceleration, maximum, target_agent, node) VALUES ($2, $3, $4, $5, $6, $7)
			    ON CONFLICT (skill, initial, acceleration, maximum, target_agent, node) DO UPDATE SET skill = excluded.skill
			    RETURNING id)
			INSERT INTO place (contact_id, class_id, queued_at, held, ready_at, offerable)
			SELECT $1, id, $8, $9, $10::timestamptz, NOT $9 AND $10::timestamptz IS NULL FROM made`,
			int64(q.next), p.Skill, p.Priority.Initial, p.Priority.Acceleration, p.Priority.Maximum, p.TargetAgent, p.Node,
			p.QueuedAt, p.Held, nullTime(p.ReadyAt))
		if err != nil {
			f.Fatal(err)
		}
	}
	return ids
}

// drawQueued gives a place whose priority often equals that of another one at the moment at, or misses
// it by a step.
func drawQueued(rt *rapid.T, skill string, at time.Time) callback.Place {
	waited := rapid.OneOf(
		rapid.Map(rapid.IntRange(-2, 6), func(minutes int) time.Duration { return time.Duration(minutes) * time.Minute }),
		rapid.Map(rapid.IntRange(0, 100*365*24), func(hours int) time.Duration { return time.Duration(hours) * time.Hour }),
	).Draw(rt, "waited")
	waited += time.Duration(rapid.IntRange(-2, 2).Draw(rt, "microseconds")) * time.Microsecond
	return callback.Place{
		Skill: skill,
		Priority: callback.Priority{
			Initial:      rapid.OneOf(rapid.IntRange(-3, 6), rapid.IntRange(-1<<31, 1<<31-1)).Draw(rt, "initial"),
			Acceleration: rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, 1<<31-1)).Draw(rt, "acceleration"),
			Maximum:      rapid.OneOf(rapid.IntRange(-2, 7), rapid.Just(1000), rapid.IntRange(-1<<31, 1000)).Draw(rt, "maximum"),
		},
		TargetAgent: rapid.SampledFrom([]string{"", "1001"}).Draw(rt, "target"),
		QueuedAt:    at.Add(-waited),
		Held:        rapid.Bool().Draw(rt, "held"),
	}
}

func TestThoseAheadAreCountedAsASlowWalkOfTheQueueCountsThem(t *testing.T) {
	q := &queuer{t: t, db: open(t, postgrestest.URL(t))}
	cases := 0
	at := time.Now().UTC().Truncate(time.Microsecond)
	rapid.Check(t, func(rt *rapid.T) {
		cases++
		skill := fmt.Sprintf("skill %d", cases)
		places := make([]callback.Place, rapid.IntRange(1, 10).Draw(rt, "places"))
		for i := range places {
			places[i] = drawQueued(rt, skill, at)
		}
		ids := q.put(rt, places)
		// One who is not in the queue: as if queued now, after everyone of the same moment.
		places = append(places, drawQueued(rt, skill, at))
		ids = append(ids, math.MaxInt64)
		for i, p := range places {
			want := 0
			for j, other := range places[:len(places)-1] {
				if callback.Before(ids[j], other, ids[i], p, at) {
					want++
				}
			}
			var got int
			err := q.db.GetContext(t.Context(), &got, "SELECT places_ahead($1, $2, $3, $4, $5)",
				skill, p.Priority.At(p.QueuedAt, at), p.QueuedAt, int64(ids[i]), at)
			if err != nil {
				rt.Fatal(err)
			}
			if got != want {
				rt.Fatalf("%d are counted ahead of place %d, want %d: %+v", got, i, want, places)
			}
		}
	})
}

// walk is what a query has read of a table.
type walk struct {
	Table string `db:"relname"`
	Whole int64  `db:"seq_tup_read"` // rows, in reading it as a whole
	Found int64  `db:"found"`        // rows, in all
}

// reads runs a statement as the daemon does, once planned for its values and once for any, and gives
// what it reads of the tables that grow.
func reads(t *testing.T, url, statement string, arguments ...any) map[string]walk {
	t.Helper()
	db := open(t, url)
	db.SetMaxOpenConns(1) // for what is set and prepared
	worst := map[string]walk{}
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		if _, err := db.Exec("SET plan_cache_mode = " + mode); err != nil {
			t.Fatal(err)
		}
		tx, err := db.Beginx()
		if err != nil {
			t.Fatal(err)
		}
		prepared, err := tx.Preparex(statement)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := prepared.Exec(arguments...); err != nil {
			t.Fatal(err)
		}
		var walks []walk
		err = tx.Select(&walks, `
			SELECT relname, seq_tup_read, seq_tup_read + coalesce(idx_tup_fetch, 0) AS found
			FROM pg_stat_xact_user_tables WHERE relname IN ('contact', 'place', 'offer', 'leg')`)
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		for _, w := range walks {
			if w.Whole > 0 { // an empty table may be
				t.Errorf("%s: %s is read as a whole, %d rows", mode, w.Table, w.Whole)
			}
			if w.Found >= worst[w.Table].Found {
				worst[w.Table] = w
			}
		}
	}
	return worst
}

// fillHistory adds answers of the last days to the skill support, of contacts that have ended.
func fillHistory(t testing.TB, url string, answers int) {
	t.Helper()
	db := open(t, url)
	for _, fill := range []struct {
		statement string
		rows      []any
	}{
		{`INSERT INTO contact (state, outcome, script, script_version, arrived_at, ended_at, skill, wake_at, phone_number, extension, caller_id, call_delay_sec, promised_at)
		  SELECT 'ended', 'served', 'example', '1', now(), now(), 'support', NULL, (5550000 + n)::text, '', '', 0, now()
		  FROM generate_series(1, $1::int) n`, []any{answers}},
		{`INSERT INTO offer (contact_id, channel, agent, endpoint, skill, kind, result, offered_at, accepted_at, ended_at)
		  SELECT id, 'old-' || id, '1001', '', 'support', 'live', 'accepted',
		         now() - id * interval '10 s', now() - id * interval '10 s', now() - id * interval '10 s' + interval '9 s'
		  FROM contact WHERE state = 'ended'`, nil},
		{"VACUUM ANALYZE", nil},
	} {
		if _, err := db.Exec(fill.statement, fill.rows...); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHowAQueueStandsIsReadFromIndexes(t *testing.T) {
	url := postgrestest.URL(t)
	store := postgrestest.Open(t, url)
	addAgent(t, store, "1001", support)
	fillQueue(t, url, 20_000, 20)
	fillHistory(t, url, 5_000)
	var contact int64
	if err := open(t, url).Get(&contact, "SELECT max(contact_id) FROM place"); err != nil {
		t.Fatal(err)
	}
	status := reads(t, url, postgres.StatusStatement, "support", contact)
	estimate := reads(t, url, postgres.EstimateStatement, "support", contact, 100, 0, 1, 1000)
	// 100 offers are the sample, 180 are those of the agent's last half hour, and the places are counted in their index without their rows.
	for name, test := range map[string]struct {
		walks map[string]walk
		table string
		most  int64
	}{
		"status":                {status, "place", 100},
		"estimate":              {estimate, "place", 100},
		"estimate, the answers": {estimate, "offer", 400},
	} {
		if w := test.walks[test.table]; w.Found > test.most {
			t.Errorf("%s reads %d rows of %s, want %d at most", name, w.Found, test.table, test.most)
		}
	}
}

func TestACallbackIsFoundByItsNumberAndWhatIsDueByItsTimeWithoutAWalk(t *testing.T) {
	url := postgrestest.URL(t)
	store := postgrestest.Open(t, url)
	addAgent(t, store, "1001", support)
	fillHistory(t, url, 5_000)
	db := open(t, url)
	for _, statement := range []string{
		`INSERT INTO contact (state, script, script_version, arrived_at, skill, wake_at, phone_number, extension, caller_id, call_delay_sec, promised_at)
		 SELECT 'callback', 'example', '1', now(), 'support', now() + n * interval '1 s', (6660000 + n)::text, '', '', 0, now()
		 FROM generate_series(-9, 20000) n`,
		`INSERT INTO contact (state, script, script_version, script_state, arrived_at, skill, wake_at, phone_number, extension, caller_id, call_delay_sec, promised_at)
		 SELECT 'callback', 'example', '1', '{"action": "crowded"}', now(), 'support', now() - n * interval '1 s', (7770000 + n)::text, '', '', 0, now()
		 FROM generate_series(1, 5000) n`,
		"VACUUM ANALYZE",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if w := reads(t, url, postgres.OpenCallbackStatement, "6660007", "support")["contact"]; w.Found > 3 {
		t.Errorf("a callback is looked for among %d contacts", w.Found)
	}
	due := reads(t, url, postgres.DueStatement, time.Now().UTC(), 100)["contact"]
	if due.Found < 110 || due.Found > 300 {
		t.Errorf("what is due is looked for among %d contacts, want some 110", due.Found)
	}
	found, err := store.Due(t.Context(), time.Now().UTC())
	if err != nil || len(found) < 110 {
		t.Errorf("%d are due, want 100 of the crowd, 10 others and what has come due since (%v)", len(found), err)
	}
}
