package site

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
)

// Options says what a site is made of.
type Options struct {
	Dir       string // for the configuration, logs and recordings; it exists
	Callbackd string // the program
	Root      *lab.Root
	Database  string // the URL of an empty database
	// DaemonDatabase is the URL that callbackd is given for it, where that leads another way.
	DaemonDatabase string
	Script         []byte // runs as "example"
	// Skill has the settings of the skill "support", as in "ring_time: 5s"; the defaults elsewhere.
	Skill []string
	// Skills has the same for further skills, by name.
	Skills map[string][]string
	Agents []string // extensions that are added with the skill; their phones are made by Agent
}

// Site is a site that runs. Its methods are called from one goroutine at a time.
type Site struct {
	Asterisk *lab.Asterisk
	Carrier  *phone.Phone
	DB       *sqlx.DB // what the administrator reads with psql

	o      Options
	env    []string
	listen string // of /readyz
	log    string // the path of callbackd's log
	phones []*phone.Phone
	daemon *daemon
}

// daemon is one run of callbackd serve.
type daemon struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of the run, once ended
}

// Open makes a site and starts it. Its callbackd is ready for calls.
func Open(ctx context.Context, o Options) (_ *Site, err error) {
	s := &Site{o: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.Asterisk, err = lab.StartAsterisk(ctx, o.Root, lab.AsteriskOptions{}); err != nil {
		return nil, err
	}
	if s.DB, err = sqlx.Open("postgres", o.Database); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	s.Carrier, err = phone.NewCarrier(ctx, phone.Options{Listen: s.Asterisk.Trunk, Server: s.Asterisk.SIP, RecordDir: o.Dir, Packets: true})
	if err != nil {
		return nil, fmt.Errorf("start the carrier: %w", err)
	}
	if err := s.configure(); err != nil {
		return nil, err
	}
	if _, err := s.Command(ctx, "migrate"); err != nil {
		return nil, err
	}
	for _, extension := range o.Agents {
		if _, err := s.Command(ctx, "agent", "add", extension, "--skill", "support"); err != nil {
			return nil, err
		}
		if _, err := s.Command(ctx, "agent", "state", extension, "available"); err != nil {
			return nil, err
		}
	}
	return s, s.Start(ctx)
}

// configure writes callbackd's configuration.
func (s *Site) configure() error {
	s.listen = s.Asterisk.Address + ":9117"
	s.log = filepath.Join(s.o.Dir, "callbackd.log")
	script := filepath.Join(s.o.Dir, "example.yaml")
	config := filepath.Join(s.o.Dir, "callbackd.yaml")
	text := "http:\n  listen: " + s.listen + "\nlog:\n  level: debug\nscripts:\n  - example.yaml\n"
	if len(s.o.Skill)+len(s.o.Skills) > 0 {
		text += "skills:\n  support: {" + strings.Join(s.o.Skill, ", ") + "}\n"
	}
	for _, name := range slices.Sorted(maps.Keys(s.o.Skills)) {
		text += "  " + name + ": {" + strings.Join(s.o.Skills[name], ", ") + "}\n"
	}
	if err := os.WriteFile(script, s.o.Script, 0o600); err != nil {
		return fmt.Errorf("write the script: %w", err)
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	database := s.o.DaemonDatabase
	if database == "" {
		database = s.o.Database
	}
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "CALLBACKD_") {
			s.env = append(s.env, pair)
		}
	}
	s.env = append(s.env,
		"CALLBACKD_CONFIG="+config,
		"CALLBACKD_DATABASE_URL="+database,
		"CALLBACKD_ARI_URL="+s.Asterisk.ARIURL,
		"CALLBACKD_ARI_USER="+s.Asterisk.ARIUser,
		"CALLBACKD_ARI_PASSWORD="+s.Asterisk.ARIPassword,
	)
	return nil
}

// Command runs one command of callbackd and gives what it prints.
func (s *Site) Command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.o.Callbackd, args...)
	cmd.Env = s.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("callbackd %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// Start starts callbackd and returns when it is ready for calls.
func (s *Site) Start(ctx context.Context) error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open callbackd's log: %w", err)
	}
	defer func() { _ = log.Close() }() // callbackd writes to its own copy
	cmd := exec.Command(s.o.Callbackd, "serve")
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, log, log
	// It must not outlive us, however we end.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	d := &daemon{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go d.run(started)
	if err := <-started; err != nil {
		return fmt.Errorf("start callbackd: %w", err)
	}
	s.daemon = d
	return s.AwaitReady(ctx)
}

// run keeps the thread that started callbackd for as long as callbackd lives: the kernel takes the end
// of that thread for our end.
func (d *daemon) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(d.ended)
	err := d.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	d.err = d.cmd.Wait()
}

// AwaitReady returns when callbackd is ready for calls. It fails when callbackd ends first.
func (s *Site) AwaitReady(ctx context.Context) error {
	last := "no answer"
	return Await(ctx, func() error { return fmt.Errorf("callbackd is not ready: %s (log: %s)", last, s.log) }, func() (bool, error) {
		select {
		case <-s.daemon.ended:
			return false, fmt.Errorf("callbackd has ended: %w; its log ends with: %s", s.daemon.err, s.tail())
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.listen+"/readyz", http.NoBody)
		if err != nil {
			return false, fmt.Errorf("ask callbackd: %w", err)
		}
		answer, err := client.Do(request)
		if err != nil {
			last = err.Error()
			return false, nil //nolint:nilerr // not ready yet is what it waits out
		}
		body, err := io.ReadAll(answer.Body)
		last = strings.TrimSpace(string(body))
		return answer.StatusCode == http.StatusOK, errors.Join(err, answer.Body.Close())
	})
}

