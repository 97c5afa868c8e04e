package postgrestest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lib/pq"
)

// Proxy stands between a program and its Postgres. It knows the protocol well enough to break a
// connection around one chosen commit. Its methods may be called from any goroutine.
type Proxy struct {
	url             string
	address         string // where it listens
	network, server string // where Postgres listens
	runs            sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener
	links    map[*link]struct{}
	cut      *cut
	frozen   chan struct{} // not nil: closed when traffic goes on
	closed   bool
}

// cut is what is to happen to the next transaction that matches.
type cut struct {
	match  []byte
	before bool
	done   chan struct{}
}

// NewProxy starts a proxy on a loopback port, to the database at that URL, which is without TLS. It
// is closed when the test ends.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	p, err := newProxy(to)
	if err != nil {
		t.Fatal("postgrestest:", err)
	}
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error("postgrestest:", err)
		}
	})
	return p
}

func newProxy(to string) (*Proxy, error) {
	config, err := pq.NewConfig(to)
	if err != nil {
		return nil, err
	}
	p := &Proxy{links: make(map[*link]struct{}), network: "tcp"}
	port := strconv.Itoa(int(config.Port))
	p.server = net.JoinHostPort(config.Host, port)
	if strings.HasPrefix(config.Host, "/") {
		p.network, p.server = "unix", filepath.Join(config.Host, ".s.PGSQL."+port)
	}
	if err := p.listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	p.address = p.listener.Addr().String()
	through := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: p.address,
		Path: "/" + config.Database, RawQuery: "sslmode=disable",
	}
	p.url = through.String()
	return p, nil
}

// URL gives the URL of the same database, through the proxy.
func (p *Proxy) URL() string { return p.url }

// CutAfterCommit breaks the connection of the next transaction that has match in one of its messages,
// when the server has committed it and before the client hears of it. The channel is closed when that
// has happened. Only transactions with a COMMIT of their own are found, and of prepared statements
// the parameters only.
func (p *Proxy) CutAfterCommit(match []byte) <-chan struct{} { return p.arm(match, false) }

// CutBeforeCommit is like CutAfterCommit, but the COMMIT does not reach the server.
func (p *Proxy) CutBeforeCommit(match []byte) <-chan struct{} { return p.arm(match, true) }

func (p *Proxy) arm(match []byte, before bool) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = &cut{match: bytes.Clone(match), before: before, done: make(chan struct{})}
	return p.cut.done
}

// Refuse breaks every connection and refuses new ones, as if Postgres were not there.
func (p *Proxy) Refuse() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return nil
	}
	err := p.listener.Close()
	p.listener = nil
	for l := range p.links {
		l.close()
	}
	return err
}

// Freeze holds back all that is sent and answered, as if the network had lost it, and leaves the
// connections open.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen == nil {
		p.frozen = make(chan struct{})
	}
}

// Restore undoes Refuse and Freeze. What a Freeze has held back is delivered.
func (p *Proxy) Restore() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
	if p.listener != nil || p.closed {
		return nil
	}
	return p.listen(p.address)
}

// listen is called with the lock, or before anyone else knows p.
func (p *Proxy) listen(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	p.listener = listener
	p.runs.Go(func() { p.accept(listener) })
	return nil
}

func (p *Proxy) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := errors.Join(p.Refuse(), p.Restore())
	p.runs.Wait()
	return err
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial(p.network, p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{proxy: p, client: client, server: server, gone: make(chan struct{}), answered: make(chan struct{}, 1)}
		if !p.add(l, listener) {
			l.close()
			continue
		}
		p.runs.Go(func() {
			var both sync.WaitGroup
			both.Go(l.fromClient)
			both.Go(l.fromServer)
			both.Wait()
			p.remove(l)
		})
	}
}

// add takes a link on, unless its listener has been closed meanwhile.
func (p *Proxy) add(l *link, listener net.Listener) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != listener {
		return false
	}
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// link is one connection through the proxy.
type link struct {
	proxy          *Proxy
	client, server net.Conn
	gone           chan struct{}
	once           sync.Once
	answered       chan struct{} // a COMMIT whose answer is swallowed was answered

	mu      sync.Mutex
	matched bool // the transaction that is under way is the one to cut
	swallow bool // nothing more goes to the client
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.gone)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

// pass waits while the proxy is frozen; false means that the link is gone.
func (l *link) pass() bool {
	l.proxy.mu.Lock()
	frozen := l.proxy.frozen
	l.proxy.mu.Unlock()
	if frozen != nil {
		select {
		case <-frozen:
		case <-l.gone:
			return false
		}
	}
	return true
}

func (l *link) fromClient() {
	defer l.close()
	if err := l.startup(); err != nil {
		return
	}
	for {
		message, err := readMessage(l.client)
		if err != nil || !l.pass() {
			return
		}
		cut := l.look(message)
		if cut == nil {
			if _, err := l.server.Write(message); err != nil {
				return
			}
			continue
		}
		if !cut.before {
			if _, err := l.server.Write(message); err != nil {
				return
			}
			select {
			case <-l.answered:
			case <-l.gone:
			}
		}
		l.close()
		close(cut.done)
		return
	}
}

// tlsRequest is the code of the startup message that asks for TLS.
const tlsRequest = 80877103

// startup passes on what a client begins with, which has no type: a request to cancel among it. A
// client that asks for TLS is told that there is none.
func (l *link) startup() error {
	for {
		var head [8]byte
		if _, err := io.ReadFull(l.client, head[:]); err != nil {
			return err
		}
		length, code := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
		if code == tlsRequest {
			if _, err := l.client.Write([]byte("N")); err != nil {
				return err
			}
			continue
		}
		if length < 8 || length > 1<<16 {
			return fmt.Errorf("a startup message of %d bytes", length)
		}
		rest := make([]byte, length-8)
		if _, err := io.ReadFull(l.client, rest); err != nil {
			return err
		}
		if !l.pass() {
			return net.ErrClosed
		}
		_, err := l.server.Write(append(head[:], rest...))
		return err
	}
}

// look notes whether a message belongs to the transaction to cut, and gives the cut when it is its
// COMMIT.
func (l *link) look(message []byte) *cut {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	cut := l.proxy.cut
	if cut == nil {
		return nil
	}
	if bytes.Contains(message, cut.match) {
		l.matched = true
	}
	if !l.matched || message[0] != 'Q' || !bytes.HasPrefix(message[5:], []byte("COMMIT")) {
		return nil
	}
	l.proxy.cut = nil
	l.swallow = !cut.before
	return cut
}

func (l *link) fromServer() {
	defer l.close()
	for {
		message, err := readMessage(l.server)
		if err != nil || !l.pass() {
			return
		}
		l.mu.Lock()
		swallow := l.swallow
		idle := message[0] == 'Z' && message[len(message)-1] == 'I'
		if idle {
			l.matched = false
		}
		l.mu.Unlock()
		if !swallow {
			if _, err := l.client.Write(message); err != nil {
				return
			}
			continue
		}
		if idle {
			l.answered <- struct{}{}
		}
	}
}

// readMessage reads one message: its type, its length, its body.
func readMessage(from io.Reader) ([]byte, error) {
	message := make([]byte, 5)
	if _, err := io.ReadFull(from, message); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(message[1:])
	if length < 4 || length > 1<<28 {
		return nil, fmt.Errorf("a message of %d bytes", length)
	}
	message = append(message, make([]byte, length-4)...)
	_, err := io.ReadFull(from, message[5:])
	return message, err
}
