package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
)

// Options is what a dispatcher works with. All of it is required.
type Options struct {
	Node    string // the name we give to this Asterisk
	Holder  string // this process, as other daemons see it in the node's lease
	Store   Store
	Switch  Switch
	Scripts []*script.Script
	Skills  map[string]callback.Skill
	// ContactEndpoint gives what Asterisk dials to reach a number.
	ContactEndpoint func(number string) string
	Logger          *slog.Logger
	Registerer      prometheus.Registerer
}

// Dispatcher runs one node.
type Dispatcher struct {
	o       Options
	log     *slog.Logger
	scripts *scripts
	metrics *metrics
	events  *mailbox[callback.Event]
	rematch chan struct{}

	current   atomic.Pointer[Lease]
	connected atomic.Bool
	stored    atomic.Bool // the last word of the database was good

	mu       sync.Mutex
	giveUp   context.CancelCauseFunc // ends the hold of the node
	sessions map[callback.ContactID]*session
	owned    map[string]*session // by the IDs of channels and bridges
	devices  map[string]callback.DeviceState
	group    sync.WaitGroup // sessions and what starts them
}

// New makes a dispatcher. It fails when its metrics are registered already.
func New(o Options) (*Dispatcher, error) {
	d := &Dispatcher{
		o:        o,
		log:      o.Logger.With("node", o.Node),
		scripts:  newScripts(o.Scripts),
		events:   newMailbox[callback.Event](),
		rematch:  make(chan struct{}, 1),
		sessions: map[callback.ContactID]*session{},
		owned:    map[string]*session{},
		devices:  map[string]callback.DeviceState{},
	}
	d.metrics = newMetrics(d)
	if err := d.metrics.register(o.Registerer); err != nil {
		return nil, fmt.Errorf("register the metrics: %w", err)
	}
	return d, nil
}

// The lease of a node: how long it lasts, how often it is renewed.
const (
	leaseTime  = 6 * time.Second
	leaseRenew = 2 * time.Second
	leaseTry   = 250 * time.Millisecond
)

// Run holds the node, whenever no other daemon does, until ctx ends. Calls go on when it returns: the
// next daemon that holds the node takes them over.
func (d *Dispatcher) Run(ctx context.Context) error {
	for {
		lease, asked, err := d.acquire(ctx)
		if err != nil {
			return nil //nolint:nilerr // the only error is the end of ctx, which is no failure
		}
		err = d.hold(ctx, lease, asked)
		if ctx.Err() != nil {
			return d.release(lease)
		}
		d.log.Error("the node is not held any more", "error", err)
	}
}

// acquire waits for the node. It gives the moment before the lease was asked for, from which its end
// is counted.
func (d *Dispatcher) acquire(ctx context.Context) (Lease, time.Time, error) {
	said := ""
	for {
		asked := time.Now()
		tryCtx, cancel := context.WithTimeout(ctx, saveLimit)
		lease, err := d.o.Store.AcquireLease(tryCtx, d.o.Node, d.o.Holder, leaseTime)
		if err == nil {
			err = d.scripts.save(tryCtx, d.o.Store)
		}
		cancel()
		if err == nil {
			d.stored.Store(true)
			return lease, asked, nil
		}
		if ctx.Err() != nil {
			return Lease{}, asked, ctx.Err()
		}
		d.stored.Store(errors.Is(err, ErrLeaseHeld))
		if err.Error() != said {
			said = err.Error()
			d.log.Info("waiting for the node", "reason", said)
		}
		select {
		case <-ctx.Done():
			return Lease{}, asked, ctx.Err()
		case <-time.After(leaseTry):
		}
	}
}

