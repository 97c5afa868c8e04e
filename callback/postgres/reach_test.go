package postgres_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// pair is two nodes with an agent each: 1001 in the first, and 1002, who is better, in the second.
type pair struct {
	*postgres.Store
	one, two dispatch.Lease
}

func newPair(t *testing.T, url string) *pair {
	t.Helper()
	store := postgrestest.Open(t, url)
	addAgent(t, store, "1001", postgres.AgentSkill{Skill: "support", Proficiency: 2})
	addAgent(t, store, "1002", support)
	p := &pair{Store: store, one: acquire(t, store, node), two: acquire(t, store, pbx2)}
	p.reach(t, p.one, "1001")
	p.reach(t, p.two, "1002")
	return p
}

func (p *pair) reach(t *testing.T, lease dispatch.Lease, extensions ...string) {
	t.Helper()
	if err := p.Reach(t.Context(), lease, request(lease, extensions...).Devices); err != nil {
		t.Fatal(err)
	}
}

// queue queues a callback, or a live caller of a node.
func (p *pair) queue(t *testing.T, number string, at time.Time, node string) callback.ContactID {
	t.Helper()
	place := place("support", callback.DefaultPriority, at)
	place.Node = node
	return save(t, p.Store, p.one, waiting(number, place)).Contact.ID
}

func (p *pair) expect(t *testing.T, what string, lease dispatch.Lease, agent string, want callback.ContactID) {
	t.Helper()
	m := match(t, p.Store, request(lease, agent))
	switch {
	case want == 0 && m != nil:
		t.Fatalf("%s: %s matches contact %s", what, lease.Node, m.Contact)
	case want != 0 && (m == nil || m.Contact != want || m.Made.Offer.Agent != agent || m.Made.Leg.Node != lease.Node):
		t.Fatalf("%s: %s matches %+v, want contact %s with agent %s", what, lease.Node, m, want, agent)
	}
}

func TestACallbackGoesToTheBestAgentOfAllNodes(t *testing.T) {
	p := newPair(t, postgrestest.URL(t))
	first := p.queue(t, "5550100", epoch, "")
	p.expect(t, "the best agent is in the other node", p.one, "1001", 0)
	second := p.queue(t, "5550101", epoch.Add(time.Second), "")
	p.expect(t, "the second callback is left for the agent here", p.one, "1001", second)
	p.expect(t, "the first is for the best agent", p.two, "1002", first)
}

func TestACallbackGoesToTheOtherNodeWhereItsBestAgentTakesALiveCaller(t *testing.T) {
	p := newPair(t, postgrestest.URL(t))
	live := p.queue(t, "5550100", epoch, pbx2)
	called := p.queue(t, "5550101", epoch.Add(time.Second), "")
	p.expect(t, "1002 is for the live caller ahead", p.one, "1001", called)
	p.expect(t, "and gets it", p.two, "1002", live)
}

func TestAnotherNodesAgentDoesNotHoldUpACallback(t *testing.T) {
	for name, hinder := range map[string]func(t *testing.T, p *pair, exec func(string) error) error{
		"the phone can't be rung any more": func(t *testing.T, p *pair, _ func(string) error) error {
			return p.Reach(t.Context(), p.two, nil)
		},
		"the agent is unavailable": func(t *testing.T, p *pair, _ func(string) error) error {
			return p.SetPresence(t.Context(), "1002", callback.Unavailable, "lunch", "a test")
		},
		"the node was given back": func(t *testing.T, p *pair, _ func(string) error) error {
			return p.ReleaseLease(t.Context(), p.two)
		},
		"the node's lease is over": func(_ *testing.T, _ *pair, exec func(string) error) error {
			return exec("UPDATE node SET expires_at = clock_timestamp() WHERE name = 'pbx2'")
		},
		"another daemon holds the node and has said nothing yet": func(t *testing.T, p *pair, _ func(string) error) error {
			if err := p.ReleaseLease(t.Context(), p.two); err != nil {
				return err
			}
			_, err := p.AcquireLease(t.Context(), pbx2, "host:2:def", time.Minute)
			return err
		},
		"the agent has another contact": func(_ *testing.T, _ *pair, exec func(string) error) error {
			return exec("UPDATE agent SET activity = 'offered' WHERE extension = '1002'")
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := postgrestest.URL(t)
			db := open(t, url)
			p := newPair(t, url)
			called := p.queue(t, "5550100", epoch, "")
			p.expect(t, "before", p.one, "1001", 0)
			if err := hinder(t, p, func(statement string) error { _, err := db.Exec(statement); return err }); err != nil {
				t.Fatal(err)
			}
			p.expect(t, "then", p.one, "1001", called)
		})
	}
}

