package lab_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
)

// helperVariable makes the test binary start an Asterisk, say so, and wait to be
// killed.
const helperVariable = "CALLBACKD_LAB_TEST_HELPER"

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(helperVariable) != "":
		startAndWait()
	case os.Getenv(crowdedVariable) != "":
		startInACrowd()
	}
	goleak.VerifyTestMain(m, phone.SipgoLeak())
}

func startAndWait() {
	ctx := context.Background()
	root, err := lab.Prepare(ctx, os.Stderr)
	if err == nil {
		_, err = lab.StartAsterisk(ctx, root, lab.AsteriskOptions{Dir: os.Getenv(helperVariable)})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started")
	select {}
}

// limit bounds what a test waits for; all of it takes a second or two.
const limit = 30 * time.Second

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func prepare(t *testing.T) *lab.Root {
	t.Helper()
	root, err := lab.Prepare(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func startAsterisk(t *testing.T, o lab.AsteriskOptions) *lab.Asterisk {
	t.Helper()
	asterisk, err := lab.StartAsterisk(t.Context(), prepare(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			showLog(t, asterisk)
		}
		if err := asterisk.Close(); err != nil {
			t.Error(err)
		}
	})
	return asterisk
}

func showLog(t *testing.T, asterisk *lab.Asterisk) {
	t.Helper()
	text, err := exec.Command("grep", "-v", "loader.c", asterisk.Log()).Output()
	if err != nil {
		t.Log(err)
	}
	t.Logf("Asterisk's log:\n%s", text)
}

func cli(t *testing.T, asterisk *lab.Asterisk, command string) string {
	t.Helper()
	out, err := asterisk.CLI(within(t), command)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mounts returns the mounts of the namespace that the tests run in.
func mounts(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// processesOf returns the command lines of processes that an instance in dir
// left.
func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		environ, err := os.ReadFile("/proc/" + entry.Name() + "/environ")
		if err != nil || !strings.Contains(string(environ), "LAB_DIR="+dir+"\x00") {
			continue
		}
		line, err := os.ReadFile("/proc/" + entry.Name() + "/cmdline")
		if err == nil {
			found = append(found, entry.Name()+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
