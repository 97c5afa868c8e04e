package private_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callbackd/callbackd/callback/postgres/private"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestServesOverItsSocketWithNoPassword(t *testing.T) {
	server := start(t, private.Options{Dir: folder(t), Fast: true})
	if err := server.CreateDatabase(t.Context(), "callbackd", ""); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, server.URL("callbackd"), "SELECT current_database()"); got != "callbackd" {
		t.Errorf("connected to %q, want callbackd", got)
	}
	psql, err := exec.Command("psql", server.URL("callbackd"), "-Atc", "SELECT 'the same for psql'").CombinedOutput()
	if err != nil || strings.TrimSpace(string(psql)) != "the same for psql" {
		t.Errorf("psql with the same address says %q, %v", psql, err)
	}
}

func TestServesOverTCPOnlyWithItsPassword(t *testing.T) {
	server := start(t, private.Options{Dir: folder(t), Fast: true, Listen: "127.99.99.99:5499"})
	address := server.URL("postgres")
	if got := ask(t, address, "SELECT inet_server_addr()::text"); got != "127.99.99.99/32" {
		t.Errorf("connected to %q, want 127.99.99.99/32", got)
	}
	before, after, _ := strings.Cut(address, "@")
	user := before[:strings.LastIndex(before, ":")]
	if err := ping(t, user+":wrong@"+after); err == nil {
		t.Error("a wrong password was let in")
	}
}

func TestKeepsWhatWasCommittedOverStopAndKill(t *testing.T) {
	dir := folder(t)
	first := start(t, private.Options{Dir: dir})
	run(t, first.URL("postgres"), "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (1)")
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := start(t, private.Options{Dir: dir})
	run(t, second.URL("postgres"), "INSERT INTO kept VALUES (2)")
	second.Kill()
	third := start(t, private.Options{Dir: dir})
	if got := ask(t, third.URL("postgres"), "SELECT sum(n)::text FROM kept"); got != "3" {
		t.Errorf("the rows add up to %s, want 3", got)
	}
}

func TestASecondStartInTheSameFolderSaysThatOneRuns(t *testing.T) {
	dir := folder(t)
	start(t, private.Options{Dir: dir, Fast: true})
	_, err := private.Start(t.Context(), private.Options{Dir: dir, Fast: true})
	if !errors.Is(err, private.ErrRunning) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want ErrRunning with the folder", err)
	}
}

func TestAnInterruptedFirstStartIsTakenUp(t *testing.T) {
	dir := folder(t)
	unfinished := filepath.Join(dir, "data.unfinished")
	if err := os.MkdirAll(unfinished, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(unfinished, "PG_VERSION"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	server := start(t, private.Options{Dir: dir, Fast: true})
	if err := ping(t, server.URL("postgres")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(unfinished); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was half-made is still there: %v", err)
	}
}

func TestADetachedServerIsStoppedByItsFolder(t *testing.T) {
	dir := folder(t)
	server := start(t, private.Options{Dir: dir, Fast: true, Detached: true})
	if !private.Running(dir) {
		t.Fatal("Running says no of a server that runs")
	}
	if err := private.StopAt(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if private.Running(dir) {
		t.Error("Running says yes of a server that was stopped")
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Errorf("stopping what is stopped: %v", err)
	}
	if err := private.StopAt(t.Context(), dir); err != nil {
		t.Errorf("stopping where nothing runs: %v", err)
	}
}

// The number in a left postmaster.pid may have passed to any other process.
func TestAStrangerIsNotTakenForTheServer(t *testing.T) {
	dir := folder(t)
	server := start(t, private.Options{Dir: dir, Fast: true})
	server.Kill()
	left := filepath.Join(dir, "data", "postmaster.pid")
	if err := os.WriteFile(left, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if private.Running(dir) {
		t.Error("process 1 was taken for the server")
	}
}

func TestWhatCanNotWorkIsSaidInOneLine(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("a-long-name", 12))
	for name, test := range map[string]struct {
		options private.Options
		want    string
	}{
		"a path too long for the socket":         {private.Options{Dir: long}, "too long"},
		"something that is no address to listen": {private.Options{Dir: folder(t), Fast: true, Listen: "here"}, `"here" is not an address:port`},
		"an address of another machine":          {private.Options{Dir: folder(t), Fast: true, Listen: "192.0.2.1:5432"}, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := private.Start(t.Context(), test.options)
			if err == nil {
				server.Kill()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want it to contain %q", err, test.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestAFolderThatIsClosedToPostgresIsNamed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test has to run as root, as the lab does")
	}
	closed := folder(t)
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(closed, "postgres")
	_, err := private.Start(t.Context(), private.Options{Dir: inside})
	if err == nil || !strings.Contains(err.Error(), "can't reach "+inside) {
		t.Errorf("got %v, want an error that names %s", err, inside)
	}
}

func TestAFolderWithOtherThingsInItIsLeftAlone(t *testing.T) {
	dir := folder(t)
	if err := os.WriteFile(filepath.Join(dir, "letter"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = private.Start(t.Context(), private.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), dir+" holds other things, such as letter") {
		t.Errorf("got %v, want an error that names the folder and the letter", err)
	}
	after, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if ownership(t, before) != ownership(t, after) {
		t.Errorf("the folder's owner and mode were %s and are %s", ownership(t, before), ownership(t, after))
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v (%v), want the letter alone", files, err)
	}
}

func ownership(t *testing.T, info os.FileInfo) string {
	t.Helper()
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatalf("%T says no owner", info.Sys())
	}
	return fmt.Sprintf("%d:%d %s", stat.Uid, stat.Gid, info.Mode())
}

// A copy of a template takes what is in it; a dropped database throws out who is
// connected.
func TestDatabasesAreMadeFromATemplateAndDropped(t *testing.T) {
	server := start(t, private.Options{Dir: folder(t), Fast: true})
	if err := server.CreateDatabase(t.Context(), "model", ""); err != nil {
		t.Fatal(err)
	}
	run(t, server.URL("model"), "CREATE TABLE thing AS SELECT 'in the copy too' AS name")
	if err := server.CreateDatabase(t.Context(), "copy", "model"); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, server.URL("copy"), "SELECT name FROM thing"); got != "in the copy too" {
		t.Errorf("the copy holds %q", got)
	}
	if err := server.CreateDatabase(t.Context(), "copy", "model"); err == nil {
		t.Error("a database was made over one that exists")
	}
	connected, err := sql.Open("postgres", server.URL("copy"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connected.Close() }()
	if err := connected.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.DropDatabase(t.Context(), "copy"); err != nil {
		t.Fatal(err)
	}
	if err := ping(t, server.URL("copy")); err == nil {
		t.Error("the dropped database still lets in")
	}
}

// folder returns a temporary folder that the user postgres can reach.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "callbackd-private-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, o private.Options) *private.Server {
	t.Helper()
	server, err := private.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return server
}

func ping(t *testing.T, address string) error {
	t.Helper()
	return with(t, address, func(db *sql.DB) error { return db.PingContext(t.Context()) })
}

func ask(t *testing.T, address, question string) string {
	t.Helper()
	var answer string
	err := with(t, address, func(db *sql.DB) error {
		return db.QueryRowContext(t.Context(), question).Scan(&answer)
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func run(t *testing.T, address string, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		err := with(t, address, func(db *sql.DB) error {
			_, err := db.ExecContext(t.Context(), statement)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// with opens a connection for act alone.
func with(t *testing.T, address string, act func(*sql.DB) error) error {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	return act(db)
}
