package postgres_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// scrape gives the figures by name and state, as in "callbackd_contacts live".
func scrape(t *testing.T, figures prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := figures.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]float64)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			found[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	return found
}

func figuresOf(t *testing.T, store *postgres.Store) prometheus.Gatherer {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(postgres.NewFigures(store)); err != nil {
		t.Fatal(err)
	}
	return registry
}

func TestTheFiguresCountContactsPlacesAndAgents(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	figures := figuresOf(t, store)
	empty := scrape(t, figures)
	if len(empty) != 6+1+1+9+1+1 {
		t.Errorf("an empty database gives %v", empty)
	}
	for name, value := range empty {
		if value != 0 {
			t.Errorf("in an empty database %s is %v", name, value)
		}
	}

	addAgent(t, store, "1001")
	addAgent(t, store, "1002", postgres.AgentSkill{Skill: "support", Proficiency: 1})
	addAgent(t, store, "1003")
	if err := store.SetPresence(t.Context(), "1003", callback.Unavailable, "lunch", "a test"); err != nil {
		t.Fatal(err)
	}
	save(t, store, lease, caller())
	save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch.Add(-time.Hour))))
	save(t, store, lease, waiting("5550102", place("sales", callback.DefaultPriority, epoch)))
	held := place("support", callback.DefaultPriority, epoch.Add(-24*time.Hour))
	held.Held = true
	stuck := waiting("5550103", held)
	stuck.State = callback.StateStuck
	save(t, store, lease, stuck)
	done := caller()
	done.State, done.Outcome, done.EndedAt = callback.StateEnded, callback.OutcomeAbandoned, epoch
	save(t, store, lease, done)
	match(t, store, request(lease, "1002"))
	addAgent(t, store, "1004") // available, and the phone can't be rung
	if err := store.Reach(t.Context(), lease, request(lease, "1001", "1002", "1003").Devices); err != nil {
		t.Fatal(err)
	}

	got := scrape(t, figures)
	want := map[string]float64{
		"callbackd_contacts live": 1, "callbackd_contacts callback": 2, "callbackd_contacts stuck": 1,
		"callbackd_places_held":      1,
		"callbackd_agents available": 2, "callbackd_agents unavailable": 1, "callbackd_agents offered": 1,
		"callbackd_agents_reachable": 1,
	}
	waited := time.Since(epoch.Add(-time.Hour)).Seconds()
	if oldest := got["callbackd_oldest_place_seconds"]; oldest > waited || oldest < waited-30 {
		t.Errorf("the oldest place has waited for %v s, want about %v", oldest, waited)
	}
	delete(got, "callbackd_oldest_place_seconds")
	for name, value := range got {
		if value != want[name] {
			t.Errorf("%s is %v, want %v", name, value, want[name])
		}
	}
}

func TestTheFiguresAreLeftOutAndCountedWhileTheDatabaseIsAway(t *testing.T) {
	proxy := postgrestest.NewProxy(t, postgrestest.URL(t))
	figures := figuresOf(t, postgrestest.Open(t, proxy.URL()))
	away := func(want float64) {
		t.Helper()
		begin := time.Now()
		got := scrape(t, figures)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("the scrape has taken %s", took)
		}
		if len(got) != 1 || got["callbackd_figures_failed_total"] != want {
			t.Errorf("the figures are %v, want %v failures and nothing else", got, want)
		}
	}
	if err := proxy.Refuse(); err != nil {
		t.Fatal(err)
	}
	away(1)
	if err := proxy.Restore(); err != nil {
		t.Fatal(err)
	}
	if got := scrape(t, figures); len(got) != 19 {
		t.Errorf("with the database back: %v", got)
	}
	proxy.Freeze()
	away(2)
	if err := proxy.Restore(); err != nil {
		t.Fatal(err)
	}
}
