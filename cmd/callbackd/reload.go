package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// errRefused is the error of a reload because of a mistake in what was read. All stays as it was.
var errRefused = errors.New("scripts and skills stay as they were")

// reloader reads the configuration's scripts and skills again while the daemon runs.
type reloader struct {
	flags *pflag.FlagSet
	begun map[string]any // the settings with which the daemon runs
	apply func(context.Context, []*script.Script, map[string]callback.Skill) error
	// waiting gives the skills beside these in which contacts wait.
	waiting func(ctx context.Context, skills []string) ([]postgres.SkillWaiting, error)
	log     *slog.Logger
	total   *prometheus.CounterVec
	broken  prometheus.Gauge // how many scripts run in an earlier version

	mu sync.Mutex // one at a time, so that the last one read is the last one applied
}

// The results of a reload, as the metric has them.
const (
	reloadDone    = "done"
	reloadRefused = "refused" // a mistake in the configuration or in a script
	reloadFailed  = "failed"  // the database could not take it
)

func newReloader(flags *pflag.FlagSet, log *slog.Logger, figures prometheus.Registerer) (*reloader, error) {
	begun, err := config.Load(flags)
	if err != nil {
		return nil, err
	}
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "callbackd", Name: "reloads_total", Help: "How often scripts and skills were to be read again, by the result.",
	}, []string{"result"})
	for _, result := range []string{reloadDone, reloadRefused, reloadFailed} {
		total.WithLabelValues(result)
	}
	broken := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "callbackd", Name: "scripts_broken", Help: "How many scripts had a mistake at the start and run in an earlier version since.",
	})
	if err := errors.Join(figures.Register(total), figures.Register(broken)); err != nil {
		return nil, err
	}
	return &reloader{flags: flags, begun: begun.Effective(), log: log, total: total, broken: broken}, nil
}

// reload reads everything and applies all of it or nothing. It gives what is to be told to who asked;
// the error has a line for each mistake.
func (r *reloader) reload(ctx context.Context) (told string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	settings, err := config.Load(r.flags)
	if err != nil {
		return "", r.refuse(err)
	}
	scripts, found, err := readScripts(settings)
	if err != nil {
		return "", r.refuse(err)
	}
	if err := r.apply(ctx, scripts, settings.Skills); err != nil {
		r.total.WithLabelValues(reloadFailed).Inc()
		r.log.Error("scripts and skills stay as they were", "error", err)
		return "", err
	}
	r.total.WithLabelValues(reloadDone).Inc()
	r.broken.Set(0)
	warn(r.log, found)
	return r.tell(settings, scripts, found, r.warnOfOthers(ctx, settings)), nil
}

// warnOfOthers logs in which skills contacts wait that the configuration does not have, and gives them.
func (r *reloader) warnOfOthers(ctx context.Context, settings config.Config) []postgres.SkillWaiting {
	others, err := r.waiting(ctx, slices.Collect(maps.Keys(settings.Skills)))
	if err != nil {
		r.log.Warn("whether contacts wait in skills that are gone is not known", "error", err)
		return nil
	}
	for _, other := range others {
		r.log.Warn("contacts wait in a skill that the configuration does not have", "skill", other.Skill, "contacts", other.Contacts)
	}
	return others
}

// waitsOutside says that contacts wait in a skill that the configuration does not have.
func waitsOutside(w postgres.SkillWaiting) string {
	if w.Contacts == 1 {
		return fmt.Sprintf("1 contact waits in %s, which the configuration no longer has", w.Skill)
	}
	return fmt.Sprintf("%d contacts wait in %s, which the configuration no longer has", w.Contacts, w.Skill)
}

// refuse logs the mistakes, a line each, and gives them as an error.
func (r *reloader) refuse(mistakes error) error {
	r.total.WithLabelValues(reloadRefused).Inc()
	for line := range strings.Lines(mistakes.Error()) {
		r.log.Error("scripts and skills stay as they were", "mistake", strings.TrimSpace(line))
	}
	return fmt.Errorf("%w:\n%w", errRefused, mistakes)
}

// warn logs what is worth a warning in scripts.
func warn(log *slog.Logger, found script.Diagnostics) {
	for _, diagnostic := range found {
		log.Warn("a script has something to think about", "warning", diagnostic.String())
	}
}

// tell says what was loaded, what is worth a warning, and what takes a restart.
func (r *reloader) tell(settings config.Config, scripts []*script.Script, found script.Diagnostics, others []postgres.SkillWaiting) string {
	var said strings.Builder
	names := make([]string, len(scripts))
	for i, s := range scripts {
		names[i] = s.Name()
	}
	slices.Sort(names)
	fmt.Fprintf(&said, "loaded the scripts %s\n", strings.Join(names, ", "))
	fmt.Fprintf(&said, "loaded the skills %s\n", strings.Join(slices.Sorted(maps.Keys(settings.Skills)), ", "))
	for _, diagnostic := range found {
		fmt.Fprintln(&said, diagnostic)
	}
	for _, other := range others {
		fmt.Fprintln(&said, waitsOutside(other))
	}
	if changed := r.changed(settings); len(changed) > 0 {
		fmt.Fprintf(&said, "takes effect only after a restart: %s\n", strings.Join(changed, ", "))
	}
	return said.String()
}

// changed names the settings beside scripts and skills that are not those with which the daemon runs.
func (r *reloader) changed(settings config.Config) []string {
	var keys []string
	now := settings.Effective()
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if key != "scripts" && key != "skills" && !reflect.DeepEqual(now[key], r.begun[key]) {
			keys = append(keys, key)
		}
	}
	return keys
}

// onSignals reloads for each signal until ctx ends. What comes of it is in the log.
func (r *reloader) onSignals(ctx context.Context, signals <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			_, _ = r.reload(ctx) // it has logged the error
		}
	}
}

// ServeHTTP reloads for who asks by POST: 200 and what was loaded, 422 and the mistakes, or 503.
func (r *reloader) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	told, err := r.reload(request.Context())
	switch {
	case errors.Is(err, errRefused):
		answer(w, http.StatusUnprocessableEntity, err.Error())
	case err != nil:
		answer(w, http.StatusServiceUnavailable, err.Error())
	default:
		answer(w, http.StatusOK, strings.TrimSpace(told))
	}
}
