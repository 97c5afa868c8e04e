package postgres

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/queue"
)

// found is what find.sql gives.
type found struct {
	Leases  int       `db:"leases"`
	Due     bool      `db:"due"` // what readyStatement does has to be done first
	Now     time.Time `db:"now"`
	Waiting []byte    `db:"waiting"` // waitingRow
	Agents  []byte    `db:"agents"`  // freeRow
}

type waitingRow struct {
	ContactID   callback.ContactID `json:"contact_id"`
	ClassID     int64              `json:"class_id"`
	Skill       string             `json:"skill"`
	TargetAgent string             `json:"target_agent"`
	Node        string             `json:"node"`
	QueuedAt    time.Time          `json:"queued_at"`
	ReadyAt     time.Time          `json:"ready_at"`
	callback.Priority
}

func (r waitingRow) waiting() queue.Waiting {
	return queue.Waiting{ID: r.ContactID, Place: callback.Place{
		Skill: r.Skill, Priority: r.Priority, TargetAgent: r.TargetAgent, Node: r.Node,
		QueuedAt: r.QueuedAt.UTC(), ReadyAt: r.ReadyAt.UTC(),
	}}
}

// freeRow is a skill of a free agent whose phone can be rung in that node.
type freeRow struct {
	Extension   string    `json:"extension"`
	Endpoint    string    `json:"endpoint"`
	IdleSince   time.Time `json:"idle_since"`
	Skill       string    `json:"skill"`
	Proficiency int       `json:"proficiency"`
	Node        string    `json:"node"`
}

// scene is what can be brought together at one moment.
type scene struct {
	now       time.Time
	waiting   []queue.Waiting
	classes   map[callback.ContactID]int64
	agents    []queue.Agent
	endpoints map[string]string // by extension
}

func (f found) scene() (scene, error) {
	var waiting []waitingRow
	var free []freeRow
	if err := errors.Join(json.Unmarshal(f.Waiting, &waiting), json.Unmarshal(f.Agents, &free)); err != nil {
		return scene{}, fmt.Errorf("reading what can be matched: %w", err)
	}
	s := scene{now: f.Now.UTC(), classes: make(map[callback.ContactID]int64), endpoints: make(map[string]string)}
	for _, row := range waiting {
		s.waiting = append(s.waiting, row.waiting())
		s.classes[row.ContactID] = row.ClassID
	}
	known := make(map[string]int) // where the agent of that extension is in s.agents
	for _, row := range free {
		i, ok := known[row.Extension]
		if !ok {
			i, known[row.Extension] = len(s.agents), len(s.agents)
			s.agents = append(s.agents, queue.Agent{
				Extension: row.Extension, Skills: make(map[string]int), IdleSince: row.IdleSince.UTC(),
			})
			s.endpoints[row.Extension] = row.Endpoint
		}
		a := &s.agents[i]
		a.Skills[row.Skill] = row.Proficiency
		if !slices.Contains(a.Nodes, row.Node) {
			a.Nodes = append(a.Nodes, row.Node)
		}
	}
	return s, nil
}

// pairs gives the pairs of one node in the queue's order, as far as its ports go.
func (s scene) pairs(node string, ports int) []queue.Pair {
	pairs, places := s.first(), s.places()
	var own []queue.Pair
	for _, p := range pairs {
		if p.Node != node {
			continue
		}
		if ports -= queue.Ports(places[p.Contact]); ports < 0 {
			break // whoever stands behind may need fewer, and does not pass
		}
		own = append(own, p)
	}
	return own
}

// first gives the first pairs of all nodes: no more of them than find.sql gives contacts of a kind, since one who
// was not given could come next.
func (s scene) first() []queue.Pair {
	pairs := queue.Pairs(s.now, s.waiting, s.agents)
	return pairs[:min(len(pairs), atOnce)]
}

// kind is what contacts have in common that the same agents can serve.
type kind struct{ skill, targetAgent, node string }

func kindOf(p callback.Place) kind { return kind{p.Skill, p.TargetAgent, p.Node} }

// choice is agents of one node and contacts of one kind, any of which any of them can serve.
type choice struct {
	contacts []callback.ContactID // in the queue's order; more than agents
	agents   []string
}

// choice gives the agents of the pairs of one node that are of the kind of the first, and the contacts that
// they can have, those who are left for nobody among them.
func (s scene) choice(node string, ports int) choice {
	own := s.pairs(node, ports)
	if len(own) == 0 {
		return choice{}
	}
	places := s.places()
	of := kindOf(places[own[0].Contact])
	var c choice
	for _, p := range own {
		if kindOf(places[p.Contact]) == of {
			c.agents = append(c.agents, p.Agent)
		}
	}
	elsewhere := make(map[callback.ContactID]bool)
	for _, p := range s.first() {
		elsewhere[p.Contact] = p.Node != node
	}
	for _, w := range queue.InOrder(s.now, s.waiting) {
		if kindOf(w.Place) == of && !elsewhere[w.ID] {
			c.contacts = append(c.contacts, w.ID)
		}
	}
	return c
}

// only gives what can be brought together of those contacts and those agents in one node.
func (s scene) only(contacts []callback.ContactID, agents []string, node string) []queue.Pair {
	waiting := slices.DeleteFunc(slices.Clone(s.waiting), func(w queue.Waiting) bool { return !slices.Contains(contacts, w.ID) })
	var able []queue.Agent
	for _, a := range s.agents {
		if slices.Contains(agents, a.Extension) {
			a.Nodes = []string{node}
			able = append(able, a)
		}
	}
	return queue.Pairs(s.now, waiting, able)
}

func (s scene) places() map[callback.ContactID]callback.Place {
	places := make(map[callback.ContactID]callback.Place, len(s.waiting))
	for _, w := range s.waiting {
		places[w.ID] = w.Place
	}
	return places
}

// offers gives the matches of those pairs, with what take.sql is to be given.
func (s scene) offers(pairs []queue.Pair, request dispatch.MatchRequest) ([]dispatch.Match, []takenRow) {
	places := s.places()
	matches, rows := make([]dispatch.Match, len(pairs)), make([]takenRow, len(pairs))
	for i, p := range pairs {
		place := places[p.Contact]
		made := request.Offer(p.Contact, place, dispatch.Agent{Extension: p.Agent, Endpoint: s.endpoints[p.Agent]})
		matches[i] = dispatch.Match{Contact: p.Contact, Made: made}
		rows[i] = takenRow{
			ContactID: p.Contact, ClassID: s.classes[p.Contact], QueuedAt: moment{place.QueuedAt},
			Offer: newOfferRow(made.Offer), Leg: newLegRow(made.Leg),
		}
	}
	return matches, rows
}

// takenRow is one offer for take.sql.
type takenRow struct {
	ContactID callback.ContactID `json:"contact_id"`
	ClassID   int64              `json:"class_id"`
	QueuedAt  moment             `json:"queued_at"`
	Offer     offerRow           `json:"offer"`
	Leg       legRow             `json:"leg"`
}
