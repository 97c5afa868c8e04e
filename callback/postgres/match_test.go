package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

var support = postgres.AgentSkill{Skill: "support", Proficiency: 1}

func TestAContactIsOfferedToAFreeAgentAndLoadedWithItsOffer(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	c := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))

	m := match(t, store, request(lease, "1001"))
	if m == nil || m.Contact != c.Contact.ID || m.Made.Offer.Agent != "1001" {
		t.Fatalf("matched %+v, want contact %s with agent 1001", m, c.Contact.ID)
	}
	loaded, err := store.Load(t.Context(), m.Contact)
	if err != nil {
		t.Fatal(err)
	}
	got := loaded.Contact
	if got.Offer == nil || *got.Offer != m.Made.Offer || len(got.Legs) != 1 || got.Legs[0] != m.Made.Leg || got.Node != node {
		t.Fatalf("loaded offer %+v, legs %+v, node %q; want %+v", got.Offer, got.Legs, got.Node, m.Made)
	}
	if loaded.Rev != c.Rev {
		t.Errorf("the match has changed the contact's revision to %d", loaded.Rev)
	}
	if again := match(t, store, request(lease, "1001")); again != nil {
		t.Fatalf("matched %+v again", again)
	}
	shown, err := store.ShowContact(t.Context(), m.Contact)
	if err != nil || len(shown.History) != 1 || shown.History[0].Kind != callback.FactOffered || shown.History[0].Data["agent"] != "1001" {
		t.Fatalf("the history is %+v (%v)", shown.History, err)
	}
}

// drain matches until there is no match, ending each offer, and gives the contacts in their order.
func drain(t *testing.T, store *postgres.Store, lease dispatch.Lease, extensions ...string) []callback.ContactID {
	t.Helper()
	var order []callback.ContactID
	for {
		m := match(t, store, request(lease, extensions...))
		if m == nil {
			return order
		}
		order = append(order, m.Contact)
		record, err := store.Load(t.Context(), m.Contact)
		if err != nil {
			t.Fatal(err)
		}
		c := record.Contact
		c.State, c.Outcome, c.EndedAt, c.Place = callback.StateEnded, callback.OutcomeServed, epoch, nil
		c.Offer.Result, c.Offer.EndedAt, c.Legs[0].EndedAt = callback.OfferAccepted, epoch, epoch
		err = store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{
			{Agent: m.Made.Offer.Agent, Activity: callback.Free},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestC6ContactsAreMatchedInTheOrderOfThePublishedPriorities(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support, postgres.AgentSkill{Skill: "sales", Proficiency: 2})
	now := time.Now().UTC()
	number := 5550100
	queue := func(skill string, waited time.Duration, initial, acceleration, maximum int) callback.ContactID {
		t.Helper()
		number++
		p := callback.Priority{Initial: initial, Acceleration: acceleration, Maximum: maximum}
		return save(t, store, lease, waiting(fmt.Sprint(number), place(skill, p, now.Add(-waited)))).Contact.ID
	}
	capped := queue("support", time.Hour, 3, 1, 6)
	seven := queue("support", 3*time.Minute, 4, 1, 1000)
	faster := queue("support", time.Minute, 1, 5, 1000)
	slower := queue("sales", time.Minute, 3, 1, 1000)
	late := queue("support", 10*time.Minute, 101, 10, 1000)
	laterTied := queue("support", 30*time.Second, 2, 0, 1000)
	tied := queue("support", time.Minute, 2, 0, 1000)
	tiedInAnotherClass := queue("support", time.Minute, 2, 0, 999)
	got := drain(t, store, lease, "1001")
	want := []callback.ContactID{late, seven, faster, capped, slower, tied, tiedInAnotherClass, laterTied}
	// faster has just passed 6, and capped stays there; slower is just above 4.
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("the order is %v, want %v", got, want)
	}
}

func TestLiveCallersAndCallbacksStandInOneQueue(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	live := func(queued time.Time) callback.ContactID {
		t.Helper()
		c := caller()
		c.Place = place("support", callback.DefaultPriority, queued)
		c.Place.Node = node
		return save(t, store, lease, c).Contact.ID
	}
	second := live(epoch.Add(time.Second))
	first := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch))).Contact.ID
	third := save(t, store, lease, waiting("5550102", place("support", callback.DefaultPriority, epoch.Add(2*time.Second)))).Contact.ID
	if got := drain(t, store, lease, "1001"); fmt.Sprint(got) != fmt.Sprint([]callback.ContactID{first, second, third}) {
		t.Fatalf("the order is %v, want %v", got, []callback.ContactID{first, second, third})
	}
}

