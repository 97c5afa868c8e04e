package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/callback/postgres/private"
)

// stopLimit is how long each part may take to end in good order.
const stopLimit = 30 * time.Second

// background is the lab that runs without us.
type background struct {
	dir     string // absolute
	program string // callbackd, absolute
	out     io.Writer
	state   state
	// asterisk is nil while there is none.
	asterisk *lab.Asterisk
}

// state is what is kept in state.json between two runs of this command.
type state struct {
	PostgresDir string // absolute; in it, only the user postgres may read
	Postgres    string // address:port
	Database    string // the URL, with its password
	Health      string // address:port of callbackd's /readyz
	Agents      bool   // the agents have been added
}

func open(dir, program string, out io.Writer) (*background, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if program, err = filepath.Abs(program); err != nil {
		return nil, err
	}
	l := &background{dir: dir, program: program, out: out}
	text, err := os.ReadFile(l.path("state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what runs: %w", err)
	}
	if err := json.Unmarshal(text, &l.state); err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.path("state.json"), err)
	}
	return l, nil
}

func (l *background) path(name string) string { return filepath.Join(l.dir, name) }

func (l *background) say(format string, args ...any) {
	fmt.Fprintf(l.out, "lab: "+format+"\n", args...)
}

// save keeps the state. What is about to be made is saved before it is made, so
// that down finds it whatever happens in between.
func (l *background) save() error {
	text, err := json.MarshalIndent(l.state, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.path("state.json"), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("keeping what runs: %w", err)
	}
	return nil
}

// locked does something while no other of these commands works in the folder.
func (l *background) locked(do func() error) error {
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return fmt.Errorf("making the lab's folder: %w", err)
	}
	file, err := os.Open(l.dir)
	if err != nil {
		return fmt.Errorf("opening the lab's folder: %w", err)
	}
	defer func() { _ = file.Close() }()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another lab command works in %s: wait for it", l.dir)
	}
	return do()
}

// find looks for the Asterisk of an earlier run.
func (l *background) find(root *lab.Root) error {
	asterisk, err := lab.OpenAsterisk(root, l.path("asterisk"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	l.asterisk = asterisk
	return err
}

func (l *background) callbackd() *lab.Process { return lab.FindDetached(l.dir) }

// command makes a command of callbackd with the lab's settings and none of ours.
func (l *background) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.program, args...)
	cmd.Dir = l.dir
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "CALLBACKD_") {
			cmd.Env = append(cmd.Env, setting)
		}
	}
	for _, setting := range l.settings() {
		if strings.HasPrefix(setting.name, "CALLBACKD_") {
			cmd.Env = append(cmd.Env, setting.name+"="+setting.value)
		}
	}
	return cmd
}

// down stops all and removes what the lab has written in the folder. It goes on
// after a failure, so that as much as possible is gone.
func (l *background) down(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*stopLimit)
	defer cancel()
	err := l.callbackd().Terminate(ctx)
	if found := l.find(nil); found != nil {
		err = errors.Join(err, found)
	}
	if l.asterisk != nil {
		err = errors.Join(err, l.asterisk.Stop(ctx))
	}
	if l.state.PostgresDir != "" {
		err = errors.Join(err, private.StopAt(ctx, l.state.PostgresDir), os.RemoveAll(l.state.PostgresDir))
	}
	if err != nil {
		return fmt.Errorf("stopping the lab: %w", err)
	}
	left, err := l.clear()
	if err != nil {
		return fmt.Errorf("clearing the lab's folder: %w", err)
	}
	if len(left) == 0 {
		l.say("all is stopped and removed")
		return nil
	}
	l.say("all is stopped; what the lab did not write, or what was changed since, stays in %s: %s", l.dir, strings.Join(left, ", "))
	return nil
}

// status says of each part whether it runs. It fails when one does not, or when
// callbackd can't take calls.
func (l *background) status(ctx context.Context) error {
	if err := l.find(nil); err != nil {
		return err
	}
	well := true
	for _, part := range []part{
		runs("Asterisk", l.asterisk != nil && l.asterisk.Running(), l.path("asterisk/log/full.log")),
		runs("Postgres", l.state.PostgresDir != "" && private.Running(l.state.PostgresDir), filepath.Join(l.state.PostgresDir, "postgres.log")),
		l.daemon(ctx),
	} {
		log := ""
		if _, err := os.Stat(part.log); err == nil {
			log = " (log: " + part.log + ")"
		}
		l.say("%s %s%s", part.name, part.state, log)
		well = well && part.well
	}
	if !well {
		return errors.New("not all is well: make lab starts what does not run")
	}
	return nil
}

// part is what status says of one part.
type part struct {
	name, state string
	well        bool
	log         string // its path
}

func runs(name string, yes bool, log string) part {
	if !yes {
		return part{name, "does not run", false, log}
	}
	return part{name, "runs", true, log}
}

// daemon looks at callbackd, which may run and yet not be able to take calls.
func (l *background) daemon(ctx context.Context) part {
	log := l.path("callbackd.log")
	process := l.callbackd()
	if !process.Alive() {
		return runs("callbackd", false, log)
	}
	name := fmt.Sprintf("callbackd (process %d)", process.PID())
	if err := l.ready(ctx); err != nil {
		return part{name, "runs but can't take calls: " + err.Error(), false, log}
	}
	return runs(name, true, log)
}
