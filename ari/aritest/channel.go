package aritest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Far is what the far end of an endpoint does when it is dialled.
type Far int

// The far ends.
const (
	FarAnswers   Far = iota // rings and answers
	FarRings                // rings until the time is up
	FarSilent               // takes the call and says nothing
	FarBusy                 // is busy
	FarDeclines             // declines
	FarRedirects            // names another number, which is not followed
)

// The hang-up causes that the server tells.
const (
	causeNormal    = 16
	causeBusy      = 17
	causeNoAnswer  = 19
	causeDeclined  = 21
	causeRedirect  = 23
	causeAway      = 41
	causeNoCircuit = 34
)

// reasons are the hang-up reasons that a request may name.
var reasons = map[string]int{"": causeNormal, "normal": causeNormal, "busy": causeBusy, "no_answer": causeNoAnswer, "congestion": causeNoCircuit}

// announced are the variables that come with each channel, as ari.conf has it.
var announced = []string{"CALLBACKD_DNIS", "CALLBACKD_DIALLED", "CALLBACKD_CONTACT"}

// channel is a channel's state.
type channel struct {
	Channel
	endpoint    string
	stasis      string          // the application that it is in; "" for none
	subscribers map[string]bool // applications that asked for its events
	variables   map[string]string
	dialled     bool
	bridge      *bridgeState
	playing     []*playbackState // the first plays, the others wait
	peer        *channel         // the other half of a Local channel
	timer       *time.Timer      // of the dial
}

// local is how the name of a Local channel begins.
const local = "Local/"

func (s *Server) newChannel(id, name string) *channel {
	c := &channel{subscribers: make(map[string]bool), variables: make(map[string]string)}
	c.ID, c.Name, c.State, c.Language = id, name, "Down", "en"
	c.CreationTime = stamp(time.Now())
	s.channels[id] = c
	return c
}

// view is the channel as it is told to others.
func (c *channel) view() *Channel {
	view := c.Channel
	view.ChannelVars = make(map[string]string)
	for _, name := range announced {
		view.ChannelVars[name] = c.variables[name]
	}
	return &view
}

func (s *Server) listChannels(*http.Request, map[string]any) (int, any, *failure) {
	list := []*Channel{}
	for _, id := range slices.Sorted(maps.Keys(s.channels)) {
		list = append(list, s.channels[id].view())
	}
	return http.StatusOK, list, nil
}

func (s *Server) getChannel(r *http.Request, _ map[string]any) (int, any, *failure) {
	c := s.channels[r.PathValue("id")]
	if c == nil {
		return 0, nil, noChannel
	}
	return http.StatusOK, c.view(), nil
}

func (s *Server) create(_ *http.Request, body map[string]any) (int, any, *failure) {
	endpoint, id, app := text(body, "endpoint"), text(body, "channelId"), text(body, "app")
	if s.channels[id] != nil {
		return 0, nil, refuse(http.StatusConflict, "Channel with given unique ID already exists")
	}
	if _, known := s.options.Endpoints[endpoint]; !known && !strings.HasPrefix(endpoint, local) {
		return 0, nil, &failure{http.StatusInternalServerError, "error", "Allocation failed"}
	}
	c := s.newChannel(id, endpoint+"-1")
	c.endpoint = endpoint
	c.subscribers[app] = true
	variables, _ := body["variables"].(map[string]any)
	for name, value := range variables {
		c.set(name, fmt.Sprint(value))
	}
	if strings.HasPrefix(endpoint, local) {
		s.pair(c, text(body, "otherChannelId"))
	}
	s.enter(c, app, text(body, "appArgs"))
	return http.StatusOK, c.view(), nil
}

// set sets a variable, or what Asterisk's functions of that name set.
func (c *channel) set(name, value string) {
	switch name {
	case "CONNECTEDLINE(num)":
		c.Connected.Number = value
	case "CONNECTEDLINE(name)":
		c.Connected.Name = value
	}
	c.variables[name] = value
}

