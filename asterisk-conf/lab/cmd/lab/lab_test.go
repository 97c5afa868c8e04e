package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/callback/postgres/private"
)

// callbackd is the program, built for these tests.
var callbackd string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "callbackd-lab-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	callbackd = filepath.Join(dir, "callbackd")
	if out, err := exec.Command("go", "build", "-o", callbackd, "../../../../cmd/callbackd").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building callbackd: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(phone.SipgoLeak()); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestUpIsSafeToCallTwiceAndDownLeavesNothing(t *testing.T) {
	l := newLab(t)
	l.run("up")
	first := l.env()
	if agents := strings.Fields(first["LAB_AGENTS"]); len(agents) < 10 {
		t.Errorf("LAB_AGENTS has %d agents, want 10 at least", len(agents))
	}
	if out := l.run("up"); strings.Count(out, "runs already") != 3 {
		t.Errorf("the second up started something:\n%s", out)
	}
	if second := l.env(); second["LAB_SIP"] != first["LAB_SIP"] || second["CALLBACKD_DATABASE_URL"] != first["CALLBACKD_DATABASE_URL"] {
		t.Errorf("the second up moved it from %v to %v", first, second)
	}
	l.run("status")

	state := l.open().state
	l.run("down")
	l.nothingRuns()
	for _, dir := range []string{l.dir, state.PostgresDir} {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want it gone", dir, err)
		}
	}
	l.run("down") // where nothing is, there is nothing to do
}

// Anyone's phones find all that they need in env.
func TestPhonesWorkFromEnvAlone(t *testing.T) {
	l := newLab(t)
	l.run("up")
	env := l.env()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	extension, password, _ := strings.Cut(strings.Fields(env["LAB_AGENTS"])[0], ":")
	agent, err := phone.NewAgent(ctx, phone.Options{Listen: "127.0.0.1:0", Server: env["LAB_SIP"]}, extension, password)
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, agent)
	carrier, err := phone.NewCarrier(ctx, phone.Options{Listen: env["LAB_TRUNK"], Server: env["LAB_SIP"]})
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, carrier)
	call, err := carrier.Call(ctx, "2125550123", env["LAB_DID"])
	if err != nil {
		t.Fatal(err)
	}
	if err := call.SendTone(700); err != nil {
		t.Fatal(err)
	}
	offered, err := agent.AwaitCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := offered.Answer(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := offered.AwaitTone(ctx, 700); err != nil {
		t.Fatal(err)
	}
	if err := call.Hangup(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := offered.AwaitEnded(ctx); err != nil {
		t.Fatal(err)
	}
}

func closeAtEnd(t *testing.T, p *phone.Phone) {
	t.Helper()
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestUpBringsBackWhatWasKilledAtItsAddresses(t *testing.T) {
	l := newLab(t)
	l.run("up")
	before := l.env()
	l.killAll()
	if err := run(t.Context(), l.args("status"), &bytes.Buffer{}); err == nil {
		t.Error("status is content with a lab that was killed")
	}
	l.run("up")
	after := l.env()
	for name, value := range before {
		if after[name] != value {
			t.Errorf("%s was %q and is %q", name, value, after[name])
		}
	}
	out, err := exec.CommandContext(t.Context(), after["LAB_CONSOLE"], "-rx", "core show channels count").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "0 active channels") {
		t.Errorf("the console says %q, %v", out, err)
	}
	l.run("status")
}

func TestStatusTellsACallbackdThatCanNotTakeCallsFromOneThatDoesNotRun(t *testing.T) {
	l := newLab(t)
	l.run("up")
	l.killPostgres()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for want := "runs but can't take calls: the database does not answer"; ; {
		var out bytes.Buffer
		if err := run(ctx, l.args("status"), &out); err == nil {
			t.Fatalf("status is content without Postgres:\n%s", out.String())
		}
		if !strings.Contains(out.String(), "Postgres does not run") {
			t.Fatalf("status does not say that Postgres is gone:\n%s", out.String())
		}
		if strings.Contains(out.String(), want) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("status never says %q:\n%s", want, out.String())
		}
	}
}

func TestDownKeepsWhatTheDemoKeeps(t *testing.T) {
	l := newLab(t)
	recording := filepath.Join(l.dir, "demo", "agent.wav")
	l.write("demo/agent.wav", nil)
	l.write("callbackd.log", nil)
	if out := l.run("down"); !strings.Contains(out, "stays in "+l.dir+": demo") {
		t.Errorf("down does not say what stays:\n%s", out)
	}
	if _, err := os.Stat(recording); err != nil {
		t.Errorf("the demo's recording: %v, want it kept", err)
	}
	l.left("demo")
}

