package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/callback/script"
)

func readQueue(t *testing.T, store *postgres.Store, filter postgres.QueueFilter) postgres.Queue {
	t.Helper()
	queue, err := store.ReadQueue(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	return queue
}

// queued is a place with the contact that has it.
type queued struct {
	id    callback.ContactID
	place callback.Place
}

func TestTheQueueIsReadInTheOrderOfTheMatch(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	q := &queuer{t: t, db: db}
	rapid.Check(t, func(rt *rapid.T) {
		for _, table := range []string{"place", "class"} {
			if _, err := db.Exec("DELETE FROM " + table); err != nil {
				rt.Fatal(err)
			}
		}
		at := time.Now().UTC().Truncate(time.Microsecond)
		places := make([]callback.Place, rapid.IntRange(0, 12).Draw(rt, "places"))
		for i := range places {
			places[i] = drawQueued(rt, rapid.SampledFrom([]string{"sales", "support"}).Draw(rt, "skill"), at)
			if i > 0 && rapid.Bool().Draw(rt, "tied") {
				other := places[rapid.IntRange(0, i-1).Draw(rt, "with")]
				places[i].Priority, places[i].QueuedAt = other.Priority, other.QueuedAt
			}
			if rapid.Bool().Draw(rt, "level") {
				places[i].Priority = callback.Priority{Initial: 3, Maximum: 1000}
			}
			places[i].Node = rapid.SampledFrom([]string{"", "pbx1", "pbx2"}).Draw(rt, "node")
		}
		skill := rapid.SampledFrom([]string{"", "sales", "support", "nothing"}).Draw(rt, "wanted skill")
		limit := rapid.IntRange(0, 8).Draw(rt, "limit")
		ids := q.put(rt, places)

		got, err := store.ReadQueue(t.Context(), postgres.QueueFilter{Skill: skill, Limit: limit})
		if err != nil {
			rt.Fatal(err)
		}
		var all []queued
		for i, place := range places {
			if skill == "" || place.Skill == skill {
				all = append(all, queued{ids[i], place})
			}
		}
		slices.SortFunc(all, func(a, b queued) int {
			if callback.Before(a.id, a.place, b.id, b.place, got.At) {
				return -1
			}
			return 1
		})
		checkCounted(rt, got, all)
		checkOrder(rt, got, all, limit)
	})
}

// checkCounted sees that all contacts are counted, however few are listed.
func checkCounted(rt *rapid.T, got postgres.Queue, all []queued) {
	skills := map[string]postgres.QueueSkill{}
	for _, each := range all {
		skill := skills[each.place.Skill]
		skill.Skill = each.place.Skill
		if each.place.Node == "" {
			skill.Callbacks++
		} else {
			skill.Live++
		}
		skill.LongestSec = max(skill.LongestSec, got.At.Sub(each.place.QueuedAt).Seconds())
		skills[each.place.Skill] = skill
	}
	if len(got.Skills) != len(skills) {
		rt.Fatalf("the skills are %+v, want %+v", got.Skills, skills)
	}
	for _, skill := range got.Skills {
		want := skills[skill.Skill]
		if math.Abs(skill.LongestSec-want.LongestSec) > 0.001 {
			rt.Fatalf("the longest wait in %s is %v s, want %v s", skill.Skill, skill.LongestSec, want.LongestSec)
		}
		want.LongestSec = skill.LongestSec
		if skill != want {
			rt.Fatalf("counted %+v, want %+v", skill, want)
		}
	}
}

// checkOrder sees that the first contacts of all are listed, each with its position and priority.
func checkOrder(rt *rapid.T, got postgres.Queue, all []queued, limit int) {
	want := all
	if limit > 0 {
		want = all[:min(limit, len(all))]
	}
	if len(got.Contacts) != len(want) {
		rt.Fatalf("%d contacts are listed, want %d", len(got.Contacts), len(want))
	}
	positions := map[string]int{}
	for i, c := range got.Contacts {
		place := want[i].place
		positions[place.Skill]++
		if c.ID != want[i].id || c.Position != positions[place.Skill] || c.Skill != place.Skill {
			rt.Fatalf("contact %d is %s, number %d of %s; want %s, number %d of %s",
				i, c.ID, c.Position, c.Skill, want[i].id, positions[place.Skill], place.Skill)
		}
		priority := float64(place.Priority.At(place.QueuedAt, got.At)) / float64(callback.Minute)
		waited := max(got.At.Sub(place.QueuedAt).Seconds(), 0)
		if math.Abs(c.Priority-priority) > 0.001 || math.Abs(c.WaitedSec-waited) > 0.001 {
			rt.Fatalf("contact %s has waited %v s at priority %v, want %v s and %v", c.ID, c.WaitedSec, c.Priority, waited, priority)
		}
		kind := callback.OfferLive
		if place.Node == "" {
			kind = callback.OfferCallback
		}
		if c.Kind != kind || c.Node != place.Node || c.TargetAgent != place.TargetAgent || c.Held != place.Held || !c.QueuedAt.Equal(place.QueuedAt) {
			rt.Fatalf("contact %s is %+v, want %+v", c.ID, c, place)
		}
	}
}

func TestThePositionIsTheOneThatScriptsAreTold(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	for i := range 5 {
		p := callback.Priority{Initial: i % 3, Acceleration: 1, Maximum: 1000}
		save(t, store, lease, waiting(fmt.Sprint(5550100+i), place("support", p, epoch.Add(time.Duration(i)*time.Second))))
	}
	for _, c := range readQueue(t, store, postgres.QueueFilter{}).Contacts {
		status, err := store.QueueStatus(t.Context(), "support", c.ID)
		if err != nil || status.Position != c.Position {
			t.Errorf("contact %s is number %d, and told %d (%v)", c.ID, c.Position, status.Position, err)
		}
	}
}

func TestTheQueueSaysWhatEachContactWaitsFor(t *testing.T) {
	url := postgrestest.URL(t)
	store := postgrestest.Open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	addAgent(t, store, "1002", support)

	accepted := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	match(t, store, request(lease, "1001"))
	record, err := store.Load(t.Context(), accepted.Contact.ID)
	if err != nil {
		t.Fatal(err)
	}
	c := record.Contact
	c.State = callback.StateCalling
	c.Offer.Result, c.Offer.AcceptedAt = callback.OfferAccepted, epoch
	c.Attempt = &callback.Attempt{Number: 1, Agent: "1001", PhoneNumber: "5550101", CallerID: "8005550100", StartedAt: epoch, DueAt: epoch.Add(time.Hour)}
	working := []callback.AgentChange{{Agent: "1001", Activity: callback.WorkingCallback}}
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: working}); err != nil {
		t.Fatal(err)
	}

	ringing := caller()
	ringing.Place = place("support", callback.DefaultPriority, epoch.Add(time.Second))
	ringing.Place.Node = node
	rung := save(t, store, lease, ringing)
	match(t, store, request(lease, "1002"))
	if record, err = store.Load(t.Context(), rung.Contact.ID); err != nil {
		t.Fatal(err)
	}
	record.Contact.Legs[0].AnsweredAt = epoch.Add(time.Minute) // and has to press 1
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err != nil {
		t.Fatal(err)
	}

	paused := waiting("5550103", place("support", callback.DefaultPriority, epoch.Add(2*time.Second)))
	paused.Place.ReadyAt = epoch.Add(time.Hour)
	paused.Place.TargetAgent, paused.Place.AnyAgent = "1002", true
	save(t, store, lease, paused)
	held := waiting("5550104", place("support", callback.DefaultPriority, epoch.Add(3*time.Second)))
	held.Place.Held = true
	if _, err := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{Contact: held, Script: script.State{Action: "expire"}}}); err != nil {
		t.Fatal(err)
	}
	served := caller() // no place: not in the queue
	save(t, store, lease, served)

	queue := readQueue(t, store, postgres.QueueFilter{})
	if len(queue.Contacts) != 4 {
		t.Fatalf("the queue is %+v", queue.Contacts)
	}
	for i, want := range []postgres.QueueContact{
		{ID: accepted.Contact.ID, Kind: callback.OfferCallback, State: callback.StateCalling, Number: "5550101",
			Offer: &postgres.QueueOffer{Agent: "1001", Result: callback.OfferAccepted, DueAt: epoch.Add(time.Hour)}},
		{ID: rung.Contact.ID, Kind: callback.OfferLive, State: callback.StateLive, Number: "5550100", Node: node,
			Offer: &postgres.QueueOffer{Agent: "1002", AgentAnsweredAt: epoch.Add(time.Minute)}},
		{ID: rung.Contact.ID + 1, Kind: callback.OfferCallback, State: callback.StateCallback, Number: "5550103",
			ReadyAt: epoch.Add(time.Hour), TargetAgent: "1002", AnyAgent: true},
		{ID: rung.Contact.ID + 2, Kind: callback.OfferCallback, State: callback.StateCallback, Number: "5550104", Held: true, Action: "expire"},
	} {
		got := queue.Contacts[i]
		if fmt.Sprintf("%+v", got.Offer) != fmt.Sprintf("%+v", want.Offer) {
			t.Errorf("the offer of %s is %+v, want %+v", got.ID, got.Offer, want.Offer)
		}
		want.Offer = got.Offer
		want.Position, want.Skill, want.Script = i+1, "support", "example"
		want.QueuedAt, want.WaitedSec, want.Priority = got.QueuedAt, got.WaitedSec, got.Priority // tested above
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("number %d is %+v, want %+v", i+1, got, want)
		}
	}
	if want := (postgres.QueueSkill{Skill: "support", Live: 1, Callbacks: 3, LongestSec: queue.Skills[0].LongestSec, LoggedIn: 2}); queue.Skills[0] != want {
		t.Errorf("the skill is %+v, want %+v", queue.Skills[0], want)
	}
	for i, want := range []postgres.QueueServed{
		{ID: accepted.Contact.ID, State: callback.StateCalling, Result: callback.OfferAccepted},
		{ID: rung.Contact.ID, State: callback.StateLive},
	} {
		if got := queue.Agents[i].Contact; got == nil || *got != want {
			t.Errorf("agent %s has contact %+v, want %+v", queue.Agents[i].Extension, got, want)
		}
	}
}

