package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
)

// fakeSwitch is an Asterisk that keeps the commands and answers them with the events that a test
// scripts.
type fakeSwitch struct {
	mu       sync.Mutex
	deliver  func(callback.Event)
	commands []callback.Command
	answer   func(callback.Command) error
	slow     chan struct{}     // a Play waits until it is closed; nil: it does not
	snapshot callback.Snapshot // at the first connect
	refuse   error             // what Run answers; nil: it connects
	runs     int
}

func (f *fakeSwitch) Run(ctx context.Context, deliver func(callback.Event)) error {
	f.mu.Lock()
	f.deliver = deliver
	f.runs++
	f.mu.Unlock()
	if f.refuse != nil {
		return f.refuse
	}
	deliver(callback.NodeConnected{Snapshot: &f.snapshot})
	<-ctx.Done()
	return nil
}

func (f *fakeSwitch) Do(ctx context.Context, cmd callback.Command) error {
	f.mu.Lock()
	slow := f.slow
	f.mu.Unlock()
	if _, play := cmd.(callback.Play); play && slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
			return &callback.CommandError{Message: "time-out"}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands = append(f.commands, cmd)
	if f.answer != nil {
		return f.answer(cmd)
	}
	return nil
}

// last gives the last command of that type, and how many there were.
func last[C callback.Command](f *fakeSwitch) (cmd C, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.commands {
		if c, ok := c.(C); ok {
			cmd = c
			n++
		}
	}
	return cmd, n
}

// stage is a dispatcher in a bubble of virtual time.
type stage struct {
	t     *testing.T
	store *fakeStore
	sw    *fakeSwitch
	d     *Dispatcher
	stop  func()
}

// newStage makes a dispatcher that does not run yet, with these scripts beside the example.
func newStage(t *testing.T, scripts ...*script.Script) *stage {
	t.Helper()
	s := &stage{t: t, store: newFakeStore(), sw: &fakeSwitch{}}
	s.d = newDispatcher(t, s.store, s.sw, scripts...)
	return s
}

// parse reads a script.
func parse(t *testing.T, name, source string) *script.Script {
	t.Helper()
	parsed, problems := script.Parse(name+".yaml", []byte(source))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return parsed
}

func newDispatcher(t *testing.T, store Store, sw Switch, scripts ...*script.Script) *Dispatcher {
	t.Helper()
	d, err := New(Options{
		Node: "n1", Holder: "test", Store: store, Switch: sw,
		Scripts:         append(scripts, parse(t, "example", string(script.Example()))),
		Skills:          map[string]callback.Skill{"support": callback.DefaultSkill},
		ContactEndpoint: func(number string) string { return "PJSIP/" + number + "@trunk" },
		Logger:          slog.New(slog.DiscardHandler),
		Registerer:      prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// inBubble plays a test with a dispatcher that has just got in step with Asterisk, and proves that it
// leaves no goroutine.
func inBubble(t *testing.T, play func(*stage)) {
	t.Helper()
	inScript(t, "", play)
}

// inScript is inBubble with a script called "tried" beside the example.
func inScript(t *testing.T, source string, play func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var scripts []*script.Script
		if source != "" {
			scripts = append(scripts, parse(t, "tried", source))
		}
		s := newStage(t, scripts...)
		s.run()
		defer func() { s.stop() }()
		play(s)
	})
}

// run runs the dispatcher until stop.
func (s *stage) run() {
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error)
	go func() { ended <- s.d.Run(ctx) }()
	s.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	}
	synctest.Wait()
}

// event delivers an event and lets everything that follows from it happen.
func (s *stage) event(ev callback.Event) {
	s.sw.mu.Lock()
	deliver := s.sw.deliver
	s.sw.mu.Unlock()
	deliver(ev)
	synctest.Wait()
}

// pass lets virtual time go by.
func (s *stage) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// try lets a call come in that runs the script "tried".
func (s *stage) try(channel string) {
	s.event(callback.LegArrived{Channel: channel, Script: "tried", ANI: "2125550123", DNIS: "8005550100", Dialled: "8005550100"})
}

// record gives a contact's record as saved.
func (s *stage) record(id callback.ContactID) Record {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.store.loaded(id)
}

// arrive lets a call come in.
func (s *stage) arrive() {
	s.event(callback.LegArrived{Channel: "in", Script: "example", ANI: "2125550123", DNIS: "8005550100", Dialled: "8005550100"})
}

// thanked plays a call up to the thank-you, and gives its playback.
func (s *stage) thanked() string {
	s.t.Helper()
	s.arrive()
	s.pass(30 * time.Second)
	s.event(callback.KeyPressed{Channel: "in", Key: "1"})
	play, n := last[callback.Play](s.sw)
	if n != 2 || fmt.Sprint(play.Media) != "[sound:callbackd/place-saved]" {
		s.t.Fatalf("the %d. prompt is %v, want the thank-you", n, play.Media)
	}
	return play.Playback
}

// free says that the agent's phone can be rung.
func (s *stage) free() {
	s.event(callback.DeviceChanged{Device: "PJSIP/1001", State: callback.DeviceNotInUse})
	s.pass(pollPause)
}
