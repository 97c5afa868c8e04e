package postgres_test

import (
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

func setPresence(t *testing.T, store *postgres.Store, extension string, presence callback.Presence) {
	t.Helper()
	if err := store.SetPresence(t.Context(), extension, presence, "", "a test"); err != nil {
		t.Fatal(err)
	}
}

func TestAQueuesStatusCountsTheWaitingAndTheAgentsOfItsSkill(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	status := func(skill string, contact callback.ContactID) dispatch.QueueStatus {
		t.Helper()
		got, err := store.QueueStatus(t.Context(), skill, contact)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := status("support", 4711); got != (dispatch.QueueStatus{}) {
		t.Errorf("an empty queue's status is %+v", got)
	}
	for extension, presence := range map[string]callback.Presence{
		"1001": callback.Available, "1002": callback.Available, "1003": callback.Unavailable, "1004": callback.LoggedOut,
	} {
		addAgent(t, store, extension, support)
		setPresence(t, store, extension, presence)
	}
	addAgent(t, store, "1005", postgres.AgentSkill{Skill: "sales", Proficiency: 1})

	now := time.Now().UTC()
	high := callback.Priority{Initial: 100, Maximum: 1000}
	first := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, now.Add(-10*time.Minute)))).Contact.ID
	second := save(t, store, lease, waiting("5550102", place("support", callback.DefaultPriority, now.Add(-5*time.Minute)))).Contact.ID
	ahead := save(t, store, lease, waiting("5550103", place("support", high, now))).Contact.ID
	held := waiting("5550104", place("support", high, now.Add(-time.Hour)))
	held.Place.Held = true
	save(t, store, lease, held)
	elsewhere := save(t, store, lease, waiting("5550105", place("sales", high, now))).Contact.ID
	if m := match(t, store, request(lease, "1001")); m == nil || m.Contact != ahead {
		t.Fatalf("matched %+v", m)
	}

	for contact, position := range map[callback.ContactID]int{ahead: 2, first: 3, second: 4, elsewhere: 0, 4711: 0} {
		got := status("support", contact)
		if got.Longest < time.Hour || got.Longest > time.Hour+time.Minute {
			t.Errorf("the longest wait is %s, want an hour", got.Longest)
		}
		got.Longest = 0
		want := dispatch.QueueStatus{Waiting: 4, LoggedIn: 3, Available: 1, Position: position}
		if got != want {
			t.Errorf("contact %s finds %+v, want %+v", contact, got, want)
		}
	}
}

