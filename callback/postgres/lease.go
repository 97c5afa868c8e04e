package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/callbackd/callbackd/callback/dispatch"
)

// TakeoverMargin is how long after the end of a lease another daemon may take the node. By then the
// daemon that lost it must have sent or dropped the commands of what it committed at the last moment.
const TakeoverMargin = 4 * time.Second

// takeable says whether the holder $2 can take the node $1, after the margin of $3 seconds.
const takeable = `
	name = $1 AND (holder IS NULL OR holder = $2 OR expires_at + make_interval(secs => $3) < clock_timestamp())`

// AcquireLease takes the node for ttl. A lease that was released is free at once, one that ran out
// TakeoverMargin later. Holder names a process.
func (s *Store) AcquireLease(ctx context.Context, node, holder string, ttl time.Duration) (dispatch.Lease, error) {
	lease := dispatch.Lease{Node: node, Holder: holder}
	err := s.transact(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO node (name) VALUES ($1) ON CONFLICT DO NOTHING", node); err != nil {
			return err
		}
		var free bool
		err := tx.GetContext(ctx, &free, "SELECT EXISTS (SELECT FROM node WHERE "+takeable+")",
			node, holder, TakeoverMargin.Seconds())
		if err != nil {
			return err
		}
		if !free { // before the lock, for which the holder's saves would wait
			return dispatch.ErrLeaseHeld
		}
		// Waits for the transactions of the holder before that are still under way.
		if _, err := tx.ExecContext(ctx, "SELECT FROM node WHERE name = $1 FOR UPDATE", node); err != nil {
			return err
		}
		err = tx.GetContext(ctx, &lease.Epoch, `
			UPDATE node
			SET holder = $2,
			    epoch = epoch + CASE WHEN holder = $2 THEN 0 ELSE 1 END,
			    expires_at = clock_timestamp() + make_interval(secs => $4)
			WHERE `+takeable+" RETURNING epoch",
			node, holder, TakeoverMargin.Seconds(), ttl.Seconds())
		if errors.Is(err, sql.ErrNoRows) {
			return dispatch.ErrLeaseHeld
		}
		return err
	})
	if err != nil {
		return dispatch.Lease{}, fmt.Errorf("taking the node %s: %w", node, err)
	}
	return lease, nil
}

// RenewLease extends a lease to ttl from now, one that has run out, too, as long as nobody else has
// taken the node.
func (s *Store) RenewLease(ctx context.Context, lease dispatch.Lease, ttl time.Duration) error {
	return s.changeLease(ctx, "renewing the lease of", lease, `
		UPDATE node SET expires_at = clock_timestamp() + make_interval(secs => $4)
		WHERE name = $1 AND holder = $2 AND epoch = $3`,
		ttl.Seconds())
}

// ReleaseLease gives the node back; it can be taken at once.
func (s *Store) ReleaseLease(ctx context.Context, lease dispatch.Lease) error {
	return s.changeLease(ctx, "releasing", lease, `
		UPDATE node SET holder = NULL, expires_at = NULL
		WHERE name = $1 AND holder = $2 AND epoch = $3`)
}

func (s *Store) changeLease(ctx context.Context, doing string, lease dispatch.Lease, statement string, more ...any) error {
	result, err := s.db.ExecContext(ctx, statement, append([]any{lease.Node, lease.Holder, lease.Epoch}, more...)...)
	if err != nil {
		return fmt.Errorf("%s the node %s: %w", doing, lease.Node, err)
	}
	changed, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("%s the node %s: %w", doing, lease.Node, err)
	}
	if changed == 0 {
		return fmt.Errorf("%s the node %s: %w", doing, lease.Node, dispatch.ErrLeaseLost)
	}
	return nil
}
