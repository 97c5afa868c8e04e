package phone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

const (
	// registered is how long a registration lasts. Nothing renews it.
	registered = 2 * time.Hour
	// closeLimit is how long Close waits for the far ends to agree.
	closeLimit = 3 * time.Second
)

// Options are the settings of a phone.
type Options struct {
	// Listen is the "ip:port" that SIP is bound to; port 0 takes a free one.
	// Audio uses free ports of the same address.
	Listen string
	// Server is the "ip:port" that calls and registrations go to.
	Server string
	// Logger takes what goes wrong, and each event at the level debug. Nil is
	// silence.
	Logger *slog.Logger
	// RecordDir is the folder for what the calls hear, as WAV files (8 kHz,
	// mono, 16-bit). Empty records nothing.
	RecordDir string
	// Tones are the frequencies, in Hz, that the calls listen for, 20 Hz apart
	// or more. Empty is DefaultTones.
	Tones []float64
	// Packets has each call keep what it received as a list of packets, for measurements: about 2 kB a
	// second.
	Packets bool
	// Codecs are those that the phone takes, the best first. Empty is ULaw,
	// then ALaw.
	Codecs []Codec
}

// Phone is a SIP phone.
type Phone struct {
	options  Options
	name     string // the extension, or "carrier"
	password string
	log      *slog.Logger
	tones    []goertzel
	address  netip.AddrPort // where SIP is bound
	server   netip.AddrPort

	conn   net.PacketConn
	ua     *sipgo.UserAgent
	client *sipgo.Client
	ctx    context.Context // ends with the phone
	stop   context.CancelFunc
	reads  sync.WaitGroup // the reading of the socket
	tasks  sync.WaitGroup

	mu         sync.Mutex
	changed    signal
	registered bool
	closing    bool             // no new calls
	stopped    bool             // no requests at all
	calls      map[string]*Call // those that have not ended, by Call-ID
	all        []*Call
	offered    []*Call // received, and nobody has taken them
	handlers   map[string]func(context.Context, *Call)
	lamps      map[string]*Lamp // by the Call-ID of their subscriptions
}

// NewAgent makes the phone of an agent's extension. It is registered when
// NewAgent returns.
func NewAgent(ctx context.Context, o Options, extension, password string) (*Phone, error) {
	p, err := newPhone(o, extension, password)
	if err != nil {
		return nil, err
	}
	if err := p.Register(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// NewCarrier makes the phone that stands at the far end of Asterisk's trunk.
// It does not register: Asterisk knows it by Options.Listen.
func NewCarrier(_ context.Context, o Options) (*Phone, error) {
	return newPhone(o, "carrier", "")
}

func newPhone(o Options, name, password string) (*Phone, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if len(o.Tones) == 0 {
		o.Tones = DefaultTones
	}
	if len(o.Codecs) == 0 {
		o.Codecs = []Codec{ULaw, ALaw}
	}
	tones, err := newTones(o.Tones)
	if err != nil {
		return nil, err
	}
	server, err := netip.ParseAddrPort(o.Server)
	if err != nil {
		return nil, fmt.Errorf("reading the phone's server: %w", err)
	}
	p := &Phone{
		options:  o,
		name:     name,
		password: password,
		log:      o.Logger.With("phone", name),
		tones:    tones,
		server:   server,
		calls:    make(map[string]*Call),
		handlers: make(map[string]func(context.Context, *Call)),
		lamps:    make(map[string]*Lamp),
	}
	if err := p.listen(); err != nil {
		return nil, fmt.Errorf("starting the phone %s: %w", name, err)
	}
	return p, nil
}

// listen binds the address and serves SIP there.
func (p *Phone) listen() error {
	conn, err := net.ListenPacket("udp4", p.options.Listen)
	if err != nil {
		return err
	}
	p.conn = conn
	if p.address, err = boundTo(conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	quiet := sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})
	p.ua, err = sipgo.NewUA(
		sipgo.WithUserAgent(p.name),
		sipgo.WithUserAgentHostname(p.address.Addr().String()),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(p.log)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(p.log), quiet),
	)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	p.client, err = sipgo.NewClient(p.ua,
		sipgo.WithClientLogger(p.log),
		sipgo.WithClientAddr(p.address.String()),
		sipgo.WithClientConnectionAddr(p.address.String()),
	)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	server, err := sipgo.NewServer(p.ua, sipgo.WithServerLogger(p.log))
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	p.serve(server)
	p.ctx, p.stop = context.WithCancel(context.Background())

	reading := &announcedConn{PacketConn: conn, reading: make(chan struct{})}
	p.reads.Go(func() {
		if err := server.ServeUDP(reading); err != nil && !errors.Is(err, net.ErrClosed) {
			p.log.Error("serving SIP", "error", err)
		}
	})
	<-reading.reading
	return nil
}

// announcedConn tells when it is first read from: only then does sipgo know the
// connection, and sends through it instead of through a new one.
type announcedConn struct {
	net.PacketConn
	once    sync.Once
	reading chan struct{}
}

func (c *announcedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	c.once.Do(func() { close(c.reading) })
	return c.PacketConn.ReadFrom(b)
}

// Address returns the "ip:port" that the phone's SIP is bound to.
func (p *Phone) Address() string { return p.address.String() }

// Number returns the phone's extension, or "carrier".
func (p *Phone) Number() string { return p.name }

