package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

// standing is how one contact and a skill's queue stand at one moment.
type standing struct {
	Waiting   int     `db:"waiting"`
	Longest   float64 `db:"longest"` // seconds
	LoggedIn  int     `db:"logged_in"`
	Available int     `db:"available"`
	Position  int     `db:"position"`
}

// agentsOf counts the agents of the skill $1.
const agentsOf = `
	SELECT count(*) FILTER (WHERE a.presence <> 'logged_out') AS logged_in,
	       count(*) FILTER (WHERE agent_state(a.presence, a.activity, a.activity_until, now()) = 'available') AS available
	FROM agent_skill s JOIN agent a ON a.extension = s.agent
	WHERE s.skill = $1`

// positionIn gives the position of the contact $2 in the skill $1; no row where it is not in that queue.
const positionIn = `
	SELECT places_ahead(k.skill, priority_at(k.initial, k.acceleration, k.maximum, p.queued_at, now()),
	                    p.queued_at, p.contact_id, now()) + 1
	FROM place p JOIN class k ON k.id = p.class_id
	WHERE p.contact_id = $2 AND k.skill = $1`

const statusStatement = `
	SELECT (` + waitingIn + `$1) AS waiting,
	       coalesce((SELECT greatest(extract(epoch FROM now() - min(head.queued_at)), 0)
	                 FROM class k CROSS JOIN LATERAL (
	                     SELECT p.queued_at FROM place p WHERE p.class_id = k.id ORDER BY p.queued_at LIMIT 1) head
	                 WHERE k.skill = $1), 0)::float8 AS longest,
	       agents.logged_in, agents.available,
	       coalesce((` + positionIn + `), 0) AS position
	FROM (` + agentsOf + `) agents`

// QueueStatus says how a skill's queue stands. Those count, too, who are held, who are not ready yet and
// whose agent has accepted but is not connected yet. An agent counts as available who is free and asked
// to be, whatever the phone says.
func (s *Store) QueueStatus(ctx context.Context, skill string, contact callback.ContactID) (dispatch.QueueStatus, error) {
	found, err := s.standing(ctx, statusStatement, skill, contact)
	if err != nil {
		return dispatch.QueueStatus{}, fmt.Errorf("reading how the queue of %s stands: %w", skill, err)
	}
	return dispatch.QueueStatus{
		Waiting:   found.Waiting,
		Longest:   time.Duration(found.Longest * float64(time.Second)).Truncate(time.Microsecond),
		LoggedIn:  found.LoggedIn,
		Available: found.Available,
		Position:  found.Position,
	}, nil
}

func (s *Store) standing(ctx context.Context, statement, skill string, contact callback.ContactID) (standing, error) {
	prepared, err := s.prepared.get(ctx, statement)
	if err != nil {
		return standing{}, err
	}
	var found standing
	err = prepared.GetContext(ctx, &found, skill, int64(contact))
	return found, err
}