func TestWhoCanBeOfferedWhat(t *testing.T) {
	base := time.Now().UTC()
	for name, test := range map[string]struct {
		place   func(*callback.Place)
		agent   postgres.AgentSkill
		devices []string
		prepare func(ctx context.Context, store *postgres.Store) error
		want    bool
	}{
		"as it is":                      {want: true},
		"another skill":                 {agent: postgres.AgentSkill{Skill: "sales", Proficiency: 1}},
		"the phone is in use":           {devices: []string{"1002"}},
		"a live caller of this node":    {place: func(p *callback.Place) { p.Node = node }, want: true},
		"a live caller of another node": {place: func(p *callback.Place) { p.Node = pbx2 }},
		"for this agent":                {place: func(p *callback.Place) { p.TargetAgent = "1001" }, want: true},
		"for another agent":             {place: func(p *callback.Place) { p.TargetAgent = "1002" }},
		"held":                          {place: func(p *callback.Place) { p.Held = true }},
		"not ready":                     {place: func(p *callback.Place) { p.ReadyAt = base.Add(time.Hour) }},
		"ready again":                   {place: func(p *callback.Place) { p.ReadyAt = base.Add(-time.Microsecond) }, want: true},
		"the agent is logged out": {prepare: func(ctx context.Context, s *postgres.Store) error {
			return s.SetPresence(ctx, "1001", callback.LoggedOut, "", "a test")
		}},
		"the agent is unavailable": {prepare: func(ctx context.Context, s *postgres.Store) error {
			return s.SetPresence(ctx, "1001", callback.Unavailable, "lunch", "a test")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			store := postgrestest.New(t)
			lease := acquire(t, store, node)
			if test.agent.Skill == "" {
				test.agent = support
			}
			if test.devices == nil {
				test.devices = []string{"1001"}
			}
			addAgent(t, store, "1001", test.agent)
			if test.prepare != nil {
				if err := test.prepare(t.Context(), store); err != nil {
					t.Fatal(err)
				}
			}
			p := place("support", callback.DefaultPriority, epoch)
			if test.place != nil {
				test.place(p)
			}
			save(t, store, lease, waiting("5550100", p))
			if m := match(t, store, request(lease, test.devices...)); (m != nil) != test.want {
				t.Fatalf("matched %+v", m)
			}
		})
	}
}

func TestAPlaceIsOfferedOnceItsTimeHasComeWithoutAnotherSave(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	p := place("support", callback.DefaultPriority, epoch)
	p.ReadyAt = time.Now().Add(time.Hour)
	save(t, store, lease, waiting("5550100", p))
	if m := match(t, store, request(lease, "1001")); m != nil {
		t.Fatalf("matched %+v before its time", m)
	}
	// The database's clock can't be put forward; the time can be put back.
	if _, err := db.Exec("UPDATE place SET ready_at = clock_timestamp()"); err != nil {
		t.Fatal(err)
	}
	if match(t, store, request(lease, "1001")) == nil {
		t.Fatal("no match when the time has come")
	}
}

func TestARefusedAgentIsPassedOverUntilTheTimeIsOverAndThePlaceIsKept(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	addAgent(t, store, "1002", postgres.AgentSkill{Skill: "support", Proficiency: 2})
	first := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch))).Contact.ID
	save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch.Add(time.Second))))

	m := match(t, store, request(lease, "1001", "1002"))
	refused := callback.AgentChange{Activity: callback.Refused, Until: time.Now().Add(time.Hour)}
	if err := endOffer(t.Context(), store, lease, m, callback.OfferRefused, refused); err != nil {
		t.Fatal(err)
	}
	m = match(t, store, request(lease, "1001", "1002"))
	if m == nil || m.Contact != first || m.Made.Offer.Agent != "1002" {
		t.Fatalf("matched %+v, want contact %s with agent 1002", m, first)
	}
	if m := match(t, store, request(lease, "1001")); m != nil {
		t.Fatalf("matched %+v with an agent who is Refused", m)
	}
	if _, err := db.Exec("UPDATE agent SET activity_until = clock_timestamp() WHERE extension = '1001'"); err != nil {
		t.Fatal(err)
	}
	if m := match(t, store, request(lease, "1001")); m == nil || m.Made.Offer.Agent != "1001" {
		t.Fatalf("matched %+v, want agent 1001, whose time is over", m)
	}
}

