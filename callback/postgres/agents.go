package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
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
	// working_callback, after_call or refused.
	State  string       `json:"state"`
	Reason string       `json:"reason"` // why the agent is unavailable
	Since  time.Time    `json:"since"`  // when the state began
	Until  time.Time    `json:"until,omitzero"`
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

// ListAgents gives all agents, in the order of their extensions.
func (s *Store) ListAgents(ctx context.Context) ([]Agent, error) {
	var documents [][]byte
	err := s.db.SelectContext(ctx, &documents, `
		SELECT json_build_object(
		    'extension', a.extension, 'name', a.name, 'endpoint', a.endpoint, 'state', state,
		    'reason', CASE WHEN state = 'unavailable' THEN a.presence_reason ELSE '' END,
		    'since', CASE WHEN state = a.activity THEN a.activity_since
		                  WHEN state = 'available' THEN greatest(a.presence_since, a.activity_since, a.activity_until)
		                  ELSE a.presence_since END,
		    'until', CASE WHEN state = a.activity THEN a.activity_until END,
		    'skills', (SELECT coalesce(json_agg(json_build_object('skill', s.skill, 'proficiency', s.proficiency)
		                                        ORDER BY s.proficiency, s.skill), '[]')
		               FROM agent_skill s WHERE s.agent = a.extension))
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

// SetPresence sets what an agent asks for, with the reason and who asked; [dispatch.ErrNotFound] if
// there is no such agent. An agent who asks to be available is done with after-call work and is no
// longer Refused. A call that is under way goes on.
func (s *Store) SetPresence(ctx context.Context, extension string, presence callback.Presence, reason, askedBy string) error {
	err := s.transact(ctx, func(tx *sqlx.Tx) error {
		var found string
		err := tx.GetContext(ctx, &found, `
			WITH changed AS (
			    UPDATE agent
			    SET presence = $2, presence_reason = $3, presence_since = clock_timestamp(),
			        activity = CASE WHEN ends THEN 'free' ELSE activity END,
			        activity_since = CASE WHEN ends THEN clock_timestamp() ELSE activity_since END,
			        activity_until = CASE WHEN ends THEN NULL ELSE activity_until END,
			        idle_since = greatest(clock_timestamp(), CASE WHEN NOT ends THEN activity_until END)
			    FROM (SELECT extension AS id, $2 = 'available' AND activity IN ('after_call', 'refused') AS ends
			          FROM agent WHERE extension = $1 FOR NO KEY UPDATE) was
			    WHERE extension = was.id
			    RETURNING extension, presence, activity
			), noted AS (
			    INSERT INTO agent_history (agent, presence, activity, reason, asked_by)
			    SELECT extension, presence, activity, $3, $4 FROM changed
			)
			SELECT extension FROM changed`,
			extension, string(presence), reason, askedBy)
		if errors.Is(err, sql.ErrNoRows) {
			return dispatch.ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("setting the state of agent %s: %w", extension, err)
	}
	s.notifier.poke()
	return nil
}
