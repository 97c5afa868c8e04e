package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

// RemoveAgent removes an agent who is logged out, has no open offer, and for whom alone nobody waits;
// [dispatch.ErrNotFound] if there is none. What the agent has done stays in the history.
func (s *Store) RemoveAgent(ctx context.Context, extension, askedBy string) error {
	err := s.transact(ctx, func(tx *sqlx.Tx) error {
		var presence string
		err := tx.GetContext(ctx, &presence, "SELECT presence FROM agent WHERE extension = $1 FOR UPDATE", extension)
		if errors.Is(err, sql.ErrNoRows) {
			return dispatch.ErrNotFound
		}
		if err != nil {
			return err
		}
		if presence != string(callback.LoggedOut) {
			return fmt.Errorf("the agent is %s, and has to be logged_out", presence)
		}
		if err := unneeded(ctx, tx, extension); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			WITH removed AS (DELETE FROM agent WHERE extension = $1 RETURNING extension, activity)
			INSERT INTO agent_history (agent, presence, activity, asked_by)
			SELECT extension, 'removed', activity, $2 FROM removed`,
			extension, askedBy)
		return err
	})
	if err != nil {
		return fmt.Errorf("removing agent %s: %w", extension, err)
	}
	s.notifier.poke()
	return nil
}

// unneeded fails where a call or a contact still counts on the agent, whose row is locked: no match can make
// an offer meanwhile.
func unneeded(ctx context.Context, tx *sqlx.Tx, extension string) error {
	var contacts []int64
	err := tx.SelectContext(ctx, &contacts, "SELECT contact_id FROM offer WHERE agent = $1 AND ended_at IS NULL", extension)
	if err != nil {
		return err
	}
	if len(contacts) > 0 {
		return fmt.Errorf("the agent is still engaged by contact %d", contacts[0])
	}
	err = tx.SelectContext(ctx, &contacts, `
		SELECT p.contact_id FROM class k JOIN place p ON p.class_id = k.id
		WHERE k.target_agent = $1 ORDER BY p.contact_id LIMIT 1`, extension)
	if err != nil {
		return err
	}
	if len(contacts) > 0 {
		return fmt.Errorf("contact %d waits for this agent alone: give it to another, or to any", contacts[0])
	}
	return nil
}
