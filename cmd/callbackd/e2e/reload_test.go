package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
)

// saying is a script that keeps a caller in the queue and says now and then which one it is.
func saying(name string) []byte {
	return fmt.Appendf(nil, `type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: say}}
  say: {Log: {Text: %s}, branches: {Default: music}}
  music: {Music: {Seconds: 1}, branches: {Default: say}}
`, name)
}

// leading is a script that goes on in another.
const leading = `type: Phone
start: lead
actions:
  lead: {Runscript: {Script: other}, branches: {OnError: stay}}
  stay: {Log: {Text: "{_ERR}"}}
`

func TestScriptsAreReloadedWithoutARestart(t *testing.T) {
	var dir string
	s := newStage(t, func(o *site.Options) { dir, o.Script = o.Dir, saying("first") })
	write := func(name string, text []byte) {
		t.Helper()
		s.must("write "+name, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	reload := func() {
		t.Helper()
		current := `SELECT count(*) FROM script_current WHERE version <> $1`
		var before string
		s.must("read the version", s.DB.GetContext(s.ctx, &before, `SELECT version FROM script_current`))
		s.must("send SIGHUP", s.Signal(syscall.SIGHUP))
		err := site.Await(s.within(10*time.Second), func() error { return errors.New("the new version does not run") }, func() (bool, error) {
			return s.count(current, before) == 1, nil
		})
		s.must("load the scripts again", err)
	}
	_, first := s.callFrom(callerANI, 0)
	s.awaitLog(first, "first", 10*time.Second)

	write("example.yaml", saying("second"))
	reload()
	_, second := s.callFrom(callerANI, first)
	s.awaitLog(second, "second", 10*time.Second)

	// A broken file keeps the scripts that run, and says so.
	write("example.yaml", []byte("type: Phone\nstart: nowhere\nactions:\n  say: {Log: {Text: broken}}\n"))
	out, err := s.Command(s.ctx, "script", "reload")
	if err == nil || !strings.Contains(err.Error()+out, `example.yaml:2:8: start leads to "nowhere"`) {
		t.Errorf("a broken script: %v: %s", err, out)
	}
	_, third := s.callFrom(callerANI, second)
	s.awaitLog(third, "second", 10*time.Second)

	// A script more in the configuration, to which the first one leads.
	write("example.yaml", []byte(leading))
	write("other.yaml", saying("other"))
	config, err := os.ReadFile(filepath.Join(dir, "callbackd.yaml"))
	s.must("read the configuration", err)
	write("callbackd.yaml", []byte(strings.Replace(string(config), "- example.yaml\n", "- example.yaml\n  - other.yaml\n", 1)))
	if out, err := s.Command(s.ctx, "script", "reload"); err != nil {
		t.Fatalf("reload: %v: %s", err, out)
	}
	_, fourth := s.callFrom(callerANI, third)
	s.awaitLog(fourth, "other", 10*time.Second)

	// Each contact stays on the version with which it began.
	for contact, says := range map[int64]string{first: "first", second: "second", third: "second", fourth: "other"} {
		at := time.Now()
		_, err := s.AwaitFact(s.within(10*time.Second), contact, "log", func(f site.Fact) bool { return f.At.After(at) })
		s.must("hear of the contact again", err)
		if n := s.count(`SELECT count(*) FROM fact WHERE contact_id = $1 AND kind = 'log' AND data->>'text' <> $2`, contact, says); n != 0 {
			t.Errorf("contact %d, whose script says %q, has said something else", contact, says)
		}
	}
	if n := s.count(`SELECT count(*) FROM contact WHERE id = $1 AND script = 'other'`, fourth); n != 1 {
		t.Error("the contact that was led into another script is not noted as one of it")
	}
}
