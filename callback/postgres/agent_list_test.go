package postgres_test

import (
	"slices"
	"testing"

	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

func TestAnAgentIsShownWithTheNodesThatCanRingThePhoneNow(t *testing.T) {
	p := newPair(t, postgrestest.URL(t))
	p.reach(t, p.two, "1001", "1002")
	want := func(what string, nodes ...[]string) {
		t.Helper()
		listed, err := p.ListAgents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		queue, err := p.ReadQueue(t.Context(), postgres.QueueFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range nodes {
			if got := listed[i].Nodes; !slices.Equal(got, nodes[i]) {
				t.Errorf("%s: agent %s is listed with the nodes %v, want %v", what, listed[i].Extension, got, nodes[i])
			}
			if got := queue.Agents[i].Nodes; !slices.Equal(got, nodes[i]) {
				t.Errorf("%s: agent %s is in the queue with the nodes %v, want %v", what, queue.Agents[i].Extension, got, nodes[i])
			}
		}
	}
	both := []string{node, pbx2}
	slices.Sort(both)
	want("with two daemons", both, []string{pbx2})
	if err := p.ReleaseLease(t.Context(), p.two); err != nil {
		t.Fatal(err)
	}
	want("when one has gone", []string{node}, nil)
}
