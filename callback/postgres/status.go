package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

// What an estimate rests on.
const (
	answersWindow   = 30 * time.Minute // the answers in it give the rate
	someAnswers     = 5                // in the window: enough for a rate, and for a medium confidence
	manyAnswers     = 20               // in the window: enough for a high confidence
	handlingSample  = 20               // the last answers whose mean length stands for the handling of one contact
	defaultHandling = 3 * time.Minute  // where nobody was ever answered
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

// answers are what is known of how fast a skill has answered lately.
type answers struct {
	standing
	Answers  int     `db:"answers"`  // offers that were accepted in the window
	Handling float64 `db:"handling"` // seconds; 0: nothing is known
}

// estimateStatement takes beside skill and contact the window in seconds ($3) and the size of the sample
// ($4); $5 to $7 are the default priority. Who would be queued now with that stands behind everyone of
// the same moment.
const estimateStatement = `
	SELECT agents.logged_in, agents.available,
	       coalesce((` + positionIn + `),
	                places_ahead($1, priority_at($5, $6, $7, now(), now()), now(), 9223372036854775807, now()) + 1) AS position,
	       (SELECT count(*) FROM offer o
	        WHERE o.skill = $1 AND o.accepted_at > now() - make_interval(secs => $3)) AS answers,
	       coalesce((SELECT avg(extract(epoch FROM l.ended_at - l.accepted_at)) FROM (
	           SELECT o.accepted_at, o.ended_at FROM offer o
	           WHERE o.skill = $1 AND o.accepted_at IS NOT NULL AND o.ended_at >= o.accepted_at
	           ORDER BY o.accepted_at DESC LIMIT $4) l), 0)::float8 AS handling
	FROM (` + agentsOf + `) agents`

// Estimate says how long the contact is likely to wait, or one who would be queued now with the default
// priority. It is the number of those who are answered before, and itself, at the rate at which the skill
// has answered in the last half hour; with fewer than 5 answers, at the rate at which the agents who are
// logged in would answer, from the mean length of the last calls, or from 3 minutes where there were
// none. Where more agents are available than contacts are ahead, nobody has to wait.
func (s *Store) Estimate(ctx context.Context, skill string, contact callback.ContactID) (dispatch.Estimate, error) {
	prepared, err := s.prepared.get(ctx, estimateStatement)
	if err != nil {
		return dispatch.Estimate{}, fmt.Errorf("estimating the wait in %s: %w", skill, err)
	}
	var found answers
	p := callback.DefaultPriority
	err = prepared.GetContext(ctx, &found, skill, int64(contact), answersWindow.Seconds(), handlingSample,
		p.Initial, p.Acceleration, p.Maximum)
	if err != nil {
		return dispatch.Estimate{}, fmt.Errorf("estimating the wait in %s: %w", skill, err)
	}
	return found.estimate(), nil
}

func (a answers) estimate() dispatch.Estimate {
	e := dispatch.Estimate{LoggedIn: a.LoggedIn, Position: a.Position, Confidence: dispatch.ConfidenceLow}
	switch {
	case a.Answers >= manyAnswers:
		e.Confidence = dispatch.ConfidenceHigh
	case a.Answers >= someAnswers:
		e.Confidence = dispatch.ConfidenceMedium
	}
	if a.LoggedIn == 0 || a.Position <= a.Available {
		return e
	}
	e.Wait = (time.Duration(a.Position) * a.perAnswer()).Round(time.Second)
	return e
}

// perAnswer gives the time from one answer to the next.
func (a answers) perAnswer() time.Duration {
	if a.Answers >= someAnswers {
		return answersWindow / time.Duration(a.Answers)
	}
	handling := defaultHandling
	if a.Handling > 0 {
		handling = time.Duration(a.Handling * float64(time.Second))
	}
	return handling / time.Duration(a.LoggedIn)
}
