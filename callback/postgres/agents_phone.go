package postgres

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"github.com/callbackd/callbackd/callback/dispatch"
)

// notePhonesStatement does for all agents at once what [callback.AgentPhone] does for one. $1 node, $2 holder,
// $3 epoch of the lease; $4 the endpoints with a call of their own, and $5 for how many seconds they have had
// it; $6 all that are in a call. What another transaction has locked is left to the next look.
const notePhonesStatement = `
	WITH lease AS MATERIALIZED (
	    SELECT name FROM node
	    WHERE name = $1 AND holder = $2 AND epoch = $3 AND expires_at > clock_timestamp()
	), calling AS MATERIALIZED (
	    SELECT a.extension, a.presence, a.activity, a.activity_until
	    FROM agent a
	    WHERE a.endpoint = ANY ($4::text[]) AND a.presence <> 'logged_out'
	      AND (a.activity = 'free' OR a.activity_until <= clock_timestamp())
	      -- Not who has just been with a contact: Asterisk says a little later that the phone is free.
	      AND a.activity_since <= clock_timestamp() - make_interval(secs => $5)
	      AND NOT EXISTS (
	          SELECT FROM leg l
	          WHERE l.node = $1 AND l.party = 'agent' AND l.endpoint = a.endpoint AND l.ended_at IS NULL AND l.left_at IS NULL)
	      AND EXISTS (SELECT FROM lease)
	    FOR NO KEY UPDATE OF a SKIP LOCKED
	), over AS MATERIALIZED (
	    SELECT a.extension, a.presence,
	           CASE WHEN seen.node IS NULL THEN 'nobody sees node ' || a.outbound_node || ' any more'
	                ELSE 'the call of their own is over' END AS reason
	    FROM agent a
	    LEFT JOIN LATERAL (
	        SELECT n.name AS node FROM node n WHERE n.name = a.outbound_node AND n.expires_at > clock_timestamp()) seen ON true
	    WHERE a.activity = 'working_outbound'
	      AND (seen.node IS NULL OR seen.node = $1 AND a.endpoint <> ALL ($6::text[]))
	      AND EXISTS (SELECT FROM lease)
	    FOR NO KEY UPDATE OF a SKIP LOCKED
	), begun AS (
	    UPDATE agent a
	    SET activity = 'working_outbound', activity_until = NULL, activity_since = clock_timestamp(), outbound_node = $1
	    FROM calling WHERE a.extension = calling.extension
	), ended AS (
	    UPDATE agent a
	    SET activity = 'free', activity_since = clock_timestamp(), idle_since = clock_timestamp(), outbound_node = NULL
	    FROM over WHERE a.extension = over.extension
	), noted AS (
	    INSERT INTO agent_history (at, agent, presence, activity, reason, asked_by)
	    SELECT activity_until, extension, presence, 'free', 'the time of ' || activity || ' is over', 'callbackd'
	    FROM calling WHERE activity_until IS NOT NULL
	    UNION ALL
	    SELECT clock_timestamp(), extension, presence, 'working_outbound', 'a call of their own', 'callbackd' FROM calling
	    UNION ALL
	    SELECT clock_timestamp(), extension, presence, 'free', reason, 'callbackd' FROM over
	)
	SELECT (SELECT count(*) FROM lease) AS leases,
	       (SELECT count(*) FROM calling) + (SELECT count(*) FROM over) AS changed`

// NotePhones makes agents WorkingOutbound who are logged in and free, and whose phones are in a call of their
// own; no leg of ours is open on those. It frees those whose phones the lease's node has seen so and sees so
// no more, and those whose node nobody holds any more. A record is kept of each. It fails with
// [dispatch.ErrLeaseLost].
func (s *Store) NotePhones(ctx context.Context, lease dispatch.Lease, phones dispatch.Phones) error {
	note, err := s.prepared.get(ctx, notePhonesStatement)
	if err != nil {
		return fmt.Errorf("noting the calls of agents in node %s: %w", lease.Node, err)
	}
	var said struct{ Leases, Changed int }
	err = note.GetContext(ctx, &said, lease.Node, lease.Holder, lease.Epoch,
		pq.Array(phones.OwnCalls), phones.For.Seconds(), pq.Array(append([]string{}, phones.InCall...)))
	if err == nil && said.Leases == 0 {
		err = dispatch.ErrLeaseLost
	}
	if err != nil {
		return fmt.Errorf("noting the calls of agents in node %s: %w", lease.Node, err)
	}
	if said.Changed > 0 {
		s.notifier.poke()
	}
	return nil
}
