package dispatch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// phoneLine is a channel of the storm's Asterisk.
type phoneLine struct {
	party   callback.Party
	contact callback.ContactID
	state   callback.ChannelState
	inbound bool
	dialled bool
	code    *callback.CodeDialled // not nil: an agent has dialled a code
}

// pbx is an Asterisk with people on its phones. It outlives the daemons that connect to it.
type pbx struct {
	t     *testing.T
	store *fakeStore

	mu        sync.Mutex
	lines     map[string]*phoneLine
	bridges   map[string][]string
	playing   map[string]string // playback to channel
	deliver   func(callback.Event)
	lose      func() // breaks the event stream
	hearing   bool
	mute      bool // commands are not answered
	dice      *rand.Rand
	dials     int
	dialled   int  // codes, by the agent
	ownCall   bool // the agent's phone is in a call that is not ours
	arrivals  int
	transfers int
	requests  map[string]int // web requests, by URL
}

// tell delivers an event, if anyone listens.
func (p *pbx) tell(ev callback.Event) {
	if p.hearing {
		p.deliver(ev)
	}
}

// Run serves one daemon; the stream breaks when lose is called and comes up again after 20 s.
func (p *pbx) Run(ctx context.Context, deliver func(callback.Event)) error {
	for {
		link, lose := context.WithCancel(ctx)
		p.mu.Lock()
		p.deliver, p.lose, p.hearing = deliver, lose, true
		deliver(callback.NodeConnected{Snapshot: p.snapshot()})
		p.mu.Unlock()
		<-link.Done()
		lose()
		p.mu.Lock()
		p.hearing = false
		deliver(callback.NodeLost{Err: errors.New("cut")})
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Second):
		}
	}
}

// device is the state of the agent's phone, as far as other calls than ours go.
func (p *pbx) device() callback.DeviceState {
	if p.ownCall {
		return callback.DeviceInUse
	}
	return callback.DeviceNotInUse
}

// setOwnCall begins or ends a call of the agent's own.
func (p *pbx) setOwnCall(on bool) {
	p.ownCall = on
	p.tell(callback.DeviceChanged{Device: "PJSIP/1001", State: p.device()})
}

func (p *pbx) snapshot() *callback.Snapshot {
	s := &callback.Snapshot{
		Channels: map[string]callback.SnapshotChannel{}, Bridges: map[string][]string{},
		Devices: map[string]callback.DeviceState{"PJSIP/1001": p.device()},
	}
	for id, line := range p.lines {
		found := callback.SnapshotChannel{State: line.state}
		if line.inbound {
			arrived := arrival(id)
			if line.party == callback.PartyTransfer {
				arrived = callback.LegArrived{Channel: id}
			}
			found.Arrived = &arrived
		}
		found.Code = line.code
		s.Channels[id] = found
	}
	for id, channels := range p.bridges {
		s.Bridges[id] = slices.Clone(channels)
	}
	return s
}

// Do carries a command out, or loses it or its answer while it is mute.
func (p *pbx) Do(_ context.Context, cmd callback.Command) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mute && p.dice.IntN(2) == 0 {
		return &callback.CommandError{Kind: callback.CommandRejected, Message: "not sent"}
	}
	err := p.carryOut(cmd)
	if p.mute {
		return &callback.CommandError{Kind: callback.CommandUnsure, Message: "not answered"}
	}
	return err
}

var errGone = &callback.CommandError{Kind: callback.CommandNotFound, Status: 404, Message: "not found"}

func (p *pbx) carryOut(cmd callback.Command) error {
	switch cmd := cmd.(type) {
	case callback.CreateLeg:
		if p.lines[cmd.Channel] == nil {
			p.lines[cmd.Channel] = &phoneLine{party: cmd.Party, contact: cmd.Contact, state: callback.ChannelDown}
			p.tell(callback.LegCreated{Channel: cmd.Channel})
		}
		return nil
	case callback.DialLeg:
		line := p.lines[cmd.Channel]
		if line == nil {
			return errGone
		}
		p.dial(cmd.Channel, line)
		return nil
	case callback.Hangup:
		if p.lines[cmd.Channel] == nil {
			return errGone
		}
		p.end(cmd.Channel, callback.CauseNormal)
		return nil
	case callback.CreateBridge:
		p.bridges[cmd.Bridge] = nil
		return nil
	case callback.DestroyBridge:
		if _, ok := p.bridges[cmd.Bridge]; !ok {
			return errGone
		}
		delete(p.bridges, cmd.Bridge)
		return nil
	case callback.Join:
		return p.join(cmd)
	case callback.Answer:
		return p.answer(cmd.Channel)
	case callback.Play:
		if p.lines[cmd.Channel] == nil {
			return errGone
		}
		p.playing[cmd.Playback] = cmd.Channel
		return nil
	case callback.StopPlayback:
		return p.stop(cmd.Playback)
	case callback.GiveBack:
		if p.lines[cmd.Channel] == nil {
			return errGone
		}
		p.tell(callback.LegLeft{Channel: cmd.Channel})
		p.end(cmd.Channel, callback.CauseNormal)
	}
	return nil
}

