package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a process that the lab started, in this program or in an earlier
// one. A nil Process is one that is gone.
type Process struct {
	process *os.Process
	ended   chan struct{} // closed when the process is gone
}

// mark is the setting by which a process is found again. It is in its
// environment from the first moment, unlike a file with its number.
func mark(dir string) string { return "LAB_DIR=" + dir }

// StartDetached starts cmd so that it outlives this program and FindDetached
// finds it by dir, an absolute path. cmd.Env has to be set.
func StartDetached(cmd *exec.Cmd, dir string) (*Process, error) {
	return start(cmd, dir, true)
}

// start starts cmd, marked with dir, and reaps it when it ends. Unless detached,
// the process is killed when this program ends, however it ends.
func start(cmd *exec.Cmd, dir string, detached bool) (*Process, error) {
	cmd.Env = append(cmd.Env, mark(dir))
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if detached {
		cmd.SysProcAttr.Setsid = true
	} else {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	p := &Process{ended: make(chan struct{})}
	started := make(chan error)
	go p.run(cmd, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return p, nil
}

// run keeps the thread that started the process for as long as the process
// lives: the kernel takes the end of that thread for the end of the parent.
func (p *Process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.ended)
	err := cmd.Start()
	p.process = cmd.Process
	started <- err
	if err != nil {
		return
	}
	_ = cmd.Wait() // its end is all that matters here, not its exit code
}

// FindDetached returns the process that an earlier program started for dir, or
// nil if there is none. Its own children carry its mark too; it is the one whose
// parent does not.
func FindDetached(dir string) *Process {
	pids := marked(dir)
	for _, pid := range pids {
		if slices.Contains(pids, parent(pid)) {
			continue
		}
		process, err := os.FindProcess(pid)
		if err != nil {
			continue // gone in between
		}
		p := &Process{process: process, ended: make(chan struct{})}
		go p.watch()
		return p
	}
	return nil
}

// marked returns the numbers of the processes that were started for dir.
func marked(dir string) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is right
	var pids []int
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !strings.Contains("\x00"+string(environ), "\x00"+mark(dir)+"\x00") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// parent returns the number of a process's parent, 0 if it is gone.
func parent(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "\nPPid:")
	line, _, _ := strings.Cut(after, "\n")
	number, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0
	}
	return number
}

// watch looks often whether a process that was found is gone: only a parent is
// told.
func (p *Process) watch() {
	defer close(p.ended)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for range ticker.C {
		if p.process.Signal(syscall.Signal(0)) != nil {
			return
		}
	}
}

// Alive says whether the process is there.
func (p *Process) Alive() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// PID returns the process's number.
func (p *Process) PID() int { return p.process.Pid }

// Terminate asks the process to end and returns when it has. When it has not
// ended before ctx does, it is killed and the error says so.
func (p *Process) Terminate(ctx context.Context) error {
	if !p.Alive() {
		return nil
	}
	_ = p.process.Signal(syscall.SIGTERM) // fails only when it has ended already
	return p.awaitEnd(ctx)
}

func (p *Process) awaitEnd(ctx context.Context) error {
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("process %d did not end and was killed: %w", p.process.Pid, context.Cause(ctx))
	}
}

// Kill ends the process at once and returns when it is gone.
func (p *Process) Kill() {
	if !p.Alive() {
		return
	}
	_ = p.process.Kill() // fails only when it has ended already
	<-p.ended
}
