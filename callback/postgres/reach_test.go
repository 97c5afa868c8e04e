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
		most int
		want []callback.ContactID
	}{{2, want[:2]}, {100, want[2:3]}, {100, nil}} {
		r.Most = round.most
		matches, err := store.Match(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		var got []callback.ContactID
		for _, m := range matches {
			got = append(got, m.Contact)
		}
		if fmt.Sprint(got) != fmt.Sprint(round.want) {
			t.Fatalf("%d at most: %v are matched, want %v", round.most, got, round.want)
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
	r.Most = 2
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
		r.Most = 3
		matches, err := store.Match(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if crowded && len(matches) != 0 || !crowded && (len(matches) != 1 || matches[0].Contact != want) {
			t.Fatalf("matched %+v, want contact %s alone", matches, want)
		}
	}
}
