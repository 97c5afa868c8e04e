package ari

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/callbackd/callbackd/ari/aritest"
	sip "github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/callback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, sip.SipgoLeak()) }

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

// The endpoints of the small Asterisk.
const (
	answers  = "PJSIP/5550001@trunk"
	rings    = "PJSIP/5550002@trunk"
	busy     = "PJSIP/5550003@trunk"
	phone    = "PJSIP/1001"
	aSound   = "hello-world"
	aContact = callback.ContactID(4711)
)

// startServer starts a small Asterisk, misbehaving as it does.
func startServer(t *testing.T) *aritest.Server {
	t.Helper()
	server := aritest.New(serverOptions())
	t.Cleanup(server.Close)
	return server
}

func serverOptions() aritest.Options {
	return aritest.Options{
		Endpoints:   map[string]aritest.Far{answers: aritest.FarAnswers, rings: aritest.FarRings, busy: aritest.FarBusy},
		Devices:     map[string]string{phone: "NOT_INUSE"},
		Sounds:      []string{aSound},
		SoundLength: 20 * time.Millisecond,
		Script:      "example",
	}
}

// testNode is a node with its event stream, as a test sees it.
type testNode struct {
	*Node
	t      testing.TB
	stop   context.CancelFunc
	ended  chan error // what Run has returned
	logged *logBook
	gather prometheus.Gatherer

	mu     sync.Mutex
	events []callback.Event
	more   chan struct{} // closed and replaced at each event
	taken  int           // events that await has passed
}

// newTestNode makes a node with short time limits that is not connected.
func newTestNode(t testing.TB, o Options) *testNode {
	t.Helper()
	logged := &logBook{}
	o.Name = "test"
	o.Logger = slog.New(slog.NewTextHandler(logged, nil))
	registry := prometheus.NewRegistry()
	o.Registerer = registry
	node, err := NewNode(o)
	if err != nil {
		t.Fatal(err)
	}
	node.timing = timing{
		request:      2 * time.Second,
		ping:         20 * time.Millisecond,
		silence:      time.Second,
		backoffFirst: 5 * time.Millisecond,
		backoffLast:  50 * time.Millisecond,
		replaced:     300 * time.Millisecond,
	}
	t.Cleanup(node.Close)
	return &testNode{Node: node, t: t, logged: logged, gather: registry, ended: make(chan error, 1), more: make(chan struct{})}
}

func optionsFor(server *aritest.Server) Options {
	return Options{URL: server.URL(), User: aritest.User, Password: aritest.Password}
}

// run keeps the event stream up until the test ends.
func (n *testNode) run() {
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	go func() { n.ended <- n.Run(ctx, n.deliver) }()
	n.t.Cleanup(func() {
		cancel()
		select {
		case err := <-n.ended:
			if err != nil {
				n.t.Errorf("Run has ended with %v", err)
			}
		case <-time.After(patience):
			n.t.Error("Run has not ended with its context")
		}
	})
}

func (n *testNode) deliver(event callback.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, event)
	close(n.more)
	n.more = make(chan struct{})
}

// connected starts a node and waits for its first snapshot.
func connected(t testing.TB, o Options) (*testNode, *callback.Snapshot) {
	t.Helper()
	n := newTestNode(t, o)
	n.run()
	return n, n.awaitConnected()
}

// impatient is a connected node that waits a tenth of a second for an answer.
func impatient(t testing.TB, server *aritest.Server) *testNode {
	t.Helper()
	n := newTestNode(t, optionsFor(server))
	n.timing.request = 100 * time.Millisecond
	n.run()
	n.awaitConnected()
	return n
}

func (n *testNode) awaitConnected() *callback.Snapshot {
	n.t.Helper()
	return awaitA[callback.NodeConnected](n).Snapshot
}

// awaitLost waits for the loss of the stream and returns its reason.
func (n *testNode) awaitLost() string {
	n.t.Helper()
	return awaitA[callback.NodeLost](n).Err.Error()
}

// awaitA waits for the next event of a type.
func awaitA[E callback.Event](n *testNode) E {
	n.t.Helper()
	var found E
	n.await(fmt.Sprintf("%T", found), func(e callback.Event) (is bool) {
		found, is = e.(E)
		return is
	})
	return found
}

// await returns the next event that fits and passes over those before it.
func (n *testNode) await(what string, fits func(callback.Event) bool) callback.Event {
	n.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		n.mu.Lock()
		for n.taken < len(n.events) {
			event := n.events[n.taken]
			n.taken++
			if fits(event) {
				n.mu.Unlock()
				return event
			}
		}
		more := n.more
		n.mu.Unlock()
		select {
		case <-more:
		case err := <-n.ended:
			n.ended <- err
			n.t.Fatalf("Run has ended with %v before %s", err, what)
		case <-limit.C:
			n.t.Fatalf("%s has not come within %s; what came: %v", what, patience, n.story())
		}
	}
}

// awaitEvent waits for exactly this event.
func (n *testNode) awaitEvent(want callback.Event) {
	n.t.Helper()
	n.await(fmt.Sprintf("%T%+v", want, want), func(e callback.Event) bool { return e == want })
}

// story lists what was delivered.
func (n *testNode) story() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var lines []string
	for _, event := range n.events {
		lines = append(lines, fmt.Sprintf("%T%+v", event, event))
	}
	return lines
}

// do sends a command that has to succeed.
func (n *testNode) do(cmd callback.Command) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Do(ctx, cmd); err != nil {
		n.t.Fatalf("%T%+v: %v", cmd, cmd, err)
	}
}

// refused sends a command that has to fail, and returns its error.
func (n *testNode) refused(cmd callback.Command) *callback.CommandError {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := n.Do(ctx, cmd)
	var failure *callback.CommandError
	if !errors.As(err, &failure) {
		n.t.Fatalf("%T%+v: %v, want a CommandError", cmd, cmd, err)
	}
	return failure
}

// counted is the number of events of a type that were counted.
func (n *testNode) counted(kind string) float64 {
	return n.metric("callbackd_ari_events_total", kind)
}

// metric is the present value of a metric: of the one that has this label's value, or of the only one.
func (n *testNode) metric(name, label string) float64 {
	n.t.Helper()
	families, err := n.gather.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			has := label == ""
			for _, pair := range m.GetLabel() {
				has = has || pair.GetValue() == label
			}
			if family.GetName() == name && has {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		if holds() {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Fatalf("%s: not within %s", what, patience)
}

// logBook keeps what is logged.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

// lines returns the lines that hold a text.
func (b *logBook) lines(holding string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []string
	for line := range strings.Lines(b.text.String()) {
		if strings.Contains(line, holding) {
			found = append(found, line)
		}
	}
	return found
}
