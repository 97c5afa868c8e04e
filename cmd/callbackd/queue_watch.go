package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/callbackd/callbackd/callback/postgres"
)

// What a terminal is told. A frame that it is told of is shown at once; a terminal that does not know
// that ignores it.
const (
	screenOpen  = "\x1b[?1049h\x1b[?25l" // another screen, and no cursor
	screenClose = "\x1b[?25h\x1b[?1049l"
	frameBegin  = "\x1b[?2026h\x1b[H"
	frameEnd    = "\x1b[?2026l"
)

const (
	// patience is how long an answer is waited for before the database is said to be away.
	patience = 2 * time.Second
	// A database that takes long to answer is left alone for so many times as long.
	rest = 4
)

// readQueue reads what is wanted of the queue.
type readQueue func(ctx context.Context, wanted postgres.QueueFilter) (postgres.Queue, error)

// screen is the terminal that the queue is watched on.
type screen struct {
	out     io.Writer
	size    func() (width, height int)
	keys    <-chan byte
	resized <-chan os.Signal
	colour  bool
}

// watchOn shows the queue on a terminal, and gives that back as it was. The first look at the database is
// taken before, so that what is wrong can be said as by any command.
func watchOn(ctx context.Context, in, out *os.File, wanted postgres.QueueFilter, interval time.Duration, read readQueue) error {
	s := screen{out: out, size: func() (int, int) { return screenSize(out) }, colour: os.Getenv("NO_COLOR") == ""}
	queue, err := read(ctx, s.fits(wanted))
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	restore, err := openScreen(in, out)
	if err != nil {
		return err
	}
	defer restore()
	s.keys, s.resized = readKeys(in), resized
	return s.watch(ctx, queueView{queue: queue, skill: wanted.Skill, watching: true}, wanted, interval, read)
}

// fits is what is wanted, and no more of it than the screen has lines.
func (s screen) fits(wanted postgres.QueueFilter) postgres.QueueFilter {
	_, height := s.size()
	if wanted.Limit == 0 || wanted.Limit > height {
		wanted.Limit = height
	}
	return wanted
}

// openScreen prepares the terminal: keys come one by one and are not shown.
func openScreen(in, out *os.File) (restore func(), err error) {
	var state *term.State
	if term.IsTerminal(int(in.Fd())) {
		if state, err = term.MakeRaw(int(in.Fd())); err != nil {
			return nil, fmt.Errorf("preparing the terminal: %w", err)
		}
	}
	fmt.Fprint(out, screenOpen)
	return func() {
		fmt.Fprint(out, screenClose)
		if state != nil {
			_ = term.Restore(int(in.Fd()), state) // it took the other state
		}
	}, nil
}

// screenSize is that of the terminal, or the usual one where it does not say.
func screenSize(out *os.File) (width, height int) {
	width, height, err := term.GetSize(int(out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// readKeys reads what is typed until the input ends. Nothing can end a read of a terminal; the program's
// end does.
func readKeys(in io.Reader) <-chan byte {
	keys := make(chan byte)
	go func() {
		defer close(keys)
		buffer := make([]byte, 1)
		for {
			if _, err := in.Read(buffer); err != nil {
				return
			}
			keys <- buffer[0]
		}
	}()
	return keys
}

// quits says whether a key ends the watching. In a terminal that gives each key Ctrl-C is one of them.
func quits(key byte) bool { return key == 'q' || key == 'Q' || key == 0x03 }

// look is one look at the database.
type look struct {
	queue postgres.Queue
	err   error
}

// watch draws the queue again and again until a key or the context ends it. While the database does not
// answer the last picture stays. A look that is under way at the end is not waited for.
func (s screen) watch(ctx context.Context, view queueView, wanted postgres.QueueFilter, interval time.Duration, read readQueue) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	looks := make(chan look, 1)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var asked, next time.Time // asked is zero while no answer is waited for
	for {
		if err := s.show(view, time.Now()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case key, more := <-s.keys:
			if !more {
				s.keys = nil
			}
			if quits(key) {
				return nil
			}
		case <-s.resized:
		case now := <-ticker.C:
			switch {
			case asked.IsZero() && !now.Before(next):
				asked = now
				fits := s.fits(wanted)
				go func() {
					queue, err := read(ctx, fits)
					looks <- look{queue, err}
				}()
			case !asked.IsZero() && now.Sub(asked) >= patience:
				view.away(asked, "no answer")
			}
		case found := <-looks:
			now := time.Now()
			if found.err != nil {
				view.away(asked, found.err.Error())
			} else {
				view.queue, view.awaySince, view.trouble = found.queue, time.Time{}, ""
			}
			next, asked = now.Add(rest*now.Sub(asked)), time.Time{}
		}
	}
}

// away notes that the database has not answered since then; where it has not answered before, since
// before.
func (v *queueView) away(since time.Time, why string) {
	if v.awaySince.IsZero() {
		v.awaySince = since
	}
	v.trouble = why
}

// show draws the view over what is on the screen. Every cell is written, so that nothing has to be
// cleared and nothing flickers.
func (s screen) show(view queueView, now time.Time) error {
	width, height := s.size()
	lines := drawQueue(view, paper{width: width, height: height, colour: s.colour}, now)
	var frame strings.Builder
	frame.WriteString(frameBegin)
	for i := range height {
		if i > 0 {
			frame.WriteString("\r\n")
		}
		shown := line{}
		if i < len(lines) {
			shown = lines[i]
		}
		frame.WriteString(shown.text + strings.Repeat(" ", width-shown.width))
	}
	frame.WriteString(frameEnd)
	if _, err := io.WriteString(s.out, frame.String()); err != nil {
		return fmt.Errorf("writing to the terminal: %w", err)
	}
	return nil
}
