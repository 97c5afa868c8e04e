package rehearse

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/callbackd/callbackd/callback"
)

const (
	// soundTime is how long a sound lasts of which nothing else is known.
	soundTime = 3 * time.Second
	// spokenTime is the same for one of the sounds of a number.
	spokenTime = 600 * time.Millisecond
)

// asterisk is what exists in the Asterisk of a rehearsal. It carries out each command at once and tells
// of it as Asterisk does.
type asterisk struct {
	lines   map[string]*line     // by channel
	playing map[string]*playback // by ID
	bridges map[string]bool
}

// line is a channel.
type line struct {
	party   callback.Party
	agent   string // of an agent's
	ringing bool
	up      bool
	bridge  string
}

type playback struct{ channel string }

// deliver tells callbackd of an event in a moment, where it is there to hear it.
func (s *stage) deliver(ev callback.Event) {
	s.after(0, func() {
		if !s.down {
			s.turn("", ev)
		}
	})
}

// refuse says that a command was not carried out.
func (s *stage) refuse(cmd callback.Command, kind callback.CommandErrorKind, reason string) {
	s.deliver(callback.CommandFailed{Command: cmd, Err: &callback.CommandError{Kind: kind, Status: http.StatusNotFound, Message: reason}})
}

func (s *stage) gone(cmd callback.Command) {
	s.refuse(cmd, callback.CommandNotFound, "it does not exist any more")
}

// carryOut does what a command says.
func (s *stage) carryOut(cmd callback.Command) {
	switch cmd := cmd.(type) {
	case callback.Answer:
		s.answer(cmd.Channel)
	case callback.Play:
		s.playSounds(cmd)
	case callback.StopPlayback:
		s.stopPlayback(cmd)
	case callback.StartMusic:
		s.lastStep().Music = cmd.Class
	case callback.CreateLeg:
		s.createLeg(cmd)
	case callback.DialLeg:
		s.dial(cmd)
	case callback.Join:
		s.join(cmd)
	case callback.Hangup:
		if s.asterisk.lines[cmd.Channel] == nil {
			s.gone(cmd)
			return
		}
		s.endLine(cmd.Channel, callback.CauseNormal)
	case callback.CreateBridge:
		if s.asterisk.bridges == nil {
			s.asterisk.bridges = make(map[string]bool)
		}
		s.asterisk.bridges[cmd.Bridge] = true
	case callback.DestroyBridge:
		delete(s.asterisk.bridges, cmd.Bridge)
		for _, l := range s.asterisk.lines {
			if l.bridge == cmd.Bridge {
				l.bridge = ""
			}
		}
	}
}

// answer brings a line up.
func (s *stage) answer(channel string) {
	l := s.asterisk.lines[channel]
	if l == nil || l.up {
		return
	}
	l.up, l.ringing = true, false
	s.deliver(callback.LegAnswered{Channel: channel})
}

// playSounds plays a list for as long as it lasts. One in which a sound is missing is refused.
func (s *stage) playSounds(cmd callback.Play) {
	l := s.asterisk.lines[cmd.Channel]
	if l == nil {
		s.gone(cmd)
		return
	}
	var names []string
	length, endless := -cmd.Offset, false
	for _, uri := range cmd.Media {
		name, isSound := strings.CutPrefix(uri, "sound:")
		if !isSound {
			endless = true // a tone
			continue
		}
		lasts, exists := s.soundLength(name)
		if !exists {
			if l.party == callback.PartyAgent {
				s.say(fmt.Sprintf("agent %s hears nothing: there is no sound %q", l.agent, name))
			}
			s.refuse(cmd, callback.CommandRejected, fmt.Sprintf("there is no sound %q", name))
			return
		}
		names = append(names, name)
		length += lasts
	}
	switch {
	case l.party == callback.PartyContact:
		s.lastStep().Plays = names
		s.result.heard = append(s.result.heard, names...)
	case len(names) > 0:
		s.say("agent " + l.agent + " hears " + strings.Join(names, ", "))
	}
	p := &playback{cmd.Channel}
	s.asterisk.playing[cmd.Playback] = p
	if endless {
		return
	}
	s.after(max(length, 0), func() {
		if s.asterisk.playing[cmd.Playback] == p {
			s.playbackOver(cmd.Playback)
		}
	})
}

