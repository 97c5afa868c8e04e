package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// settle is how long a line waits for an earlier one that is still on its way: a fact is read from
// Postgres a little after it happened.
const settle = 300 * time.Millisecond

// timeline prints lines in the order of their times.
type timeline struct {
	out   io.Writer
	start time.Time

	mu    sync.Mutex
	lines []line
}

type line struct {
	at        time.Time
	who, what string
}

func newTimeline(out io.Writer) *timeline { return &timeline{out: out, start: time.Now()} }

// say adds a line: when it was, whose it is (caller, script, queue, agent, callback), and what it was.
func (t *timeline) say(at time.Time, who, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line{at, who, fmt.Sprintf(format, args...)})
}

// print prints the lines that are older than age, in order.
func (t *timeline) print(age time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortStableFunc(t.lines, func(a, b line) int { return a.at.Compare(b.at) })
	old := time.Now().Add(-age)
	for len(t.lines) > 0 && !t.lines[0].at.After(old) {
		l := t.lines[0]
		t.lines = t.lines[1:]
		fmt.Fprintf(t.out, "%s  %6.2f s  %-8s  %s\n", l.at.Local().Format("15:04:05.000"), l.at.Sub(t.start).Seconds(), l.who, l.what)
	}
}

// run prints lines as they become old enough, until done is closed; then it prints the rest.
func (t *timeline) run(done <-chan struct{}) {
	ticker := time.NewTicker(settle / 3)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			t.print(0)
			return
		case <-ticker.C:
			t.print(settle)
		}
	}
}
