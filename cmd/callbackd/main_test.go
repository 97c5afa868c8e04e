package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// TestMain makes this test binary the command callbackd for the test scripts, and takes away what the
// shell has set for callbackd, so that the tests mean the same everywhere.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, config.EnvPrefix) && filepath.Base(os.Args[0]) != "callbackd" {
			_ = os.Unsetenv(name) // it exists
		}
	}
	testscript.Main(withPostgres{m}, map[string]func(){"callbackd": main})
}

// withPostgres runs the tests and then stops the Postgres that they have started.
type withPostgres struct{ *testing.M }

func (m withPostgres) Run() int { return postgrestest.Run(m.M) }

func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/commandline",
		Setup: func(env *testscript.Env) error {
			example, err := filepath.Abs(filepath.Join(root, "callback/script/example.yaml"))
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLE", example)
			sounds, err := filepath.Abs(filepath.Join(root, "asterisk-conf/sounds"))
			if err != nil {
				return err
			}
			env.Setenv("SOUNDS", sounds)
			program, err := exec.LookPath("callbackd")
			if err != nil {
				return err
			}
			env.Setenv("BIN", filepath.Dir(program))
			endAtOnce(env)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// The command line against a real Postgres, each script on a database of its own.
func TestCommandLineOnADatabase(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/database",
		Setup: func(env *testscript.Env) error {
			tb, ok := env.T().(testing.TB)
			if !ok {
				return errors.New("the script's test is no testing.TB")
			}
			env.Setenv("CALLBACKD_DATABASE_URL", postgrestest.EmptyURL(tb))
			env.Setenv("TZ", "UTC")
			endAtOnce(env)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "psql": psql},
	})
}

// endAtOnce takes away the second for which a program with the race detector waits when it has done.
func endAtOnce(env *testscript.Env) { env.Setenv("GORACE", "atexit_sleep_ms=0") }

// psql runs the SQL of a file on the script's database: "psql FILE".
func psql(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: psql FILE")
	}
	ts.Check(ts.Exec("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", ts.Getenv("CALLBACKD_DATABASE_URL"), "-f", ts.MkAbs(args[0])))
}

// exits runs a command, "exits CODE COMMAND ARGUMENT...", and wants that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
