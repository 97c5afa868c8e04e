package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/callback/postgres/private"
)

const (
	// readyLimit is how long callbackd may take until it can take calls.
	readyLimit = 60 * time.Second
	// healthPort is callbackd's, on the address of its Asterisk, where it is free.
	healthPort = 9117
	// skill is the one that the example script asks for.
	skill = "support"
	// sounds is the folder of sounds in ours, one a language.
	sounds = "sounds"
)

// up starts what does not run and returns when all answer.
func (l *background) up(ctx context.Context) error {
	if _, err := os.Stat(l.program); err != nil {
		return fmt.Errorf("callbackd is not built (%w): make build", err)
	}
	root, err := lab.Prepare(ctx, l.out)
	if err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{
		func(context.Context) error { return l.giveSounds(root) },
		func(ctx context.Context) error { return l.startAsterisk(ctx, root) },
		l.startPostgres,
		l.writeSettings,
		l.fillDatabase,
		l.startCallbackd,
		l.awaitReady,
	} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("%w (what was started before runs on; make lab-down stops it)", err)
		}
	}
	l.say("all answer; phones and programs find it with: . %s", l.path("env"))
	return nil
}

// giveSounds gives Asterisk's sounds and callbackd's a folder in which people put their own beside them.
func (l *background) giveSounds(root *lab.Root) error {
	english, err := root.Sounds()
	if err != nil {
		return err
	}
	files := make(map[string][]byte, len(english))
	for name, sound := range english {
		files[filepath.Join(sounds, "en", name)] = sound
	}
	return l.give(files)
}

func (l *background) startAsterisk(ctx context.Context, root *lab.Root) (err error) {
	if err := l.find(root); err != nil {
		return err
	}
	switch {
	case l.asterisk == nil:
		l.say("starting Asterisk")
		l.asterisk, err = lab.StartAsterisk(ctx, root, lab.AsteriskOptions{
			Dir: l.path("asterisk"), English: l.path(filepath.Join(sounds, "en")), Detached: true})
		return err
	case !l.asterisk.Running():
		l.say("starting Asterisk again")
		return l.asterisk.Start(ctx)
	default:
		l.say("Asterisk runs already")
		return nil
	}
}

func (l *background) startPostgres(ctx context.Context) error {
	if l.state.PostgresDir != "" && private.Running(l.state.PostgresDir) {
		l.say("Postgres runs already")
		return nil
	}
	l.say("starting Postgres")
	if l.state.PostgresDir == "" {
		dir, err := os.MkdirTemp("", "callbackd-lab-")
		if err != nil {
			return fmt.Errorf("making Postgres's folder: %w", err)
		}
		l.state.PostgresDir = dir
		if err := l.save(); err != nil {
			return err
		}
	}
	postgres, err := lab.StartPostgres(ctx, lab.PostgresOptions{
		Dir: l.state.PostgresDir, Listen: l.state.Postgres, Detached: true})
	if err != nil {
		return err
	}
	l.state.Postgres = postgres.Address()
	if l.state.Database, err = postgres.CreateDatabase(ctx, "callbackd", ""); err != nil {
		return err
	}
	return l.save()
}

// setting is one line of env, below a comment for who reads it.
type setting struct{ name, value, comment string }

func (l *background) settings() []setting {
	var agents []string
	for _, agent := range l.asterisk.Agents {
		agents = append(agents, agent.Number+":"+agent.Password)
	}
	return []setting{
		{"LAB_SIP", l.asterisk.SIP, "Asterisk: phones register there and the carrier calls there (SIP over UDP)."},
		{"LAB_TRUNK", l.asterisk.Trunk, "The carrier: calls from exactly there come in from outside, with any number; callbacks go there."},
		{"LAB_DID", l.asterisk.DID, "The number that runs the example script. A script of your own, NAME.yaml, is named in callbackd.yaml and runs for calls to\n" +
			"# any other number, as 8005550199, after: $LAB_CONSOLE -rx 'dialplan set global CALLBACKD_SCRIPT_8005550199 NAME'\n" +
			"# (for all numbers that have none of their own: CALLBACKD_SCRIPT). It holds until Asterisk ends."},
		{"LAB_SOUNDS", l.path(sounds), "What Asterisk plays; recordings of your own go there, too: callbackd script speak NAME.yaml --sounds $LAB_SOUNDS"},
		{"LAB_AGENTS", strings.Join(agents, " "), "extension:password of each agent. Who registers, from anywhere but LAB_TRUNK, gets calls at once."},
		{"LAB_CONSOLE", l.path("console"), "With -rvvv behind it: Asterisk's console."},
		{"LAB_ASTERISK_LOG", l.asterisk.Log(), "The logs."},
		{"LAB_CALLBACKD_LOG", l.path("callbackd.log"), ""},
		{"CALLBACKD_CONFIG", l.path("callbackd.yaml"), "What callbackd reads, for its commands."},
		{"CALLBACKD_DATABASE_URL", l.state.Database, ""},
		{"CALLBACKD_ARI_URL", l.asterisk.ARIURL, ""},
		{"CALLBACKD_ARI_USER", l.asterisk.ARIUser, ""},
		{"CALLBACKD_ARI_PASSWORD", l.asterisk.ARIPassword, ""},
		{"CALLBACKD_HTTP_LISTEN", l.state.Health, "The address of /healthz, /readyz and /metrics."},
	}
}

