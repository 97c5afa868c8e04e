package lab_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
)

// fakeDebian puts programs of ours before mmdebstrap and apt-get, which take
// long and can't be made to fail, and an empty cache in place of the shared one.
// mmdebstrap's part is a shell script that finds the folder to fill in $dir.
func fakeDebian(t *testing.T, mmdebstrap string) (cache string) {
	t.Helper()
	programs := t.TempDir()
	script := "#!/bin/sh\nset -e\nfor dir; do :; done\n" + mmdebstrap + "\n"
	if err := os.WriteFile(filepath.Join(programs, "mmdebstrap"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	cache = t.TempDir()
	t.Setenv("CALLBACKD_LAB_CACHE", cache)
	return cache
}

// filled is what a script does that works.
const filled = `mkdir -p "$dir/usr/sbin" && touch "$dir/usr/sbin/asterisk"`

func TestABrokenBuildLeavesNothingHalfMade(t *testing.T) {
	cache := fakeDebian(t, filled+`; echo "E: the mirror is away" >&2; exit 7`)
	var progress bytes.Buffer
	if _, err := lab.Prepare(t.Context(), &progress); err == nil || !strings.Contains(err.Error(), "mmdebstrap") {
		t.Errorf("got %v, want mmdebstrap's failure", err)
	}
	if !strings.Contains(progress.String(), "E: the mirror is away") {
		t.Errorf("what mmdebstrap said is not shown:\n%s", progress.String())
	}
	roots, err := filepath.Glob(filepath.Join(cache, "*", "usr"))
	if err != nil || roots != nil {
		t.Errorf("left behind: %v, %v", roots, err)
	}
}

func TestABuildThatWasKilledIsClearedAwayAndDoneAgain(t *testing.T) {
	cache := fakeDebian(t, filled)
	left := filepath.Join(cache, "unfinished-1234567")
	if err := os.MkdirAll(filepath.Join(left, "usr/sbin"), 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := lab.Prepare(t.Context(), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root.Dir, "usr/sbin/asterisk")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the killed build left: %v, want it gone", err)
	}
}

func TestTwoProgramsThatPrepareAtOnceBuildOnce(t *testing.T) {
	builds := filepath.Join(t.TempDir(), "builds")
	fakeDebian(t, `echo built >> "`+builds+`"; `+filled)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := lab.Prepare(t.Context(), &bytes.Buffer{}); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if got := read(t, builds); got != "built\n" {
		t.Errorf("built %d times, want once", strings.Count(got, "\n"))
	}
}

func TestABuildEndsWhenItIsToldTo(t *testing.T) {
	begun := filepath.Join(t.TempDir(), "begun")
	fakeDebian(t, `mkfifo "$dir/never"; touch "`+begun+`"; exec cat "$dir/never"`)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := lab.Prepare(ctx, &bytes.Buffer{})
		ended <- err
	}()
	awaitFile(t, begun)
	cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it says that it is done")
		}
	case <-within(t).Done():
		t.Fatal("it goes on")
	}
}