// soundLength is how long a sound lasts, and whether Asterisk has it.
func (s *stage) soundLength(name string) (time.Duration, bool) {
	if slices.Contains(s.rehearsal.Missing, name) {
		return 0, false
	}
	if length, given := s.rehearsal.Sounds[name]; given {
		return length, true
	}
	if s.sounds != nil {
		if length, known := s.sounds.Length(name); known || !s.sounds.Has(name) {
			return length, known
		}
	}
	if strings.HasPrefix(name, "digits/") || strings.HasPrefix(name, "letters/") {
		return spokenTime, true
	}
	return soundTime, true
}

func (s *stage) stopPlayback(cmd callback.StopPlayback) {
	if s.asterisk.playing[cmd.Playback] == nil {
		s.gone(cmd)
		return
	}
	s.playbackOver(cmd.Playback)
}

func (s *stage) playbackOver(id string) {
	channel := s.asterisk.playing[id].channel
	delete(s.asterisk.playing, id)
	s.deliver(callback.PlaybackFinished{Channel: channel, Playback: id})
}

func (s *stage) createLeg(cmd callback.CreateLeg) {
	l := &line{party: cmd.Party}
	if cmd.Party == callback.PartyAgent {
		l.agent = s.contact.Offer.Agent
		s.say(fmt.Sprintf("the phone of agent %s shows %q", l.agent, cmd.CallerName))
	}
	s.asterisk.lines[cmd.Channel] = l
	s.deliver(callback.LegCreated{Channel: cmd.Channel})
}

// dial lets a phone ring until it is answered or its time is over.
func (s *stage) dial(cmd callback.DialLeg) {
	l := s.asterisk.lines[cmd.Channel]
	if l == nil {
		s.gone(cmd)
		return
	}
	l.ringing = true
	s.deliver(callback.LegRinging{Channel: cmd.Channel})
	s.after(cmd.Timeout, func() {
		if s.asterisk.lines[cmd.Channel] == l && l.ringing {
			s.endLine(cmd.Channel, callback.CauseNoAnswer)
		}
	})
	s.after(0, func() { s.react(cmd.Channel) })
}

func (s *stage) join(cmd callback.Join) {
	for _, channel := range cmd.Channels {
		if s.asterisk.lines[channel] == nil || !s.asterisk.bridges[cmd.Bridge] {
			s.gone(cmd)
			return
		}
	}
	for _, channel := range cmd.Channels {
		s.asterisk.lines[channel].bridge = cmd.Bridge
		s.deliver(callback.LegJoined{Channel: channel, Bridge: cmd.Bridge})
	}
}

// endLine ends a channel. What played on it is told of too, as Asterisk does.
func (s *stage) endLine(channel string, cause callback.Cause) {
	delete(s.asterisk.lines, channel)
	s.deliver(callback.LegHangup{Channel: channel})
	for _, id := range sortedKeys(s.asterisk.playing) {
		if s.asterisk.playing[id].channel == channel {
			s.playbackOver(id)
		}
	}
	s.deliver(callback.LegEnded{Channel: channel, Cause: cause})
}

// snapshot is what a callbackd finds that has just started.
func (s *stage) snapshot() *callback.Snapshot {
	snapshot := &callback.Snapshot{
		StartedAt: s.start,
		Channels:  make(map[string]callback.SnapshotChannel),
		Bridges:   make(map[string][]string),
	}
	for bridge := range s.asterisk.bridges {
		snapshot.Bridges[bridge] = nil
	}
	for _, channel := range sortedKeys(s.asterisk.lines) {
		l := s.asterisk.lines[channel]
		state := callback.ChannelDown
		switch {
		case l.up:
			state = callback.ChannelUp
		case l.ringing:
			state = callback.ChannelRinging
		}
		snapshot.Channels[channel] = callback.SnapshotChannel{State: state}
		if l.bridge != "" {
			snapshot.Bridges[l.bridge] = append(snapshot.Bridges[l.bridge], channel)
		}
	}
	return snapshot
}

// find gives the channel of a party's line that fits; "" for none.
func (s *stage) find(party callback.Party, agent string, fits func(*line) bool) string {
	for _, channel := range sortedKeys(s.asterisk.lines) {
		if l := s.asterisk.lines[channel]; l.party == party && l.agent == agent && fits(l) {
			return channel
		}
	}
	return ""
}

func isUp(l *line) bool      { return l.up }
func isRinging(l *line) bool { return l.ringing }
