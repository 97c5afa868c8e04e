package postgres

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

// dueLimit is how many contacts that stand at one action Due gives at once; the next call gives those that
// are left.
const dueLimit = 100

//go:embed due.sql
var dueStatement string

// Due gives the contacts without an open leg whose script has a deadline that has come, the earliest first;
// of those that stand at one action of one version 100 at most, so that they leave room for others.
func (s *Store) Due(ctx context.Context, now time.Time) ([]dispatch.Due, error) {
	prepared, err := s.prepared.get(ctx, dueStatement)
	if err != nil {
		return nil, fmt.Errorf("looking for scripts that are due: %w", err)
	}
	var rows []struct {
		ID     int64  `db:"id"`
		Action string `db:"action"`
		callback.ScriptRef
	}
	if err := prepared.SelectContext(ctx, &rows, now, dueLimit); err != nil {
		return nil, fmt.Errorf("looking for scripts that are due: %w", err)
	}
	found := make([]dispatch.Due, len(rows))
	for i, row := range rows {
		found[i] = dispatch.Due{
			Contact:  callback.ContactID(row.ID),
			Standing: dispatch.Standing{Script: row.ScriptRef, Action: row.Action},
		}
	}
	return found, nil
}
