package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var embedded embed.FS

// versionTable is where goose keeps which migrations were applied.
const versionTable = "schema_version"

// migrations gives the embedded migrations as goose wants them.
func migrations() fs.FS {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the path is a constant
	}
	return files
}

// SchemaVersion gives the version of the schema that this program needs: that of its last migration.
var SchemaVersion = sync.OnceValue(func() int64 {
	files, err := fs.Glob(embedded, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var newest int64
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			panic(err) // the files are embedded, and a test has read them
		}
		newest = max(newest, version)
	}
	return newest
})

// Migrate brings the schema of the database at url to SchemaVersion and then runs each *.sql file of
// views, in the order of their names; those must be such that they can be run again. views may be
// nil. It tells progress each migration that it has applied. Two at once do it one after the other. A
// schema that is newer than this program is left alone and is an error.
func Migrate(ctx context.Context, url string, views fs.FS, progress io.Writer) (err error) {
	// Building an index may take longer than any query of the daemon may.
	db, err := connect(url, Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.reach(ctx); err != nil {
		return err
	}
	version, err := db.schemaVersion(ctx)
	if err != nil {
		return err
	}
	if version > SchemaVersion() {
		return newerSchema(version)
	}
	if err := migrate(ctx, db.DB.DB, progress); err != nil {
		return fmt.Errorf("migrating the database at %s: %w", db.address, err)
	}
	if err := applyViews(ctx, db.DB.DB, views); err != nil {
		return err
	}
	_, err = fmt.Fprintf(progress, "the schema is at version %d\n", SchemaVersion())
	return err
}

func migrate(ctx context.Context, db *sql.DB, progress io.Writer) error {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations(),
		goose.WithTableName(versionTable), goose.WithSessionLocker(locker), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		results = partial.Applied
		err = fmt.Errorf("%s: %w", partial.Failed.Source.Path, partial.Err)
	}
	for _, result := range results {
		if _, printErr := fmt.Fprintf(progress, "applied %s\n", result.Source.Path); printErr != nil {
			return errors.Join(err, printErr)
		}
	}
	return err
}

// applyViews runs the files in one transaction, so that a reader never finds a view missing.
func applyViews(ctx context.Context, db *sql.DB, views fs.FS) error {
	if views == nil {
		return nil
	}
	files, err := fs.Glob(views, "*.sql")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("making the views: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	for _, file := range files {
		text, err := fs.ReadFile(views, file)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("making the view of %s: %w", file, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("making the views: %w", err)
	}
	return nil
}

// CheckSchema is nil if the database has the schema that this program needs; otherwise the error says
// what to do.
func (s *Store) CheckSchema(ctx context.Context) error {
	version, err := s.db.schemaVersion(ctx)
	if err != nil {
		return err
	}
	switch {
	case version == 0:
		return fmt.Errorf("the database at %s has no callbackd tables yet: run callbackd migrate", s.db.address)
	case version < SchemaVersion():
		return fmt.Errorf("the schema of the database is at version %d and this callbackd needs version %d: run callbackd migrate",
			version, SchemaVersion())
	case version > SchemaVersion():
		return newerSchema(version)
	}
	return nil
}

func newerSchema(version int64) error {
	return fmt.Errorf("the schema of the database is at version %d, made by a newer callbackd; this one knows version %d: "+
		"run the newer callbackd", version, SchemaVersion())
}

// schemaVersion gives the version of the database's schema; 0 where there is none.
func (db *database) schemaVersion(ctx context.Context) (int64, error) {
	var version int64
	err := db.GetContext(ctx, &version, "SELECT coalesce(max(version_id), 0) FROM "+versionTable+" WHERE is_applied")
	if err != nil && pq.As(err, pqerror.UndefinedTable) == nil {
		return 0, fmt.Errorf("reading the version of the schema: %w", plain(err))
	}
	return version, nil
}
