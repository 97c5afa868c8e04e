package ari

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/CyCoreSystems/ari/v6"
	"github.com/coder/websocket"

	"github.com/callbackd/callbackd/callback"
)

// maxEvent bounds one event. A bridge with some thousand channels fits.
const maxEvent = 4 << 20

// leaveTime is how long the last request of a stream may take.
const leaveTime = time.Second

// session is one connection of the event stream.
type session struct {
	node  *Node
	conn  *websocket.Conn
	ping  string // the name of the user event that has to come back
	inbox *inbox

	ctx    context.Context
	cancel context.CancelCauseFunc
	work   sync.WaitGroup
}

// connect opens the event stream and starts to read and to ping. The session's context ends with the
// stream.
func (n *Node) connect(ctx context.Context) (*session, error) {
	conn, err := n.dial(ctx, n.application)
	if err != nil {
		return nil, err
	}
	s := &session{node: n, conn: conn, ping: "callbackd-ping-" + rand.Text(), inbox: newInbox(n.metrics.inbox)}
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	s.work.Go(func() { s.leave(ctx) })
	s.work.Go(s.read)
	s.work.Go(s.keepPinging)
	return s, nil
}

// dial opens a websocket for an application.
func (n *Node) dial(ctx context.Context, application string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, n.timing.request)
	defer cancel()
	address := n.url.JoinPath("events")
	address.RawQuery = url.Values{"app": {application}, "subscribeAll": {"false"}}.Encode()
	login := &http.Request{Header: http.Header{}}
	login.SetBasicAuth(n.user, n.password)
	//nolint:bodyclose // the websocket package says that it is never ours to close
	conn, resp, err := websocket.Dial(ctx, address.String(), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: n.sockets},
		HTTPHeader: login.Header,
	})
	if err == nil {
		conn.SetReadLimit(maxEvent)
		return conn, nil
	}
	if resp == nil {
		return nil, fmt.Errorf("connecting to %s: %w", n.url, err)
	}
	if refusal := n.accessError(resp.StatusCode); refusal != nil {
		return nil, refusal
	}
	return nil, fmt.Errorf("connecting to %s: Asterisk answers %s", n.url, resp.Status)
}

// leave ends the session with ctx. The devices are unsubscribed from first: an Asterisk that tells us of one in the instant in which it finds the stream closed may lock itself up,
// and take no stream until it is restarted (its issue 2170). But where the node was lost another daemon may
// have the application by now, and need the devices.
func (s *session) leave(ctx context.Context) {
	select {
	case <-s.ctx.Done():
		return
	case <-ctx.Done():
	}
	if !errors.Is(context.Cause(ctx), callback.ErrNodeLost) {
		leaveCtx, cancel := context.WithTimeout(s.ctx, leaveTime)
		defer cancel()
		_ = s.node.unsubscribe(leaveCtx, allDevices) // the stream ends either way
	}
	s.cancel(context.Cause(ctx))
}

// end closes the stream and waits for its goroutines.
func (s *session) end() {
	s.cancel(nil)
	s.work.Wait()
	_ = s.conn.CloseNow() // a link that is down can't be closed any better
	s.inbox.depth.Set(0)
}

// reason prefers why the stream ended to what followed from that.
func (s *session) reason(err error) error {
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	return err
}

// read fills the inbox until the stream breaks.
func (s *session) read() {
	err := s.receive()
	s.cancel(err)
	s.inbox.close(context.Cause(s.ctx))
}

func (s *session) receive() error {
	for {
		event, err := s.next()
		if err != nil {
			return err
		}
		kind := peek(event)
		switch {
		case kind == ari.Events.ChannelUserevent && s.isPing(event):
			continue
		case kind == ari.Events.ApplicationReplaced:
			s.node.metrics.events.WithLabelValues(kind).Inc()
			return errReplaced
		case !used[kind]:
			s.node.metrics.events.WithLabelValues(typeUnused).Inc()
			s.node.log.Debug("passed over an event that we do not use", "type", kind)
			continue
		}
		s.node.metrics.events.WithLabelValues(kind).Inc()
		s.inbox.put(item{event: event})
	}
}

// next reads one event, within the read deadline.
func (s *session) next() ([]byte, error) {
	silence := s.node.timing.silence
	ctx, cancel := context.WithTimeoutCause(s.ctx, silence,
		fmt.Errorf("nothing has come from Asterisk for %s, not even our own ping", silence))
	defer cancel()
	_, event, err := s.conn.Read(ctx)
	if err == nil {
		return event, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		return nil, fmt.Errorf("the event stream was closed by Asterisk (%d %s)", closed.Code, closed.Reason)
	}
	return nil, fmt.Errorf("reading Asterisk's events: %w", err)
}

// isPing says whether a user event is our own ping.
func (s *session) isPing(event []byte) bool {
	var user struct {
		Name string `json:"eventname"`
	}
	return json.Unmarshal(event, &user) == nil && user.Name == s.ping
}

// keepPinging posts user events to our own application. That they come back shows that the stream is
// alive; the read deadline notices when they do not.
func (s *session) keepPinging() {
	path := "/events/user/" + s.ping + "?" + url.Values{"application": {s.node.application}}.Encode()
	ticker := time.NewTicker(s.node.timing.ping)
	defer ticker.Stop()
	for {
		if err := s.node.request(s.ctx, http.MethodPost, path, nil, nil); err != nil && s.ctx.Err() == nil {
			s.node.metrics.pingsFailed.Inc()
			s.node.log.Debug("a ping failed", "error", err)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