func TestTheQueueShowsTheAgentsAsTheirListDoes(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	for _, extension := range []string{"1004", "1003", "1002", "1001", "999"} {
		addAgent(t, store, extension, support, postgres.AgentSkill{Skill: "sales", Proficiency: 3})
	}
	addAgent(t, store, "1005", postgres.AgentSkill{Skill: "sales", Proficiency: 2})
	setPresence(t, store, "999", callback.LoggedOut)
	if err := store.SetPresence(t.Context(), "1002", callback.Unavailable, "lunch", "a test"); err != nil {
		t.Fatal(err)
	}
	// The phone of 1004, who is available, can't be rung.
	if err := store.Reach(t.Context(), lease, request(lease, "999", "1001", "1002", "1003", "1005").Devices); err != nil {
		t.Fatal(err)
	}
	listed, err := store.ListAgents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	extensions := func(queue postgres.Queue) string {
		var names []string
		for _, agent := range queue.Agents {
			names = append(names, agent.Extension)
			i := slices.IndexFunc(listed, func(a postgres.Agent) bool { return a.Extension == agent.Extension })
			if fmt.Sprintf("%+v", agent.Agent) != fmt.Sprintf("%+v", listed[i]) {
				t.Errorf("agent %s is %+v, listed as %+v", agent.Extension, agent.Agent, listed[i])
			}
		}
		return strings.Join(names, " ")
	}
	all := readQueue(t, store, postgres.QueueFilter{})
	if got := extensions(all); got != "1001 1002 1003 1004 1005 999" {
		t.Errorf("the agents are %s: not by extension, with those who are logged out at the end", got)
	}
	if all.Counted != (postgres.QueueAgents{All: 6, LoggedIn: 5, Available: 3}) {
		t.Errorf("counted %+v", all.Counted)
	}
	some := readQueue(t, store, postgres.QueueFilter{Skill: "support", Limit: 2})
	if got := extensions(some); got != "1001 1002" {
		t.Errorf("the first two agents of support are %s", got)
	}
	if some.Counted != (postgres.QueueAgents{All: 5, LoggedIn: 4, Available: 2}) {
		t.Errorf("counted %+v", some.Counted)
	}
	want := []postgres.QueueSkill{{Skill: "sales", LoggedIn: 5, Available: 3}, {Skill: "support", LoggedIn: 4, Available: 2}}
	if !slices.Equal(all.Skills, want) {
		t.Errorf("the skills are %+v, want %+v", all.Skills, want)
	}
}

