package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/callbackd/callbackd/callback"
)

// QueueFilter says what of the queue to read. What is counted is always counted in full.
type QueueFilter struct {
	Skill string // only this skill's contacts and agents; "": all
	Limit int    // so many contacts, and as many agents; 0: all
}

// Queue is how the queue and the agents stand at one moment.
type Queue struct {
	At       time.Time      `json:"at"`       // by the clock of the database
	Nodes    []string       `json:"nodes"`    // for which a callbackd runs; none: nobody is offered anything
	Skills   []QueueSkill   `json:"skills"`   // those that have agents or contacts, by name
	Contacts []QueueContact `json:"contacts"` // the first of the queue, in its order
	Agents   []QueueAgent   `json:"agents"`   // by extension, those who are logged out at the end
	Counted  QueueAgents    `json:"agents_counted"`
}

// QueueAgents is how many agents there are.
type QueueAgents struct {
	All       int `json:"all"`
	LoggedIn  int `json:"logged_in"`
	Available int `json:"available"` // free, have asked to be, and a node can ring the phone
}

// QueueSkill is how the queue of one skill stands.
type QueueSkill struct {
	Skill      string  `json:"skill"`
	Live       int     `json:"live"`
	Callbacks  int     `json:"callbacks"`
	LongestSec float64 `json:"longest_sec"` // the longest wait
	LoggedIn   int     `json:"logged_in"`   // agents
	Available  int     `json:"available"`   // as in QueueAgents
}

// QueueContact is a contact that waits for an agent.
type QueueContact struct {
	Position    int                `json:"position"` // in its skill, from 1
	ID          callback.ContactID `json:"id"`
	Skill       string             `json:"skill"`
	Kind        callback.OfferKind `json:"kind"`
	State       callback.State     `json:"state"`
	Number      string             `json:"number"` // of the caller; for a callback, the one to call
	QueuedAt    time.Time          `json:"queued_at"`
	WaitedSec   float64            `json:"waited_sec"`
	Priority    float64            `json:"priority"`     // at this moment, rounded to a thousandth
	TargetAgent string             `json:"target_agent"` // "": any agent with the skill
	AnyAgent    bool               `json:"any_agent"`    // it goes to any agent where that one does not accept or is away
	Node        string             `json:"node"`         // whose agents alone can take it; "": any
	ReadyAt     time.Time          `json:"ready_at,omitzero"`
	Held        bool               `json:"held"`  // offered to nobody until someone changes it (C7)
	Offer       *QueueOffer        `json:"offer"` // null: none is open
	Script      string             `json:"script"`
	Action      string             `json:"action"` // where it stands in the script
}

// QueueOffer is the open offer of a contact, with what became of the call back for it.
type QueueOffer struct {
	Agent           string               `json:"agent"`
	Result          callback.OfferResult `json:"result"` // "" until the agent has accepted or not
	AgentAnsweredAt time.Time            `json:"agent_answered_at,omitzero"`
	DueAt           time.Time            `json:"due_at,omitzero"`
	DiallingAt      time.Time            `json:"dialling_at,omitzero"`
	AnsweredAt      time.Time            `json:"answered_at,omitzero"` // by the contact
}

// QueueAgent is an agent with the contact of the open offer.
type QueueAgent struct {
	Agent
	Contact *QueueServed `json:"contact"` // null: none
}

// QueueServed is the contact that an agent is offered or has accepted.
type QueueServed struct {
	ID     callback.ContactID   `json:"id"`
	State  callback.State       `json:"state"`
	Result callback.OfferResult `json:"result"` // as in QueueOffer
}

