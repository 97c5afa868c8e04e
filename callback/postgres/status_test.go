package postgres_test

import (
	"testing"
	"time"

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