// client leaves no connection behind.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// tail gives the end of callbackd's log.
func (s *Site) tail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// Terminate ends callbackd by SIGTERM, as a service manager does, and returns when it has ended. It
// fails when callbackd does not end well.
func (s *Site) Terminate(ctx context.Context) error {
	if err := s.daemon.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("terminate callbackd: %w", err)
	}
	select {
	case <-s.daemon.ended:
	case <-ctx.Done():
		return fmt.Errorf("callbackd does not end: %w", ctx.Err())
	}
	if s.daemon.err != nil {
		return fmt.Errorf("callbackd ended with %w; its log ends with: %s", s.daemon.err, s.tail())
	}
	return nil
}

// Kill ends callbackd by kill -9.
func (s *Site) Kill() {
	_ = s.daemon.cmd.Process.Kill() // it may have ended
	<-s.daemon.ended
}

// Agent makes the phone of an extension and registers it.
func (s *Site) Agent(ctx context.Context, extension string) (*phone.Phone, error) {
	for _, known := range s.Asterisk.Agents {
		if known.Number != extension {
			continue
		}
		p, err := phone.NewAgent(ctx, phone.Options{Listen: "127.0.0.1:0", Server: s.Asterisk.SIP, RecordDir: s.o.Dir, Packets: true}, extension, known.Password)
		if err != nil {
			return nil, fmt.Errorf("start the phone of %s: %w", extension, err)
		}
		s.phones = append(s.phones, p)
		return p, nil
	}
	return nil, fmt.Errorf("the lab has no extension %s", extension)
}

// Close stops everything, in an order that leaves nothing behind.
func (s *Site) Close() error {
	if s.daemon != nil {
		s.Kill()
	}
	var ends sync.WaitGroup
	errs := make([]error, len(s.phones)+1)
	for i, p := range append([]*phone.Phone{s.Carrier}, s.phones...) {
		if p != nil {
			ends.Go(func() { errs[i] = p.Close() })
		}
	}
	ends.Wait()
	if s.Asterisk != nil {
		errs = append(errs, s.Asterisk.Close())
	}
	if s.DB != nil {
		errs = append(errs, s.DB.Close())
	}
	return errors.Join(errs...)
}

// Await looks at a condition again and again until it holds. It fails with what missing gives when ctx
// ends first, and at once with the condition's own error.
func Await(ctx context.Context, missing func() error, holds func() (bool, error)) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		ok, err := holds()
		if err != nil && ctx.Err() != nil {
			return missing() // the look itself was cut short
		}
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return missing()
		case <-ticker.C:
		}
	}
}

// Fact is one line of a contact's history.
type Fact struct {
	Contact int64     `db:"contact_id"`
	At      time.Time `db:"at"`
	Kind    string    `db:"kind"`
	Raw     []byte    `db:"data"`
	Data    map[string]string
}

// Facts gives the history of a contact, or of all of them for 0, in order.
func (s *Site) Facts(ctx context.Context, contact int64) ([]Fact, error) {
	var facts []Fact
	err := s.DB.SelectContext(ctx, &facts, `SELECT contact_id, at, kind, COALESCE(data, '{}') AS data FROM fact
		WHERE contact_id = $1 OR $1 = 0 ORDER BY at, id`, contact)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	for i := range facts {
		if err := json.Unmarshal(facts[i].Raw, &facts[i].Data); err != nil {
			return nil, fmt.Errorf("read the history: %w", err)
		}
	}
	return facts, nil
}

// AwaitFact returns the first fact of a kind that fits, and fails when ctx ends first. A contact of 0
// is any.
func (s *Site) AwaitFact(ctx context.Context, contact int64, kind string, fits func(Fact) bool) (Fact, error) {
	var found Fact
	var seen []string
	missing := func() error {
		return fmt.Errorf("no fact %q of contact %d; there are: %s", kind, contact, strings.Join(seen, ", "))
	}
	err := Await(ctx, missing, func() (bool, error) {
		facts, err := s.Facts(ctx, contact)
		if err != nil {
			return false, err
		}
		seen = seen[:0]
		for _, fact := range facts {
			seen = append(seen, fact.Kind)
			if fact.Kind == kind && (fits == nil || fits(fact)) {
				found = fact
				return true, nil
			}
		}
		return false, nil
	})
	return found, err
}

// AwaitEmpty returns when Asterisk has no channel and no bridge left.
func (s *Site) AwaitEmpty(ctx context.Context) error {
	var left string
	return Await(ctx, func() error { return fmt.Errorf("Asterisk still has %s", left) }, func() (bool, error) {
		channels, err := s.Asterisk.CLI(ctx, "core show channels concise")
		if err != nil {
			return false, err
		}
		bridges, err := s.Asterisk.CLI(ctx, "bridge show all")
		if err != nil {
			return false, err
		}
		left = strings.TrimSpace(channels + bridges)
		// The list of bridges has a line with the names of its columns.
		return strings.TrimSpace(channels) == "" && strings.Count(strings.TrimSpace(bridges), "\n") == 0, nil
	})
}
