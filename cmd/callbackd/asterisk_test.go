package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// The command line against a real Asterisk and a real Postgres, each script with its own.
func TestCommandLineOnAnAsterisk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	labRoot, err := lab.Prepare(ctx, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/asterisk",
		Setup: func(env *testscript.Env) error {
			tb, ok := env.T().(testing.TB)
			if !ok {
				return errors.New("the script's test is no testing.TB")
			}
			asterisk := startAsterisk(tb, labRoot)
			env.Values[asteriskKey{}] = asterisk
			env.Setenv("CALLBACKD_DATABASE_URL", postgrestest.URL(tb))
			env.Setenv("CALLBACKD_ARI_URL", asterisk.ARIURL)
			env.Setenv("CALLBACKD_ARI_USER", asterisk.ARIUser)
			env.Setenv("CALLBACKD_ARI_PASSWORD", asterisk.ARIPassword)
			env.Setenv("CALLBACKD_HTTP_LISTEN", asterisk.Address+":9117")
			endAtOnce(env)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "fetch": fetch, "gone": gone, "console": console, "psql": psql,
		},
	})
}

// asteriskKey is where a script's values hold its Asterisk.
type asteriskKey struct{}

func startAsterisk(tb testing.TB, labRoot *lab.Root) *lab.Asterisk {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	asterisk, err := lab.StartAsterisk(ctx, labRoot, lab.AsteriskOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := asterisk.Close(); err != nil {
			tb.Error(err)
		}
	})
	return asterisk
}

// console gives Asterisk's console a command, "console COMMAND...".
func console(ts *testscript.TestScript, neg bool, args []string) {
	asterisk, ok := ts.Value(asteriskKey{}).(*lab.Asterisk)
	if neg || !ok || len(args) == 0 {
		ts.Fatalf("usage: console COMMAND...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	said, err := asterisk.CLI(ctx, strings.Join(args, " "))
	ts.Check(err)
	ts.Logf("%s", said)
}

// client leaves no connection behind.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}

// fetch asks a page of the daemon until its answer begins with that status and holds that text,
// "fetch STATUS PATH [TEXT]", and makes it the standard output.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: fetch STATUS PATH [TEXT]")
	}
	text, want := "", strings.Join(args[2:], "")
	ts.Check(await(30*time.Second, func() bool {
		answer, err := client.Get("http://" + ts.Getenv("CALLBACKD_HTTP_LISTEN") + args[1])
		if err != nil {
			text = err.Error()
			return false
		}
		body, err := io.ReadAll(answer.Body)
		err = errors.Join(err, answer.Body.Close())
		text = answer.Status + "\n" + string(body)
		return err == nil && strings.HasPrefix(text, args[0]) && strings.Contains(text, want)
	}, &text))
	_, err := io.WriteString(ts.Stdout(), text)
	ts.Check(err)
}

// gone wants that nobody listens where the daemon did.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: gone")
	}
	answer, err := client.Get("http://" + ts.Getenv("CALLBACKD_HTTP_LISTEN") + "/healthz")
	if err == nil {
		_ = answer.Body.Close()
		ts.Fatalf("the daemon still answers")
	}
}

// await asks again and again whether something has come true; *last is what was seen.
func await(limit time.Duration, come func() bool, last *string) error {
	deadline := time.After(limit)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !come() {
		select {
		case <-ticker.C:
		case <-deadline:
			return errors.New("it did not come true in time; last: " + *last)
		}
	}
	return nil
}
