package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/callback/script"
)

func TestAContactIsShownWithItsPlaceLegsOffersAttemptsAndHistory(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", postgres.AgentSkill{Skill: "support", Proficiency: 1})
	flat := callback.Priority{Initial: 5, Acceleration: 0, Maximum: 1000}
	save(t, store, lease, waiting("5550101", place("support", callback.Priority{Initial: 6, Maximum: 1000}, epoch)))
	save(t, store, lease, waiting("5550102", place("sales", callback.Priority{Initial: 9, Maximum: 1000}, epoch)))
	c := waiting("5550103", place("support", flat, epoch))
	c.Place.Held = true
	c.Promise.Extension, c.Promise.CallDelay = "12", 5*time.Second
	c.Legs = []callback.Leg{{
		Channel: "in-1", Node: node, Party: callback.PartyContact, Direction: callback.Inbound, From: "5550100", To: "8005550100",
		CreatedAt: epoch, AnsweredAt: epoch, EndedAt: epoch.Add(time.Second), Cause: callback.CauseNormal,
	}}
	c.Attempt = &callback.Attempt{
		Number: 1, Agent: "1001", PhoneNumber: "5550103", CallerID: "8005550100",
		Outcome: callback.AttemptAgentLeft, StartedAt: epoch, EndedAt: epoch.Add(time.Second),
	}
	c.Offer = &callback.Offer{
		Channel: newChannel(), Agent: "1001", Endpoint: "PJSIP/1001", Skill: "support", Kind: callback.OfferCallback,
		Result: callback.OfferAccepted, OfferedAt: epoch, AcceptedAt: epoch, EndedAt: epoch.Add(time.Second),
	}
	id, err := store.Create(t.Context(), lease, dispatch.Change{
		Record: dispatch.Record{Contact: c, Script: script.State{Vars: map[string]string{"MRES": "1"}}},
		Facts: []callback.Fact{
			{At: epoch, Kind: callback.FactArrived, Data: map[string]string{"ani": "5550100"}},
			{At: epoch, Kind: callback.FactPromised},
		},
	})
	if err != nil {
		t.Fatal(err)
	}

	got, err := store.ShowContact(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != id || got.State != callback.StateCallback || got.Skill != "support" || got.PhoneNumber != "5550103" || !got.Held || !got.ArrivedAt.Equal(epoch) {
		t.Errorf("contact is %+v", got.ContactSummary)
	}
	if p := got.Place; p == nil || p.Current != 5 || p.Position != 2 || p.Waiting != 2 || !p.Held || p.Priority != flat || !p.QueuedAt.Equal(epoch) {
		t.Errorf("place is %+v", p)
	}
	if p := got.Promise; p == nil || p.Extension != "12" || p.CallDelaySec != 5 || p.CallerID != "8005550100" {
		t.Errorf("promise is %+v", p)
	}
	if l := got.Legs; len(l) != 1 || l[0].From != "5550100" || l[0].Cause != callback.CauseNormal || !l[0].EndedAt.Equal(epoch.Add(time.Second)) || !l[0].DiallingAt.IsZero() {
		t.Errorf("legs are %+v", l)
	}
	if o := got.Offers; len(o) != 1 || o[0].Result != callback.OfferAccepted || o[0].Agent != "1001" {
		t.Errorf("offers are %+v", o)
	}
	if a := got.Attempts; len(a) != 1 || a[0].Outcome != callback.AttemptAgentLeft || a[0].Counts {
		t.Errorf("attempts are %+v", a)
	}
	if h := got.History; len(h) != 2 || h[0].Kind != callback.FactArrived || h[0].Data["ani"] != "5550100" || h[1].Kind != callback.FactPromised {
		t.Errorf("history is %+v", h)
	}
	if got.Variables["MRES"] != "1" {
		t.Errorf("variables are %v", got.Variables)
	}
}

func TestAnUnknownContactIsNotFound(t *testing.T) {
	store := postgrestest.New(t)
	_, showErr := store.ShowContact(t.Context(), 4711)
	_, loadErr := store.Load(t.Context(), 4711)
	_, revErr := store.Revision(t.Context(), 4711)
	for name, err := range map[string]error{"show": showErr, "load": loadErr, "revision": revErr} {
		if !errors.Is(err, dispatch.ErrNotFound) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func TestContactsAreListedByStateAndSkillNewestFirst(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	first := save(t, store, lease, waiting("5550101", place("support", callback.DefaultPriority, epoch))).Contact.ID
	second := save(t, store, lease, waiting("5550101", place("sales", callback.DefaultPriority, epoch))).Contact.ID
	third := save(t, store, lease, caller()).Contact.ID
	done := caller()
	done.State, done.Outcome, done.EndedAt = callback.StateEnded, callback.OutcomeAbandoned, epoch
	fourth := save(t, store, lease, done).Contact.ID

	for name, test := range map[string]struct {
		filter postgres.ContactFilter
		want   []callback.ContactID
	}{
		"all":      {postgres.ContactFilter{}, []callback.ContactID{fourth, third, second, first}},
		"open":     {postgres.ContactFilter{OpenOnly: true}, []callback.ContactID{third, second, first}},
		"callback": {postgres.ContactFilter{State: callback.StateCallback}, []callback.ContactID{second, first}},
		"skill":    {postgres.ContactFilter{Skill: "support"}, []callback.ContactID{first}},
		"limit":    {postgres.ContactFilter{Limit: 2}, []callback.ContactID{fourth, third}},
	} {
		listed, err := store.ListContacts(t.Context(), test.filter)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]callback.ContactID, 0, len(listed))
		for _, contact := range listed {
			got = append(got, contact.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: listed %v, want %v", name, got, test.want)
		}
	}
}
