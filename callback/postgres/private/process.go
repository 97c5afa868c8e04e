package private

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// launch starts the server's process and reaps it when it ends.
func (s *Server) launch(programs string) error {
	host, port, err := s.options.listen()
	if err != nil {
		return err
	}
	settings := []string{
		"listen_addresses=" + host, "port=" + port,
		"unix_socket_directories=" + s.options.Dir, "unix_socket_permissions=0700",
		"timezone=UTC", "log_timezone=UTC", "max_connections=200",
	}
	if s.options.Fast {
		settings = append(settings, "fsync=off", "full_page_writes=off", "synchronous_commit=off")
	}
	args := []string{"-D", s.data()}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(s.Log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening Postgres's log: %w", err)
	}
	defer func() { _ = log.Close() }()

	cmd := exec.Command(filepath.Join(programs, "postgres"), args...) //nolint:gosec,noctx // the installed program; it ends by Stop
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = s.options.Dir
	cmd.SysProcAttr = s.owner.attributes()
	if s.options.Detached {
		cmd.SysProcAttr.Setsid = true
	} else {
		// Apart from the keyboard's Ctrl-C, which is for callbackd: it still has
		// to save. SIGINT is Postgres's orderly, quick end.
		cmd.SysProcAttr.Setpgid = true
		cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	}
	s.ended = make(chan struct{})
	started := make(chan error)
	go s.reap(cmd, started)
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return nil
}

// reap keeps the thread that started the process for as long as the process
// lives: the kernel takes the end of that thread for the end of the parent.
func (s *Server) reap(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.ended)
	err := cmd.Start()
	s.process = cmd.Process
	started <- err
	if err != nil {
		return
	}
	_ = cmd.Wait() // its end is all that matters here, not its exit code
}

// Stop ends the server: clients are cut off, all that was committed is on disk.
// When it has not ended before ctx does, it is killed (it recovers at the next
// start) and the error says so. Stopping a stopped server does nothing.
func (s *Server) Stop(ctx context.Context) error {
	_ = s.process.Signal(syscall.SIGINT) // fails only when it has ended already
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		s.Kill()
		return fmt.Errorf("stopping Postgres in %s: %w; killed it", s.options.Dir, context.Cause(ctx))
	}
}

// Kill ends all of the server's processes at once, as a crash of the machine
// would.
func (s *Server) Kill() {
	children := s.children()
	_ = s.process.Kill() // fails only when it has ended already
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.ended
	// While one of them lives, the next start finds the cluster in use.
	for _, pid := range children {
		awaitEnd(pid)
	}
}

// awaitEnd returns when a process that is not our child, and was told to end,
// is gone, or waits for nothing but to be reaped.
func awaitEnd(pid int) {
	for {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		// pid (name) state ...; the name may hold anything, a bracket too.
		after := text[bytes.LastIndexByte(text, ')')+1:]
		if strings.HasPrefix(string(after), " Z") {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// Processes returns the numbers of the server's processes, the parent of the
// others first; none when it has ended.
func (s *Server) Processes() []int {
	select {
	case <-s.ended:
		return nil
	default:
		return append([]int{s.process.Pid}, s.children()...)
	}
}

// children returns the processes that serve one client, or one task, each.
func (s *Server) children() []int {
	pid := s.process.Pid
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil // it has ended
	}
	var children []int
	for field := range strings.FieldsSeq(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			children = append(children, child)
		}
	}
	return children
}

// StopAt ends the server in dir that an earlier program started detached, and
// returns when it is gone. Where none runs it does nothing.
func StopAt(ctx context.Context, dir string) error {
	pid, running := Postmaster(dir)
	if !running {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
		return fmt.Errorf("stopping Postgres in %s: %w", dir, err)
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if _, running := Postmaster(dir); !running {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopping Postgres in %s: %w", dir, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// Running says whether a server runs in dir.
func Running(dir string) bool {
	_, running := Postmaster(dir)
	return running
}

// Postmaster returns the number of the process that serves the cluster in dir.
// The file that names it outlives a crash, and its number may since have passed
// to another process; the server's own process works in the data folder.
func Postmaster(dir string) (pid int, running bool) {
	data := filepath.Join(dir, "data")
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid")) //nolint:gosec // the administrator names the folder
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err = strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 0 {
		return 0, false
	}
	where, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return 0, false
	}
	here, err := os.Stat(data)
	return pid, err == nil && os.SameFile(where, here)
}