// dial holds the promise: once a channel, one channel at a time, and only what was saved before.
func (p *pbx) dial(channel string, line *phoneLine) {
	if line.dialled {
		p.t.Errorf("%s is dialled twice", channel)
	}
	line.dialled, line.state = true, callback.ChannelRinging
	if line.party == callback.PartyAgent {
		return
	}
	p.dials++
	if c := p.store.saved(line.contact); c.Attempt == nil || c.Attempt.Channel != channel || c.Attempt.DiallingAt.IsZero() {
		p.t.Errorf("%s is dialled and the database does not know", channel)
	}
	for other, l := range p.lines {
		if other != channel && l.contact == line.contact && l.party == callback.PartyContact && l.dialled {
			p.t.Errorf("contact %d is dialled on %s while %s is open", line.contact, channel, other)
		}
	}
	p.tell(callback.LegRinging{Channel: channel})
}

func (p *pbx) answer(channel string) error {
	line := p.lines[channel]
	if line == nil {
		return errGone
	}
	if line.state != callback.ChannelUp {
		line.state = callback.ChannelUp
		p.tell(callback.LegAnswered{Channel: channel})
	}
	return nil
}

func (p *pbx) join(cmd callback.Join) error {
	if _, ok := p.bridges[cmd.Bridge]; !ok {
		return errGone
	}
	for _, channel := range cmd.Channels {
		if p.lines[channel] == nil {
			return errGone
		}
		p.bridges[cmd.Bridge] = append(p.bridges[cmd.Bridge], channel)
		p.tell(callback.LegJoined{Channel: channel, Bridge: cmd.Bridge})
	}
	return nil
}

func (p *pbx) stop(playback string) error {
	channel, ok := p.playing[playback]
	if !ok {
		return errGone
	}
	delete(p.playing, playback)
	p.tell(callback.PlaybackFinished{Channel: channel, Playback: playback})
	return nil
}

func (p *pbx) end(channel string, cause callback.Cause) {
	delete(p.lines, channel)
	for bridge, channels := range p.bridges {
		p.bridges[bridge] = slices.DeleteFunc(channels, func(c string) bool { return c == channel })
	}
	for playback, on := range p.playing {
		if on == channel {
			delete(p.playing, playback)
		}
	}
	p.tell(callback.LegHangup{Channel: channel})
	p.tell(callback.LegEnded{Channel: channel, Cause: cause})
}

// pick gives one of the channels that fit; "" for none.
func (p *pbx) pick(fits func(*phoneLine) bool) string {
	var found []string
	for id, line := range p.lines {
		if fits(line) {
			found = append(found, id)
		}
	}
	if len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	return found[p.dice.IntN(len(found))]
}

// transfer lets an agent's phone transfer whom it talks to, as Asterisk does it: another channel takes the
// place of the agent's in the bridge. The phone hangs up later.
func (p *pbx) transfer() {
	for _, bridge := range slices.Sorted(maps.Keys(p.bridges)) {
		for i, channel := range p.bridges[bridge] {
			line := p.lines[channel]
			if line == nil || line.party != callback.PartyAgent || len(p.bridges[bridge]) < 2 {
				continue
			}
			p.transfers++
			by := fmt.Sprintf("local-%d", p.transfers)
			p.lines[by] = &phoneLine{party: callback.PartyTransfer, contact: line.contact, state: callback.ChannelUp, inbound: true}
			p.bridges[bridge][i] = by
			p.tell(callback.LegReplaced{Channel: channel, By: by})
			p.tell(callback.LegJoined{Channel: by, Bridge: bridge})
			return
		}
	}
}

func ringing(l *phoneLine) bool { return !l.inbound && l.state == callback.ChannelRinging }