// skillsStatement counts the places of the skill $1, or of all, class by class in their index.
const skillsStatement = `
	WITH queued AS (
	    SELECT k.skill, sum(p.n) FILTER (WHERE k.node <> '') AS live, sum(p.n) FILTER (WHERE k.node = '') AS callbacks,
	           min(p.oldest) AS oldest
	    FROM class k CROSS JOIN LATERAL (
	        SELECT count(*) AS n, min(queued_at) AS oldest FROM place WHERE class_id = k.id) p
	    WHERE p.n > 0 AND ($1 = '' OR k.skill = $1)
	    GROUP BY k.skill
	), served AS (
	    SELECT s.skill, count(*) FILTER (WHERE a.presence <> 'logged_out') AS logged_in,
	           count(*) FILTER (WHERE ` + reachable + `) AS available
	    FROM agent_skill s JOIN agent a ON a.extension = s.agent
	    WHERE $1 = '' OR s.skill = $1
	    GROUP BY s.skill
	)
	SELECT json_build_object(
	    'skill', skill, 'live', coalesce(live, 0), 'callbacks', coalesce(callbacks, 0),
	    'longest_sec', coalesce(round(greatest(extract(epoch FROM now() - oldest), 0), 3), 0),
	    'logged_in', coalesce(logged_in, 0), 'available', coalesce(available, 0))
	FROM queued FULL JOIN served USING (skill)
	ORDER BY skill`

// queuedStatement gives the first $2 contacts of the skill $1, or of all. Inside a class the earlier is
// always ahead, so they are in the classes whose heads are the first $2, and among the first $2 of each.
const queuedStatement = `
	WITH ahead AS MATERIALIZED (
	    SELECT k.*
	    FROM class k CROSS JOIN LATERAL (
	        SELECT p.queued_at, p.contact_id FROM place p
	        WHERE p.class_id = k.id ORDER BY p.queued_at, p.contact_id LIMIT 1) head
	    WHERE $1 = '' OR k.skill = $1
	    ORDER BY priority_at(k.initial, k.acceleration, k.maximum, head.queued_at, now()) DESC, head.queued_at, head.contact_id
	    LIMIT $2
	), queued AS MATERIALIZED (
	    SELECT p.*, k.skill, k.target_agent, k.node,
	           priority_at(k.initial, k.acceleration, k.maximum, p.queued_at, now()) AS steps
	    FROM ahead k CROSS JOIN LATERAL (
	        SELECT * FROM place p WHERE p.class_id = k.id ORDER BY p.queued_at, p.contact_id LIMIT $2) p
	    ORDER BY steps DESC, p.queued_at, p.contact_id
	    LIMIT $2
	), placed AS MATERIALIZED (
	    SELECT *, row_number() OVER (PARTITION BY skill ORDER BY steps DESC, queued_at, contact_id) AS position FROM queued
	)
	SELECT json_build_object(
	    'position', p.position, 'id', p.contact_id, 'skill', p.skill,
	    'kind', CASE WHEN p.node <> '' THEN 'live' ELSE 'callback' END, 'state', c.state,
	    'number', CASE WHEN p.node <> '' THEN c.ani ELSE coalesce(c.phone_number, c.ani) END,
	    'queued_at', p.queued_at, 'waited_sec', round(greatest(extract(epoch FROM now() - p.queued_at), 0), 3),
	    'priority', round(p.steps / 60000000.0, 3), 'target_agent', p.target_agent, 'any_agent', p.any_agent, 'node', p.node,
	    'ready_at', p.ready_at, 'held', p.held,
	    'offer', CASE WHEN o.agent IS NOT NULL THEN json_build_object(
	        'agent', o.agent, 'result', coalesce(o.result, ''), 'agent_answered_at', l.answered_at,
	        'due_at', t.due_at, 'dialling_at', t.dialling_at, 'answered_at', t.answered_at) END,
	    'script', c.script, 'action', coalesce(c.script_state ->> 'action', ''))
	FROM placed p JOIN contact c ON c.id = p.contact_id
	LEFT JOIN offer o ON o.contact_id = p.contact_id AND o.ended_at IS NULL
	LEFT JOIN leg l ON l.contact_id = o.contact_id AND l.channel = o.channel
	LEFT JOIN attempt t ON t.contact_id = p.contact_id AND t.ended_at IS NULL
	ORDER BY p.steps DESC, p.queued_at, p.contact_id`

