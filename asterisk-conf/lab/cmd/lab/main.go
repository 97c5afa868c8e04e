package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const usage = `usage: lab [--dir DIR] [--callbackd PROGRAM] up|status|down

  up      start Asterisk, Postgres and callbackd, and write DIR/env for a shell to source
  status  say what runs
  down    stop all and remove what the lab has written in DIR; what others have put there stays
`

// errUsage is a wrong command line: exit code 2.
var errUsage = errors.New("wrong usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if errors.Is(err, errUsage) {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

// run does what the command line says.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("dir", ".lab", "")
	callbackd := flags.String("callbackd", filepath.Join("bin", "callbackd"), "")
	if flags.Parse(args) != nil || flags.NArg() != 1 {
		return errUsage
	}
	l, err := open(*dir, *callbackd, out)
	if err != nil {
		return err
	}
	switch flags.Arg(0) {
	case "up":
		return l.locked(func() error { return l.up(ctx) })
	case "status":
		return l.status(ctx)
	case "down":
		return l.locked(func() error { return l.down(ctx) })
	default:
		return errUsage
	}
}
