package lab

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// child is a process that the lab started, in this program or in an earlier one.
type child struct {
	process *os.Process
	ended   chan struct{} // closed when the process is gone
}

// startChild starts cmd and reaps it when it ends. Unless detached, the process
// is killed when this program ends, however it ends.
func startChild(cmd *exec.Cmd, detached bool) (*child, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if detached {
		cmd.SysProcAttr.Setsid = true
	} else {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	c := &child{ended: make(chan struct{})}
	started := make(chan error)
	go c.run(cmd, started)
	return c, <-started
}

// run keeps the thread that started the process for as long as the process
// lives: the kernel takes the end of that thread for the end of the parent.
func (c *child) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.ended)
	err := cmd.Start()
	c.process = cmd.Process
	started <- err
	if err != nil {
		return
	}
	_ = cmd.Wait() // its end is all that matters here, not its exit code
}

// adopt returns the process that an earlier program started detached, or nil if
// it is gone. mark is a setting (NAME=value) in the environment that the process
// was started with: the number alone may have passed to another process.
func adopt(pid int, mark string) *child {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || !strings.Contains("\x00"+string(environ), "\x00"+mark+"\x00") {
		return nil
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil
	}
	c := &child{process: process, ended: make(chan struct{})}
	go c.watch()
	return c
}

// watch looks often whether an adopted process is gone: only a parent is told.
func (c *child) watch() {
	defer close(c.ended)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for range ticker.C {
		if c.process.Signal(syscall.Signal(0)) != nil {
			return
		}
	}
}

func (c *child) alive() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// kill ends the process at once and waits until it is gone.
func (c *child) kill() {
	_ = c.process.Kill() // fails only when it has ended already
	<-c.ended
}