// servingStatement gives the first $2 agents of the skill $1, or of all.
const servingStatement = `
	SELECT json_build_object(` + agentMembers + `,
	    'contact', (SELECT json_build_object('id', c.id, 'state', c.state, 'result', coalesce(o.result, ''))
	                FROM offer o JOIN contact c ON c.id = o.contact_id
	                WHERE o.agent = a.extension AND o.ended_at IS NULL))
	FROM agent a, agent_state(a.presence, a.activity, a.activity_until, now()) AS state
	WHERE $1 = '' OR EXISTS (SELECT FROM agent_skill s WHERE s.skill = $1 AND s.agent = a.extension)
	ORDER BY state = 'logged_out', length(a.extension), a.extension
	LIMIT $2`

const servingCount = `
	SELECT json_build_object(
	    'all', count(*), 'logged_in', count(*) FILTER (WHERE a.presence <> 'logged_out'),
	    'available', count(*) FILTER (WHERE ` + reachable + `))
	FROM agent a
	WHERE $1 = '' OR EXISTS (SELECT FROM agent_skill s WHERE s.skill = $1 AND s.agent = a.extension)`

const heldNodes = "SELECT name FROM node WHERE expires_at > now() ORDER BY name"

// HeldNodes names the nodes for which a daemon runs.
func (s *Store) HeldNodes(ctx context.Context) ([]string, error) {
	var names []string
	if err := s.db.SelectContext(ctx, &names, heldNodes); err != nil {
		return nil, fmt.Errorf("looking for the nodes: %w", err)
	}
	return names, nil
}

// ReadQueue gives the queue in the order of [callback.Before] and the agents, all as of one moment. It
// locks nothing. All of a queue of 100,000 takes seconds: see [Options] for the time that there is.
func (s *Store) ReadQueue(ctx context.Context, filter QueueFilter) (Queue, error) {
	tx, err := s.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return Queue{}, fmt.Errorf("reading the queue: %w", plain(err))
	}
	defer func() { _ = tx.Rollback() }() // there is nothing to commit
	var queue Queue
	if err := queue.read(ctx, tx, filter); err != nil {
		return Queue{}, fmt.Errorf("reading the queue: %w", plain(err))
	}
	return queue, nil
}

func (q *Queue) read(ctx context.Context, tx *sqlx.Tx, filter QueueFilter) error {
	limit := sql.NullInt64{Int64: int64(filter.Limit), Valid: filter.Limit > 0}
	if err := tx.GetContext(ctx, &q.At, "SELECT now()"); err != nil {
		return err
	}
	q.Nodes = []string{}
	if err := tx.SelectContext(ctx, &q.Nodes, heldNodes); err != nil {
		return err
	}
	counted, err := documents[QueueAgents](ctx, tx, servingCount, filter.Skill)
	if err != nil {
		return err
	}
	q.Counted = counted[0]
	if q.Skills, err = documents[QueueSkill](ctx, tx, skillsStatement, filter.Skill); err != nil {
		return err
	}
	if q.Contacts, err = documents[QueueContact](ctx, tx, queuedStatement, filter.Skill, limit); err != nil {
		return err
	}
	q.Agents, err = documents[QueueAgent](ctx, tx, servingStatement, filter.Skill, limit)
	return err
}

// documents reads the rows of a statement that gives one JSON document in each.
func documents[T any](ctx context.Context, tx *sqlx.Tx, statement string, arguments ...any) ([]T, error) {
	rows, err := tx.QueryContext(ctx, statement, arguments...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has said what there is to say
	values := []T{}
	for rows.Next() {
		var text sql.RawBytes
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		var value T
		if err := json.Unmarshal(text, &value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, rows.Err()
}
