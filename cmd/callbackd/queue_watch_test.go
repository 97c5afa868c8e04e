package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbackd/callbackd/callback/postgres"
)

// frames is a terminal that keeps what is written on it, frame by frame.
type frames struct {
	mu    sync.Mutex
	shown []string
}

func (f *frames) Write(text []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown = append(f.shown, string(text))
	return len(text), nil
}

// last gives the first line of what is shown.
func (f *frames) last() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	shown := strings.TrimPrefix(f.shown[len(f.shown)-1], frameBegin)
	first, _, _ := strings.Cut(shown, "\r\n")
	return strings.TrimSpace(first)
}

// watching is a queue that is watched in virtual time.
type watching struct {
	*frames
	keys    chan byte
	resized chan os.Signal
	height  int
	ended   chan error
}

func watch(ctx context.Context, interval time.Duration, answer readQueue) *watching {
	w := &watching{frames: &frames{}, keys: make(chan byte), resized: make(chan os.Signal), height: 24, ended: make(chan error, 1)}
	s := screen{out: w, size: func() (int, int) { return 100, w.height }, keys: w.keys, resized: w.resized}
	first := postgres.Queue{At: time.Now()}
	go func() {
		w.ended <- s.watch(ctx, queueView{queue: first, watching: true}, postgres.QueueFilter{}, interval, answer)
	}()
	synctest.Wait()
	return w
}

func (w *watching) quit(t *testing.T) {
	t.Helper()
	w.keys <- 'x'
	w.keys <- 'q'
	synctest.Wait()
	if err := <-w.ended; err != nil {
		t.Error(err)
	}
}

func TestTheQueueIsDrawnAnewWithEachInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		w := watch(t.Context(), time.Second, func(_ context.Context, wanted postgres.QueueFilter) (postgres.Queue, error) {
			looks++
			if wanted.Limit != 24 {
				t.Errorf("%d contacts are asked for on 24 lines", wanted.Limit)
			}
			return postgres.Queue{At: time.Now(), Counted: postgres.QueueAgents{LoggedIn: looks}}, nil
		})
		for n := range 4 {
			if want := "0 waiting: 0 live, 0 callback  agents: 0 of " + string(rune('0'+n)) + " available  q: quit"; !strings.HasSuffix(w.last(), want) {
				t.Errorf("after %d looks stands %q", n, w.last())
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		w.quit(t)
	})
}

func TestEachFrameCoversTheWholeScreenAndNothingIsCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t.Context(), time.Second, func(context.Context, postgres.QueueFilter) (postgres.Queue, error) { return aQueue(), nil })
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		w.height = 12
		w.resized <- syscall.SIGWINCH
		w.quit(t)
		for i, height := range []int{24, 24, 24, 12} {
			frame := strings.TrimSuffix(strings.TrimPrefix(w.shown[i], frameBegin), frameEnd)
			lines := strings.Split(frame, "\r\n")
			if len(lines) != height {
				t.Errorf("frame %d has %d lines, want %d", i, len(lines), height)
			}
			if slices.ContainsFunc(lines, func(line string) bool { return textWidth(line) != 100 || printable(line) != line }) {
				t.Errorf("frame %d leaves something of the one before:\n%s", i, frame)
			}
		}
	})
}

func TestWhilePostgresIsAwayTheLastPictureStaysAndTheNextComesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		w := watch(t.Context(), time.Second, func(context.Context, postgres.QueueFilter) (postgres.Queue, error) {
			if away.Load() {
				return postgres.Queue{}, errors.New("connection refused")
			}
			return postgres.Queue{At: time.Now()}, nil
		})
		time.Sleep(1500 * time.Millisecond) // one look
		away.Store(true)
		began := clock(time.Now(), time.Now())
		time.Sleep(10 * time.Second)
		synctest.Wait()
		since := clock(time.Now().Add(-9500*time.Millisecond), time.Now())
		if want := began + "  Postgres away since " + since + " (0:09): connection refused"; w.last() != want {
			t.Errorf("it says %q, want %q", w.last(), want)
		}
		away.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if want := clock(time.Now(), time.Now()) + "  0 waiting"; !strings.HasPrefix(w.last(), want) {
			t.Errorf("it says %q, want %q", w.last(), want)
		}
		w.quit(t)
	})
}

func TestADatabaseThatSaysNothingIsAwayAndKeepsNobodyFromLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		w := watch(t.Context(), time.Second, func(ctx context.Context, _ postgres.QueueFilter) (postgres.Queue, error) {
			looks++
			<-ctx.Done()
			return postgres.Queue{}, ctx.Err()
		})
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if strings.Contains(w.last(), "away") {
			t.Errorf("after 1.5 s it says %q", w.last())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !strings.HasSuffix(w.last(), "(0:02): no answer") {
			t.Errorf("after 2.5 s it says %q", w.last())
		}
		w.quit(t)
		if looks != 1 {
			t.Errorf("%d looks were taken at once", looks)
		}
	})
}

func TestADatabaseThatIsSlowIsAskedLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		w := watch(t.Context(), time.Second, func(context.Context, postgres.QueueFilter) (postgres.Queue, error) {
			looks++
			time.Sleep(1900 * time.Millisecond)
			return postgres.Queue{}, nil
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if looks < 5 || looks > 7 {
			t.Errorf("%d looks of 1.9 s were taken in a minute", looks)
		}
		time.Sleep(10 * time.Second)
		w.quit(t)
	})
}

func TestTheWatchEndsByItsKeysAndBySignals(t *testing.T) {
	for name, end := range map[string]func(w *watching, cancel func()){
		"q":        func(w *watching, _ func()) { w.keys <- 'q' },
		"Q":        func(w *watching, _ func()) { w.keys <- 'Q' },
		"Ctrl-C":   func(w *watching, _ func()) { w.keys <- 0x03 },
		"a signal": func(_ *watching, cancel func()) { cancel() },
		"a signal, where nothing can be typed": func(w *watching, cancel func()) {
			close(w.keys)
			synctest.Wait()
			cancel()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w := watch(ctx, time.Second, func(context.Context, postgres.QueueFilter) (postgres.Queue, error) { return postgres.Queue{}, nil })
				end(w, cancel)
				synctest.Wait()
				select {
				case err := <-w.ended:
					if err != nil {
						t.Error(err)
					}
				default:
					t.Fatal("it goes on")
				}
			})
		})
	}
}

func TestNoMoreIsAskedForThanTheScreenHasLines(t *testing.T) {
	s := screen{size: func() (int, int) { return 80, 24 }}
	for limit, want := range map[int]int{0: 24, 10: 10, 100: 24} {
		got := s.fits(postgres.QueueFilter{Skill: "support", Limit: limit})
		if got != (postgres.QueueFilter{Skill: "support", Limit: want}) {
			t.Errorf("with a limit of %d, %+v is asked for", limit, got)
		}
	}
}
