package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
)

// The names of two Asterisk servers.
const (
	node = "pbx1"
	pbx2 = "pbx2"
)

// epoch is when the tests' contacts arrive: lately, so that their facts are of this month.
var epoch = time.Now().UTC().Truncate(time.Microsecond).Add(-time.Minute)

var channels atomic.Int64

func newChannel() string { return fmt.Sprintf("cb-%d", channels.Add(1)) }

func acquire(t testing.TB, store *postgres.Store, name string) dispatch.Lease {
	t.Helper()
	lease, err := store.AcquireLease(t.Context(), name, "host:1:abc", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// caller gives a contact that has just called in, on a channel of its own.
func caller() *callback.Contact {
	return &callback.Contact{
		State:     callback.StateLive,
		Node:      node,
		Script:    callback.ScriptRef{Name: "example", Version: "1"},
		ANI:       "5550100",
		DNIS:      "8005550100",
		Dialled:   "8005550100",
		ArrivedAt: epoch,
	}
}

func place(skill string, priority callback.Priority, queuedAt time.Time) *callback.Place {
	return &callback.Place{Skill: skill, Priority: priority, QueuedAt: queuedAt}
}

// waiting gives a contact that waits for its callback.
func waiting(number string, p *callback.Place) *callback.Contact {
	c := caller()
	c.State, c.Node = callback.StateCallback, ""
	c.Promise = &callback.Promise{PhoneNumber: number, CallerID: "8005550100", PromisedAt: epoch}
	c.Place = p
	return c
}

// save creates a contact and gives it its ID.
func save(t testing.TB, store *postgres.Store, lease dispatch.Lease, c *callback.Contact) dispatch.Record {
	t.Helper()
	id, err := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{Contact: c}})
	if err != nil {
		t.Fatal(err)
	}
	c.ID = id
	return dispatch.Record{Contact: c, Rev: 1}
}

func addAgent(t testing.TB, store *postgres.Store, extension string, skills ...postgres.AgentSkill) {
	t.Helper()
	if err := store.AddAgent(t.Context(), extension, "", "PJSIP/"+extension, skills); err != nil {
		t.Fatal(err)
	}
	if err := store.SetPresence(t.Context(), extension, callback.Available, "", "a test"); err != nil {
		t.Fatal(err)
	}
}

// request asks for a match with these agents' phones free, and with ports for one callback.
func request(lease dispatch.Lease, extensions ...string) dispatch.MatchRequest {
	devices := make([]string, 0, len(extensions))
	for _, extension := range extensions {
		devices = append(devices, "PJSIP/"+extension)
	}
	return dispatch.MatchRequest{Lease: lease, Devices: devices, Ports: 2, Offer: makeOffer(lease.Node)}
}

func makeOffer(node string) func(callback.ContactID, callback.Place, dispatch.Agent) callback.OfferMade {
	return func(_ callback.ContactID, p callback.Place, agent dispatch.Agent) callback.OfferMade {
		return callback.NewOffer(p, agent.Extension, agent.Endpoint, callback.Env{
			Now:   time.Now().UTC().Truncate(time.Microsecond),
			Node:  node,
			NewID: newChannel,
			Skill: func(string) callback.Skill { return callback.DefaultSkill },
		})
	}
}

// match gives the one match of a request for one; nil where there is none.
func match(t testing.TB, store *postgres.Store, r dispatch.MatchRequest) *dispatch.Match {
	t.Helper()
	m, err := matchOne(t.Context(), store, r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func matchOne(ctx context.Context, store *postgres.Store, r dispatch.MatchRequest) (*dispatch.Match, error) {
	matches, err := store.Match(ctx, r)
	switch {
	case err != nil || len(matches) == 0:
		return nil, err
	case len(matches) > 1:
		return nil, fmt.Errorf("there are %d matches, want one", len(matches))
	}
	return &matches[0], nil
}

// endOffer ends the match's offer with that result and leaves the agent to the next.
func endOffer(ctx context.Context, store *postgres.Store, lease dispatch.Lease, m *dispatch.Match, result callback.OfferResult, agent callback.AgentChange) error {
	record, err := store.Load(ctx, m.Contact)
	if err != nil {
		return err
	}
	c := record.Contact
	if c.Offer == nil || len(c.Legs) == 0 {
		return errors.New("the contact has no open offer with its leg")
	}
	now := time.Now().UTC()
	c.Offer.Result, c.Offer.EndedAt = result, now
	for i := range c.Legs {
		c.Legs[i].EndedAt = now
	}
	agent.Agent = m.Made.Offer.Agent
	return store.Save(ctx, lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{agent}})
}
