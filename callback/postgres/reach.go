package postgres

import (
	"context"
	"fmt"

	"github.com/callbackd/callbackd/callback/dispatch"
)

const reachStatement = `
	WITH lease AS MATERIALIZED (
	    SELECT name FROM node
	    WHERE name = $1 AND holder = $2 AND epoch = $3 AND expires_at > clock_timestamp()
	    FOR KEY SHARE
	), gone AS (
	    DELETE FROM reach r USING lease
	    WHERE r.node = lease.name AND NOT EXISTS (SELECT FROM unnest($4::text[]) said WHERE said = r.endpoint)
	    RETURNING r.endpoint
	), come AS (
	    INSERT INTO reach (endpoint, node, epoch)
	    SELECT endpoint, lease.name, $3 FROM lease, unnest($4::text[]) endpoint
	    ON CONFLICT (endpoint, node) DO UPDATE SET epoch = excluded.epoch WHERE reach.epoch <> excluded.epoch
	)
	SELECT (SELECT count(*) FROM lease) AS leases, (SELECT count(*) FROM gone) AS gone`

// Reach says which endpoints can be rung in the lease's node, in place of what was said before. The other nodes
// leave to it the contacts whose best agent is at one of them; where one can't be rung any more they are woken.
func (s *Store) Reach(ctx context.Context, lease dispatch.Lease, devices []string) error {
	reach, err := s.prepared.get(ctx, reachStatement)
	if err != nil {
		return fmt.Errorf("saying which phones node %s can ring: %w", lease.Node, err)
	}
	var said struct{ Leases, Gone int }
	err = reach.GetContext(ctx, &said, lease.Node, lease.Holder, lease.Epoch, array(devices))
	if err == nil && said.Leases == 0 {
		err = dispatch.ErrLeaseLost
	}
	if err != nil {
		return fmt.Errorf("saying which phones node %s can ring: %w", lease.Node, err)
	}
	if said.Gone > 0 {
		s.notifier.poke()
	}
	return nil
}
