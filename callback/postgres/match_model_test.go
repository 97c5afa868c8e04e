package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/callback/queue"
)

// staffed is a queue and its agents, as the database has them and as the model does.
type staffed struct {
	*queuer
	places map[callback.ContactID]callback.Place
	agents []queue.Agent // whose phones can be rung somewhere
}

// hire adds an agent to the database; nobody else has the extension.
func (s *staffed) hire(rt *rapid.T, a queue.Agent) {
	_, err := s.db.Exec(`
		INSERT INTO agent (extension, endpoint, presence, activity, activity_until, idle_since)
		VALUES ($1, 'PJSIP/' || $1, $2, $3, $4, $5)`,
		a.Extension, a.Presence, a.Activity, nullTime(a.Until), a.IdleSince)
	if err != nil {
		rt.Fatal(err)
	}
	for skill, proficiency := range a.Skills {
		_, err := s.db.Exec("INSERT INTO agent_skill (agent, skill, proficiency) VALUES ($1, $2, $3)", a.Extension, skill, proficiency)
		if err != nil {
			rt.Fatal(err)
		}
	}
}

func nullTime(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

// draw fills two skills that no other case has.
func (s *staffed) draw(rt *rapid.T, number int, at time.Time) {
	skills := []string{fmt.Sprintf("support %d", number), fmt.Sprintf("sales %d", number)}
	extension := func(i int) string { return fmt.Sprint(number*10 + i) }
	lately := rapid.Bool().Draw(rt, "all queued lately")
	var places []callback.Place
	for range rapid.OneOf(rapid.IntRange(3, 12), rapid.IntRange(3, 12), rapid.IntRange(20, 40)).Draw(rt, "places") {
		p := drawQueued(rt, rapid.SampledFrom(skills).Draw(rt, "skill"), at)
		if lately {
			p.QueuedAt = at.Add(-time.Duration(rapid.IntRange(0, 300).Draw(rt, "seconds")) * time.Second)
		}
		p.Held = rapid.IntRange(0, 4).Draw(rt, "held") == 4
		p.Node = rapid.SampledFrom([]string{"", node, pbx2}).Draw(rt, "node")
		p.TargetAgent = rapid.SampledFrom([]string{"", "", extension(0), extension(1)}).Draw(rt, "target")
		p.ReadyAt = rapid.SampledFrom([]time.Time{{}, {}, at.Add(-time.Second), at.Add(time.Hour)}).Draw(rt, "ready")
		places = append(places, p)
	}
	// The place that is oldest of all bounds what a class can reach.
	if _, err := s.db.Exec("DELETE FROM place"); err != nil {
		rt.Fatal(err)
	}
	s.places = map[callback.ContactID]callback.Place{}
	for i, id := range s.put(rt, places) {
		s.places[id] = places[i]
	}
	for i := range rapid.IntRange(2, 6).Draw(rt, "agents") {
		a := queue.Agent{
			Extension: extension(i), Skills: map[string]int{},
			AgentState: callback.AgentState{
				Presence: rapid.SampledFrom([]callback.Presence{callback.Available, callback.Available, callback.Available, callback.Unavailable}).Draw(rt, "presence"),
				Activity: rapid.SampledFrom([]callback.Activity{callback.Free, callback.Free, callback.Free, callback.Refused, callback.WorkingInbound}).Draw(rt, "activity"),
			},
			IdleSince: at.Add(-time.Duration(rapid.IntRange(0, 2).Draw(rt, "idle")) * time.Minute),
		}
		for _, skill := range skills {
			if proficiency := rapid.SampledFrom([]int{1, 1, 2, 2, 3, 0}).Draw(rt, "proficiency"); proficiency > 0 {
				a.Skills[skill] = proficiency
			}
		}
		if a.Activity == callback.Refused {
			a.Until = at.Add(rapid.SampledFrom([]time.Duration{-time.Second, time.Hour}).Draw(rt, "until"))
		}
		s.hire(rt, a)
		a.Nodes = rapid.SampledFrom([][]string{{node}, {node}, {pbx2}, {node, pbx2}, {pbx2, node}, nil}).Draw(rt, "nodes")
		s.agents = append(s.agents, a)
	}
}

// next gives what the model matches in that node at that moment, of those who have not been matched yet; where
// it is crowded, of one kind of contact alone.
func (s *staffed) next(at time.Time, in string, ports int, crowded bool) []queue.Pair {
	var q queue.Queue
	for id, p := range s.places {
		q.Put(id, p)
	}
	agents := slices.Clone(s.agents)
	var next []queue.Pair
	for {
		pair, ok := q.Match(at, agents)
		if !ok {
			break
		}
		if pair.Node == in {
			ports -= queue.Ports(s.places[pair.Contact])
		}
		if ports < 0 {
			break
		}
		if pair.Node == in && (!crowded || len(next) == 0 || s.alike(pair.Contact, next[0].Contact)) {
			next = append(next, pair)
		}
		agents = slices.DeleteFunc(agents, func(a queue.Agent) bool { return a.Extension == pair.Agent })
	}
	return next
}

// alike says whether the same agents can serve both contacts.
func (s *staffed) alike(x, y callback.ContactID) bool {
	a, b := s.places[x], s.places[y]
	return a.Skill == b.Skill && a.TargetAgent == b.TargetAgent && a.Node == b.Node
}

// in gives the extensions whose phones can be rung in that node.
func (s *staffed) in(node string) []string {
	extensions := []string{}
	for _, a := range s.agents {
		if slices.Contains(a.Nodes, node) {
			extensions = append(extensions, a.Extension)
		}
	}
	return extensions
}

// matched takes those who were brought together out of the model.
func (s *staffed) matched(pairs []queue.Pair) {
	for _, p := range pairs {
		delete(s.places, p.Contact)
		for i := range s.agents {
			if s.agents[i].Extension == p.Agent {
				s.agents[i].Activity, s.agents[i].Until = callback.Offered, time.Time{}
			}
		}
	}
}

func TestMatchesAreThoseOfThePureQueue(t *testing.T) {
	url := postgrestest.URL(t)
	store := postgrestest.Open(t, url)
	leases := []dispatch.Lease{acquire(t, store, node), acquire(t, store, pbx2)}
	for _, lease := range leases {
		if err := store.RenewLease(t.Context(), lease, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	q := &queuer{t: t, db: open(t, url)}
	cases, matches, several := 0, 0, 0
	play := func(rt *rapid.T) {
		cases++
		s := &staffed{queuer: q}
		s.draw(rt, cases, time.Now().UTC().Truncate(time.Microsecond))
		for _, lease := range leases {
			if err := store.Reach(t.Context(), lease, request(lease, s.in(lease.Node)...).Devices); err != nil {
				rt.Fatal(err)
			}
		}
		for left := true; left; {
			left = false
			for _, lease := range leases {
				r := request(lease, s.in(lease.Node)...)
				r.Ports = rapid.IntRange(2, 6).Draw(rt, "ports")
				crowded := rapid.Bool().Draw(rt, "crowded")
				postgres.Crowd(store, crowded)
				before := time.Now()
				found, err := store.Match(t.Context(), r)
				after := time.Now()
				if err != nil {
					rt.Fatal(err)
				}
				got := make([]queue.Pair, len(found))
				for i, m := range found {
					got[i] = queue.Pair{Contact: m.Contact, Agent: m.Made.Offer.Agent, Node: lease.Node}
				}
				// The database's moment lies between the two; an order that changes there may be either.
				first, last := s.next(before, lease.Node, r.Ports, crowded), s.next(after, lease.Node, r.Ports, crowded)
				if !slices.Equal(got, first) && !slices.Equal(got, last) {
					rt.Fatalf("%+v are matched, want %+v: %+v, %+v", got, first, s.places, s.agents)
				}
				s.matched(got)
				matches += len(got)
				left = left || len(got) > 0
				if len(got) > 1 {
					several++
				}
			}
		}
	}
	for range 4 {
		rapid.Check(t, play)
	}
	if matches < cases || several < cases/20 {
		t.Errorf("%d cases have led to %d matches, %d times to several at once", cases, matches, several)
	}
	t.Logf("%d cases, %d matches, %d times several at once", cases, matches, several)
}
