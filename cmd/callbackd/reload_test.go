package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/pflag"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// newTestReloader gives a reloader of the default configuration, whose scripts go to apply.
func newTestReloader(t *testing.T, figures prometheus.Registerer, apply func() error) *reloader {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(flags)
	r, err := newReloader(flags, slog.New(slog.DiscardHandler), figures)
	if err != nil {
		t.Fatal(err)
	}
	r.apply = func(context.Context, []*script.Script, map[string]callback.Skill) error { return apply() }
	r.waiting = func(context.Context, []string) ([]postgres.SkillWaiting, error) { return nil, nil }
	return r
}

func TestReloadThatTheDatabaseCannotTakeIsAnsweredSo(t *testing.T) {
	figures := prometheus.NewRegistry()
	r := newTestReloader(t, figures, func() error { return errors.New("reload: the database is away") })
	recorder := httptest.NewRecorder()
	r.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/reload", nil))
	answered := recorder.Result()
	body, err := io.ReadAll(answered.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answered.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "the database is away") {
		t.Errorf("%d %s", answered.StatusCode, body)
	}
	page := httptest.NewRecorder()
	promhttp.HandlerFor(figures, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if !strings.Contains(page.Body.String(), `callbackd_reloads_total{result="failed"} 1`) {
		t.Errorf("the failure is not counted: %s", page.Body)
	}
}

func TestEachSignalReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		applied := 0
		r := newTestReloader(t, prometheus.NewRegistry(), func() error {
			applied++
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		signals, ended := make(chan os.Signal), make(chan error)
		go func() { ended <- r.onSignals(ctx, signals) }()
		for want := 1; want <= 2; want++ {
			signals <- syscall.SIGHUP
			synctest.Wait()
			if applied != want {
				t.Errorf("%d reloads after %d signals", applied, want)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestDaemonIsReachedWhereItListens(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:9117":    "127.0.0.1:9117",
		"10.0.0.7:9117":     "10.0.0.7:9117",
		"pbx.internal:9117": "pbx.internal:9117",
		":9117":             "localhost:9117",
		"0.0.0.0:9117":      "localhost:9117",
		"[::]:9117":         "localhost:9117",
		"[::1]:9117":        "[::1]:9117",
	} {
		if got := reachable(listen); got != want {
			t.Errorf("%s is reached at %s, want %s", listen, got, want)
		}
	}
}
