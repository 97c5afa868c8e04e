package aritest

import (
	"maps"
	"slices"
	"time"
)

// Call is a caller for [Server.Arrive].
type Call struct {
	Channel   string
	ANI, Name string
	DNIS      string
	Dialled   string // "": DNIS
	Script    string // "": the one of the options
}

// Arrive lets a call come in from the trunk, through the dialplan.
func (s *Server) Arrive(call Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.newChannel(call.Channel, "PJSIP/trunk-"+call.Channel)
	c.Caller = Caller{Name: call.Name, Number: call.ANI}
	c.Dialplan.Exten = call.DNIS
	c.variables["CALLBACKD_DIALLED"] = call.Dialled
	s.arrive(c, call.Script)
}

// Hangup ends a channel, as its phone would, with a cause. It is no error if it has ended.
func (s *Server) Hangup(channel string, cause int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channel]; c != nil {
		s.end(c, cause)
	}
}

// Press presses keys on a channel's phone.
func (s *Server) Press(channel, keys string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channel]; c != nil {
		s.press(c, keys)
	}
}

// SetDevice changes a device's state and tells who subscribed.
func (s *Server) SetDevice(name, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changeDevice(name, state)
}

// Emit sends any event to an application, as it is written.
func (s *Server) Emit(application, event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.active(application); a != nil {
		a.socket.put([]byte(event))
	}
}

// Replace takes an application over, as another program with its name would.
func (s *Server) Replace(application string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replace(application)
}

// Restart lets Asterisk start again: all calls are gone, nobody is told, all sockets are cut.
func (s *Server) Restart() {
	s.mu.Lock()
	for _, c := range s.channels {
		s.forget(c)
	}
	clear(s.bridges)
	clear(s.playbacks)
	s.started = time.Now()
	s.mu.Unlock()
	s.Cut()
}

// Channels lists the channels.
func (s *Server) Channels() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.channels))
}

// Variables returns a channel's variables.
func (s *Server) Variables(channel string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	if c == nil {
		return nil
	}
	return maps.Clone(c.variables)
}

// Sockets is how many websockets are open.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

// Requests lists the requests so far that begin so, as in "POST /ari/channels/create".
func (s *Server) Requests(begin string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for _, request := range s.requests {
		if len(request) >= len(begin) && request[:len(begin)] == begin {
			found = append(found, request)
		}
	}
	return found
}

// Connections is how many TCP connections were opened so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}