// pair makes the dialplan's half of a Local channel.
func (s *Server) pair(c *channel, otherID string) {
	if otherID == "" {
		otherID = c.ID + ";2"
	}
	other := s.newChannel(otherID, c.endpoint+"-2")
	other.Caller = c.Connected
	other.peer, c.peer = c, other
	maps.Copy(other.variables, c.variables)
}

// enter brings a channel into an application. It returns false if nobody is connected there.
func (s *Server) enter(c *channel, app, args string) bool {
	c.Dialplan.AppName, c.Dialplan.AppData = "Stasis", app+","+args
	a := s.active(app)
	if a == nil {
		return false
	}
	c.stasis = app
	s.tell(c, Event{Type: "StasisStart", Args: strings.Split(args, ","), Channel: c.view()})
	return true
}

func (s *Server) dial(r *http.Request, body map[string]any) (int, any, *failure) {
	c := s.channels[r.PathValue("id")]
	if c == nil {
		return 0, nil, noChannel
	}
	if c.State != "Down" {
		return 0, nil, refuse(http.StatusConflict, "Channel is not in the 'Down' state")
	}
	if c.dialled {
		s.end(c, causeNormal)
		return http.StatusNoContent, noContent, nil
	}
	c.dialled = true
	s.tell(c, Event{Type: "Dial", Peer: c.view()})
	if seconds, _ := body["timeout"].(float64); seconds > 0 {
		c.timer = time.AfterFunc(time.Duration(seconds*float64(time.Second)), func() { s.Hangup(c.ID, causeNoAnswer) })
	}
	if c.peer != nil {
		s.arrive(c.peer, "")
		return http.StatusNoContent, noContent, nil
	}
	s.reach(c, s.options.Endpoints[c.endpoint])
	return http.StatusNoContent, noContent, nil
}

// reach lets the far end do what it does.
func (s *Server) reach(c *channel, far Far) {
	switch far {
	case FarAnswers:
		s.ring(c)
		s.up(c)
		s.tell(c, Event{Type: "Dial", DialStatus: "ANSWER", Peer: c.view()})
	case FarRings:
		s.ring(c)
	case FarSilent:
	case FarBusy:
		s.end(c, causeBusy)
	case FarDeclines:
		s.end(c, causeDeclined)
	case FarRedirects:
		s.end(c, causeRedirect)
	}
}

func (s *Server) ring(c *channel) {
	s.tell(c, Event{Type: "Dial", DialStatus: "RINGING", Peer: c.view()})
	c.State = "Ringing"
	s.tell(c, Event{Type: "ChannelStateChange", Channel: c.view()})
}

func (s *Server) up(c *channel) {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.State = "Up"
	s.tell(c, Event{Type: "ChannelStateChange", Channel: c.view()})
}

// arrive runs the dialplan on a caller's channel: into the application, or to its end.
func (s *Server) arrive(c *channel, script string) {
	if script == "" {
		script = s.options.Script
	}
	c.State = "Ring"
	number := c.Dialplan.Exten
	if c.peer != nil {
		number, _, _ = strings.Cut(strings.TrimPrefix(c.peer.endpoint, local), "@")
	}
	c.Dialplan = Dialplan{Context: "from-trunk", Exten: number, Priority: 1}
	for _, name := range []string{"CALLBACKD_DNIS", "CALLBACKD_DIALLED"} {
		if c.variables[name] == "" {
			c.variables[name] = number
		}
	}
	if !s.enter(c, DialplanApplication, script) {
		s.end(c, causeAway)
	}
}

func (s *Server) answer(r *http.Request, _ map[string]any) (int, any, *failure) {
	c, failed := s.inStasis(r)
	if failed != nil {
		return 0, nil, failed
	}
	s.up(c)
	if c.peer != nil {
		s.up(c.peer)
		s.tell(c.peer, Event{Type: "Dial", DialStatus: "ANSWER", Peer: c.peer.view()})
	}
	return http.StatusNoContent, noContent, nil
}