// hold works the node until ctx ends or the lease is lost, and leaves no goroutine.
func (d *Dispatcher) hold(ctx context.Context, lease Lease, asked time.Time) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d.mu.Lock()
	d.giveUp = cancel
	d.mu.Unlock()
	d.current.Store(&lease)
	d.log.Info("the node is held", "holder", lease.Holder, "epoch", lease.Epoch)
	defer func() {
		d.current.Store(nil)
		d.connected.Store(false)
		d.forget()
	}()

	var workers sync.WaitGroup
	start := func(work func(context.Context)) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			work(ctx)
		}()
	}
	start(func(ctx context.Context) { d.renew(ctx, lease, asked) })
	start(func(ctx context.Context) {
		if err := d.o.Switch.Run(ctx, d.events.put); err != nil && ctx.Err() == nil {
			d.lost(fmt.Errorf("event stream: %w", err))
		}
	})
	start(d.route)
	start(d.match)
	start(d.due)
	<-ctx.Done()
	workers.Wait()
	d.group.Wait()
	return context.Cause(ctx)
}

// renew keeps the lease. The holder counts on its own clock, from before each renewal: when the
// lease may have expired nothing is decided or sent any more.
func (d *Dispatcher) renew(ctx context.Context, lease Lease, asked time.Time) {
	expires := asked.Add(leaseTime)
	ticker := time.NewTicker(leaseRenew)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		tryCtx, cancel := context.WithDeadline(ctx, expires)
		err := d.o.Store.RenewLease(tryCtx, lease, leaseTime)
		cancel()
		d.stored.Store(err == nil)
		switch {
		case err == nil:
			expires = asked.Add(leaseTime)
		case errors.Is(err, ErrLeaseLost):
			d.lost(err)
			return
		case ctx.Err() == nil:
			d.log.Warn("the lease was not renewed", "error", err)
		}
	}
}

// release gives the node back, so that the next daemon need not wait for the lease to expire.
func (d *Dispatcher) release(lease Lease) error {
	ctx, cancel := context.WithTimeout(context.Background(), saveLimit)
	defer cancel()
	if err := d.o.Store.ReleaseLease(ctx, lease); err != nil {
		return fmt.Errorf("release the node: %w", err)
	}
	return nil
}

// lost ends the hold of the node.
func (d *Dispatcher) lost(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.giveUp(err)
}

// forget drops what belonged to the hold that has ended.
func (d *Dispatcher) forget() {
	for {
		if _, ok := d.events.take(); !ok {
			break
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.sessions)
	clear(d.owned)
	clear(d.devices)
}

// Ready says what is missing before calls can be taken; nil when nothing is.
func (d *Dispatcher) Ready() error {
	switch {
	case !d.stored.Load():
		return errors.New("the database does not answer")
	case d.current.Load() == nil:
		return errors.New("another daemon holds this node")
	case !d.connected.Load():
		return errors.New("no event stream from Asterisk")
	}
	return nil
}

// lease gives the present lease, or one that no store accepts.
func (d *Dispatcher) lease() Lease {
	if lease := d.current.Load(); lease != nil {
		return *lease
	}
	return Lease{Node: d.o.Node}
}

// env is what a turn of that contact has to know.
func (d *Dispatcher) env(id callback.ContactID) callback.Env {
	return callback.Env{
		Now:             now(),
		Node:            d.o.Node,
		Skill:           d.skill,
		NewID:           func() string { return newID(id) },
		ContactEndpoint: d.o.ContactEndpoint,
	}
}

func (d *Dispatcher) skill(name string) callback.Skill {
	if skill, ok := d.o.Skills[name]; ok {
		return skill
	}
	skill := callback.DefaultSkill
	skill.Name = name
	return skill
}

// now is exact to the microsecond, as Postgres keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// newID makes the ID of a channel, a bridge or a playback of that contact: nobody has used it and
// nobody will.
func newID(id callback.ContactID) string {
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails
	return callback.ChannelPrefix + id.String() + "-" + hex.EncodeToString(random[:])
}

func (d *Dispatcher) sessionCount() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return float64(len(d.sessions))
}

func (d *Dispatcher) holding() float64 {
	if d.current.Load() == nil {
		return 0
	}
	return 1
}
