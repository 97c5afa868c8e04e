package aritest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patience is how long a probe waits for what has to come.
const patience = 10 * time.Second

// probe is an ARI program of the contract's: an application with its socket and what came on it.
type probe struct {
	t           testing.TB
	target      Target
	application string
	conn        *websocket.Conn
	gone        chan struct{} // closed when the socket has ended

	mu     sync.Mutex
	events []Event
	more   chan struct{} // closed and replaced at each event
}

// newProbe connects an application with a name of its own.
func newProbe(t testing.TB, target Target) *probe {
	return newProbeNamed(t, target, "contract-"+rand.Text())
}

func newProbeNamed(t testing.TB, target Target, application string) *probe {
	t.Helper()
	p := &probe{t: t, target: target, application: application, gone: make(chan struct{}), more: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	address := strings.Replace(target.URL, "http", "ws", 1) + "/events?" + url.Values{"app": {application}}.Encode()
	login := &http.Request{Header: http.Header{}}
	login.SetBasicAuth(target.User, target.Password)
	//nolint:bodyclose // the websocket package says that it is never ours to close
	conn, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPHeader: login.Header})
	if err != nil {
		t.Fatalf("connecting the application %s: %v", application, err)
	}
	conn.SetReadLimit(1 << 20)
	p.conn = conn
	go p.read()
	t.Cleanup(p.close)
	return p
}

func (p *probe) close() {
	_ = p.conn.CloseNow() // the reader sees its end
	<-p.gone
}

func (p *probe) read() {
	defer close(p.gone)
	for {
		_, data, err := p.conn.Read(context.Background())
		if err != nil {
			return
		}
		var event Event
		if err := json.Unmarshal(data, &event); err != nil {
			p.t.Errorf("an event that is no JSON: %s", data)
			return
		}
		p.mu.Lock()
		p.events = append(p.events, event)
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
}

// await returns the first event that fits, whenever it came.
func (p *probe) await(what string, fits func(Event) bool) Event {
	p.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for seen := 0; ; {
		p.mu.Lock()
		events, more := p.events, p.more
		p.mu.Unlock()
		for ; seen < len(events); seen++ {
			if fits(events[seen]) {
				return events[seen]
			}
		}
		select {
		case <-more:
		case <-limit.C:
			p.t.Fatalf("%s has not come within %s; what came: %s", what, patience, p.story())
		}
	}
}

// ofChannel waits for an event of a type on a channel.
func (p *probe) ofChannel(kind, channel string) Event {
	p.t.Helper()
	return p.await(kind+" of "+channel, func(e Event) bool { return e.Type == kind && e.Channel != nil && e.Channel.ID == channel })
}

// dialled waits for a Dial event with a status.
func (p *probe) dialled(channel, status string) Event {
	p.t.Helper()
	return p.await("Dial "+status+" of "+channel, func(e Event) bool {
		return e.Type == "Dial" && e.Peer != nil && e.Peer.ID == channel && e.DialStatus == status
	})
}

// inState waits for a change of a channel's state.
func (p *probe) inState(channel, state string) {
	p.t.Helper()
	p.await(channel+" in state "+state, func(e Event) bool {
		return e.Type == "ChannelStateChange" && e.Channel.ID == channel && e.Channel.State == state
	})
}

// ofPlayback waits for the n-th event of a type of a playback.
func (p *probe) ofPlayback(kind, playback string, n int) Event {
	p.t.Helper()
	return p.await(kind+" of "+playback, func(e Event) bool {
		if e.Type == kind && e.Playback.ID == playback {
			n--
		}
		return n == 0
	})
}

// all returns the events so far that fit.
func (p *probe) all(fits func(Event) bool) []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []Event
	for _, event := range p.events {
		if fits(event) {
			found = append(found, event)
		}
	}
	return found
}

// story lists what came, for a failure.
func (p *probe) story() string {
	var lines []string
	for _, e := range p.all(func(Event) bool { return true }) {
		line, _ := json.Marshal(e) // it came as JSON
		lines = append(lines, string(line))
	}
	return "\n" + strings.Join(lines, "\n")
}

// answer is what Asterisk says to a request.
type answer struct {
	status int
	body   []byte
}

// message is Asterisk's own word for what is wrong.
func (a answer) message() string {
	var said struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	_ = json.Unmarshal(a.body, &said) // a body without a message has none
	return said.Message + said.Error
}

// send sends a request; body is JSON, nil for none.
func (p *probe) send(method, path string, body any) answer {
	p.t.Helper()
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			p.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience) // also for clean-ups, after the test's context
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.target.URL+path, bytes.NewReader(content))
	if err != nil {
		p.t.Fatal(err)
	}
	req.SetBasicAuth(p.target.User, p.target.Password)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.target.client().Do(req)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read to its end
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, read}
}

// expect sends a request and holds its status and message against what is right. An empty message is
// not looked at.
func (p *probe) expect(status int, message, method, path string, body any) answer {
	p.t.Helper()
	got := p.send(method, path, body)
	if got.status != status || message != "" && got.message() != message {
		p.t.Fatalf("%s %s: %d %s, want %d %s", method, path, got.status, got.body, status, message)
	}
	return got
}

// fetch reads a resource.
func (p *probe) fetch(path string, into any) {
	p.t.Helper()
	got := p.expect(http.StatusOK, "", http.MethodGet, path, nil)
	if err := json.Unmarshal(got.body, into); err != nil {
		p.t.Fatalf("GET %s: %v in %s", path, err, got.body)
	}
}
