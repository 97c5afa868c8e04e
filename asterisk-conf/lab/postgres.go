package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/callbackd/callbackd/callback/postgres/private"
)

// PostgresOptions say how a server is started. The zero value is fine.
type PostgresOptions struct {
	// Dir is the server's folder; it stays. The user postgres must be able to
	// reach it. Empty: a temporary folder that Close removes.
	Dir string
	// Listen is the address:port of a server that has been in Dir before. Empty: a
	// loopback address of its own.
	Listen string
	// Fast gives up the promise that a commit survives a power cut. A kill it
	// survives all the same.
	Fast bool
	// Detached lets the server outlive this program, for "make lab".
	Detached bool
}

// Postgres is a private server on a loopback address of its own, which stays the
// same over Stop, Kill and Start. Its methods are to be called from one
// goroutine at a time; URL, CreateDatabase and DropDatabase from any.
type Postgres struct {
	options   private.Options
	server    *private.Server
	address   *reservation
	temporary bool // the folder is ours to remove
}

// StartPostgres starts a server; Prepare has installed what it needs. It returns
// when the server answers. Close gives all back.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	p := &Postgres{options: private.Options{Dir: o.Dir, Listen: o.Listen, Fast: o.Fast, Detached: o.Detached}}
	if err := p.chooseAddress(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "callbackd-postgres-")
		if err != nil {
			return nil, errors.Join(fmt.Errorf("making Postgres's folder: %w", err), p.Close())
		}
		p.options.Dir, p.temporary = dir, true
	}
	if err := p.Start(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if !o.Detached {
		return p, nil
	}
	// The port that it listens on is all that it needs from now on.
	return p, p.release()
}

// chooseAddress reserves an address unless one was given.
func (p *Postgres) chooseAddress() error {
	if p.options.Listen != "" {
		return nil
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	if p.address, err = reserve(cache); err != nil {
		return err
	}
	p.options.Listen, err = FreeTCP(p.address.server(), postgresPort)
	return err
}

// release gives back the address, if we hold one.
func (p *Postgres) release() error {
	if p.address == nil {
		return nil
	}
	err := p.address.release()
	p.address = nil
	return err
}

// Address returns the address:port at which the server listens.
func (p *Postgres) Address() string { return p.options.Listen }

// Start starts the server again after Stop or Kill, at the same address and
// with what was committed.
func (p *Postgres) Start(ctx context.Context) (err error) {
	p.server, err = private.Start(ctx, p.options)
	return err
}

// URL returns the address of a database, as lib/pq and psql read it.
func (p *Postgres) URL(database string) string { return p.server.URL(database) }

// CreateDatabase makes a database, a copy of template unless that is empty, and
// returns its address. Nobody may be connected to the template.
func (p *Postgres) CreateDatabase(ctx context.Context, name, template string) (string, error) {
	return p.URL(name), p.server.CreateDatabase(ctx, name, template)
}

// DropDatabase removes a database and throws out whoever is connected to it.
func (p *Postgres) DropDatabase(ctx context.Context, name string) error {
	return p.server.DropDatabase(ctx, name)
}

// Stop shuts the server down: clients are cut off, what was committed is kept.
func (p *Postgres) Stop(ctx context.Context) error { return p.server.Stop(ctx) }

// Kill ends the server at once, as a crash of its machine would.
func (p *Postgres) Kill() { p.server.Kill() }

// Pause halts every process of the server: connections stay open and nothing
// answers, as when a disk hangs or a network swallows packets.
func (p *Postgres) Pause() error { return p.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on where it was.
func (p *Postgres) Resume() error { return p.signal(syscall.SIGCONT) }

func (p *Postgres) signal(signal syscall.Signal) error {
	for _, pid := range p.server.Processes() {
		// One that ended in between has nothing to be halted.
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("sending %s to a process of Postgres: %w", signal, err)
		}
	}
	return nil
}

// Log returns the path of the server's log.
func (p *Postgres) Log() string { return p.server.Log() }

// Close stops the server and gives back its address and its temporary folder.
func (p *Postgres) Close() error {
	var err error
	if p.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		err = errors.Join(p.Resume(), p.server.Stop(ctx))
	}
	err = errors.Join(err, p.release())
	if p.temporary {
		err = errors.Join(err, os.RemoveAll(p.options.Dir))
	}
	return err
}
