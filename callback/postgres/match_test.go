package postgres_test

import (
	"testing"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

func TestAContactIsOfferedToAFreeAgentAndLoadedWithItsOffer(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", postgres.AgentSkill{Skill: "support", Proficiency: 1})
	c := save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))

	m := match(t, store, request(lease, "1001"))
	if m == nil || m.Contact != c.Contact.ID || m.Made.Offer.Agent != "1001" {
		t.Fatalf("matched %+v, want contact %s with agent 1001", m, c.Contact.ID)
	}
	loaded, err := store.Load(t.Context(), m.Contact)
	if err != nil {
		t.Fatal(err)
	}
	if got := loaded.Contact; got.Offer == nil || *got.Offer != m.Made.Offer || len(got.Legs) != 1 || got.Legs[0] != m.Made.Leg {
		t.Fatalf("loaded offer %+v and legs %+v, want %+v", got.Offer, got.Legs, m.Made)
	}
	if again := match(t, store, request(lease, "1001")); again != nil {
		t.Fatalf("matched %+v again", again)
	}
}