// Register registers the extension, for two hours. NewAgent has done so; it is
// needed again after Unregister.
func (p *Phone) Register(ctx context.Context) error {
	if err := p.register(ctx, registered); err != nil {
		return fmt.Errorf("registering %s at %s: %w", p.name, p.server, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.registered = true
	return nil
}

// Unregister removes the registration, so that Asterisk finds no phone there.
// Calls go on.
func (p *Phone) Unregister(ctx context.Context) error {
	p.mu.Lock()
	registered := p.registered
	p.registered = false
	p.mu.Unlock()
	if !registered {
		return nil
	}
	if err := p.register(ctx, 0); err != nil {
		return fmt.Errorf("unregistering %s at %s: %w", p.name, p.server, err)
	}
	return nil
}

func (p *Phone) register(ctx context.Context, lasts time.Duration) error {
	req := sip.NewRequest(sip.REGISTER, p.serverURI(""))
	from := sip.FromHeader{Address: p.serverURI(p.name)}
	from.Params.Add("tag", sip.GenerateTagN(16))
	expires := sip.ExpiresHeader(lasts / time.Second)
	req.AppendHeader(&from)
	req.AppendHeader(&sip.ToHeader{Address: p.serverURI(p.name)})
	req.AppendHeader(p.contact(p.name))
	req.AppendHeader(&expires)
	res, err := p.client.Do(ctx, req)
	if err == nil && res.StatusCode == sip.StatusUnauthorized {
		res, err = p.client.DoDigestAuth(ctx, req, res, sipgo.DigestAuth{Username: p.name, Password: p.password})
	}
	if err != nil {
		return err
	}
	if res.StatusCode != sip.StatusOK {
		return fmt.Errorf("the server says %d %s", res.StatusCode, res.Reason)
	}
	return nil
}

func (p *Phone) serverURI(user string) sip.Uri {
	return sip.Uri{Scheme: "sip", User: user, Host: p.server.Addr().String(), Port: int(p.server.Port())}
}

// contact is the address that others reach the phone at.
func (p *Phone) contact(user string) *sip.ContactHeader {
	return &sip.ContactHeader{Address: sip.Uri{
		Scheme: "sip", User: user, Host: p.address.Addr().String(), Port: int(p.address.Port()),
	}}
}

// Handle gives the calls to a number to a function from now on, each in a
// goroutine of its own; "" is every number without a function of its own, and
// a nil function takes the number back. The function's context ends with the
// phone. Other calls wait for AwaitCall and AwaitCallTo.
func (p *Phone) Handle(number string, take func(context.Context, *Call)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if take == nil {
		delete(p.handlers, number)
		return
	}
	p.handlers[number] = take
}

// AwaitCall returns the earliest received call that nobody has taken, and waits
// for one. Calls that ended before they were taken are passed over.
func (p *Phone) AwaitCall(ctx context.Context) (*Call, error) {
	return p.awaitCall(ctx, "a call to "+p.name, func(*Call) bool { return true })
}

// AwaitCallTo does the same among the calls to one number.
func (p *Phone) AwaitCallTo(ctx context.Context, number string) (*Call, error) {
	return p.awaitCall(ctx, "a call to "+number, func(c *Call) bool { return c.to == number })
}

func (p *Phone) awaitCall(ctx context.Context, what string, fits func(*Call) bool) (*Call, error) {
	var found *Call
	err := await(ctx, &p.mu, &p.changed, what, func() (bool, error) {
		i := slices.IndexFunc(p.offered, fits)
		if i < 0 {
			return false, nil
		}
		found = p.offered[i]
		p.offered = slices.Delete(p.offered, i, i+1)
		return true, nil
	})
	return found, err
}

// Calls returns all calls that the phone has placed and received, in order.
func (p *Phone) Calls() []*Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.all)
}

// errClosed is why a closed phone makes no call.
var errClosed = errors.New("the phone is closed")

// admit takes a new call among the phone's.
func (p *Phone) admit(c *Call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return errClosed
	}
	p.all = append(p.all, c)
	p.calls[c.id] = c
	c.number = len(p.all)
	return nil
}

// deliver gives a received call to who wants it.
func (p *Phone) deliver(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	take, ok := p.handlers[c.to]
	if !ok {
		take, ok = p.handlers[""]
	}
	if ok {
		p.tasks.Go(func() { take(p.ctx, c) })
		return
	}
	p.offered = append(p.offered, c)
	p.changed.raise()
}

// forget drops a call that has ended.
func (p *Phone) forget(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, c.id)
	p.offered = slices.DeleteFunc(p.offered, func(o *Call) bool { return o == c })
}

// find returns a call that has not ended.
func (p *Phone) find(m sip.Message) *Call {
	id := m.CallID()
	if id == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[id.Value()]
}

// Close ends the phone's calls and its registration, and leaves nothing
// behind here. What the far ends don't agree to within three seconds is dropped
// and logged.
func (p *Phone) Close() error {
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		return nil
	}
	p.closing = true
	live := make([]*Call, 0, len(p.calls))
	for _, c := range p.calls {
		live = append(live, c)
	}
	p.mu.Unlock()

	p.stop()
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	var ending sync.WaitGroup
	for _, c := range live {
		ending.Go(func() { c.finish(ctx) })
	}
	ending.Wait()
	if err := p.Unregister(ctx); err != nil {
		p.log.Warn("closing", "error", err)
	}

	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	// sipgo's transactions end first, so that nothing waits for them. Its socket goes last: for what is
	// sent without one it would open another, and leave that open.
	p.ua.TransactionLayer().Close()
	p.tasks.Wait()
	err := errors.Join(p.ua.Close(), p.conn.Close())
	p.reads.Wait()
	return err
}

// finish ends a call for Close, by force if need be.
func (c *Call) finish(ctx context.Context) {
	if err := c.Hangup(ctx); err != nil {
		c.log.Warn("call", "error", err)
	}
	c.end(Ended{By: Us, How: HungUp, Why: "the phone was closed"})
	<-c.done
}