// inStasis finds the channel of a request that only a channel in an application can serve.
func (s *Server) inStasis(r *http.Request) (*channel, *failure) {
	c := s.channels[r.PathValue("id")]
	if c == nil {
		return nil, noChannel
	}
	if c.stasis == "" {
		return nil, notInStasis
	}
	return c, nil
}

func (s *Server) deleteChannel(r *http.Request, _ map[string]any) (int, any, *failure) {
	cause, known := reasons[r.URL.Query().Get("reason")]
	if !known {
		return 0, nil, refuse(http.StatusBadRequest, "Invalid reason for hangup reason provided")
	}
	c := s.channels[r.PathValue("id")]
	if c == nil {
		return 0, nil, noChannel
	}
	s.end(c, cause)
	return http.StatusNoContent, noContent, nil
}

// end hangs a channel up, and the other half of a Local one with it.
func (s *Server) end(c *channel, cause int) {
	if s.channels[c.ID] != c {
		return
	}
	s.tell(c, Event{Type: "ChannelHangupRequest", Channel: c.view(), Cause: cause})
	s.silence(c)
	s.part(c)
	s.leave(c)
	s.forget(c)
	s.tell(c, Event{Type: "ChannelDestroyed", Channel: c.view(), Cause: cause})
	if c.peer != nil {
		s.end(c.peer, cause)
	}
}

func (s *Server) forget(c *channel) {
	delete(s.channels, c.ID)
	if c.timer != nil {
		c.timer.Stop()
	}
	for _, p := range c.playing {
		p.stop()
	}
}

// leave takes a channel out of its application, whose interest in it ends.
func (s *Server) leave(c *channel) {
	if c.stasis == "" {
		return
	}
	s.tell(c, Event{Type: "StasisEnd", Channel: c.view()})
	c.stasis = ""
}

// continueInDialplan sends a channel on. The shipped dialplan ends the call, with a word of regret for
// one that was given back.
func (s *Server) continueInDialplan(r *http.Request, _ map[string]any) (int, any, *failure) {
	c, failed := s.inStasis(r)
	if failed != nil {
		return 0, nil, failed
	}
	s.silence(c)
	s.part(c)
	s.leave(c)
	cause := causeNormal
	if c.variables["CALLBACKD_STATUS"] != "" {
		cause = causeAway
	}
	s.end(c, cause)
	return http.StatusNoContent, noContent, nil
}

func (s *Server) setVariable(r *http.Request, body map[string]any) (int, any, *failure) {
	c, failed := s.inStasis(r)
	if failed != nil {
		return 0, nil, failed
	}
	c.set(text(body, "variable"), text(body, "value"))
	return http.StatusNoContent, noContent, nil
}

func (s *Server) getVariable(r *http.Request, _ map[string]any) (int, any, *failure) {
	c := s.channels[r.PathValue("id")]
	if c == nil {
		return 0, nil, noChannel
	}
	return http.StatusOK, map[string]string{"value": c.variables[r.URL.Query().Get("variable")]}, nil
}

func (s *Server) sendKeys(r *http.Request, body map[string]any) (int, any, *failure) {
	c, failed := s.inStasis(r)
	if failed != nil {
		return 0, nil, failed
	}
	if c.peer != nil {
		s.press(c.peer, text(body, "dtmf"))
	}
	return http.StatusNoContent, noContent, nil
}

// press tells keys. A bridge that was not asked for them passes them on to the other party only.
func (s *Server) press(c *channel, keys string) {
	if c.bridge != nil && !c.bridge.keys {
		return
	}
	for _, key := range keys {
		s.tell(c, Event{Type: "ChannelDtmfReceived", Channel: c.view(), Digit: string(key)})
	}
}

// text is a field of a request's body.
func text(body map[string]any, name string) string {
	value, _ := body[name].(string)
	return value
}
