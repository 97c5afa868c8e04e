package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

// SaveScript keeps a version of a script. One that is kept already is left as it is.
func (s *Store) SaveScript(ctx context.Context, ref callback.ScriptRef, source []byte) error {
	_, err := s.db.ExecContext(ctx,
		"INSERT INTO script_version (name, version, source) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		ref.Name, ref.Version, source)
	if err != nil {
		return fmt.Errorf("saving the script %s: %w", ref.Name, err)
	}
	return nil
}

// ScriptSource gives the source of a version, or [dispatch.ErrNotFound].
func (s *Store) ScriptSource(ctx context.Context, ref callback.ScriptRef) ([]byte, error) {
	var source []byte
	err := s.db.GetContext(ctx, &source,
		"SELECT source FROM script_version WHERE name = $1 AND version = $2", ref.Name, ref.Version)
	if errors.Is(err, sql.ErrNoRows) {
		err = dispatch.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading version %s of the script %s: %w", ref.Version, ref.Name, err)
	}
	return source, nil
}
