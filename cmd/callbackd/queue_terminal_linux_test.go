package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/term"

	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// terminal is a pseudo-terminal with callbackd on it.
type terminal struct {
	t       *testing.T
	keys    *os.File    // what is written to it is typed; what is read from it is shown
	tty     *os.File    // the side of the program
	before  *term.State // how the program found it
	program *exec.Cmd
	ended   chan error

	mu      sync.Mutex
	written string
	more    chan struct{} // there is more in written
}

// ioctl asks something of a terminal.
func ioctl(t *testing.T, f *os.File, request uintptr, argument unsafe.Pointer) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var refused syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, refused = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(argument))
	})
	if err != nil || refused != 0 {
		t.Fatalf("ioctl %x: %v, %v", request, err, refused)
	}
}

// openTerminal runs callbackd queue on a terminal of its own with that environment.
func openTerminal(t *testing.T, environment ...string) *terminal {
	t.Helper()
	return startOnTerminal(t, 100, 30, []string{"queue", "--interval", "100ms"}, environment...)
}

// startOnTerminal runs a command of callbackd on a terminal of its own, of that size and with that environment.
func startOnTerminal(t *testing.T, width, height uint16, command []string, environment ...string) *terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var unlocked, number int32
	ioctl(t, keys, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	ioctl(t, keys, syscall.TIOCGPTN, unsafe.Pointer(&number))
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	screen := &terminal{t: t, keys: keys, tty: tty, ended: make(chan error, 1), more: make(chan struct{}, 1)}
	screen.resize(width, height)
	if screen.before, err = term.GetState(int(tty.Fd())); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(screen.read)
	screen.program = exec.CommandContext(t.Context(), "callbackd", command...)
	screen.program.Stdin, screen.program.Stdout, screen.program.Stderr = tty, tty, tty
	screen.program.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	screen.program.Env = append(os.Environ(), append(environment, "TERM=xterm", "GORACE=atexit_sleep_ms=0")...)
	if err := screen.program.Start(); err != nil {
		t.Fatal(err)
	}
	var waiting sync.WaitGroup
	waiting.Go(func() { screen.ended <- screen.program.Wait() })
	t.Cleanup(func() {
		waiting.Wait()
		if err := errors.Join(tty.Close(), keys.Close()); err != nil {
			t.Error(err)
		}
		reading.Wait()
	})
	return screen
}

func (s *terminal) read() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := s.keys.Read(buffer)
		s.mu.Lock()
		s.written += string(buffer[:n])
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return // the terminal is closed
		}
	}
}

func (s *terminal) resize(width, height uint16) {
	s.t.Helper()
	size := [4]uint16{height, width}
	ioctl(s.t, s.keys, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
}

// all gives what was written so far.
func (s *terminal) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written
}

