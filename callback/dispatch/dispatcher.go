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
	"github.com/callbackd/callbackd/callback/script/say"
)

// Options is what a dispatcher works with. All of it but Ports is required.
type Options struct {
	Node    string // the name we give to this Asterisk
	Holder  string // this process, as other daemons see it in the node's lease
	Store   Store
	Switch  Switch
	Scripts []*script.Script          // until Reload
	Skills  map[string]callback.Skill // likewise
	Ports   int                       // channels that our contacts may use in the node; 0: as many as it has
	// ContactEndpoint gives what Asterisk dials to reach a number.
	ContactEndpoint func(number string) string
	Logger          *slog.Logger
	Registerer      prometheus.Registerer
}

// Dispatcher runs one node.
type Dispatcher struct {
	o        Options
	log      *slog.Logger
	versions *versions
	metrics  *metrics
	web      *web

	loaded  atomic.Pointer[loaded]
	loading sync.Mutex // held while what is loaded is saved and noted
	noted   *Lease     // the one for whose node that was noted; nil: none is held; under loading

	events     *mailbox[callback.Event]
	rematch    chan struct{} // has a token when a match may be possible
	requested  chan struct{} // has a token when someone may have asked for something by hand
	leaseAsked chan struct{} // has a token when the lease is to be renewed at once
	relamp     chan struct{} // has a token when lamps may be wrong
	matchless  bool          // the matcher's own: the last match found no database
	reached    *[]string     // the matcher's own: what was last said of the phones; nil: nothing

	dueSlots *dueSlots

	current   atomic.Pointer[Lease]
	connected atomic.Bool
	stored    atomic.Bool  // the last word of the database was good
	unreached atomic.Int64 // when a command last did not get as far as Asterisk, in Unix nanoseconds

	group sync.WaitGroup // sessions and what starts them

	mu       sync.Mutex
	giveUp   context.CancelCauseFunc // ends the hold of the node
	sessions map[callback.ContactID]*session
	owned    map[string]*session // by the IDs of channels and bridges
	devices  map[string]callback.DeviceState
	// agentPhones are the endpoints that are agents'; nil: not known yet.
	agentPhones map[string]bool
	ports       *ports
	resumed     bool // every contact with a leg in the node has a session
	// codes has the channels of the agents' codes that were taken, coding the phones that have dialled one,
	// and until when at most they may hear its prompt; lamps is what Asterisk's lamps showed at the last resync, until it is taken up.
	codes  map[string]bool
	coding map[string]time.Time
	lamps  map[string]callback.DeviceState
}

// New makes a dispatcher. It fails when its metrics are registered already.
func New(o Options) (*Dispatcher, error) {
	d := &Dispatcher{
		o:          o,
		log:        o.Logger.With("node", o.Node),
		versions:   newVersions(o.Logger),
		web:        newWeb(),
		events:     newMailbox[callback.Event](),
		rematch:    make(chan struct{}, 1),
		requested:  make(chan struct{}, 1),
		dueSlots:   &dueSlots{at: map[Standing]int{}},
		leaseAsked: make(chan struct{}, 1),
		relamp:     make(chan struct{}, 1),
		sessions:   map[callback.ContactID]*session{},
		owned:      map[string]*session{},
		devices:    map[string]callback.DeviceState{},
		ports:      newPorts(o.Ports),
		codes:      map[string]bool{},
		coding:     map[string]time.Time{},
	}
	d.loaded.Store(newLoaded(o.Scripts, o.Skills))
	d.versions.add(d.loaded.Load())
	d.metrics = newMetrics(d)
	if err := d.metrics.register(o.Registerer); err != nil {
		return nil, fmt.Errorf("register the metrics: %w", err)
	}
	return d, nil
}

// The lease of a node: how long it lasts, how often it is renewed.
const (
	leaseTime  = 5 * time.Second
	leaseRenew = time.Second
	leaseTry   = 250 * time.Millisecond
	holdPause  = time.Second // after a hold that has failed
)

