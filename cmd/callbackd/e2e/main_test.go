package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
	"github.com/callbackd/callbackd/callback/script"
)

// What all tests share: the program, the Asterisk to start instances from, and a Postgres.
var (
	program  string
	root     *lab.Root
	postgres *lab.Postgres
	numbered atomic.Int64 // databases
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "callbackd-e2e-")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "callbackd")
	if err := arrange(); err != nil {
		return fail(err)
	}
	measuring := flag.Lookup("test.bench").Value.String() != "" // what an administrator runs, on a disk that is waited for
	build := exec.CommandContext(ctx, "go", "build", "-race="+strconv.FormatBool(!measuring), "-o", program, "..")
	if out, err := build.CombinedOutput(); err != nil {
		return fail(fmt.Errorf("build callbackd: %w: %s", err, out))
	}
	if root, err = lab.Prepare(ctx, os.Stderr); err != nil {
		return fail(err)
	}
	if postgres, err = lab.StartPostgres(ctx, lab.PostgresOptions{Fast: !measuring}); err != nil {
		return fail(err)
	}
	code := m.Run()
	if err := postgres.Close(); err != nil {
		return fail(err)
	}
	if err := goleak.Find(phone.SipgoLeak()); code == 0 && err != nil {
		return fail(err)
	}
	return code
}

// sideBySide is how many tests run at once for each processor: they wait far more than they work.
const sideBySide = 2

// arrange reads the flags and gives the tests their pace, unless a flag says another one.
func arrange() error {
	flag.Parse()
	// A program with the race detector sleeps for a second before it ends: each command, and each daemon.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")); err != nil {
		return fmt.Errorf("let programs end at once: %w", err)
	}
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	if err := flag.Set("test.parallel", strconv.Itoa(sideBySide*runtime.GOMAXPROCS(0))); err != nil {
		return fmt.Errorf("run tests side by side: %w", err)
	}
	return nil
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// The tones by which the people in the tests are known.
const (
	callerHz  = 700
	agentHz   = 1100
	agent2Hz  = 1600
	musicHz   = lab.MusicHz
	callerANI = "2125550123"
)

// stage is one test's site with the people on it.
type stage struct {
	*site.Site
	t        testing.TB
	ctx      context.Context
	database string // its URL
}

// skillSettings keep the tests short.
var skillSettings = []string{"ring_time: 8s", "refused_time: 3s", "pause_time: 2s", "contact_ring_time: 6s"}

// quick are the changes, in pairs, that make a shipped script tell that a place is saved by a beep, after a
// second of music.
var quick = []string{"Seconds: 30", "Seconds: 1", "callbackd/place-saved", "beep"}

// shortExample is the shipped script with its waits shortened.
func shortExample(t testing.TB) []byte {
	t.Helper()
	return changed(t, script.Example(), append(slices.Clone(quick), "FirstKeySec: 5", "FirstKeySec: 2")...)
}

// spoken lets a stage run the shipped script with all that it says, and with less music.
func spoken(t testing.TB) func(*site.Options) {
	t.Helper()
	text := changed(t, script.Example(), "Seconds: 30", "Seconds: 2")
	return func(o *site.Options) { o.Script = text }
}

// changed replaces texts of a script; changes are pairs.
func changed(t testing.TB, text []byte, changes ...string) []byte {
	t.Helper()
	for i := 0; i < len(changes); i += 2 {
		if !bytes.Contains(text, []byte(changes[i])) {
			t.Fatalf("the script has no %q to replace", changes[i])
		}
		text = bytes.ReplaceAll(text, []byte(changes[i]), []byte(changes[i+1]))
	}
	return text
}

// newStage opens a site of the test's own. change, which may be nil, alters its options.
func newStage(t *testing.T, change func(*site.Options)) *stage {
	t.Helper()
	t.Parallel()
	return openStage(t, 2*time.Minute, change)
}

