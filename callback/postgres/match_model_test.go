package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/callback/queue"
)

// staffed is a queue and its agents, as the database has them and as the model does.
type staffed struct {
	*queuer
	places map[callback.ContactID]callback.Place
	agents []queue.Agent // whose phones can be rung
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
		p.Node = rapid.SampledFrom([]string{"", node, "pbx2"}).Draw(rt, "node")
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
		if rapid.IntRange(0, 4).Draw(rt, "phone") < 4 {
			s.agents = append(s.agents, a)
		}
	}
}

// next gives what the model matches at that moment, of those who have not been matched yet.
func (s *staffed) next(at time.Time) (callback.ContactID, string) {
	var q queue.Queue
	for id, p := range s.places {
		q.Put(id, p)
	}
	contact, extension, _ := q.Match(at, node, s.agents)
	return contact, extension
}

func (s *staffed) extensions() []string {
	extensions := make([]string, len(s.agents))
	for i, a := range s.agents {
		extensions[i] = a.Extension
	}
	return extensions
}

func TestMatchesAreThoseOfThePureQueue(t *testing.T) {
	url := postgrestest.URL(t)
	store := postgrestest.Open(t, url)
	lease := acquire(t, store, node)
	q := &queuer{t: t, db: open(t, url)}
	cases, matches := 0, 0
	play := func(rt *rapid.T) {
		cases++
		s := &staffed{queuer: q}
		s.draw(rt, cases, time.Now().UTC().Truncate(time.Microsecond))
		for {
			before := time.Now()
			m, err := store.Match(t.Context(), request(lease, s.extensions()...))
			after := time.Now()
			if err != nil {
				rt.Fatal(err)
			}
			var contact callback.ContactID
			extension := ""
			if m != nil {
				contact, extension = m.Contact, m.Made.Offer.Agent
			}
			// The database's moment lies between the two; an order that changes there may be either.
			first, firstAgent := s.next(before)
			last, lastAgent := s.next(after)
			if (contact != first || extension != firstAgent) && (contact != last || extension != lastAgent) {
				rt.Fatalf("contact %s with agent %q is matched, want %s with %q: %+v, %+v", contact, extension, first, firstAgent, s.places, s.agents)
			}
			if m == nil {
				return
			}
			matches++
			delete(s.places, contact)
			for i := range s.agents {
				if s.agents[i].Extension == extension {
					s.agents[i].Activity, s.agents[i].Until = callback.Offered, time.Time{}
				}
			}
		}
	}
	for range 4 {
		rapid.Check(t, play)
	}
	if matches < cases {
		t.Errorf("%d cases have led to %d matches", cases, matches)
	}
	t.Logf("%d cases, %d matches", cases, matches)
}