func TestThePhonesOfANodeAreToldUnderItsLeaseAloneAndTheOthersWoken(t *testing.T) {
	url := postgrestest.URL(t)
	p := newPair(t, url)
	p.queue(t, "5550100", epoch, "")
	heard := hear(t, url)
	p.reach(t, p.two)
	next(t, heard)
	if err := p.ReleaseLease(t.Context(), p.two); err != nil {
		t.Fatal(err)
	}
	if err := p.Reach(t.Context(), p.two, []string{"PJSIP/1002"}); !errors.Is(err, dispatch.ErrLeaseLost) {
		t.Errorf("who has lost the lease tells of the phones: %v", err)
	}
}

func TestAMatchBringsAllTogetherAtOnceInTheQueuesOrder(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	extensions := []string{"1001", "1002", "1003"}
	for _, extension := range extensions {
		addAgent(t, store, extension, support)
	}
	var want []callback.ContactID
	for i := range 5 {
		at := epoch.Add(time.Duration(i) * time.Second)
		want = append(want, save(t, store, lease, waiting(fmt.Sprint(5550100+i), place("support", callback.DefaultPriority, at))).Contact.ID)
	}
	r := request(lease, extensions...)
	for _, round := range []struct {
		ports int
		want  []callback.ContactID
	}{{1, nil}, {5, want[:2]}, {100, want[2:3]}, {100, nil}} {
		r.Ports = round.ports
		matches, err := store.Match(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		var got []callback.ContactID
		for _, m := range matches {
			got = append(got, m.Contact)
		}
		if fmt.Sprint(got) != fmt.Sprint(round.want) {
			t.Fatalf("with %d ports %v are matched, want %v", round.ports, got, round.want)
		}
	}
}

// Else the second contact would be offered before the first, which an agent who is free could have served.
func TestAMatchOffersNobodyAheadOfAContactWhoseAgentIsLost(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	addAgent(t, store, "1002", postgres.AgentSkill{Skill: "support", Proficiency: 2})
	first := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch))).Contact.ID
	save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch.Add(time.Second))))
	other, err := db.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback() }()
	if _, err := other.Exec("SELECT FROM agent WHERE extension = '1001' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	r := request(lease, "1001", "1002")
	r.Ports = 4
	matches, err := store.Match(t.Context(), r)
	if err != nil || len(matches) != 1 || matches[0].Contact != first || matches[0].Made.Offer.Agent != "1002" {
		t.Fatalf("matched %+v (%v), want contact %s with agent 1002", matches, err, first)
	}
}

func TestAContactThatTheDatabaseLetsNobodyOfferStopsNoOther(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	for _, extension := range []string{"1001", "1002", "1003"} {
		addAgent(t, store, extension, support)
	}
	spoilt := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch))).Contact.ID
	want := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch.Add(time.Second)))).Contact.ID
	// The place says that nobody is being offered the contact, and an offer is open.
	if _, err := db.Exec(`INSERT INTO offer (contact_id, channel, agent, endpoint, skill, kind, offered_at)
		VALUES ($1, 'lost', '1009', '', 'support', 'callback', now())`, spoilt); err != nil {
		t.Fatal(err)
	}
	for _, crowded := range []bool{false, true} {
		postgres.Crowd(store, crowded)
		r := request(lease, "1001", "1002", "1003")
		r.Ports = 6
		matches, err := store.Match(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if crowded && len(matches) != 0 || !crowded && (len(matches) != 1 || matches[0].Contact != want) {
			t.Fatalf("matched %+v, want contact %s alone", matches, want)
		}
	}
}

// takes makes a match while something happens between the look at the queue and the taking.
func takes(t *testing.T, store *postgres.Store, r dispatch.MatchRequest, meanwhile func() error) []dispatch.Match {
	t.Helper()
	offer, happened := r.Offer, false
	r.Offer = func(id callback.ContactID, p callback.Place, agent dispatch.Agent) callback.OfferMade {
		if !happened {
			happened = true
			if err := meanwhile(); err != nil {
				t.Error(err)
			}
		}
		return offer(id, p, agent)
	}
	matches, err := store.Match(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if !happened {
		t.Fatal("nothing was found")
	}
	return matches
}

func TestNothingIsTakenThatHasChangedSinceItWasFound(t *testing.T) {
	for name, change := range map[string]string{
		"the agent pauses":           `UPDATE agent SET presence = 'unavailable'`,
		"the agent is offered":       `UPDATE agent SET activity = 'offered'`,
		"the contact moves":          `UPDATE place SET class_id = (SELECT max(id) FROM class)`,
		"the contact waits no more":  `DELETE FROM place`,
		"the contact is held":        `UPDATE place SET held = true, offerable = false`,
		"the contact is offered":     `UPDATE place SET offer = 'other'`,
		"the contact's wait changes": `UPDATE place SET queued_at = queued_at + interval '1 s'`,
	} {
		t.Run(name, func(t *testing.T) {
			url := postgrestest.URL(t)
			store, db := postgrestest.Open(t, url), open(t, url)
			lease := acquire(t, store, node)
			addAgent(t, store, "1001", support)
			save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
			if _, err := db.Exec(`INSERT INTO class (skill, initial, acceleration, maximum) VALUES ('sales', 1, 1, 1)`); err != nil {
				t.Fatal(err)
			}
			made := takes(t, store, request(lease, "1001"), func() error { _, err := db.Exec(change); return err })
			var offers int
			if err := db.Get(&offers, "SELECT count(*) FROM offer"); err != nil {
				t.Fatal(err)
			}
			if len(made)+offers != 0 {
				t.Errorf("%d matches and %d offers were made", len(made), offers)
			}
		})
	}
}

func TestAnAgentWithAnOpenOfferIsOfferedNothingThoughTheRowSaysFree(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	match(t, store, request(lease, "1001"))
	save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch)))
	if _, err := db.Exec(`UPDATE agent SET activity = 'free'`); err != nil { // as of one who was removed and added again
		t.Fatal(err)
	}
	if m := match(t, store, request(lease, "1001")); m != nil {
		t.Errorf("matched %+v", m)
	}
}