func TestTheAgentIsChosenByProficiencyThenByTheLongestIdle(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1003", postgres.AgentSkill{Skill: "support", Proficiency: 2})
	addAgent(t, store, "1002", support)
	addAgent(t, store, "1001", support)
	var got []string
	for i := range 3 {
		save(t, store, lease, waiting(fmt.Sprint(5550100+i), place("support", callback.DefaultPriority, epoch)))
		m := match(t, store, request(lease, "1001", "1002", "1003"))
		if m == nil {
			t.Fatal("no match")
		}
		got = append(got, m.Made.Offer.Agent)
		if i == 0 { // the first is free again, and now idle for the shortest time
			if err := endOffer(t.Context(), store, lease, m, callback.OfferWithdrawn, callback.AgentChange{Activity: callback.Free}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := []string{"1002", "1001", "1002"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("chosen were %v, want %v", got, want)
	}
}

func TestTheOfferOfAPlaceSurvivesTheSavesOfItsContact(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	addAgent(t, store, "1002", support)
	record := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	match(t, store, request(lease, "1001"))

	// The contact's own turn does not know of the offer yet.
	record.Contact.Place.Priority.Initial = 5
	if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err != nil {
		t.Fatal(err)
	}
	if m := match(t, store, request(lease, "1002")); m != nil {
		t.Fatalf("a contact with an open offer was offered again: %+v", m)
	}
}

// A store's matchers run at once, as those of several daemons do, and calls come and go beside them.
func TestMatchersAtOnceNeverGiveOneAgentTwoContactsNorOneContactTwoAgents(t *testing.T) {
	const (
		contacts = 60
		agents   = 6
		matchers = 8
	)
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	extensions := make([]string, agents)
	for i := range extensions {
		extensions[i] = fmt.Sprint(1001 + i)
		addAgent(t, store, extensions[i], support)
	}
	for i := range contacts {
		p := callback.Priority{Initial: i % 3, Acceleration: 1, Maximum: 1000}
		save(t, store, lease, waiting(fmt.Sprint(5550100+i), place("support", p, epoch)))
	}

	var mu sync.Mutex
	served := make(map[callback.ContactID]int)
	busy := make(map[string]bool)
	begin := func(m *dispatch.Match) error {
		mu.Lock()
		defer mu.Unlock()
		served[m.Contact]++
		if busy[m.Made.Offer.Agent] {
			return fmt.Errorf("agent %s has two contacts", m.Made.Offer.Agent)
		}
		busy[m.Made.Offer.Agent] = true
		return nil
	}
	finish := func(ctx context.Context, m *dispatch.Match) error {
		record, err := store.Load(ctx, m.Contact)
		if err != nil {
			return err
		}
		c := record.Contact
		c.State, c.Outcome, c.EndedAt, c.Place = callback.StateEnded, callback.OutcomeServed, epoch, nil
		c.Offer.Result, c.Offer.EndedAt, c.Legs[0].EndedAt = callback.OfferAccepted, epoch, epoch
		mu.Lock()
		busy[m.Made.Offer.Agent] = false
		mu.Unlock()
		return store.Save(ctx, lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{
			{Agent: m.Made.Offer.Agent, Activity: callback.Free},
		}})
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("the matchers did not finish"))
	defer cancel()
	work := func() error {
		for ctx.Err() == nil {
			m, err := matchOne(ctx, store, request(lease, extensions...))
			if err != nil {
				return err
			}
			if m == nil {
				mu.Lock()
				done := len(served) == contacts
				mu.Unlock()
				if done {
					return nil
				}
				continue
			}
			if err := errors.Join(begin(m), finish(ctx, m)); err != nil {
				return err
			}
		}
		return context.Cause(ctx)
	}
	var group sync.WaitGroup
	for range matchers {
		group.Go(func() {
			if err := work(); err != nil {
				t.Error(err)
				cancel()
			}
		})
	}
	group.Wait()
	for id, times := range served {
		if times != 1 {
			t.Errorf("contact %s was offered %d times", id, times)
		}
	}
	var open int
	if err := db.Get(&open, "SELECT (SELECT count(*) FROM offer WHERE ended_at IS NULL) + (SELECT count(*) FROM place)"); err != nil || open != 0 {
		t.Errorf("%d offers or places are left (%v)", open, err)
	}
}

func TestAMatchPassesOverWhatAnotherOneIsTaking(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support, postgres.AgentSkill{Skill: "sales", Proficiency: 1})
	addAgent(t, store, "1002", support)
	high := callback.Priority{Initial: 100, Acceleration: 1, Maximum: 1000}
	first := save(t, store, lease, waiting("5550101", place("support", high, epoch))).Contact.ID
	second := save(t, store, lease, waiting("5550102", place("support", high, epoch.Add(time.Second)))).Contact.ID
	save(t, store, lease, waiting("5550103", place("sales", callback.DefaultPriority, epoch)))

	other, err := db.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec("SELECT FROM place WHERE contact_id = $1 FOR UPDATE", first); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec("SELECT FROM agent WHERE extension = '1002' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	m := match(t, store, request(lease, "1001", "1002"))
	if m == nil || m.Contact != second || m.Made.Offer.Agent != "1001" {
		t.Fatalf("matched %+v, want contact %s, the second of the same class, with agent 1001", m, second)
	}
	if m := match(t, store, request(lease, "1001", "1002")); m != nil {
		t.Fatalf("matched %+v, where the only agent left is locked", m)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	if m := match(t, store, request(lease, "1001", "1002")); m == nil || m.Contact != first || m.Made.Offer.Agent != "1002" {
		t.Fatalf("matched %+v, want contact %s with agent 1002", m, first)
	}
}

func TestAMatchWhoseCommitHasNoAnswerIsReadBack(t *testing.T) {
	for name, test := range map[string]struct {
		cut   func(*postgrestest.Proxy, []byte) <-chan struct{}
		stood bool
	}{
		"after the commit":  {(*postgrestest.Proxy).CutAfterCommit, true},
		"before the commit": {(*postgrestest.Proxy).CutBeforeCommit, false},
	} {
		t.Run(name, func(t *testing.T) {
			store, proxy, direct := throughProxy(t)
			lease := acquire(t, direct, node)
			addAgent(t, direct, "1001", support)
			save(t, direct, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
			cut := test.cut(proxy, []byte(`PJSIP/1001","skill":"support"`))
			m := match(t, store, request(lease, "1001"))
			await(t, cut, "the cut")
			if (m != nil) != test.stood {
				t.Fatalf("matched %+v", m)
			}
			if again := match(t, store, request(lease, "1001")); (again == nil) != test.stood {
				t.Fatalf("then matched %+v", again)
			}
		})
	}
}

func TestTheCostOfAMatchDoesNotGrowWithTheQueue(t *testing.T) {
	const (
		classes  = 20
		contacts = 20_000
	)
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	db.SetMaxOpenConns(1) // for what is set and prepared
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	fillQueue(t, url, contacts, classes)
	if _, err := db.Exec("PREPARE find AS " + postgres.FindStatement); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		if _, err := db.Exec("SET plan_cache_mode = " + mode); err != nil {
			t.Fatal(err)
		}
		var lines []string
		err := db.Select(&lines, fmt.Sprintf(`
			EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF)
			EXECUTE find ('%s', '%s', %d, '{PJSIP/1001}', '{}', '{}', 0)`, lease.Node, lease.Holder, lease.Epoch))
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, mode, lines, classes)
	}
	if m := match(t, store, request(lease, "1001")); m == nil {
		t.Fatal("no match")
	}
}

// fillQueue puts so many callers into the skill support, evenly in so many classes. Their rows are written
// without what the database checks of each.
func fillQueue(t testing.TB, url string, contacts, classes int) {
	t.Helper()
	db := open(t, url)
	db.SetMaxOpenConns(1) // for what is set
	for _, fill := range []struct {
		statement string
		rows      []any
	}{
		{"SET session_replication_role = replica", nil},
		{`INSERT INTO class (skill, initial, acceleration, maximum)
		  SELECT 'support', n % 1000, n / 1000, 1000 FROM generate_series(1, $1::int) n`, []any{classes}},
		{`INSERT INTO contact (state, script, script_version, arrived_at)
		  SELECT 'live', 'example', '1', now() FROM generate_series(1, $1::int)`, []any{contacts}},
		{`INSERT INTO place (contact_id, class_id, queued_at, offerable)
		  SELECT id, first.class + id % $1::int, now() - id * interval '1 ms', true
		  FROM contact, (SELECT min(id) AS class FROM class) first`, []any{classes}},
		{"VACUUM ANALYZE", nil},
	} {
		if _, err := db.Exec(fill.statement, fill.rows...); err != nil {
			t.Fatal(err)
		}
	}
}

// checkPlan sees that places are found by their indexes alone and that nothing longer than the list of
// classes is sorted.
func checkPlan(t *testing.T, mode string, lines []string, classes int) {
	t.Helper()
	whole := strings.Join(lines, "\n")
	if strings.Contains(whole, "Seq Scan on place") || strings.Contains(whole, "Bitmap Heap Scan on place") {
		t.Errorf("%s: the queue is read as a whole:\n%s", mode, whole)
	}
	if !strings.Contains(whole, "using place_queue on place") {
		t.Errorf("%s: the queue's index is not used:\n%s", mode, whole)
	}
	for _, line := range lines {
		node, rows, ok := strings.Cut(line, "(actual rows=")
		if !ok {
			continue
		}
		var n int
		if _, err := fmt.Sscanf(rows, "%d", &n); err != nil {
			t.Fatalf("%s: can't read %q: %v", mode, line, err)
		}
		if n > classes {
			t.Errorf("%s: a step handles %d rows: %s", mode, n, strings.TrimSpace(node))
		}
	}
}
