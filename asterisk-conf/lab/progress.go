package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// heartbeat is how often a step that prints nothing says that it is still at it.
const heartbeat = 5 * time.Second

// runShown runs a command and passes on each line that it prints, with the
// seconds since the start; while it prints nothing, a line now and then says
// that it still runs.
func runShown(cmd *exec.Cmd, progress io.Writer, name string) error {
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	started := time.Now()
	elapsed := func() time.Duration { return time.Since(started).Round(time.Second) }

	lines := make(chan string)
	var showing sync.WaitGroup
	showing.Go(func() {
		defer close(lines)
		scanner := bufio.NewScanner(reader)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
		// A line beyond the scanner's limit: let the command go on unheard.
		_, _ = io.Copy(io.Discard, reader)
	})
	showing.Go(func() {
		ticker := time.NewTicker(heartbeat)
		defer ticker.Stop()
		for {
			select {
			case line, more := <-lines:
				if !more {
					return
				}
				fmt.Fprintf(progress, "lab: %s: %s (%s)\n", name, line, elapsed())
			case <-ticker.C:
				fmt.Fprintf(progress, "lab: %s: still at it (%s)\n", name, elapsed())
			}
		}
	})
	// The kernel takes the end of this thread for the end of the command's parent.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	_ = writer.Close()
	showing.Wait()
	return err
}

// lockFile waits until no other program holds the lock. Closing the file gives
// it back, and so does the end of the program.
func lockFile(ctx context.Context, path string, progress io.Writer) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lab's lock: %w", err)
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	told := false
	for {
		if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return file, nil
		}
		if !told {
			fmt.Fprintln(progress, "lab: waiting for another program that is preparing the lab")
			told = true
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, fmt.Errorf("waiting for the lab's lock: %w", context.Cause(ctx))
		case <-ticker.C:
		}
	}
}