// Only so many of a kind are looked at: nobody behind them may come first.
func TestLiveCallersDoNotPassACallbackThatIsNotLookedAt(t *testing.T) {
	const agents, callbacks, live = 80, 90, 5
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	var extensions []string
	for i := range agents {
		extensions = append(extensions, fmt.Sprint(1001+i))
		addAgent(t, store, extensions[i], support)
	}
	for i := range callbacks + live {
		p := place("support", callback.DefaultPriority, epoch.Add(time.Duration(i)*time.Millisecond))
		if i >= callbacks {
			p.Node = node
		}
		save(t, store, lease, waiting(fmt.Sprint(5550000+i), p))
	}
	r := request(lease, extensions...)
	r.Ports = 1000
	made := 0
	for {
		matches, err := store.Match(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if len(matches) == 0 {
			break
		}
		made += len(matches)
	}
	var passed int
	if err := db.Get(&passed, `SELECT count(*) FROM offer WHERE kind = 'live'`); err != nil {
		t.Fatal(err)
	}
	if made != agents || passed != 0 {
		t.Errorf("%d are offered, %d of them live callers who stand behind all callbacks", made, passed)
	}
}

// As TestACallbackGoesToTheBestAgentOfAllNodes, where each has found that others take what it finds.
func TestInACrowdEachNodeLeavesToTheOthersWhatIsForTheirAgents(t *testing.T) {
	p := newPair(t, postgrestest.URL(t))
	first := p.queue(t, "5550100", epoch, "")
	second := p.queue(t, "5550101", epoch.Add(time.Second), "")
	postgres.Crowd(p.Store, true)
	p.expect(t, "the second callback is left for the agent here", p.one, "1001", second)
	postgres.Crowd(p.Store, true)
	p.expect(t, "the first is for the best agent", p.two, "1002", first)
}

func TestInACrowdThoseOfAnotherKindAreTakenWhereAllOfTheFirstAreLocked(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support, postgres.AgentSkill{Skill: "sales", Proficiency: 1})
	first := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch))).Contact.ID
	second := save(t, store, lease, waiting("5550101", place("sales", callback.DefaultPriority, epoch.Add(time.Second)))).Contact.ID
	other, err := db.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback() }()
	if _, err := other.Exec("SELECT FROM place WHERE contact_id = $1 FOR UPDATE", first); err != nil {
		t.Fatal(err)
	}
	postgres.Crowd(store, true)
	if m := match(t, store, request(lease, "1001")); m == nil || m.Contact != second {
		t.Errorf("matched %+v, want contact %s", m, second)
	}
}

// A cancel that came while no daemon ran must not be overtaken by the first match after it.
func TestAContactOfWhomSomebodyHasAskedSomethingIsNotOfferedBeforeThatIsDone(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	asked := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch))).Contact.ID
	next := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch.Add(time.Second)))).Contact.ID
	if _, err := store.AskContact(t.Context(), callback.Request{Contact: asked, Kind: callback.RequestCancel, AskedBy: "ann"}); err != nil {
		t.Fatal(err)
	}
	m := match(t, store, request(lease, "1001"))
	if m == nil || m.Contact != next {
		t.Fatalf("matched %+v, want contact %s", m, next)
	}
	if err := endOffer(t.Context(), store, lease, m, callback.OfferWithdrawn, callback.AgentChange{Activity: callback.Free}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("UPDATE contact_request SET done_at = now(), refused = 'a test'"); err != nil {
		t.Fatal(err)
	}
	if m := match(t, store, request(lease, "1001")); m == nil || m.Contact != asked {
		t.Fatalf("matched %+v, want contact %s once that is decided", m, asked)
	}
}
