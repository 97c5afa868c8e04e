package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run runs one command line and returns its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(stderr, root.ExecuteContext(ctx))
}

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errFailed is the error of a command that has already written what failed, as part of its answer.
var errFailed = errors.New("failed")

// usageError is a command line that can't be understood.
type usageError struct {
	command string // as in "callbackd agent add"
	err     error
}

// Error says what is wrong and where to read what would be right.
func (e usageError) Error() string {
	help := strings.TrimSpace("callbackd help " + strings.TrimPrefix(strings.TrimPrefix(e.command, "callbackd"), " "))
	return e.err.Error() + "; see " + help
}

// Unwrap gives what is wrong.
func (e usageError) Unwrap() error { return e.err }

// report writes an error for people, a line for each thing that is wrong, and returns the exit code.
func report(stderr io.Writer, err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFailed):
		return exitFailed
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(stderr, "callbackd: %s\n", strings.TrimSpace(line))
	}
	var usage usageError
	var mistake config.Mistake
	if errors.As(err, &usage) || errors.As(err, &mistake) {
		return exitUsage
	}
	return exitFailed
}
