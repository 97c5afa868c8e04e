package postgres_test

import (
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/callback/queue"
)

// supportSkill is the skill support with its settings.
var supportSkill = func() callback.Skill {
	skill := callback.DefaultSkill
	skill.Name, skill.AfterCallWork, skill.RefusedTime = "support", 0, 20*time.Second
	return skill
}()

// past adds what has happened to a database.
type past struct {
	t       *testing.T
	db      *sqlx.DB
	contact callback.ContactID // that everything has happened to
}

// offers adds offers to agent 1001 that were made that long ago and ended that much later.
func (p past) offers(skill, result string, n int, ago, length time.Duration) {
	p.t.Helper()
	_, err := p.db.Exec(`
		INSERT INTO offer (contact_id, channel, agent, endpoint, skill, kind, result, offered_at, accepted_at, ended_at)
		SELECT $1, $6 || '-' || n, '1001', '', $2, 'live', $7::text, begun.at, CASE WHEN $7 = 'accepted' THEN begun.at END,
		       begun.at + $5::float8 * interval '1 s'
		FROM generate_series(1, $3::int) n, (SELECT now() - $4::float8 * interval '1 s' AS at) begun`,
		int64(p.contact), skill, n, ago.Seconds(), length.Seconds(), newChannel(), result)
	if err != nil {
		p.t.Fatal(err)
	}
}

// answered adds contacts that were answered at once, and kept the agent for that long.
func (p past) answered(skill string, n int, ago, length time.Duration) {
	p.t.Helper()
	p.offers(skill, "accepted", n, ago, length)
}

// gaveUp adds contacts that have waited for that long, and gave up just now.
func (p past) gaveUp(skill string, n int, waited time.Duration) {
	p.t.Helper()
	_, err := p.db.Exec(`
		INSERT INTO contact (state, outcome, script, script_version, arrived_at, ended_at, skill)
		SELECT 'ended', 'abandoned', 'example', '1', now() - $3::float8 * interval '1 s', now(), $1 FROM generate_series(1, $2::int)`,
		skill, n, waited.Seconds())
	if err != nil {
		p.t.Fatal(err)
	}
}

