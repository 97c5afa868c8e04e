package lab_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	asteriskconf "github.com/callbackd/callbackd/asterisk-conf"
	"github.com/callbackd/callbackd/asterisk-conf/lab"
)

func TestAPreparedRootIsFoundAtOnce(t *testing.T) {
	first := prepare(t)
	began := time.Now()
	second := prepare(t)
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("finding it took %s, want less than 100 ms", took)
	}
	if first.Dir != second.Dir {
		t.Errorf("a second root in %s, the first is in %s", second.Dir, first.Dir)
	}
}

func TestAsteriskStartsFromTheShippedFilesWithNothingToComplainAbout(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	shipped, err := fs.Glob(asteriskconf.Files, "*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range shipped {
		want, err := asteriskconf.Files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(asterisk.Dir, "etc", file))
		if err != nil {
			t.Fatal(err)
		}
		if same := string(got) == string(want); same == (file == "site.conf") {
			t.Errorf("%s: the same as shipped is %v; only site.conf may differ", file, same)
		}
	}
	log := read(t, asterisk.Log())
	if !strings.Contains(log, "Asterisk Ready") {
		t.Error("the log does not hold the start")
	}
	for line := range strings.Lines(log) {
		if strings.Contains(line, "ERROR[") || strings.Contains(line, "WARNING[") {
			t.Error(line)
		}
	}
}

func TestEveryEndpointIsThere(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	endpoints := cli(t, asterisk, "pjsip show endpoints")
	found := regexp.MustCompile(`(?m)^ Endpoint:  (\w+)`).FindAllStringSubmatch(endpoints, -1)
	if want := len(asterisk.Agents) + 1; len(found) != want {
		t.Errorf("%d endpoints, want %d:\n%s", len(found), want, endpoints)
	}
	for _, agent := range asterisk.Agents {
		if !strings.Contains(endpoints, agent.Number+"/"+agent.Number) {
			t.Errorf("extension %s is not there", agent.Number)
		}
	}
	if !strings.Contains(endpoints, "Match: "+asterisk.Trunk+"/32") {
		t.Errorf("the trunk is not known by its address and port %s", asterisk.Trunk)
	}
}

func TestTwoInstancesRunSideBySide(t *testing.T) {
	one, other := startAsterisk(t, lab.AsteriskOptions{}), startAsterisk(t, lab.AsteriskOptions{})
	if one.Address == other.Address || one.Trunk == other.Trunk || one.Name == other.Name || one.Dir == other.Dir {
		t.Errorf("they share a name or an address: %+v and %+v", one, other)
	}
	entity := regexp.MustCompile(`Entity ID: +(\S+)`)
	first := entity.FindString(cli(t, one, "core show settings"))
	second := entity.FindString(cli(t, other, "core show settings"))
	if first == "" || first == second {
		t.Errorf("the entity IDs are %q and %q, want two", first, second)
	}
}

func TestAnInstanceComesBackAtItsAddressesAfterStopAndKill(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	address := asterisk.SIP
	if err := asterisk.Stop(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := asterisk.CLI(within(t), "core show version"); err == nil {
		t.Error("a stopped Asterisk answers")
	}
	if err := asterisk.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	asterisk.Kill()
	if err := asterisk.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	if transports := cli(t, asterisk, "pjsip show transports"); !strings.Contains(transports, address) {
		t.Errorf("it does not listen on %s any more:\n%s", address, transports)
	}
}

func TestCloseLeavesNoProcessNoMountNoFolderAndNoAddress(t *testing.T) {
	before := mounts(t)
	asterisk, err := lab.StartAsterisk(t.Context(), prepare(t), lab.AsteriskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(processesOf(t, asterisk.Dir)) == 0 {
		t.Error("no process of a running instance is found, so none would be missed")
	}
	if mounts(t) != before {
		t.Error("the instance's mounts can be seen from outside")
	}
	if err := asterisk.Close(); err != nil {
		t.Fatal(err)
	}
	if left := processesOf(t, asterisk.Dir); left != nil {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(asterisk.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary folder: %v, want it gone", err)
	}
	lock := filepath.Join(filepath.Dir(prepare(t).Dir), "addresses", strings.TrimSuffix(asterisk.Address, ".1"))
	if out, err := exec.Command("flock", "--nonblock", lock, "true").CombinedOutput(); err != nil {
		t.Errorf("the addresses were not given back: %v %s", err, out)
	}
}

func TestAnAsteriskDiesWithTheProgramThatStartedIt(t *testing.T) {
	dir := t.TempDir()
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), helperVariable+"="+dir)
	program.Stderr = os.Stderr
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "started\n" {
		t.Fatalf("the helper says %q, %v", line, err)
	}
	if len(processesOf(t, dir)) == 0 {
		t.Fatal("its Asterisk does not run")
	}
	if err := program.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = program.Wait() // killed, as told
	awaitNoProcess(t, dir)
}

func TestADetachedAsteriskIsFoundAgainByItsFolder(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{Dir: t.TempDir(), Detached: true})
	again, err := lab.OpenAsterisk(prepare(t), asterisk.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if !again.Running() {
		t.Error("the one that was found does not run")
	}
	if again.SIP != asterisk.SIP || again.ARIPassword != asterisk.ARIPassword || len(again.Agents) != len(asterisk.Agents) {
		t.Errorf("found %+v, want %+v", again, asterisk)
	}
	if err := again.Stop(within(t)); err != nil {
		t.Fatal(err)
	}
	awaitNoProcess(t, asterisk.Dir)
	if again.Running() {
		t.Error("it says that it runs after it was stopped")
	}
}

func TestWhatKeepsAsteriskFromStartingIsSaid(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	if err := asterisk.Stop(within(t)); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(asterisk.Dir, "etc", "asterisk.conf")
	if err := os.WriteFile(broken, []byte("[options]\nrunuser = nobody-of-this-name\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := asterisk.Start(within(t))
	if err == nil || !strings.Contains(err.Error(), "nobody-of-this-name") {
		t.Errorf("got %v, want what Asterisk said", err)
	}
}

// awaitNoProcess waits until none is left of the instance in dir.
func awaitNoProcess(t *testing.T, dir string) {
	t.Helper()
	await(t, "the end of every process of "+dir, func() bool { return processesOf(t, dir) == nil })
}

func awaitFile(t *testing.T, path string) {
	t.Helper()
	await(t, path, func() bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

// await looks again and again until a named condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx := within(t)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-ticker.C:
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
