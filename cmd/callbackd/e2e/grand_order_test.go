package e2e

import (
	"slices"
	"strconv"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/queue"
)

// How far the records may lie from what a match could see.
const (
	settled   = time.Second             // a turn, or the end of a phone's call, is surely known so long after it
	writtenBy = 2500 * time.Millisecond // the end of work after a call is written, and the row locked, by then
	nearly    = 100 * time.Millisecond  // what happened at moments no further apart may have happened in the other order
	matchedBy = 3 * time.Second         // who can be matched is matched by then, on a machine with other work, too
)

// span is a time in which a contact or an agent could surely be matched.
type span struct {
	from, to time.Time
	idle     time.Time // since when the agent is
}

// spanAt gives the span in which that moment lies, with some time to its end.
func spanAt(spans []span, at time.Time) (span, bool) {
	i := slices.IndexFunc(spans, func(s span) bool { return s.from.Before(at) && at.Add(nearly).Before(s.to) })
	if i < 0 {
		return span{}, false
	}
	return spans[i], true
}

// without gives what is left of spans beside a time.
func without(spans []span, from, to time.Time) []span {
	var left []span
	for _, s := range spans {
		if !from.Before(s.to) || !s.from.Before(to) {
			left = append(left, s)
			continue
		}
		if s.from.Before(from) {
			left = append(left, span{s.from, from, s.idle})
		}
		if to.Before(s.to) {
			left = append(left, span{to, s.to, s.idle})
		}
	}
	return left
}

// offered is an offer as recorded.
type offered struct {
	Contact callback.ContactID `db:"contact_id"`
	Agent   string             `db:"agent"`
	At      time.Time          `db:"offered_at"`
	Ended   time.Time          `db:"ended_at"`
	Result  string             `db:"result"`
}

// recorded is what the database has of the play, as the pure queue takes it.
type recorded struct {
	offers []offered
	places map[callback.ContactID]callback.Place
	waits  map[callback.ContactID][]span
	idle   map[string][]span // by agent
	frees  map[string][]time.Time
}

// checkOrder holds every match that was made against the pure queue: of the contacts and agents who could
// surely be matched then, and of the two whom it has brought together, the queue chooses these two. And nobody
// has waited for long who could be matched.
func (g *grand) checkOrder() {
	g.t.Helper()
	r := g.recorded()
	rivals, colleagues := 0, 0
	for _, o := range r.offers {
		contacts, agents := r.matchable(o)
		rivals += len(contacts) - 1
		for _, agent := range agents[1:] {
			if able(agent.Extension, r.places[o.Contact]) {
				colleagues++
			}
		}
		if !chosen(o, contacts, agents) {
			contact, agent := choose(contacts, agents, o.At)
			g.t.Errorf("at %s contact %s was offered to %s, want contact %s and %s", o.At.Format("15:04:05.000"), o.Contact, o.Agent, contact, agent)
		}
	}
	g.t.Logf("%d matches, with %d other contacts and %d other agents who could have been matched", len(r.offers), rivals, colleagues)
	if rivals < 3*crowd || colleagues < late {
		g.t.Error("there was too little to choose from to prove anything")
	}
	for contact, agent := range g.leftAlone(r) {
		g.t.Errorf("contact %s has waited beside %s, who was free", contact, agent)
	}
}

// matchable gives the contacts and agents who could surely be matched at the moment of an offer, and those of
// the offer.
func (r *recorded) matchable(o offered) (map[callback.ContactID]callback.Place, []queue.Agent) {
	contacts := map[callback.ContactID]callback.Place{o.Contact: r.places[o.Contact]}
	for contact, spans := range r.waits {
		if _, waits := spanAt(spans, o.At); waits {
			contacts[contact] = r.places[contact]
		}
	}
	chosen := agentOf(o.Agent, r.idleSince(o))
	agents := []queue.Agent{chosen}
	for extension, spans := range r.idle {
		s, idle := spanAt(spans, o.At)
		// Two who became idle at nearly the same time may have done so in the other order.
		if idle && extension != o.Agent && s.idle.Sub(chosen.IdleSince).Abs() > nearly {
			agents = append(agents, agentOf(extension, s.idle))
		}
	}
	return contacts, agents
}

// chosen says whether the pure queue makes that match, when the offer was recorded or a little before it: the
// order of two may have changed in between.
func chosen(o offered, contacts map[callback.ContactID]callback.Place, agents []queue.Agent) bool {
	for before := time.Duration(0); before < settled; before += nearly {
		if contact, agent := choose(contacts, agents, o.At.Add(-before)); contact == o.Contact && agent == o.Agent {
			return true
		}
	}
	return false
}

// choose gives the match that the pure queue makes.
func choose(contacts map[callback.ContactID]callback.Place, agents []queue.Agent, at time.Time) (callback.ContactID, string) {
	var q queue.Queue
	for contact, place := range contacts {
		q.Put(contact, place)
	}
	pair, _ := q.Match(at, agents)
	return pair.Contact, pair.Agent
}

func agentOf(extension string, idle time.Time) queue.Agent {
	i := slices.IndexFunc(staff, func(w worker) bool { return w.extension == extension })
	return queue.Agent{
		Extension: extension, Skills: staff[i].skills, IdleSince: idle, Nodes: []string{""},
		AgentState: callback.AgentState{Presence: callback.Available, Activity: callback.Free},
	}
}

