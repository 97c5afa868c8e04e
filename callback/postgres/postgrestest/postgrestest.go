package postgrestest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/private"
)

const (
	template  = "template_callbackd"
	startTime = time.Minute
)

// cluster is the test binary's Postgres.
var cluster struct {
	mu        sync.Mutex
	runs      bool // inside Run, which removes what is started
	dir       string
	server    *private.Server
	databases int
}

// Run runs the tests, then stops the cluster if they have started one. The result is the exit code;
// it is not 0 if a goroutine is left.
func Run(m interface{ Run() int }) int {
	cluster.mu.Lock()
	cluster.runs = true
	cluster.mu.Unlock()
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "postgrestest:", err)
		return 1
	}
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "postgrestest:", err)
		return 1
	}
	return 0
}

// New gives a store on a database of its own with the current schema. It is closed, and the database
// dropped, when the test ends.
func New(t testing.TB) *postgres.Store {
	t.Helper()
	return Open(t, URL(t))
}

// Open opens a store that is closed when the test ends. What it logs goes to the test's log.
func Open(t testing.TB, url string) *postgres.Store {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	store, err := postgres.Open(t.Context(), url, postgres.Options{Logger: logger, PlanOnce: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// URL gives the URL of a database with the current schema, for the test alone.
func URL(t testing.TB) string {
	t.Helper()
	return database(t, template)
}

// EmptyURL gives the URL of a database without a schema, for the test alone.
func EmptyURL(t testing.TB) string {
	t.Helper()
	return database(t, "")
}

func database(t testing.TB, from string) string {
	t.Helper()
	name, err := create(from)
	if err != nil {
		t.Fatal("postgrestest:", err)
	}
	t.Cleanup(func() {
		if err := cluster.server.DropDatabase(context.Background(), name); err != nil {
			t.Error("postgrestest:", err)
		}
	})
	return cluster.server.URL(name)
}

// create makes a database and gives its name. A template can be copied by one at a time.
func create(from string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	cluster.mu.Lock()
	defer cluster.mu.Unlock()
	if err := start(ctx); err != nil {
		return "", err
	}
	cluster.databases++
	name := fmt.Sprintf("test_%d", cluster.databases)
	return name, cluster.server.CreateDatabase(ctx, name, from)
}

// start starts the cluster, once, and makes the template.
func start(ctx context.Context) error {
	if !cluster.runs {
		return fmt.Errorf("the package's TestMain has to call postgrestest.Run")
	}
	if cluster.server != nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "callbackd-test-")
	if err != nil {
		return err
	}
	cluster.dir = dir
	// The server has a user of its own, who has to get to its folder.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	server, err := private.Start(ctx, private.Options{Dir: filepath.Join(dir, "postgres"), Fast: true})
	if err != nil {
		return err
	}
	cluster.server = server
	if err := server.CreateDatabase(ctx, template, ""); err != nil {
		return err
	}
	return postgres.Migrate(ctx, server.URL(template), nil, io.Discard)
}

func stop() error {
	cluster.mu.Lock()
	defer cluster.mu.Unlock()
	if cluster.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), startTime)
		defer cancel()
		if err := cluster.server.Stop(ctx); err != nil {
			return err
		}
	}
	if cluster.dir == "" {
		return nil
	}
	return os.RemoveAll(cluster.dir)
}
