package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/callbackd/callbackd/callback"
)

// NodeScript is a version of a script that new contacts of a node begin with, or began with last while
// no daemon holds the node.
type NodeScript struct {
	callback.ScriptRef
	Since  time.Time
	Source []byte
}

// NodeScripts gives the scripts of a node, and whether a daemon holds it now. A node that was never held
// has none.
func (s *Store) NodeScripts(ctx context.Context, node string) (scripts []NodeScript, held bool, err error) {
	err = s.db.SelectContext(ctx, &scripts, `
		SELECT c.name AS script, c.version AS script_version, c.since, v.source
		FROM script_current c JOIN script_version v USING (name, version)
		WHERE c.node = $1
		ORDER BY c.name`, node)
	if err == nil {
		err = s.db.GetContext(ctx, &held,
			"SELECT EXISTS (SELECT FROM node WHERE name = $1 AND expires_at > clock_timestamp())", node)
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading the scripts of node %s: %w", node, err)
	}
	return scripts, held, nil
}

// SkillWaiting says how many contacts wait in a skill.
type SkillWaiting struct {
	Skill    string `json:"skill"`
	Contacts int    `json:"contacts"`
}

// WaitingOutside gives the skills beside these, of which there is one at least, in which contacts wait,
// by name.
func (s *Store) WaitingOutside(ctx context.Context, skills []string) ([]SkillWaiting, error) {
	var waiting []SkillWaiting
	err := s.db.SelectContext(ctx, &waiting, `
		SELECT k.skill, count(*) AS contacts
		FROM class k JOIN place p ON p.class_id = k.id
		WHERE k.skill <> ALL ($1::text[])
		GROUP BY k.skill ORDER BY k.skill`, pq.Array(skills))
	if err != nil {
		return nil, fmt.Errorf("looking for contacts in other skills: %w", err)
	}
	return waiting, nil
}

// MissingTarget is an agent who is not there and for whom alone contacts wait.
type MissingTarget struct {
	Agent    string
	Contacts int
	First    callback.ContactID // the one with the lowest ID
}

// MissingTargets gives the agents who are not there and for whom contacts wait that go to no other, by extension.
func (s *Store) MissingTargets(ctx context.Context) ([]MissingTarget, error) {
	var missing []MissingTarget
	err := s.db.SelectContext(ctx, &missing, `
		SELECT k.target_agent AS agent, count(*) AS contacts, min(p.contact_id) AS first
		FROM class k JOIN place p ON p.class_id = k.id
		WHERE k.target_agent <> '' AND NOT p.any_agent
		  AND NOT EXISTS (SELECT FROM agent a WHERE a.extension = k.target_agent)
		GROUP BY k.target_agent ORDER BY length(k.target_agent), k.target_agent`)
	if err != nil {
		return nil, fmt.Errorf("looking for contacts that wait for agents who are not there: %w", err)
	}
	return missing, nil
}
