package lab_test

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"testing"
	"time"

	_ "github.com/lib/pq"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
)

func startPostgres(t *testing.T) *lab.Postgres {
	t.Helper()
	if _, err := lab.Prepare(t.Context(), os.Stderr); err != nil {
		t.Fatal(err)
	}
	postgres, err := lab.StartPostgres(t.Context(), lab.PostgresOptions{Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := postgres.Close(); err != nil {
			t.Error(err)
		}
	})
	return postgres
}

func TestPostgresComesBackAtItsAddressWithWhatWasCommitted(t *testing.T) {
	postgres := startPostgres(t)
	url, err := postgres.CreateDatabase(t.Context(), "kept", "")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, url, "CREATE TABLE thing (n int)")
	if err := postgres.Stop(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := query(t.Context(), url, "SELECT 1"); err == nil {
		t.Error("a stopped server answers")
	}
	if err := postgres.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	execute(t, url, "INSERT INTO thing VALUES (1)")
	postgres.Kill()
	if err := postgres.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	if postgres.URL("kept") != url {
		t.Errorf("the address has changed from %s to %s", url, postgres.URL("kept"))
	}
	execute(t, url, "SELECT 1/n FROM thing WHERE n = 1")
}

func TestAPausedPostgresHangsAndGoesOn(t *testing.T) {
	postgres := startPostgres(t)
	url := postgres.URL("postgres")
	if err := postgres.Pause(); err != nil {
		t.Fatal(err)
	}
	// psql is let in by the kernel and then hears nothing. It is its own program,
	// since lib/pq takes no notice of a context while it connects.
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "psql", url, "-c", "SELECT 1").CombinedOutput(); ctx.Err() == nil {
		t.Errorf("a paused server answers: %s, %v", out, err)
	}
	if err := postgres.Resume(); err != nil {
		t.Fatal(err)
	}
	execute(t, url, "SELECT 1")
}

func TestTwoServersRunSideBySide(t *testing.T) {
	one, other := startPostgres(t), startPostgres(t)
	if one.URL("postgres") == other.URL("postgres") {
		t.Errorf("both are at %s", one.URL("postgres"))
	}
	execute(t, one.URL("postgres"), "CREATE TABLE only_here (n int)")
	if err := query(within(t), other.URL("postgres"), "SELECT * FROM only_here"); err == nil {
		t.Error("what was made in one is in the other")
	}
}

func execute(t *testing.T, url, statement string) {
	t.Helper()
	if err := query(within(t), url, statement); err != nil {
		t.Fatal(err)
	}
}

func query(ctx context.Context, url, statement string) error {
	db, err := sql.Open("postgres", url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, statement)
	return err
}