func TestTheQueueNamesTheNodesForWhichADaemonRuns(t *testing.T) {
	store := postgrestest.New(t)
	if nodes := readQueue(t, store, postgres.QueueFilter{}).Nodes; nodes == nil || len(nodes) != 0 {
		t.Errorf("where no daemon runs the nodes are %#v", nodes)
	}
	second, first := acquire(t, store, pbx2), acquire(t, store, node)
	nodes := readQueue(t, store, postgres.QueueFilter{}).Nodes
	if held, err := store.HeldNodes(t.Context()); err != nil || !slices.Equal(held, nodes) || !slices.Equal(nodes, []string{node, pbx2}) {
		t.Errorf("the nodes are %v, and %v, %v", nodes, held, err)
	}
	for _, lease := range []dispatch.Lease{second, first} {
		if err := store.ReleaseLease(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
	}
	if nodes := readQueue(t, store, postgres.QueueFilter{}).Nodes; len(nodes) != 0 {
		t.Errorf("after the daemons have ended the nodes are %v", nodes)
	}
}

// One contact stands in the queue at each moment, a new one in the place of the last: what is counted and
// what is listed are of the same moment.
func TestTheQueueIsReadAsOfOneMoment(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	const moves = 300
	ids := (&queuer{t: t, db: db}).put(t, []callback.Place{{Skill: "support", Priority: callback.DefaultPriority, QueuedAt: epoch}})
	if _, err := db.Exec("INSERT INTO class (skill, initial, acceleration, maximum, node) VALUES ('sales', 0, 1, 1000, 'pbx1')"); err != nil {
		t.Fatal(err)
	}
	ctx, done := context.WithCancelCause(t.Context())
	go func() {
		for range moves {
			_, err := db.Exec(`
				UPDATE place SET class_id = (SELECT id FROM class WHERE id <> place.class_id) WHERE contact_id = $1`, int64(ids[0]))
			if err != nil {
				done(err)
				return
			}
		}
		done(context.Canceled)
	}()
	for ctx.Err() == nil {
		queue := readQueue(t, store, postgres.QueueFilter{})
		if len(queue.Skills) != 1 || len(queue.Contacts) != 1 || queue.Skills[0].Skill != queue.Contacts[0].Skill {
			t.Errorf("counted %+v, listed %+v", queue.Skills, queue.Contacts)
			break
		}
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestTheFirstOfALongQueueAreReadWithoutAWalkOfIt(t *testing.T) {
	url := postgrestest.URL(t)
	fillQueue(t, url, 20_000, 20)
	fillHistory(t, url, 5_000)
	const limit = 10
	walks := reads(t, url, postgres.QueuedStatement, "", limit)
	// What is read adds up over the two plans: the first 10 of 10 classes, at most.
	if w := walks["place"]; w.Found > 2*limit*(limit+1) {
		t.Errorf("%d rows of the queue are read", w.Found)
	}
	for _, table := range []string{"contact", "offer"} {
		if w := walks[table]; w.Found > 2*limit {
			t.Errorf("%d rows of %s are read for %d", w.Found, table, limit)
		}
	}
	if w := reads(t, url, postgres.SkillsStatement, "")["place"]; w.Found > 100 {
		t.Errorf("the queue is counted in %d rows and not in its index", w.Found)
	}
}

func TestTheQueueIsReadAgainOnceTheDatabaseAnswers(t *testing.T) {
	proxy := postgrestest.NewProxy(t, postgrestest.URL(t))
	store := postgrestest.Open(t, proxy.URL())
	readQueue(t, store, postgres.QueueFilter{})
	if err := proxy.Refuse(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.ReadQueue(t.Context(), postgres.QueueFilter{}); err == nil {
		t.Fatal("the queue was read from a database that is away")
	}
	if err := proxy.Restore(); err != nil {
		t.Fatal(err)
	}
	readQueue(t, store, postgres.QueueFilter{})
}
