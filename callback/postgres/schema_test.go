package postgres_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

func TestMigrateMakesTheSchemaOnceAndThenLeavesIt(t *testing.T) {
	url := postgrestest.EmptyURL(t)
	store := postgrestest.Open(t, url)
	if err := store.CheckSchema(t.Context()); err == nil || !strings.Contains(err.Error(), "run callbackd migrate") {
		t.Fatalf("a database without tables gives %v", err)
	}
	views := fstest.MapFS{"all.sql": {Data: []byte("DROP VIEW IF EXISTS everyone; CREATE VIEW everyone AS SELECT extension FROM agent;")}}
	var first, second bytes.Buffer
	if err := postgres.Migrate(t.Context(), url, views, &first); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(first.String(), "applied 00001_nodes_and_agents.sql\n") {
		t.Errorf("the first migration told %q", first.String())
	}
	if err := store.CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
	if err := postgres.Migrate(t.Context(), url, views, &second); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(second.String(), "applied") {
		t.Errorf("the second migration told %q", second.String())
	}
	db := open(t, url)
	var n int
	if err := db.Get(&n, "SELECT count(*) FROM everyone"); err != nil {
		t.Errorf("the view is not there: %v", err)
	}
}

func TestTwoMigrationsAtOnceBothEndWell(t *testing.T) {
	url := postgrestest.EmptyURL(t)
	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- postgres.Migrate(t.Context(), url, nil, &bytes.Buffer{}) }()
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestASchemaOfAnotherVersionIsRefusedWithWhatToDo(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	newest := postgres.SchemaVersion()
	if _, err := db.Exec("INSERT INTO schema_version (version_id, is_applied) VALUES ($1, true)", newest+1); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"check":   store.CheckSchema(t.Context()),
		"migrate": postgres.Migrate(t.Context(), url, nil, &bytes.Buffer{}),
	} {
		if err == nil || !strings.Contains(err.Error(), "newer callbackd") {
			t.Errorf("%s of a newer schema gives %v", name, err)
		}
	}
	if _, err := db.Exec("DELETE FROM schema_version WHERE version_id >= $1", newest); err != nil {
		t.Fatal(err)
	}
	if err := store.CheckSchema(t.Context()); err == nil || !strings.Contains(err.Error(), "run callbackd migrate") {
		t.Errorf("check of an older schema gives %v", err)
	}
}

func TestEveryTableAndColumnSaysWhatItIsFor(t *testing.T) {
	db := open(t, postgrestest.URL(t))
	var silent []string
	err := db.Select(&silent, `
		SELECT c.relname || coalesce('.' || a.attname, '')
		FROM pg_class c
		LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT c.relispartition
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_version'
		  AND (obj_description(c.oid, 'pg_class') IS NULL
		       OR a.attnum IS NOT NULL AND col_description(c.oid, a.attnum) IS NULL)`)
	if err != nil {
		t.Fatal(err)
	}
	if len(silent) > 0 {
		t.Errorf("no comment on %s", strings.Join(silent, ", "))
	}
}

func TestADatabaseThatCanNotBeUsedIsNamedWithoutItsPassword(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	missing := strings.Replace(postgrestest.URL(t), "/test_", "/missing_", 1)
	for name, test := range map[string]struct{ url, want string }{
		"nobody listens": {"postgres://u:s3cret@" + closed + "/db?sslmode=disable", "cannot reach the database at " + closed + ": connect: connection refused"},
		"no such host":   {"postgres://u:s3cret@nowhere.invalid/db?sslmode=disable", "cannot reach the database at nowhere.invalid:5432"},
		"no database":    {missing, `refuses: database "missing_`},
		"no URL":         {"", "no database URL"},
		"a broken URL":   {"postgres://u:s3cret@host:port/db", "the database URL can't be read: invalid port"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err := postgres.Open(ctx, test.url, postgres.Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the error is %v, want %q in it", err, test.want)
			}
			if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %q", err)
			}
		})
	}
}
