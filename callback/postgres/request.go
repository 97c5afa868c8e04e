package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq/pqerror"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

// AskContact asks the daemons for what the request says; its ID does not matter. It gives the ID under which
// the request stands until a daemon has decided it, or [dispatch.ErrNotFound] where there is no such contact.
func (s *Store) AskContact(ctx context.Context, r callback.Request) (int64, error) {
	arguments, err := document(r.Changes)
	if err != nil {
		return 0, err
	}
	var id int64
	err = s.db.GetContext(ctx, &id, `
		INSERT INTO contact_request (contact_id, kind, arguments, asked_by) VALUES ($1, $2, $3, $4) RETURNING id`,
		int64(r.Contact), string(r.Kind), arguments, r.AskedBy)
	if violates(err, pqerror.ForeignKeyViolation, "contact_request_contact_id_fkey") {
		err = dispatch.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("asking for contact %s: %w", r.Contact, err)
	}
	s.notifier.poke()
	return id, nil
}

// requestPoll is how often AwaitRequest looks.
const requestPoll = 100 * time.Millisecond

// AwaitRequest waits until a daemon has decided a request, and gives why it was refused; "" where it was
// done. When ctx ends first the error is the context's.
func (s *Store) AwaitRequest(ctx context.Context, id int64) (refused string, err error) {
	ticker := time.NewTicker(requestPoll)
	defer ticker.Stop()
	for {
		var row struct {
			Done    bool           `db:"done"`
			Refused sql.NullString `db:"refused"`
		}
		err := s.db.GetContext(ctx, &row, "SELECT done_at IS NOT NULL AS done, refused FROM contact_request WHERE id = $1", id)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case err != nil:
			return "", fmt.Errorf("waiting for the request %d: %w", id, err)
		case row.Done:
			return row.Refused.String, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-ticker.C:
		}
	}
}

// requestLimit is how many requests OpenRequests gives at once; those that are left come when these are done.
const requestLimit = 100

const openRequests = `
	SELECT r.id, r.contact_id, r.kind, r.arguments, r.asked_by
	FROM contact_request r
	WHERE r.done_at IS NULL
	  AND (NOT EXISTS (SELECT FROM leg l WHERE l.contact_id = r.contact_id AND l.ended_at IS NULL)
	       OR EXISTS (SELECT FROM leg l WHERE l.contact_id = r.contact_id AND l.ended_at IS NULL AND l.node = $1))
	ORDER BY r.id LIMIT $2`

type requestRow struct {
	ID        int64  `db:"id"`
	ContactID int64  `db:"contact_id"`
	Kind      string `db:"kind"`
	Arguments []byte `db:"arguments"`
	AskedBy   string `db:"asked_by"`
}

// OpenRequests gives what people have asked for and nobody has done: of the contacts with an open leg on that
// node, and of those without any leg; the oldest first, 100 at most. One that asks for something that this
// program does not know is refused.
func (s *Store) OpenRequests(ctx context.Context, node string) ([]callback.Request, error) {
	prepared, err := s.prepared.get(ctx, openRequests)
	if err != nil {
		return nil, fmt.Errorf("looking for requests: %w", err)
	}
	var rows []requestRow
	if err := prepared.SelectContext(ctx, &rows, node, requestLimit); err != nil {
		return nil, fmt.Errorf("looking for requests: %w", err)
	}
	requests := make([]callback.Request, 0, len(rows))
	for _, row := range rows {
		request := callback.Request{
			ID: row.ID, Contact: callback.ContactID(row.ContactID), Kind: callback.RequestKind(row.Kind), AskedBy: row.AskedBy,
		}
		arguments := json.NewDecoder(bytes.NewReader(row.Arguments))
		arguments.DisallowUnknownFields()
		if err := arguments.Decode(&request.Changes); err != nil {
			if err := s.refuseUnknown(ctx, row.ID, err); err != nil {
				return nil, err
			}
			continue
		}
		requests = append(requests, request)
	}
	return requests, nil
}

// refuseUnknown refuses a request that can't be read: another version of callbackd, or a hand, has written it.
func (s *Store) refuseUnknown(ctx context.Context, id int64, why error) error {
	_, err := s.db.ExecContext(ctx, `
		UPDATE contact_request SET done_at = clock_timestamp(), refused = $2 WHERE id = $1 AND done_at IS NULL`,
		id, "the daemon can't read what is to be changed: "+why.Error())
	if err != nil {
		return fmt.Errorf("refusing the request %d: %w", id, err)
	}
	return nil
}

// saveRequest marks a request done, in the transaction of the turn that has decided it.
func saveRequest(ctx context.Context, tx *sqlx.Tx, done callback.RequestDone) error {
	result, err := tx.ExecContext(ctx, `
		UPDATE contact_request SET done_at = clock_timestamp(), refused = nullif($2, '')
		WHERE id = $1 AND done_at IS NULL`,
		done.ID, done.Refused)
	if err != nil {
		return err
	}
	changed, err := result.RowsAffected()
	if err == nil && changed == 0 {
		err = dispatch.ErrRequestDone
	}
	return err
}