// Run holds the node, whenever no other daemon does, until ctx ends. Calls go on when it returns: the
// next daemon that holds the node takes them over.
func (d *Dispatcher) Run(ctx context.Context) error {
	for {
		lease, err := d.acquire(ctx)
		if err != nil {
			return nil //nolint:nilerr // the only error is the end of ctx, which is no failure
		}
		err = d.hold(ctx, lease)
		if ctx.Err() != nil {
			return d.release(lease)
		}
		d.log.Error("the hold of the node has ended", "error", err)
		select {
		case <-ctx.Done():
			return d.release(lease)
		case <-time.After(holdPause): // Asterisk may have refused us, and goes on doing so
		}
	}
}

// acquire waits for the node.
func (d *Dispatcher) acquire(ctx context.Context) (Lease, error) {
	said := ""
	for {
		tryCtx, cancel := context.WithTimeout(ctx, saveLimit)
		lease, err := d.o.Store.AcquireLease(tryCtx, d.o.Node, d.o.Holder, leaseTime)
		if err == nil {
			err = d.note(tryCtx, lease)
		}
		cancel()
		if err == nil {
			d.stored.Store(true)
			return lease, nil
		}
		if ctx.Err() != nil {
			return Lease{}, ctx.Err()
		}
		d.stored.Store(errors.Is(err, ErrLeaseHeld))
		if err.Error() != said {
			said = err.Error()
			d.log.Info("waiting for the node", "reason", said)
		}
		select {
		case <-ctx.Done():
			return Lease{}, ctx.Err()
		case <-time.After(leaseTry):
		}
	}
}

// note saves what new calls run, and notes it for the node.
func (d *Dispatcher) note(ctx context.Context, lease Lease) error {
	d.loading.Lock()
	defer d.loading.Unlock()
	loaded := d.loaded.Load()
	if err := loaded.keep(ctx, d.o.Store); err != nil {
		return err
	}
	if err := d.o.Store.NoteScripts(ctx, lease, loaded.refs()); err != nil {
		return err
	}
	d.noted = &lease
	return nil
}

// hold works the node until ctx ends or the lease is lost, and leaves no goroutine.
func (d *Dispatcher) hold(ctx context.Context, lease Lease) error {
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
		d.loading.Lock()
		d.noted = nil
		d.loading.Unlock()
	}()

	var workers sync.WaitGroup
	start := func(work func(context.Context)) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			work(ctx)
		}()
	}
	start(func(ctx context.Context) { d.renew(ctx, lease) })
	start(func(ctx context.Context) {
		if err := d.o.Switch.Run(ctx, d.events.put); err != nil && ctx.Err() == nil {
			d.lost(fmt.Errorf("event stream: %w", err))
		}
	})
	start(d.route)
	start(d.match)
	start(d.due)
	start(d.targets)
	start(d.requests)
	start(d.tendAgents)
	<-ctx.Done()
	workers.Wait()
	d.group.Wait()
	d.web.close()
	return context.Cause(ctx)
}

// renew keeps the lease. While the database is away it may expire: nothing that must be saved is
// decided then, since the store refuses it, and what goes on is this node's as long as its event
// stream is. When the database is back and nobody has taken the node over, the lease is renewed.
func (d *Dispatcher) renew(ctx context.Context, lease Lease) {
	late := false
	ticker := time.NewTicker(leaseRenew)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-d.leaseAsked:
		}
		tryCtx, cancel := context.WithTimeout(ctx, saveLimit)
		err := d.o.Store.RenewLease(tryCtx, lease, leaseTime)
		cancel()
		d.stored.Store(err == nil)
		if errors.Is(err, ErrLeaseLost) {
			d.lost(err)
			return
		}
		if (err != nil) != late && ctx.Err() == nil {
			late = err != nil
			d.log.Warn("renewal of the lease", "working", !late, "error", err)
		}
	}
}

// askLease renews the lease soon: the store has refused something because it has run out or because
// another daemon has taken the node.
func (d *Dispatcher) askLease() {
	select {
	case d.leaseAsked <- struct{}{}:
	default:
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
	d.giveUp(fmt.Errorf("%w: %w", callback.ErrNodeLost, err))
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
	d.agentPhones = nil
	d.ports = newPorts(d.o.Ports)
	clear(d.codes)
	clear(d.coding)
	d.resumed = false
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
		Skill:           d.loaded.Load().skill,
		NewID:           func() string { return newID(id) },
		ContactEndpoint: d.o.ContactEndpoint,
		WaitSounds:      func(waited time.Duration) []string { return say.Wait(int(waited / time.Second)) },
	}
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