// What people do with the lab by env and the comments in callbackd.yaml alone: a script of their own that
// plays a recording of their own, reached by a number of its own. It outlives the lab.
func TestWhatPeoplePutIntoTheLabWorksAndStays(t *testing.T) {
	l := newLab(t)
	l.run("up")
	env := l.env()
	const hz = 620
	l.write("sounds/en/acme/hello.wav", readFile(t, toneFile(t, hz)))
	l.write("mine.yaml", []byte("type: Phone\nstart: hello\nactions:\n  hello:\n    Play: {Sounds: [acme/hello]}\n    branches: {Default: bye, OnError: bye}\n  bye:\n    Hangup: {}\n"))
	l.write("callbackd.yaml", []byte("scripts: [mine.yaml]\n"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reload := exec.CommandContext(ctx, callbackd, "script", "reload")
	for name, value := range env {
		reload.Env = append(reload.Env, name+"="+value)
	}
	if out, err := reload.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	command := "dialplan set global CALLBACKD_SCRIPT_8005550199 mine"
	if !strings.Contains(readText(t, filepath.Join(l.dir, "env")), strings.Replace(command, "mine", "NAME", 1)) {
		t.Errorf("env does not say %q", command)
	}
	if out, err := exec.CommandContext(ctx, env["LAB_CONSOLE"], "-rx", command).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	carrier, err := phone.NewCarrier(ctx, phone.Options{Listen: env["LAB_TRUNK"], Server: env["LAB_SIP"]})
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, carrier)
	call, err := carrier.Call(ctx, "2125550123", "8005550199")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.AwaitTone(ctx, hz); err != nil {
		t.Fatal(err)
	}
	if _, err := call.AwaitEnded(ctx); err != nil {
		t.Fatal(err)
	}

	if out := l.run("down"); !strings.Contains(out, "callbackd.yaml, mine.yaml, sounds") {
		t.Errorf("down does not say what stays:\n%s", out)
	}
	l.left("callbackd.yaml", "mine.yaml", "sounds")
	if english, err := os.ReadDir(filepath.Join(l.dir, "sounds", "en")); err != nil || len(english) != 1 {
		t.Errorf("of the sounds, %v are left (%v), want those of acme alone", english, err)
	}
	l.run("up")
	if text := readText(t, filepath.Join(l.dir, "callbackd.yaml")); text != "scripts: [mine.yaml]\n" {
		t.Errorf("up has changed callbackd.yaml to %q", text)
	}
}

// toneFile gives a file with a tone in it.
func toneFile(t *testing.T, hz float64) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sounds"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (&lab.Asterisk{Dir: dir}).AddSound("tone", lab.Sound{Hz: hz, Lasts: 2 * time.Second}); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "sounds", "tone.wav")
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readText(t *testing.T, file string) string {
	t.Helper()
	return string(readFile(t, file))
}

func TestDownClearsAwayWhatACrashLeft(t *testing.T) {
	l := newLab(t)
	l.run("up")
	l.killAll()
	l.run("down")
	l.nothingRuns()
}

func TestWhatKeepsCallbackdFromStartingIsSaid(t *testing.T) {
	l := newLab(t)
	l.write("callbackd.yaml", []byte("colour: red\n"))
	err := run(t.Context(), l.args("up"), &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("got %v, want callbackd's own complaint", err)
	}
}

func TestWrongUsageIsToldFromFailure(t *testing.T) {
	for _, args := range [][]string{nil, {"sideways"}, {"up", "down"}, {"--colour", "up"}} {
		l := append([]string{"--dir", filepath.Join(t.TempDir(), "lab")}, args...)
		if err := run(t.Context(), l, &bytes.Buffer{}); !errors.Is(err, errUsage) {
			t.Errorf("lab %v: got %v, want wrong usage", args, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "callbackd")
	err := run(t.Context(), []string{"--dir", filepath.Join(t.TempDir(), "lab"), "--callbackd", missing, "up"}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("got %v, want to be told to build callbackd", err)
	}
}

// labInDir is a lab in a folder of a test's own.
type labInDir struct {
	t   *testing.T
	dir string
}

func newLab(t *testing.T) labInDir {
	t.Helper()
	l := labInDir{t, filepath.Join(t.TempDir(), ".lab")}
	t.Cleanup(func() {
		if t.Failed() {
			log, err := os.ReadFile(filepath.Join(l.dir, "callbackd.log"))
			t.Logf("callbackd's log (%v):\n%s", err, log)
		}
		if err := run(context.Background(), l.args("down"), &bytes.Buffer{}); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l labInDir) args(command string) []string {
	return []string{"--dir", l.dir, "--callbackd", callbackd, command}
}

func (l labInDir) run(command string) string {
	l.t.Helper()
	var out bytes.Buffer
	if err := run(l.t.Context(), l.args(command), &out); err != nil {
		l.t.Fatalf("lab %s: %v\n%s", command, err, out.String())
	}
	return out.String()
}

// write puts a file into the lab's folder, as people do.
func (l labInDir) write(name string, text []byte) {
	l.t.Helper()
	file := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// left holds that nothing but these is in the lab's folder.
func (l labInDir) left(want ...string) {
	l.t.Helper()
	entries, err := os.ReadDir(l.dir)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if err != nil || !slices.Equal(names, want) {
		l.t.Errorf("left are %v (%v), want %v", names, err, want)
	}
}

func (l labInDir) open() *background {
	l.t.Helper()
	b, err := open(l.dir, callbackd, &bytes.Buffer{})
	if err != nil {
		l.t.Fatal(err)
	}
	return b
}

// env returns what a shell has after sourcing .lab/env.
func (l labInDir) env() map[string]string {
	l.t.Helper()
	shell := exec.Command("sh", "-c", `. "$1/env" && env`, "sh", l.dir)
	shell.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := shell.Output()
	if err != nil {
		l.t.Fatal(err)
	}
	env := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if strings.HasPrefix(name, "LAB_") || strings.HasPrefix(name, "CALLBACKD_") {
			env[name] = value
		}
	}
	return env
}

// killAll ends all of it at once and in no order, as a crash does.
func (l labInDir) killAll() {
	l.t.Helper()
	lab.FindDetached(l.dir).Kill()
	lab.FindDetached(filepath.Join(l.dir, "asterisk")).Kill()
	l.killPostgres()
}

func (l labInDir) killPostgres() {
	l.t.Helper()
	pid, running := private.Postmaster(l.open().state.PostgresDir)
	if !running {
		l.t.Fatal("Postgres does not run")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
}

func (l labInDir) nothingRuns() {
	l.t.Helper()
	for _, dir := range []string{l.dir, filepath.Join(l.dir, "asterisk")} {
		if found := lab.FindDetached(dir); found != nil {
			l.t.Errorf("process %d of %s runs", found.PID(), dir)
		}
	}
}