func TestAnEstimateComesFromTheAgentsAtWorkAndWhatContactsHaveKeptThem(t *testing.T) {
	low, high := queue.Low, queue.High
	for name, test := range map[string]struct {
		agents int
		free   bool
		skill  func(*callback.Skill)
		past   func(past)
		want   dispatch.Estimate // of the third in the queue
	}{
		"nobody is logged in": {agents: 0, want: dispatch.Estimate{Confidence: low, Position: 3}},
		"nobody was ever answered: 3 minutes each": {
			agents: 2, want: dispatch.Estimate{Wait: 270 * time.Second, Confidence: low, LoggedIn: 2, Position: 3},
		},
		"a few were answered, long ago": {
			agents: 2,
			past: func(p past) {
				p.answered("support", 2, 3*time.Hour, time.Minute)
				p.answered("support", 2, 4*time.Hour, 3*time.Minute)
				p.answered("sales", 30, time.Hour, time.Hour)
			},
			want: dispatch.Estimate{Wait: 180 * time.Second, Confidence: low, LoggedIn: 2, Position: 3},
		},
		"the mean is that of the last hundred": {
			agents: 1,
			past: func(p past) {
				p.answered("support", queue.SampleSize, 3*time.Hour, time.Minute)
				p.answered("support", 100, 5*time.Hour, time.Hour)
			},
			want: dispatch.Estimate{Wait: 180 * time.Second, Confidence: low, LoggedIn: 1, Position: 3},
		},
		"few callers lately do not make the wait long": {
			agents: 2,
			past:   func(p past) { p.answered("support", 20, 29*time.Minute, time.Minute) },
			want:   dispatch.Estimate{Wait: 90 * time.Second, Confidence: high, LoggedIn: 2, Position: 3},
		},
		"what follows a call and what refused offers cost belong to it": {
			agents: 1,
			skill:  func(s *callback.Skill) { s.AfterCallWork = 30 * time.Second },
			past: func(p past) {
				p.answered("support", 6, time.Hour, time.Minute)
				p.offers("support", "refused", 3, time.Hour, 10*time.Second)
			},
			want: dispatch.Estimate{Wait: 3 * 105 * time.Second, Confidence: low, LoggedIn: 1, Position: 3},
		},
		"an agent who has served another skill three times of four lately": {
			agents: 1,
			past: func(p past) {
				if _, err := p.db.Exec("INSERT INTO agent_skill (agent, skill, proficiency) VALUES ('1001', 'sales', 1)"); err != nil {
					p.t.Fatal(err)
				}
				p.answered("support", 10, time.Hour, 10*time.Second)
				p.answered("support", 1, 20*time.Minute, 10*time.Second)
				p.answered("sales", 3, 20*time.Minute, time.Minute)
			},
			want: dispatch.Estimate{Wait: 90 * time.Second, Confidence: high, LoggedIn: 1, Position: 3},
		},
		"an agent who is away may come back": {
			agents: 1,
			past: func(p past) {
				p.answered("support", 20, time.Hour, time.Minute)
				if _, err := p.db.Exec("UPDATE agent SET presence = 'unavailable' WHERE extension = '1001'"); err != nil {
					p.t.Fatal(err)
				}
			},
			want: dispatch.Estimate{Wait: 180 * time.Second, Confidence: low, LoggedIn: 1, Position: 3},
		},
		"of those ahead some give up": { // ln(1 + 0.01/s x 3 x 60 s) / 0.01/s
			agents: 1,
			past: func(p past) {
				p.answered("support", 6, time.Hour, time.Minute)
				p.gaveUp("support", 4, 100*time.Second)
				p.gaveUp("sales", 4, time.Second)
			},
			want: dispatch.Estimate{Wait: 103 * time.Second, Confidence: low, LoggedIn: 1, Position: 3},
		},
		"more agents are free than contacts are ahead": {
			agents: 3, free: true,
			past: func(p past) { p.answered("support", 6, time.Hour, time.Minute) },
			want: dispatch.Estimate{Confidence: high, LoggedIn: 3, Position: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := postgrestest.URL(t)
			store, db := postgrestest.Open(t, url), open(t, url)
			lease := acquire(t, store, node)
			for i, extension := range []string{"1001", "1002", "1003"} {
				addAgent(t, store, extension, support)
				if i >= test.agents {
					setPresence(t, store, extension, callback.LoggedOut)
				}
			}
			if !test.free {
				if _, err := db.Exec("UPDATE agent SET activity = 'working_inbound'"); err != nil {
					t.Fatal(err)
				}
			}
			var third callback.ContactID
			for i, number := range []string{"5550101", "5550102", "5550103"} {
				queued := epoch.Add(time.Duration(i) * time.Second)
				third = save(t, store, lease, waiting(number, place("support", callback.DefaultPriority, queued))).Contact.ID
			}
			skill := supportSkill
			if test.skill != nil {
				test.skill(&skill)
			}
			if test.past != nil {
				done := caller()
				done.State, done.Outcome, done.EndedAt = callback.StateEnded, callback.OutcomeServed, epoch
				test.past(past{t, db, save(t, store, lease, done).Contact.ID})
			}
			got, err := store.Estimate(t.Context(), skill, third)
			if err != nil || got != test.want {
				t.Errorf("the estimate is %+v, want %+v (%v)", got, test.want, err)
			}
		})
	}
}

func TestAnEstimateForOneWhoIsNotInTheQueueIsForTheNextWithTheSkillsOwnPriority(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", postgres.AgentSkill{Skill: "support", Proficiency: 1})
	low := callback.Priority{Initial: -5, Maximum: 1000}
	save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	save(t, store, lease, waiting("5550102", place("support", low, epoch)))
	elsewhere := save(t, store, lease, waiting("5550103", place("sales", callback.DefaultPriority, epoch))).Contact.ID
	for initial, position := range map[int]int{0: 2, -9: 3, 100: 1} {
		skill := supportSkill
		skill.Priority.Initial = initial
		got, err := store.Estimate(t.Context(), skill, elsewhere)
		want := dispatch.Estimate{Wait: time.Duration(position-1) * 3 * time.Minute, Confidence: queue.Low, LoggedIn: 1, Position: position}
		if err != nil || got != want {
			t.Errorf("from %d, the estimate is %+v, want %+v (%v)", initial, got, want, err)
		}
	}
}