// openStage is newStage for benchmarks, too, with the time that all may take.
func openStage(t testing.TB, limit time.Duration, change func(*site.Options)) *stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	name := fmt.Sprintf("e2e_%d", numbered.Add(1))
	url, err := postgres.CreateDatabase(ctx, name, "")
	if err != nil {
		t.Fatal(err)
	}
	o := site.Options{
		Dir: t.TempDir(), Callbackd: program, Root: root, Database: url,
		Script: shortExample(t), Skill: skillSettings, Agents: []string{"1001", "1002"},
	}
	if change != nil {
		change(&o)
	}
	s, err := site.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, o.Dir, s)
	return &stage{Site: s, t: t, ctx: ctx, database: url}
}

// closeAfter closes a site after its test. What the race detector has found in the daemon fails the test.
func closeAfter(t testing.TB, dir string, s *site.Site) {
	t.Helper()
	t.Cleanup(func() {
		log, err := os.ReadFile(filepath.Join(dir, "callbackd.log"))
		if err != nil {
			t.Error(err)
		}
		if _, race, found := bytes.Cut(log, []byte("WARNING: DATA RACE")); found {
			t.Errorf("a data race in the daemon: %s", race)
		}
		if t.Failed() {
			keep(t, dir, s)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// keep copies the logs of a failed test to where they survive it.
func keep(t testing.TB, dir string, s *site.Site) {
	kept, err := os.MkdirTemp("", "callbackd-failed-"+strings.ReplaceAll(t.Name(), "/", "-")+"-")
	if err != nil {
		t.Log(err)
		return
	}
	if err := os.CopyFS(filepath.Join(kept, "site"), os.DirFS(dir)); err != nil {
		t.Log(err)
	}
	text, err := os.ReadFile(s.Asterisk.Log())
	if err == nil {
		err = os.WriteFile(filepath.Join(kept, "asterisk.log"), text, 0o600)
	}
	if err != nil {
		t.Log(err)
	}
	if facts, err := s.Facts(context.Background(), 0); err == nil {
		for _, fact := range facts {
			t.Logf("%s contact %d %s %v", fact.At.Format("15:04:05.000"), fact.Contact, fact.Kind, fact.Data)
		}
	}
	t.Logf("the logs are kept in %s", kept)
}

// must ends the test with what was being done when something fails.
func (s *stage) must(what string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

// within bounds one wait.
func (s *stage) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(s.ctx, d)
	s.t.Cleanup(cancel)
	return ctx
}

// call places the caller's call and returns when it hears the music.
func (s *stage) call() *phone.Call {
	s.t.Helper()
	call, err := s.Carrier.Call(s.ctx, callerANI, s.Asterisk.DID)
	s.must("call", err)
	s.must("hear the call answered", call.AwaitAnswered(s.within(10*time.Second)))
	_, err = call.AwaitTone(s.within(10*time.Second), musicHz)
	s.must("hear the music", err)
	return call
}

// contact gives the ID of the test's only contact.
func (s *stage) contact() int64 {
	s.t.Helper()
	fact, err := s.AwaitFact(s.within(10*time.Second), 0, "arrived", nil)
	s.must("find the contact", err)
	return fact.Contact
}

// await waits for a fact of the contact.
func (s *stage) await(contact int64, kind string, limit time.Duration) site.Fact {
	s.t.Helper()
	fact, err := s.AwaitFact(s.within(limit), contact, kind, nil)
	s.must("await the fact", err)
	return fact
}

// awaitAction waits until the script has come to an action.
func (s *stage) awaitAction(contact int64, name string) {
	s.t.Helper()
	_, err := s.AwaitFact(s.within(20*time.Second), contact, "action", func(f site.Fact) bool { return f.Data["name"] == name })
	s.must("await the action "+name, err)
}

// promised plays the caller's side up to the saved place: music, menu, 1, thanks, hung up.
func (s *stage) promised() int64 {
	s.t.Helper()
	call := s.call()
	contact := s.contact()
	s.awaitAction(contact, "offer")
	s.must("press 1", call.Press(s.within(5*time.Second), "1"))
	s.awaitAction(contact, "thanks")
	ended, err := call.AwaitEnded(s.within(30 * time.Second))
	s.must("be hung up on", err)
	if ended.By != phone.Them {
		s.t.Fatalf("the call ended: %v", ended)
	}
	s.await(contact, "promised", 5*time.Second)
	s.await(contact, "hung_up", 5*time.Second) // until then only this node serves it
	return contact
}

// ringing returns the call that an agent's phone has received, ringing.
func (s *stage) ringing(p *phone.Phone) *phone.Call {
	s.t.Helper()
	call, err := p.AwaitCall(s.within(20 * time.Second))
	s.must("be rung", err)
	s.must("ring", call.Ring())
	return call
}

func (s *stage) agent(extension string) *phone.Phone {
	s.t.Helper()
	p, err := s.Agent(s.ctx, extension)
	s.must("register", err)
	return p
}

func (s *stage) answer(call *phone.Call, hz float64) {
	s.t.Helper()
	s.must("send a tone", call.SendTone(hz))
	s.must("answer", call.Answer(s.within(5*time.Second)))
}

// calledBack returns the contact's phone's call of the callback, ringing.
func (s *stage) calledBack() *phone.Call {
	s.t.Helper()
	call, err := s.Carrier.AwaitCallTo(s.within(20*time.Second), callerANI)
	s.must("be called back", err)
	s.must("ring", call.Ring())
	return call
}

// hear proves that two people hear each other.
func (s *stage) hear(a *phone.Call, aHz float64, b *phone.Call, bHz float64) {
	s.t.Helper()
	_, err := a.AwaitTone(s.within(10*time.Second), bHz)
	s.must(fmt.Sprintf("hear %v Hz", bHz), err)
	_, err = b.AwaitTone(s.within(10*time.Second), aHz)
	s.must(fmt.Sprintf("hear %v Hz", aHz), err)
}

// hangup ends a call and waits for the other one to end with it.
func (s *stage) hangup(call *phone.Call, others ...*phone.Call) {
	s.t.Helper()
	s.must("hang up", call.Hangup(s.within(5*time.Second)))
	for _, other := range others {
		_, err := other.AwaitEnded(s.within(10 * time.Second))
		s.must("be hung up on", err)
	}
}

// ended checks how a contact ended and that nothing of it is left: no channel, no bridge, no open leg,
// offer or place, and every agent free.
func (s *stage) ended(contact int64, outcome string) {
	s.t.Helper()
	fact := s.await(contact, "ended", 20*time.Second)
	if fact.Data["outcome"] != outcome {
		s.t.Fatalf("the contact's outcome is %s, want %s", fact.Data["outcome"], outcome)
	}
	s.must("leave nothing in Asterisk", s.AwaitEmpty(s.within(10*time.Second)))
	var left []string
	err := site.Await(s.within(10*time.Second), func() error { return fmt.Errorf("left in the database: %v", left) }, func() (bool, error) {
		left = left[:0]
		err := s.DB.SelectContext(s.ctx, &left, `
			SELECT 'leg ' || channel FROM leg WHERE ended_at IS NULL
			UNION ALL SELECT 'offer ' || channel FROM offer WHERE ended_at IS NULL
			UNION ALL SELECT 'attempt ' || number FROM attempt WHERE ended_at IS NULL
			UNION ALL SELECT 'place ' || contact_id FROM place WHERE contact_id = $1
			UNION ALL SELECT 'agent ' || extension FROM agent WHERE activity NOT IN ('free', 'refused')`, contact)
		return len(left) == 0, err
	})
	s.must("leave nothing in the database", err)
}

// count gives a number from the database.
func (s *stage) count(query string, args ...any) int {
	s.t.Helper()
	var n int
	s.must("count", s.DB.GetContext(s.ctx, &n, query, args...))
	return n
}
