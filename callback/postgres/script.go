package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"

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

// NoteScripts says which versions new contacts of the lease's node begin with, in place of what was said
// before; a version that stays keeps its moment. Each has to be kept by SaveScript.
func (s *Store) NoteScripts(ctx context.Context, lease dispatch.Lease, current []callback.ScriptRef) error {
	names, versions := make([]string, len(current)), make([]string, len(current))
	for i, ref := range current {
		names[i], versions[i] = ref.Name, ref.Version
	}
	var leases int
	err := s.db.GetContext(ctx, &leases, `
		WITH lease AS MATERIALIZED (
		    SELECT name FROM node
		    WHERE name = $1 AND holder = $2 AND epoch = $3 AND expires_at > clock_timestamp()
		    FOR KEY SHARE
		), gone AS (
		    DELETE FROM script_current c USING lease WHERE c.node = lease.name AND c.name <> ALL ($4)
		), noted AS (
		    INSERT INTO script_current (node, name, version)
		    SELECT lease.name, j.name, j.version FROM lease, unnest($4::text[], $5::text[]) AS j (name, version)
		    ON CONFLICT (node, name) DO UPDATE SET version = excluded.version, since = excluded.since
		    WHERE script_current.version <> excluded.version
		)
		SELECT count(*) FROM lease`,
		lease.Node, lease.Holder, lease.Epoch, pq.Array(names), pq.Array(versions))
	if err == nil && leases == 0 {
		err = dispatch.ErrLeaseLost
	}
	if err != nil {
		return fmt.Errorf("noting the scripts of node %s: %w", lease.Node, err)
	}
	return nil
}

// ScriptVersion is a version of a script as people see it.
type ScriptVersion struct {
	Name      string           `json:"name"`
	Version   string           `json:"version"`
	FirstSeen time.Time        `json:"first_seen"`
	Nodes     []ScriptNode     `json:"nodes"`    // where new contacts begin with it; empty: nowhere any more
	Standing  []ScriptStanding `json:"standing"` // the open contacts that run it
}

// ScriptNode is a node in which new contacts begin with a version.
type ScriptNode struct {
	Node    string    `json:"node"`
	Since   time.Time `json:"since"`
	Running bool      `json:"running"` // a daemon holds the node now
}

// ScriptStanding says how many open contacts stand at an action.
type ScriptStanding struct {
	Action   string `json:"action"` // "": the script has not begun
	Contacts int    `json:"contacts"`
	Resting  int    `json:"resting"` // those of them whose script has nothing more to do until something happens
}

// ListScripts gives the versions of scripts that new contacts begin with or that open contacts run, by
// name, the newest first.
func (s *Store) ListScripts(ctx context.Context) ([]ScriptVersion, error) {
	var documents [][]byte
	err := s.db.SelectContext(ctx, &documents, `
		WITH standing AS (
		    SELECT script, script_version, coalesce(script_state ->> 'action', '') AS action, count(*) AS contacts,
		           count(*) FILTER (WHERE (script_state -> 'resting')::boolean) AS resting
		    FROM contact WHERE state <> 'ended'
		    GROUP BY 1, 2, 3
		), listed AS (
		    SELECT v.name, v.version, v.first_seen,
		           (SELECT coalesce(json_agg(json_build_object('node', c.node, 'since', c.since,
		                                     'running', coalesce(n.expires_at > clock_timestamp(), false)) ORDER BY c.node), '[]')
		            FROM script_current c JOIN node n ON n.name = c.node WHERE (c.name, c.version) = (v.name, v.version)) AS nodes,
		           (SELECT coalesce(json_agg(json_build_object('action', action, 'contacts', contacts, 'resting', resting)
		                                     ORDER BY action), '[]')
		            FROM standing WHERE (script, script_version) = (v.name, v.version)) AS standing
		    FROM script_version v
		)
		SELECT to_json(listed) FROM listed
		WHERE json_array_length(nodes) > 0 OR json_array_length(standing) > 0
		ORDER BY name, first_seen DESC, version`)
	if err != nil {
		return nil, fmt.Errorf("listing the scripts: %w", err)
	}
	versions := make([]ScriptVersion, 0, len(documents))
	for _, text := range documents {
		var version ScriptVersion
		if err := json.Unmarshal(text, &version); err != nil {
			return nil, fmt.Errorf("listing the scripts: %w", err)
		}
		versions = append(versions, version)
	}
	return versions, nil
}
