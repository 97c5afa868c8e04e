package postgres

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

//go:embed load.sql
var loadDocument string

// Load gives a contact with its open legs, offer and attempt, or [dispatch.ErrNotFound]. An offer that
// a match has committed is among them before any save of the contact.
func (s *Store) Load(ctx context.Context, id callback.ContactID) (dispatch.Record, error) {
	records, err := s.load(ctx, loadDocument+"WHERE c.id = $1", int64(id))
	if err == nil && len(records) == 0 {
		err = dispatch.ErrNotFound
	}
	if err != nil {
		return dispatch.Record{}, fmt.Errorf("loading contact %s: %w", id, err)
	}
	return records[0], nil
}

// OpenOn gives every contact that has an open leg on that node, in the order of their IDs.
func (s *Store) OpenOn(ctx context.Context, node string) ([]dispatch.Record, error) {
	records, err := s.load(ctx, loadDocument+`
		WHERE c.id IN (SELECT contact_id FROM leg WHERE node = $1 AND ended_at IS NULL) ORDER BY c.id`, node)
	if err != nil {
		return nil, fmt.Errorf("loading the contacts on node %s: %w", node, err)
	}
	return records, nil
}

// openCallbackWhere is what the unique index of open callbacks answers.
const openCallbackWhere = `
	WHERE coalesce(c.e164, c.phone_number) = $1 AND c.skill = $2 AND c.state IN ('callback', 'calling', 'stuck')`

// OpenCallback gives the contact whose callback to that number is open in that skill: one waits, is under way
// or is stuck. The number is given in E.164, or as it is dialled where that is not known. There is at most
// one; [dispatch.ErrNotFound] for none.
func (s *Store) OpenCallback(ctx context.Context, numberKey, skill string) (dispatch.Record, error) {
	records, err := s.load(ctx, loadDocument+openCallbackWhere, numberKey, skill)
	if err == nil && len(records) == 0 {
		err = dispatch.ErrNotFound
	}
	if err != nil {
		return dispatch.Record{}, fmt.Errorf("looking for a callback to %s in %s: %w", numberKey, skill, err)
	}
	return records[0], nil
}

func (s *Store) load(ctx context.Context, query string, arguments ...any) ([]dispatch.Record, error) {
	prepared, err := s.prepared.get(ctx, query)
	if err != nil {
		return nil, err
	}
	var documents [][]byte
	if err := prepared.SelectContext(ctx, &documents, arguments...); err != nil {
		return nil, err
	}
	records := make([]dispatch.Record, 0, len(documents))
	for _, text := range documents {
		var row recordRow
		if err := json.Unmarshal(text, &row); err != nil {
			return nil, fmt.Errorf("reading the record: %w", err)
		}
		records = append(records, row.record())
	}
	return records, nil
}
