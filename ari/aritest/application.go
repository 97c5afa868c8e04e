package aritest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// application is a Stasis application, connected or with calls left in it.
type application struct {
	name    string
	socket  *socket // nil: nobody is connected
	devices bool    // subscribed to all device states
	filter  []string
}

// socket is one websocket with what is to be sent on it.
type socket struct {
	cut context.CancelFunc // closes it without a word

	mu     sync.Mutex
	queue  [][]byte
	filled chan struct{} // has room for one wake-up
}

func (k *socket) put(event []byte) {
	k.mu.Lock()
	k.queue = append(k.queue, event)
	k.mu.Unlock()
	select {
	case k.filled <- struct{}{}:
	default:
	}
}

func (k *socket) take() [][]byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	queue := k.queue
	k.queue = nil
	return queue
}

// serveSocket is an application's websocket, until one side ends it.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	if !s.thawed(r.Context()) {
		return
	}
	s.work.Add(1)
	defer s.work.Done()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	k := &socket{cut: cancel, filled: make(chan struct{}, 1)}
	name := r.URL.Query().Get("app")
	s.attach(name, k) // before the client hears that it is connected
	defer s.detach(name, k)
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }() // it may be closed already
	ctx = conn.CloseRead(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.done:
			return
		case <-k.filled:
		}
		if !s.thawed(ctx) || !s.released(ctx) {
			return
		}
		for _, event := range k.take() {
			if conn.Write(ctx, websocket.MessageText, event) != nil {
				return
			}
		}
	}
}

// attach gives an application a socket. The one that it had is told so and hears nothing more.
func (s *Server) attach(name string, k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[k] = true
	s.replace(name)
	a := s.applications[name]
	if a == nil {
		a = &application{name: name}
		s.applications[name] = a
	}
	a.socket, a.devices, a.filter = k, false, nil
}

func (s *Server) replace(name string) {
	a := s.applications[name]
	if a == nil || a.socket == nil {
		return
	}
	s.send(a, Event{Type: "ApplicationReplaced"})
	a.socket = nil
}

// detach takes a socket from its application. One that has calls left stays listed, one without is
// forgotten.
func (s *Server) detach(name string, k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, k)
	a := s.applications[name]
	if a == nil || a.socket != k {
		return
	}
	a.socket = nil
	for _, c := range s.channels {
		if c.stasis == name || c.subscribers[name] {
			return
		}
	}
	delete(s.applications, name)
}

// active returns an application with somebody connected, nil otherwise.
func (s *Server) active(name string) *application {
	if a := s.applications[name]; a != nil && a.socket != nil {
		return a
	}
	return nil
}

// noiseEvery and doubleEvery are how often a server that is not calm adds an event of an unknown type
// and sends an event twice. They share no divisor, so that in the end every type meets both.
const (
	noiseEvery  = 5
	doubleEvery = 7
)

// send queues an event for an application, with the noise of a server that is not calm.
func (s *Server) send(a *application, e Event) {
	if a == nil || a.socket == nil || slices.Contains(a.filter, e.Type) {
		return
	}
	e.Timestamp, e.Application, e.AsteriskID = stamp(time.Now()), a.name, "aritest"
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // Event holds nothing that JSON can't
	}
	s.sent++
	if !s.options.Calm && s.sent%noiseEvery == 0 {
		a.socket.put([]byte(`{"type":"SomethingNewIn23","application":"` + a.name + `"}`))
	}
	a.socket.put(data)
	if !s.options.Calm && s.sent%doubleEvery == 0 {
		a.socket.put(data)
	}
}

// tell sends an event of a channel to all who listen to it.
func (s *Server) tell(c *channel, e Event) {
	for name, a := range s.applications {
		if c.stasis == name || c.subscribers[name] {
			s.send(a, e)
		}
	}
}

func (s *Server) userEvent(r *http.Request, _ map[string]any) (int, any, *failure) {
	a := s.applications[r.URL.Query().Get("application")]
	if a == nil {
		return 0, nil, noApplication
	}
	s.send(a, Event{Type: "ChannelUserevent", EventName: r.PathValue("name")})
	return http.StatusNoContent, noContent, nil
}

func (s *Server) listApplications(*http.Request, map[string]any) (int, any, *failure) {
	list := []any{}
	for _, a := range s.applications {
		list = append(list, s.describe(a))
	}
	return http.StatusOK, list, nil
}

func (s *Server) describe(a *application) any {
	devices := []string{}
	if a.devices {
		devices = append(devices, "__AST_DEVICE_STATE_ALL_TOPIC")
	}
	channels := []string{}
	for id, c := range s.channels {
		if c.stasis == a.name || c.subscribers[a.name] {
			channels = append(channels, id)
		}
	}
	return map[string]any{"name": a.name, "channel_ids": channels, "bridge_ids": []string{}, "endpoint_ids": []string{}, "device_names": devices}
}

func (s *Server) getApplication(r *http.Request, _ map[string]any) (int, any, *failure) {
	a := s.applications[r.PathValue("name")]
	if a == nil {
		return 0, nil, noApplication
	}
	return http.StatusOK, s.describe(a), nil
}

func (s *Server) setFilter(r *http.Request, body map[string]any) (int, any, *failure) {
	a := s.applications[r.PathValue("name")]
	if a == nil {
		return 0, nil, noApplication
	}
	a.filter = nil
	disallowed, _ := body["disallowed"].([]any)
	for _, entry := range disallowed {
		kind, _ := entry.(map[string]any)
		name, _ := kind["type"].(string)
		a.filter = append(a.filter, name)
	}
	return http.StatusOK, s.describe(a), nil
}

// unsubscribe knows the devices alone.
func (s *Server) unsubscribe(r *http.Request, _ map[string]any) (int, any, *failure) {
	a := s.applications[r.PathValue("name")]
	if a == nil {
		return 0, nil, noApplication
	}
	if r.URL.Query().Get("eventSource") != "deviceState:" || !a.devices {
		return 0, nil, refuse(http.StatusUnprocessableEntity, "Event source was not subscribed to")
	}
	a.devices = false
	return http.StatusOK, s.describe(a), nil
}

func (s *Server) subscribe(r *http.Request, body map[string]any) (int, any, *failure) {
	a := s.applications[r.PathValue("name")]
	if a == nil {
		return 0, nil, noApplication
	}
	source, _ := body["eventSource"].(string)
	if source == "deviceState:" {
		a.devices = true
		return http.StatusOK, s.describe(a), nil
	}
	id, isChannel := strings.CutPrefix(source, "channel:")
	c := s.channels[id]
	if !isChannel || c == nil {
		return 0, nil, refuse(http.StatusUnprocessableEntity, "Event source does not exist")
	}
	c.subscribers[a.name] = true
	return http.StatusOK, s.describe(a), nil
}
