package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

func TestContactsWhoseAgentIsAwayAreFoundIfTheyMayGoToAny(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	other := postgres.AgentSkill{Skill: "sales", Proficiency: 1}
	addAgent(t, store, "1001", support)
	addAgent(t, store, "1002", other)
	queue := func(number, target string, orAny bool, change func(*callback.Place)) callback.ContactID {
		p := place("support", callback.DefaultPriority, epoch)
		p.TargetAgent, p.AnyAgent = target, orAny
		if change != nil {
			change(p)
		}
		return save(t, store, lease, waiting(number, p)).Contact.ID
	}
	want := []dispatch.TargetAway{
		{Contact: queue("1", "1002", true, nil), Agent: "1002"}, // who has another skill
		{Contact: queue("2", "1009", true, nil), Agent: "1009"}, // who does not exist
		{Contact: queue("3", "1009", true, func(p *callback.Place) { p.Node = node }), Agent: "1009"},
	}
	mine := queue("4", "1001", true, nil)
	queue("5", "1009", false, nil)
	queue("6", "1009", true, func(p *callback.Place) { p.Node = "elsewhere" })
	queue("7", "1009", true, func(p *callback.Place) { p.Held = true })
	queue("8", "1009", true, func(p *callback.Place) { p.ReadyAt = time.Now().Add(time.Hour) })
	found := func() []dispatch.TargetAway {
		t.Helper()
		away, err := store.TargetsAway(t.Context(), node)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(away, func(a, b dispatch.TargetAway) int { return int(a.Contact - b.Contact) })
		return away
	}
	if got := found(); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	if err := store.SetPresence(t.Context(), "1001", callback.Unavailable, "lunch", "a test"); err != nil {
		t.Fatal(err)
	}
	want = append(want, dispatch.TargetAway{Contact: mine, Agent: "1001"})
	if got := found(); !slices.Equal(got, want) {
		t.Errorf("with 1001 at lunch found %v, want %v", got, want)
	}
}

func TestTooManyRefusalsInARowStandInTheHistoryOfTheAgent(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	record := save(t, store, lease, caller())
	for range 3 {
		change := callback.AgentChange{Agent: "1001", Activity: callback.Refused, Until: epoch, Reason: "no_answer", MostRefusals: 3}
		if err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{change}}); err != nil {
			t.Fatal(err)
		}
		record.Rev++
	}
	var lines []string
	err := db.Select(&lines, `SELECT concat_ws(' ', presence, activity, reason, asked_by) FROM agent_history
		WHERE agent = '1001' AND contact_id IS NOT NULL ORDER BY id`)
	want := []string{
		"available refused no_answer callbackd", "available refused no_answer callbackd",
		"unavailable refused " + callback.ReasonRefusals + " callbackd",
	}
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("the history is %q, want %q (%v)", lines, want, err)
	}
}
