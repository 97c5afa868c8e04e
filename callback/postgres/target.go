package postgres

import (
	"context"
	"fmt"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

// awayLimit is how many contacts TargetsAway gives at once; the next call gives those that are left.
const awayLimit = 100

const awayStatement = `
	SELECT p.contact_id AS contact, k.target_agent AS agent
	FROM place p JOIN class k ON k.id = p.class_id
	WHERE p.any_agent AND p.offerable AND p.offer IS NULL AND k.target_agent <> '' AND k.node IN ('', $1)
	  AND NOT EXISTS (SELECT FROM agent a JOIN agent_skill s ON s.agent = a.extension
	                  WHERE a.extension = k.target_agent AND s.skill = k.skill AND a.presence = 'available')
	ORDER BY p.queued_at LIMIT $2`

// TargetsAway gives the contacts that wait for one agent who is away, and that may go to any; of the live
// callers, those on that node. The earliest queued come first, 100 at most.
func (s *Store) TargetsAway(ctx context.Context, node string) ([]dispatch.TargetAway, error) {
	prepared, err := s.prepared.get(ctx, awayStatement)
	if err != nil {
		return nil, fmt.Errorf("looking for contacts whose agent is away: %w", err)
	}
	var rows []struct {
		Contact int64
		Agent   string
	}
	if err := prepared.SelectContext(ctx, &rows, node, awayLimit); err != nil {
		return nil, fmt.Errorf("looking for contacts whose agent is away: %w", err)
	}
	found := make([]dispatch.TargetAway, 0, len(rows))
	for _, row := range rows {
		found = append(found, dispatch.TargetAway{Contact: callback.ContactID(row.Contact), Agent: row.Agent})
	}
	return found, nil
}