// answer adds offers of a skill that were accepted that long ago and ended that much later.
func answer(t *testing.T, db *sqlx.DB, contact callback.ContactID, skill string, n int, ago, length time.Duration) {
	t.Helper()
	_, err := db.Exec(`
		INSERT INTO offer (contact_id, channel, agent, endpoint, skill, kind, result, offered_at, accepted_at, ended_at)
		SELECT $1, $6 || '-' || n, '1001', '', $2, 'live', 'accepted', now() - $4::float8 * interval '1 s',
		       now() - $4::float8 * interval '1 s', now() - ($4::float8 - $5::float8) * interval '1 s'
		FROM generate_series(1, $3::int) n`, int64(contact), skill, n, ago.Seconds(), length.Seconds(), newChannel())
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnEstimateComesFromTheAnswersOfTheLastHalfHourOrFromTheAgents(t *testing.T) {
	for name, test := range map[string]struct {
		agents  int
		busy    bool
		answers func(t *testing.T, db *sqlx.DB, contact callback.ContactID)
		want    dispatch.Estimate // of the third in the queue
	}{
		"nobody is logged in": {
			agents: 0, want: dispatch.Estimate{Confidence: dispatch.ConfidenceLow, Position: 3},
		},
		"nobody was ever answered": {
			agents: 2, busy: true,
			want: dispatch.Estimate{Wait: 270 * time.Second, Confidence: dispatch.ConfidenceLow, LoggedIn: 2, Position: 3},
		},
		"a few were answered, long ago": {
			agents: 2, busy: true,
			answers: func(t *testing.T, db *sqlx.DB, contact callback.ContactID) {
				answer(t, db, contact, "support", 2, 3*time.Hour, time.Minute)
				answer(t, db, contact, "support", 2, 4*time.Hour, 3*time.Minute)
				answer(t, db, contact, "sales", 30, time.Hour, time.Hour)
			},
			want: dispatch.Estimate{Wait: 180 * time.Second, Confidence: dispatch.ConfidenceLow, LoggedIn: 2, Position: 3},
		},
		"the mean is that of the last twenty": {
			agents: 1, busy: true,
			answers: func(t *testing.T, db *sqlx.DB, contact callback.ContactID) {
				answer(t, db, contact, "support", 20, 3*time.Hour, time.Minute)
				answer(t, db, contact, "support", 20, 4*time.Hour, time.Hour)
			},
			want: dispatch.Estimate{Wait: 180 * time.Second, Confidence: dispatch.ConfidenceLow, LoggedIn: 1, Position: 3},
		},
		"some were answered lately": {
			agents: 2, busy: true,
			answers: func(t *testing.T, db *sqlx.DB, contact callback.ContactID) {
				answer(t, db, contact, "support", 6, 29*time.Minute, time.Minute)
				answer(t, db, contact, "support", 90, 31*time.Minute, time.Minute)
			},
			want: dispatch.Estimate{Wait: 15 * time.Minute, Confidence: dispatch.ConfidenceMedium, LoggedIn: 2, Position: 3},
		},
		"many were answered lately": {
			agents: 2, busy: true,
			answers: func(t *testing.T, db *sqlx.DB, contact callback.ContactID) {
				answer(t, db, contact, "support", 90, 10*time.Minute, time.Minute)
			},
			want: dispatch.Estimate{Wait: time.Minute, Confidence: dispatch.ConfidenceHigh, LoggedIn: 2, Position: 3},
		},
		"more agents are free than contacts are ahead": {
			agents: 3,
			want:   dispatch.Estimate{Confidence: dispatch.ConfidenceLow, LoggedIn: 3, Position: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := postgrestest.URL(t)
			store, db := postgrestest.Open(t, url), open(t, url)
			lease := acquire(t, store, node)
			addAgent(t, store, "1001", support)
			for _, extension := range []string{"1001", "1002", "1003"} {
				addAgent(t, store, extension, support)
			}
			for _, extension := range []string{"1001", "1002", "1003"}[test.agents:] {
				setPresence(t, store, extension, callback.LoggedOut)
			}
			if test.busy {
				if _, err := db.Exec("UPDATE agent SET activity = 'working_inbound'"); err != nil {
					t.Fatal(err)
				}
			}
			var third callback.ContactID
			for i, number := range []string{"5550101", "5550102", "5550103"} {
				queued := epoch.Add(time.Duration(i) * time.Second)
				third = save(t, store, lease, waiting(number, place("support", callback.DefaultPriority, queued))).Contact.ID
			}
			if test.answers != nil {
				done := caller()
				done.State, done.Outcome, done.EndedAt = callback.StateEnded, callback.OutcomeServed, epoch
				test.answers(t, db, save(t, store, lease, done).Contact.ID)
			}
			got, err := store.Estimate(t.Context(), "support", third)
			if err != nil || got != test.want {
				t.Errorf("the estimate is %+v, want %+v (%v)", got, test.want, err)
			}
		})
	}
}

func TestAnEstimateForOneWhoIsNotInTheQueueIsForTheNextToBeQueued(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	low := callback.Priority{Initial: -5, Maximum: 1000}
	save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	save(t, store, lease, waiting("5550102", place("support", low, epoch)))
	elsewhere := save(t, store, lease, waiting("5550103", place("sales", callback.DefaultPriority, epoch))).Contact.ID
	got, err := store.Estimate(t.Context(), "support", elsewhere)
	want := dispatch.Estimate{Wait: 6 * time.Minute, Confidence: dispatch.ConfidenceLow, LoggedIn: 1, Position: 2}
	if err != nil || got != want {
		t.Errorf("the estimate is %+v, want %+v (%v)", got, want, err)
	}
}