// await waits for a frame that is as it has to be, and gives it.
func (s *terminal) await(what string, fits func(frame string) bool) string {
	s.t.Helper()
	limit := time.After(time.Minute)
	for {
		whole, _, _ := cutLast(s.all(), frameEnd)
		_, frame, shown := cutLast(whole, frameBegin)
		if shown && fits(frame) {
			return frame
		}
		select {
		case <-s.more:
		case <-limit:
			s.t.Fatalf("no frame came with %s, the last is:\n%s", what, frame)
		}
	}
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// checkGivenBack waits for the program's end and sees that the terminal is as it was.
func (s *terminal) checkGivenBack() {
	s.t.Helper()
	if err := <-s.ended; err != nil {
		s.t.Errorf("the program ended with %v", err)
	}
	after, err := term.GetState(int(s.tty.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	if !reflect.DeepEqual(after, s.before) {
		s.t.Errorf("the terminal was %+v and is %+v", s.before, after)
	}
	limit := time.After(time.Minute)
	for !strings.HasSuffix(s.all(), screenClose) {
		select {
		case <-s.more:
		case <-limit:
			s.t.Fatalf("the screen was not given back; the last is %q", s.all())
		}
	}
	if !strings.HasPrefix(s.all(), screenOpen) {
		s.t.Error("the screen was not opened before it was written to")
	}
}

func addAnAgent(t *testing.T, store *postgres.Store, extension, name string) {
	t.Helper()
	skills := []postgres.AgentSkill{{Skill: "support", Proficiency: 1}}
	if err := store.AddAgent(t.Context(), extension, name, "PJSIP/"+extension, skills); err != nil {
		t.Fatal(err)
	}
}

func TestTheQueueIsWatchedOnATerminal(t *testing.T) {
	url := postgrestest.URL(t)
	store, proxy := postgrestest.Open(t, url), postgrestest.NewProxy(t, url)
	addAnAgent(t, store, "1001", "Ann")
	screen := openTerminal(t, "CALLBACKD_DATABASE_URL="+proxy.URL(), "NO_COLOR=")
	has := func(texts ...string) func(string) bool {
		return func(frame string) bool {
			for _, text := range texts {
				if !strings.Contains(frame, text) {
					return false
				}
			}
			return true
		}
	}
	screen.await("the agent, in colours", has("1001   Ann", "\x1b[1m", "q: quit"))
	addAnAgent(t, store, "1002", "Bob")
	screen.await("a new agent", has("1002   Bob"))
	screen.resize(60, 20)
	screen.await("the new height", func(frame string) bool { return strings.Count(frame, "\r\n") == 19 })

	if err := proxy.Refuse(); err != nil {
		t.Fatal(err)
	}
	screen.await("the loss of Postgres and the last picture", has("Postgres away since", "1002   Bob"))
	addAnAgent(t, store, "1003", "Carla")
	if err := proxy.Restore(); err != nil {
		t.Fatal(err)
	}
	screen.await("what has happened meanwhile", func(frame string) bool {
		return strings.Contains(frame, "1003   Carla") && !strings.Contains(frame, "away")
	})
	if _, err := screen.keys.WriteString("xq"); err != nil {
		t.Fatal(err)
	}
	screen.checkGivenBack()
}

func TestTheAgentsAreListedInTheWidthOfATerminal(t *testing.T) {
	url := postgrestest.URL(t)
	addAnAgent(t, postgrestest.Open(t, url), "1001", "Ann Margaret Olsson-Lindqvist, who has a very long name")
	screen := startOnTerminal(t, 80, 24, []string{"agent", "list"}, "CALLBACKD_DATABASE_URL="+url)
	if err := <-screen.ended; err != nil {
		t.Fatal(err)
	}
	limit := time.After(time.Minute)
	for strings.Count(screen.all(), "\n") < 2 {
		select {
		case <-screen.more:
		case <-limit:
			t.Fatalf("it wrote %q", screen.all())
		}
	}
	for line := range strings.Lines(screen.all()) {
		if line = strings.TrimRight(line, "\r\n"); textWidth(line) > 80 || !strings.Contains(line, "support=1") && !strings.Contains(line, "SKILLS") {
			t.Errorf("%q has %d columns, of 80, or lacks the skills", line, textWidth(line))
		}
	}
}

func TestTheWatchEndsWhilePostgresSaysNothing(t *testing.T) {
	proxy := postgrestest.NewProxy(t, postgrestest.URL(t))
	screen := openTerminal(t, "CALLBACKD_DATABASE_URL="+proxy.URL())
	screen.await("a picture", func(frame string) bool { return strings.Contains(frame, "nobody waits") })
	proxy.Freeze()
	screen.await("the silence", func(frame string) bool { return strings.Contains(frame, "no answer") })
	if _, err := screen.keys.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	screen.checkGivenBack()
	if err := proxy.Restore(); err != nil { // after the end
		t.Fatal(err)
	}
}

func TestTheTerminalIsGivenBackHoweverTheWatchEnds(t *testing.T) {
	for name, end := range map[string]func(*terminal) error{
		"Ctrl-C": func(s *terminal) error {
			_, err := s.keys.Write([]byte{0x03})
			return err
		},
		"SIGTERM": func(s *terminal) error { return s.program.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			screen := openTerminal(t, "CALLBACKD_DATABASE_URL="+postgrestest.URL(t), "NO_COLOR=1")
			screen.await("a picture without colours", func(frame string) bool {
				return strings.Contains(frame, "nobody waits") && !strings.Contains(frame, "\x1b")
			})
			if err := end(screen); err != nil {
				t.Fatal(err)
			}
			screen.checkGivenBack()
		})
	}
}
