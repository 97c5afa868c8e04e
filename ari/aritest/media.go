package aritest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// bridgeState is a bridge with its channels.
type bridgeState struct {
	Bridge
	channels []*channel
	keys     bool // are told of the channels in it
}

func (b *bridgeState) view() *Bridge {
	view := b.Bridge
	view.Channels = []string{}
	for _, c := range b.channels {
		view.Channels = append(view.Channels, c.ID)
	}
	return &view
}

// playbackState is a playback on a channel.
type playbackState struct {
	id      string
	channel *channel
	media   []string      // still to be played, the present one first
	offset  time.Duration // into the first of them
	state   string
	timer   *time.Timer
}

func (p *playbackState) view() *Playback {
	media := ""
	if len(p.media) > 0 {
		media = p.media[0]
	}
	return &Playback{ID: p.id, MediaURI: media, TargetURI: "channel:" + p.channel.ID, Language: "en", State: p.state}
}

func (p *playbackState) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

func (s *Server) play(r *http.Request, body map[string]any) (int, any, *failure) {
	c, failed := s.inStasis(r)
	if failed != nil {
		return 0, nil, failed
	}
	p := &playbackState{id: r.PathValue("playback"), channel: c, state: "queued"}
	media, _ := body["media"].([]any)
	for _, uri := range media {
		p.media = append(p.media, fmt.Sprint(uri))
	}
	offset, _ := body["offsetms"].(float64)
	p.offset = time.Duration(offset) * time.Millisecond
	s.playbacks[p.id] = p
	c.playing = append(c.playing, p)
	queued := p.view()
	if len(c.playing) == 1 {
		s.playNext(p)
	}
	return http.StatusCreated, queued, nil
}

// playNext plays the next of a playback's media, or ends it. What is no sound never ends by itself, as
// with the real one.
func (s *Server) playNext(p *playbackState) {
	if len(p.media) == 0 {
		s.finish(p, "done")
		return
	}
	p.state = "playing"
	s.tell(p.channel, Event{Type: "PlaybackStarted", Playback: p.view()})
	name, isSound := strings.CutPrefix(p.media[0], "sound:")
	if !isSound {
		return
	}
	if !slices.Contains(s.options.Sounds, name) {
		if p.media = p.media[1:]; len(p.media) == 0 {
			s.finish(p, "failed")
			return
		}
		s.playNext(p) // as if nothing were missing
		return
	}
	left := s.options.SoundLength - p.offset
	p.offset = 0
	p.timer = time.AfterFunc(left, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(p.channel.playing) > 0 && p.channel.playing[0] == p {
			p.media = p.media[1:]
			s.playNext(p)
		}
	})
}

// finish ends a playback that plays, and begins the one that waits behind it.
func (s *Server) finish(p *playbackState, state string) {
	p.stop()
	p.state = state
	c := p.channel
	c.playing = slices.DeleteFunc(c.playing, func(other *playbackState) bool { return other == p })
	if s.playbacks[p.id] == p {
		delete(s.playbacks, p.id)
	}
	s.tell(c, Event{Type: "PlaybackFinished", Playback: p.view()})
	if len(c.playing) > 0 && c.playing[0].state == "queued" {
		s.playNext(c.playing[0])
	}
}

// silence ends all playbacks of a channel.
func (s *Server) silence(c *channel) {
	for len(c.playing) > 0 {
		s.finish(c.playing[len(c.playing)-1], "done")
	}
}

func (s *Server) getPlayback(r *http.Request, _ map[string]any) (int, any, *failure) {
	p := s.playbacks[r.PathValue("id")]
	if p == nil {
		return 0, nil, noPlayback
	}
	return http.StatusOK, p.view(), nil
}

func (s *Server) stopPlayback(r *http.Request, _ map[string]any) (int, any, *failure) {
	p := s.playbacks[r.PathValue("id")]
	if p == nil {
		return 0, nil, noPlayback
	}
	s.finish(p, "done")
	return http.StatusNoContent, noContent, nil
}

func (s *Server) startMusic(r *http.Request, _ map[string]any) (int, any, *failure) {
	_, failed := s.inStasis(r)
	return http.StatusNoContent, noContent, failed
}

func (s *Server) stopMusic(r *http.Request, _ map[string]any) (int, any, *failure) {
	_, failed := s.inStasis(r)
	return http.StatusNoContent, noContent, failed
}

func (s *Server) listBridges(*http.Request, map[string]any) (int, any, *failure) {
	list := []*Bridge{}
	for _, b := range s.bridges {
		list = append(list, b.view())
	}
	return http.StatusOK, list, nil
}

func (s *Server) createBridge(r *http.Request, body map[string]any) (int, any, *failure) {
	id := r.PathValue("id")
	if s.bridges[id] != nil {
		return 0, nil, refuse(http.StatusConflict, "Bridge with id '"+id+"' already exists")
	}
	kind, attributes, _ := strings.Cut(text(body, "type"), ",")
	b := &bridgeState{Bridge: Bridge{ID: id, Type: kind, Name: text(body, "name")}, keys: attributes == "dtmf_events"}
	s.bridges[id] = b
	return http.StatusOK, b.view(), nil
}

func (s *Server) getBridge(r *http.Request, _ map[string]any) (int, any, *failure) {
	b := s.bridges[r.PathValue("id")]
	if b == nil {
		return 0, nil, noBridge
	}
	return http.StatusOK, b.view(), nil
}

func (s *Server) deleteBridge(r *http.Request, _ map[string]any) (int, any, *failure) {
	b := s.bridges[r.PathValue("id")]
	if b == nil {
		return 0, nil, noBridge
	}
	for len(b.channels) > 0 {
		s.part(b.channels[0])
	}
	delete(s.bridges, b.ID)
	return http.StatusNoContent, noContent, nil
}

func (s *Server) addChannels(r *http.Request, body map[string]any) (int, any, *failure) {
	b := s.bridges[r.PathValue("id")]
	if b == nil {
		return 0, nil, noBridge
	}
	ids, _ := body["channel"].([]any)
	var joining []*channel
	for _, id := range ids {
		c := s.channels[fmt.Sprint(id)]
		if c == nil {
			return 0, nil, refuse(http.StatusBadRequest, "Channel not found")
		}
		if c.stasis == "" {
			return 0, nil, refuse(http.StatusUnprocessableEntity, "Channel not in Stasis application")
		}
		joining = append(joining, c)
	}
	for _, c := range joining {
		s.part(c)
		c.bridge = b
		b.channels = append(b.channels, c)
		s.tell(c, Event{Type: "ChannelEnteredBridge", Channel: c.view(), Bridge: b.view()})
	}
	return http.StatusNoContent, noContent, nil
}

func (s *Server) removeChannel(r *http.Request, body map[string]any) (int, any, *failure) {
	b := s.bridges[r.PathValue("id")]
	if b == nil {
		return 0, nil, noBridge
	}
	c := s.channels[text(body, "channel")]
	switch {
	case c == nil:
		return 0, nil, refuse(http.StatusBadRequest, "Channel not found")
	case c.bridge != b:
		return 0, nil, refuse(http.StatusUnprocessableEntity, "Channel not in this bridge")
	}
	s.part(c)
	return http.StatusNoContent, noContent, nil
}

// part takes a channel out of its bridge.
func (s *Server) part(c *channel) {
	b := c.bridge
	if b == nil {
		return
	}
	c.bridge = nil
	b.channels = slices.DeleteFunc(b.channels, func(other *channel) bool { return other == c })
	s.tell(c, Event{Type: "ChannelLeftBridge", Channel: c.view(), Bridge: b.view()})
}