// idleSince gives since when the agent of an offer was idle.
func (r *recorded) idleSince(o offered) time.Time {
	var since time.Time
	for _, free := range r.frees[o.Agent] {
		if !free.After(o.At) {
			since = free
		}
	}
	return since
}

// able says whether an agent can serve a contact with that place.
func able(extension string, place callback.Place) bool {
	_, has := agentOf(extension, time.Time{}).Skills[place.Skill]
	return has && (place.TargetAgent == "" || place.TargetAgent == extension)
}

// leftAlone gives contacts with agents beside whom they have waited for too long.
func (g *grand) leftAlone(r *recorded) map[callback.ContactID]string {
	left := map[callback.ContactID]string{}
	for contact, waits := range r.waits {
		for extension, idle := range r.idle {
			waits := without(waits, g.away.from, g.away.to)
			if able(extension, r.places[contact]) && longestOverlap(waits, idle) > matchedBy {
				left[contact] = extension
			}
		}
	}
	return left
}

func longestOverlap(a, b []span) time.Duration {
	var longest time.Duration
	for _, x := range a {
		for _, y := range b {
			from, to := x.from, x.to
			if y.from.After(from) {
				from = y.from
			}
			if y.to.Before(to) {
				to = y.to
			}
			longest = max(longest, to.Sub(from))
		}
	}
	return longest
}

// recorded reads what was recorded.
func (g *grand) recorded() *recorded {
	g.t.Helper()
	r := &recorded{
		places: map[callback.ContactID]callback.Place{}, waits: map[callback.ContactID][]span{},
		idle: map[string][]span{}, frees: map[string][]time.Time{},
	}
	g.must("read the offers", g.DB.SelectContext(g.ctx, &r.offers, `
		SELECT contact_id, agent, offered_at, ended_at, result FROM offer ORDER BY offered_at`))
	g.readContacts(r)
	for _, w := range staff {
		g.readAgent(r, w.extension)
	}
	return r
}

// readContacts finds out when each contact could be offered.
func (g *grand) readContacts(r *recorded) {
	g.t.Helper()
	facts, err := g.Facts(g.ctx, 0)
	g.must("read the history", err)
	target := map[callback.ContactID]string{}
	for _, fact := range facts {
		contact := callback.ContactID(fact.Contact)
		switch fact.Kind {
		case "arrived":
			if fact.Data["dialled"] == dnisOfWanted {
				target[contact] = wanted
			}
		case "queued":
			number := func(name string) int {
				n, err := strconv.Atoi(fact.Data[name])
				g.must("read a priority", err)
				return n
			}
			r.places[contact] = callback.Place{
				Skill: fact.Data["skill"], TargetAgent: target[contact], QueuedAt: fact.At,
				Priority: callback.Priority{Initial: number("initial"), Acceleration: number("acceleration"), Maximum: number("maximum")},
			}
			r.waits[contact] = []span{{from: fact.At.Add(settled), to: fact.At.Add(time.Hour)}}
		case "hung_up", "promised": // the place is locked for a moment, and passed over
			r.waits[contact] = without(r.waits[contact], fact.At.Add(-nearly), fact.At.Add(settled))
		case "ended":
			r.waits[contact] = without(r.waits[contact], fact.At, fact.At.Add(time.Hour))
		}
	}
	for _, o := range r.offers {
		until := o.Ended.Add(settled)
		if o.Result == "accepted" {
			until = until.Add(time.Hour)
		}
		r.waits[o.Contact] = without(r.waits[o.Contact], o.At, until)
	}
}

// readAgent finds out when an agent was free, and the phone too.
func (g *grand) readAgent(r *recorded, extension string) {
	g.t.Helper()
	var rows []struct {
		At       time.Time `db:"at"`
		Free     bool      `db:"free"`
		Over     bool      `db:"over"`
		Activity string    `db:"activity"`
	}
	g.must("read an agent's history", g.DB.SelectContext(g.ctx, &rows, `
		SELECT at, activity, presence = 'available' AND activity = 'free' AS free, reason LIKE 'the time of %' AS over
		FROM agent_history WHERE agent = $1 ORDER BY at, id`, extension))
	var spans []span
	for i, row := range rows {
		if row.Activity == "free" {
			r.frees[extension] = append(r.frees[extension], row.At)
		}
		if !row.Free {
			continue
		}
		s := span{from: row.At.Add(settled), to: row.At.Add(time.Hour), idle: row.At}
		if row.Over {
			s.from = row.At.Add(writtenBy)
		}
		if i+1 < len(rows) {
			s.to = rows[i+1].At.Add(-nearly)
		}
		if s.from.Before(s.to) {
			spans = append(spans, s)
		}
	}
	for _, o := range r.offers { // one that is being made is in the agent's history some time after its moment
		if o.Agent == extension {
			spans = without(spans, o.At.Add(-nearly), o.Ended)
		}
	}
	for _, call := range g.phones[extension].Calls() {
		events := call.Events()
		spans = without(spans, events[0].At.Add(-nearly), events[len(events)-1].At.Add(settled))
	}
	r.idle[extension] = spans
}
