package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

// AgentSkill is a skill that an agent serves.
type AgentSkill struct {
	Skill       string `json:"skill"`
	Proficiency int    `json:"proficiency"` // from 1, the best, to 20
}

// Agent is an agent as people see one.
type Agent struct {
	Extension string `json:"extension"`
	Name      string `json:"name"`
	Endpoint  string `json:"endpoint"`
	// State is one word: logged_out, available, unavailable, offered, working_inbound,
	// working_callback, working_outbound, after_call or refused.
	State    string            `json:"state"`
	Presence callback.Presence `json:"presence"` // what the agent has asked for
	Reason   string            `json:"reason"`   // why the agent is unavailable, or will be after the call
	Since    time.Time         `json:"since"`    // when the state began
	Until    time.Time         `json:"until,omitzero"`
	// Nodes are those that can ring the agent's phone now. There is none where it is in use or not registered, or
	// where no daemon runs.
	Nodes  []string     `json:"nodes"`
	Skills []AgentSkill `json:"skills"`
}

// AddAgent adds an agent, logged out, or gives one who is there another name, endpoint and skills;
// the state then stays.
func (s *Store) AddAgent(ctx context.Context, extension, name, endpoint string, skills []AgentSkill) error {
	for _, skill := range skills {
		if skill.Proficiency < 1 || skill.Proficiency > 20 {
			return fmt.Errorf("adding agent %s: the proficiency of %s is %d; it goes from 1, the best, to 20",
				extension, skill.Skill, skill.Proficiency)
		}
	}
	err := s.transact(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO agent (extension, name, endpoint) VALUES ($1, $2, $3)
			ON CONFLICT (extension) DO UPDATE SET name = excluded.name, endpoint = excluded.endpoint`,
			extension, name, endpoint)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM agent_skill WHERE agent = $1", extension); err != nil {
			return err
		}
		for _, skill := range skills {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO agent_skill (agent, skill, proficiency) VALUES ($1, $2, $3)`,
				extension, skill.Skill, skill.Proficiency)
			if violates(err, pqerror.UniqueViolation, "agent_skill_pkey") {
				return fmt.Errorf("the skill %s is named twice", skill.Skill)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if violates(err, pqerror.UniqueViolation, "agent_endpoint_key") {
		err = fmt.Errorf("another agent has the endpoint %s", endpoint)
	}
	if err != nil {
		return fmt.Errorf("adding agent %s: %w", extension, err)
	}
	s.notifier.poke()
	return nil
}

// ringing are the nodes r.node that can ring the phone of an agent a now.
const ringing = `reach r JOIN node n ON n.name = r.node AND n.epoch = r.epoch
	WHERE r.endpoint = a.endpoint AND n.expires_at > clock_timestamp()`

// reachable says of an agent a whether contacts can be offered now: available, and a node can ring the phone.
const reachable = `agent_state(a.presence, a.activity, a.activity_until, now()) = 'available' AND EXISTS (SELECT FROM ` + ringing + `)`

// agentMembers are the members of an Agent, of an agent a whose state in one word is state.
const agentMembers = `
	'extension', a.extension, 'name', a.name, 'endpoint', a.endpoint, 'presence', a.presence, 'state', state,
	'reason', CASE WHEN a.presence = 'unavailable' THEN a.presence_reason ELSE '' END,
	'since', CASE WHEN state = a.activity THEN a.activity_since
	              WHEN state = 'available' THEN greatest(a.presence_since, a.activity_since, a.activity_until)
	              ELSE a.presence_since END,
	'until', CASE WHEN state = a.activity THEN a.activity_until END,
	'nodes', (SELECT coalesce(json_agg(r.node ORDER BY r.node), '[]') FROM ` + ringing + `),
	'skills', (SELECT coalesce(json_agg(json_build_object('skill', s.skill, 'proficiency', s.proficiency)
	                                    ORDER BY s.proficiency, s.skill), '[]')
	           FROM agent_skill s WHERE s.agent = a.extension)`

// ListAgents gives all agents, in the order of their extensions.
func (s *Store) ListAgents(ctx context.Context) ([]Agent, error) {
	var documents [][]byte
	err := s.db.SelectContext(ctx, &documents, `
		SELECT json_build_object(`+agentMembers+`)
		FROM agent a, agent_state(a.presence, a.activity, a.activity_until, now()) AS state
		ORDER BY length(a.extension), a.extension`)
	if err != nil {
		return nil, fmt.Errorf("listing the agents: %w", err)
	}
	agents := make([]Agent, 0, len(documents))
	for _, text := range documents {
		var agent Agent
		if err := json.Unmarshal(text, &agent); err != nil {
			return nil, fmt.Errorf("listing the agents: %w", err)
		}
		agents = append(agents, agent)
	}
	return agents, nil
}

// SetPresence is [Store.AskAgent] for one of the presences.
func (s *Store) SetPresence(ctx context.Context, extension string, presence callback.Presence, reason, askedBy string) error {
	_, err := s.AskAgent(ctx, extension, callback.AgentAsk{Kind: callback.AskKind(presence), Reason: reason}, askedBy)
	return err
}

// AskAgent does what the agent of that extension, or somebody for them, asks for, and gives the state that
// follows. The change is kept with its reason and who asked. It fails with [dispatch.ErrNotFound] where
// there is no such agent, and with [callback.ErrLoggedOut] where only an agent who is logged in can have it.
func (s *Store) AskAgent(ctx context.Context, extension string, ask callback.AgentAsk, askedBy string) (callback.AgentState, error) {
	state, err := s.askAgent(ctx, "extension", extension, ask, askedBy)
	if err != nil {
		return callback.AgentState{}, fmt.Errorf("setting the state of agent %s: %w", extension, err)
	}
	return state, nil
}

// AskAgentAt is [Store.AskAgent] for the agent of that endpoint.
func (s *Store) AskAgentAt(ctx context.Context, endpoint string, ask callback.AgentAsk, askedBy string) (callback.AgentState, error) {
	state, err := s.askAgent(ctx, "endpoint", endpoint, ask, askedBy)
	if err != nil {
		return callback.AgentState{}, fmt.Errorf("setting the state of the agent at %s: %w", endpoint, err)
	}
	return state, nil
}

// askingAgent is the state of an agent at the moment at which the row was locked.
type askingAgent struct {
	Extension string       `db:"extension"`
	Presence  string       `db:"presence"`
	Reason    string       `db:"presence_reason"`
	Activity  string       `db:"activity"`
	Until     sql.NullTime `db:"activity_until"`
	Now       time.Time    `db:"now"`
}

func (r askingAgent) state() callback.AgentState {
	state := callback.AgentState{Presence: callback.Presence(r.Presence), Reason: r.Reason, Activity: callback.Activity(r.Activity)}
	if r.Until.Valid {
		state.Until = r.Until.Time.UTC()
	}
	return state
}

// lockAgent locks the agent whose column has that value; a save or a match of the agent is waited for.
func lockAgent(ctx context.Context, tx *sqlx.Tx, column, value string) (askingAgent, error) {
	var row askingAgent
	err := tx.GetContext(ctx, &row, `
		WITH locked AS MATERIALIZED (
		    SELECT extension, presence, presence_reason, activity, activity_until
		    FROM agent WHERE `+column+` = $1 FOR NO KEY UPDATE)
		SELECT locked.*, clock_timestamp() AS now FROM locked`, value)
	if errors.Is(err, sql.ErrNoRows) {
		err = dispatch.ErrNotFound
	}
	return row, err
}

func (s *Store) askAgent(ctx context.Context, column, value string, ask callback.AgentAsk, askedBy string) (callback.AgentState, error) {
	var state callback.AgentState
	err := s.transact(ctx, func(tx *sqlx.Tx) error {
		row, err := lockAgent(ctx, tx, column, value)
		if err != nil {
			return err
		}
		if state, err = row.state().After(ask, row.Now); err != nil {
			return err
		}
		return saveAsked(ctx, tx, row, state, askedBy)
	})
	if errors.Is(err, dispatch.ErrUnsure) {
		err = s.readAsked(ctx, column, value, state, err)
	}
	if err != nil {
		return callback.AgentState{}, err
	}
	s.notifier.poke()
	return state, nil
}

// saveAsked writes the state that an agent has asked for, and the record of it.
func saveAsked(ctx context.Context, tx *sqlx.Tx, row askingAgent, state callback.AgentState, askedBy string) error {
	_, err := tx.ExecContext(ctx, `
		WITH changed AS (
		    UPDATE agent
		    SET presence = $2, presence_reason = $3,
		        presence_since = CASE WHEN (presence, presence_reason) = ($2, $3) THEN presence_since ELSE $6 END,
		        activity = $4, activity_until = $5,
		        activity_since = CASE WHEN activity = $4 THEN activity_since ELSE $6 END,
		        idle_since = greatest($6, $5)
		    WHERE extension = $1
		)
		INSERT INTO agent_history (agent, presence, activity, reason, asked_by) VALUES ($1, $2, $4, $3, $7)`,
		row.Extension, string(state.Presence), state.Reason, string(state.Activity),
		sql.NullTime{Time: state.Until, Valid: !state.Until.IsZero()}, row.Now, askedBy)
	return err
}

// readAsked says whether the state that was asked for stands, where the commit had no answer: an agent who
// is told wrongly that it does not would ask for the opposite. The agent's row is locked by that
// transaction until it is over.
func (s *Store) readAsked(ctx context.Context, column, value string, want callback.AgentState, unsure error) error {
	var stands bool
	err := s.transact(ctx, func(tx *sqlx.Tx) error {
		row, err := lockAgent(ctx, tx, column, value)
		stands = row.state() == want
		return err
	})
	if err == nil && stands {
		return nil
	}
	return errors.Join(unsure, err)
}

// EndAgentTimes frees the agents whose after-call work, or time as Refused, has run out, and keeps a
// record of each. A match does not wait for it.
func (s *Store) EndAgentTimes(ctx context.Context) error {
	end, err := s.prepared.get(ctx, endTimesStatement)
	if err != nil {
		return fmt.Errorf("ending after-call work: %w", err)
	}
	var ended int
	if err := end.GetContext(ctx, &ended); err != nil {
		return fmt.Errorf("ending after-call work: %w", err)
	}
	if ended > 0 {
		s.notifier.poke()
	}
	return nil
}

const endTimesStatement = `
	WITH over AS MATERIALIZED (
	    SELECT extension, activity, activity_until FROM agent WHERE activity_until <= clock_timestamp()
	    FOR NO KEY UPDATE SKIP LOCKED
	), ended AS (
	    UPDATE agent a SET activity = 'free', activity_since = over.activity_until, activity_until = NULL
	    FROM over WHERE a.extension = over.extension
	    RETURNING a.extension, a.presence, over.activity, over.activity_until
	), noted AS (
	    INSERT INTO agent_history (at, agent, presence, activity, reason, asked_by)
	    SELECT activity_until, extension, presence, 'free', 'the time of ' || activity || ' is over', 'callbackd'
	    FROM ended
	)
	SELECT count(*) FROM ended`

// Lamps says how each agent stands, and in which of these skills somebody waits.
func (s *Store) Lamps(ctx context.Context, skills []string) (dispatch.Lamps, error) {
	lamps := dispatch.Lamps{}
	read := func(into any, statement string, args ...any) error {
		prepared, err := s.prepared.get(ctx, statement)
		if err != nil {
			return err
		}
		return prepared.SelectContext(ctx, into, args...)
	}
	err := read(&lamps.Agents, `
		SELECT extension, endpoint, agent_state(presence, activity, activity_until, now()) AS word,
		       presence = 'unavailable' AS paused
		FROM agent`)
	if err == nil {
		err = read(&lamps.Waiting, `
			SELECT skill FROM unnest($1::text[]) AS skill
			CROSS JOIN LATERAL (
			    SELECT FROM class k
			    CROSS JOIN LATERAL (SELECT FROM place p WHERE p.class_id = k.id LIMIT 1) first
			    WHERE k.skill = skill.skill LIMIT 1) AS found`, pq.Array(skills))
	}
	if err != nil {
		return dispatch.Lamps{}, fmt.Errorf("reading what the lamps are to show: %w", err)
	}
	return lamps, nil
}