// configuration is callbackd's own file, for who wants to try another setting.
const configuration = `# The lab's callbackd. Its addresses and passwords come from env, beside this file.
#
# After a change of scripts or skills: bin/callbackd script reload. After any other
# change here: kill callbackd (go run ./asterisk-conf/lab/cmd/lab status says its
# number), then make lab. What you change here stays when make lab-down clears up.
log:
  level: debug

# Scripts of your own, beside this file; how a call reaches one stands in env. With
# this key the example runs only where it is named, too, after
# bin/callbackd script example example -o .lab/example.yaml
#scripts: [example.yaml, mine.yaml]
`

// writeSettings writes env, and callbackd's file unless it is there already.
func (l *background) writeSettings(context.Context) (err error) {
	if l.state.Health == "" {
		if l.state.Health, err = lab.FreeTCP(l.asterisk.Address, healthPort); err != nil {
			return err
		}
		if err := l.save(); err != nil {
			return err
		}
	}
	var env strings.Builder
	for _, s := range l.settings() {
		if s.comment != "" {
			fmt.Fprintf(&env, "# %s\n", s.comment)
		}
		fmt.Fprintf(&env, "export %s='%s'\n", s.name, strings.ReplaceAll(s.value, "'", `'\''`))
	}
	if err := os.WriteFile(l.path("env"), []byte(env.String()), 0o600); err != nil {
		return fmt.Errorf("writing the settings: %w", err)
	}
	if err := l.writeConsole(); err != nil {
		return err
	}
	return l.give(map[string][]byte{"callbackd.yaml": []byte(configuration)})
}

// writeConsole writes a program that leads to Asterisk's console. Its name stays the same when Asterisk
// has become another process.
func (l *background) writeConsole() error {
	text := "#!/bin/sh\nexec " + strings.Join(l.asterisk.Console(), " ") + " \"$@\"\n"
	if err := os.WriteFile(l.path("console"), []byte(text), 0o700); err != nil {
		return fmt.Errorf("writing the way to Asterisk's console: %w", err)
	}
	return nil
}

// fillDatabase brings the schema up to date and adds the agents, once.
func (l *background) fillDatabase(ctx context.Context) error {
	if err := l.do(ctx, "migrate"); err != nil {
		return err
	}
	if l.state.Agents {
		return nil
	}
	l.say("adding %d agents with the skill %s", len(l.asterisk.Agents), skill)
	for _, agent := range l.asterisk.Agents {
		if err := l.do(ctx, "agent", "add", agent.Number, "--skill", skill); err != nil {
			return err
		}
		// Whoever registers takes calls: no other command is needed.
		if err := l.do(ctx, "agent", "state", agent.Number, "available"); err != nil {
			return err
		}
	}
	l.state.Agents = true
	return l.save()
}

// do runs a command of callbackd to its end.
func (l *background) do(ctx context.Context, args ...string) error {
	if out, err := l.command(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(l.program), strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (l *background) startCallbackd(context.Context) error {
	if l.callbackd().Alive() {
		l.say("callbackd runs already")
		return nil
	}
	l.say("starting callbackd")
	log, err := os.OpenFile(l.path("callbackd.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening callbackd's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	// Its life is not bound to ours.
	serve := l.command(context.Background(), "serve")
	serve.Stdout, serve.Stderr = log, log
	_, err = lab.StartDetached(serve, l.dir)
	return err
}

// awaitReady returns when callbackd can take calls. When it ends first, the error
// holds what it said last.
func (l *background) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	serve := l.callbackd()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := l.ready(ctx)
		if err == nil {
			return nil
		}
		if !serve.Alive() {
			return fmt.Errorf("callbackd ended at once: %s", l.lastWords())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("callbackd is not ready after %s: %w (log: %s)", readyLimit, err, l.path("callbackd.log"))
		case <-ticker.C:
		}
	}
}

// ready returns what keeps callbackd from taking calls, nil if nothing does.
func (l *background) ready(ctx context.Context) error {
	if l.state.Health == "" {
		return errors.New("it was never started")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.state.Health+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return errors.New(strings.TrimSpace(string(text)))
}

func (l *background) lastWords() string {
	text, err := os.ReadFile(l.path("callbackd.log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
