package dispatch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
)

// plays is a script that plays music of a class for 10 s, again and again.
func plays(class string) string {
	return strings.ReplaceAll(`
type: Phone
start: music
actions:
  music: {Music: {Class: CLASS, Seconds: 10}, branches: {Default: say}}
  say: {Log: {Text: "CLASS"}, branches: {Default: music}}
`, "CLASS", class)
}

// logged gives the lines that scripts have written.
func (s *stage) logged() []string {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	var lines []string
	for _, fact := range s.store.facts {
		if fact.Kind == callback.FactLog {
			lines = append(lines, fact.Data["text"])
		}
	}
	return lines
}

// reload loads that version of the script "tried".
func (s *stage) reload(source string, skills map[string]callback.Skill) error {
	return s.d.Reload(s.t.Context(), []*script.Script{parse(s.t, "tried", source)}, skills)
}

// running gives the versions that the store and the metric say that new calls run.
func (s *stage) running() (noted []callback.ScriptRef, metric []string) {
	s.t.Helper()
	metric = s.metric(s.d.metrics.scriptInfo)
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return slices.Clone(s.store.current), metric
}

// metric gives what a metric with two labels says.
func (s *stage) metric(c prometheus.Collector) (lines []string) {
	s.t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	families, err := r.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			lines = append(lines, fmt.Sprint(m.GetLabel()[0].GetValue(), " ", m.GetLabel()[1].GetValue(), " ", value))
		}
	}
	return lines
}

func TestAfterAReloadNewCallsRunTheNewVersionAndRunningOnesStayOnTheirs(t *testing.T) {
	inScript(t, plays("old"), func(s *stage) {
		s.try("in")
		if err := s.reload(plays("new"), s.d.loaded.Load().skills); err != nil {
			t.Fatal(err)
		}
		s.try("in2")
		s.pass(11 * time.Second)
		if got := s.logged(); !slices.Contains(got, "old") || !slices.Contains(got, "new") || len(got) != 2 {
			t.Errorf("logged %v", got)
		}
		version := parse(t, "tried", plays("new")).Version()
		noted, metric := s.running()
		if want := []callback.ScriptRef{{Name: "tried", Version: version}}; !slices.Equal(noted, want) {
			t.Errorf("noted %v, want %v", noted, want)
		}
		if want := []string{"tried " + version + " 1"}; !slices.Equal(metric, want) {
			t.Errorf("the metric says %v, want %v", metric, want)
		}
		s.event(callback.LegArrived{Channel: "in3", Script: "example"})
		if back, n := last[callback.GiveBack](s.sw); n != 1 || back.Status != statusUnknownScript {
			t.Errorf("a script that is not loaded any more: %+v", back)
		}
	})
}

func TestTheVersionsThatNewCallsRunAreNotedWhenTheNodeIsAcquired(t *testing.T) {
	inBubble(t, func(s *stage) {
		noted, metric := s.running()
		version := parse(t, "example", string(script.Example())).Version()
		if want := []callback.ScriptRef{{Name: "example", Version: version}}; !slices.Equal(noted, want) || len(metric) != 1 {
			t.Errorf("noted %v, metric %v; want %v", noted, metric, want)
		}
	})
}

func TestAReloadWithTheDatabaseAwayChangesNothing(t *testing.T) {
	inScript(t, plays("old"), func(s *stage) {
		_, before := s.running()
		s.store.setAway(true)
		if err := s.reload(plays("new"), nil); err == nil {
			t.Error("loaded without being saved")
		}
		s.store.setAway(false)
		if _, after := s.running(); !slices.Equal(before, after) || len(s.d.loaded.Load().skills) != 1 {
			t.Errorf("before %v, after %v, skills %v", before, after, s.d.loaded.Load().skills)
		}
	})
}

func TestAReloadedSkillHoldsAtOnceForRunningContacts(t *testing.T) {
	const source = `
type: Phone
start: pause
actions:
  pause: {Music: {Seconds: 10}, branches: {Default: request}}
  request: {Reqagent: {Skill: sales}, branches: {Default: queued, OnError: pause}}
  queued: {Music: {}}
`
	inScript(t, source, func(s *stage) {
		s.try("in")
		s.pass(11 * time.Second)
		s.at(1, "pause")
		sales := callback.DefaultSkill
		sales.Priority.Initial = 42
		if err := s.reload(source, map[string]callback.Skill{"sales": sales}); err != nil {
			t.Fatal(err)
		}
		s.pass(10 * time.Second)
		s.at(1, "queued")
		if place := s.record(1).Contact.Place; place.Skill != "sales" || place.Priority.Initial != 42 {
			t.Errorf("queued at %+v", place)
		}
	})
}

func TestReloadsMeetRunningContacts(t *testing.T) {
	inScript(t, plays("old"), func(s *stage) {
		for i := range 20 {
			s.try(fmt.Sprintf("in-%d", i))
		}
		for i := range 20 {
			s.pass(10*time.Second - time.Nanosecond)
			reloaded := make(chan error)
			go func() {
				reloaded <- s.reload(plays(fmt.Sprintf("new-%d", i)), map[string]callback.Skill{"support": callback.DefaultSkill})
			}()
			time.Sleep(time.Nanosecond) // the contacts' deadlines and the reload come at the same instant
			if err := <-reloaded; err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := s.logged(); len(got) != 400 || slices.ContainsFunc(got, func(line string) bool { return line != "old" }) {
			t.Errorf("%d lines: %v", len(got), got)
		}
	})
}

func TestRunscriptGoesOnInTheOtherScriptAfterARestartInTheSameVersion(t *testing.T) {
	const switches = `
type: Phone
start: go
actions:
  go: {Runscript: {Script: other}}
`
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, parse(t, "tried", switches), parse(t, "other", plays("old")))
		s.run()
		s.try("in")
		s.at(1, "music")
		if got := s.record(1).Contact.Script.Name; got != "other" {
			t.Fatalf("noted to run %s", got)
		}
		s.stop()
		s.sw.snapshot.Channels = map[string]callback.SnapshotChannel{"in": {State: callback.ChannelUp}}
		s.d = newDispatcher(t, s.store, s.sw, parse(t, "tried", switches), parse(t, "other", plays("new")))
		s.run()
		s.pass(11 * time.Second)
		if got := s.logged(); !slices.Equal(got, []string{"old"}) {
			t.Errorf("logged %v", got)
		}
		s.try("in2")
		s.pass(11 * time.Second)
		if got := s.logged(); !slices.Contains(got, "new") {
			t.Errorf("logged %v: a new call goes on in the newer version", got)
		}
		s.stop()
	})
}
