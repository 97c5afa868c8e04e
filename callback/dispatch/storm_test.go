package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// stormSeeds is how many storms are played.
const stormSeeds = 20

// phoneLine is a channel of the storm's Asterisk.
type phoneLine struct {
	party   callback.Party
	contact callback.ContactID
	state   callback.ChannelState
	inbound bool
	dialled bool
}

// pbx is an Asterisk with people on its phones. It outlives the daemons that connect to it.
type pbx struct {
	t     *testing.T
	store *fakeStore

	mu       sync.Mutex
	lines    map[string]*phoneLine
	bridges  map[string][]string
	playing  map[string]string // playback to channel
	deliver  func(callback.Event)
	lose     func() // breaks the event stream
	hearing  bool
	mute     bool // commands are not answered
	dice     *rand.Rand
	dials    int
	arrivals int
	requests map[string]int // web requests, by URL
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

func (p *pbx) snapshot() *callback.Snapshot {
	s := &callback.Snapshot{
		Channels: map[string]callback.SnapshotChannel{}, Bridges: map[string][]string{},
		Devices: map[string]callback.DeviceState{"PJSIP/1001": callback.DeviceNotInUse},
	}
	for id, line := range p.lines {
		found := callback.SnapshotChannel{State: line.state}
		if line.inbound {
			arrived := arrival(id)
			found.Arrived = &arrived
		}
		s.Channels[id] = found
	}
	for id, channels := range p.bridges {
		s.Bridges[id] = slices.Clone(channels)
	}
	return s
}

// arrival is a call that runs the example; or, every second one, the script that asks for much, from one of
// a few numbers.
func arrival(channel string) callback.LegArrived {
	n, _ := strconv.Atoi(strings.TrimPrefix(channel, "in-"))
	call := callback.LegArrived{
		Channel: channel, Script: "example", ANI: fmt.Sprintf("212555%04d", n), DNIS: "8005550100", Dialled: "8005550100",
	}
	if n%2 == 0 {
		call.Script, call.ANI = "tried", fmt.Sprintf("212555%04d", n%4)
	}
	return call
}

// asksForMuch takes places over, asks a web server, queues other callbacks, and waits.
const asksForMuch = `
type: Phone
start: take
events: {OnAnswer: note, OnAgentRelease: survey}
actions:
  take: {Contacttakeover: {Skill: support}, branches: {Default: round, NotFound: request, OnError: request}}
  request: {Reqagent: {Skill: support}, branches: {Default: round}}
  round: {Loop: {Times: 100}, branches: {Again: crm, OnComplete: music}}
  crm: {WebRequest: {URL: "https://crm.example/{CONTACTID}/{LOOP}", TimeoutSec: 5}, branches: {Default: music, OnError: music}}
  music: {Music: {Seconds: 20}, branches: {Default: offer}}
  offer: {Menu: {Prompt: [callbackd/offer], Keys: "1", FirstKeySec: 5}, branches: {"1": other, Default: round}}
  other: {Queuecallback: {Skill: support, PhoneNumber: "2129990{CONTACTID}"}, branches: {Default: thanks, OnError: thanks}}
  thanks: {Play: {Sounds: [callbackd/place-saved]}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: wait, OnError: music}}
  wait: {Wait: {For: 5m}, branches: {Default: waited}}
  waited: {WebRequest: {URL: "https://crm.example/{CONTACTID}/waited"}, branches: {Default: queue, OnError: queue}}
  queue: {Getqueue: {}, branches: {Default: expire, OnError: expire}}
  expire: {Hangup: {}}
  note: {WebRequest: {URL: "https://crm.example/{CONTACTID}/answered"}}
  survey: {Menu: {Prompt: [survey], Keys: "1", FirstKeySec: 5}, branches: {Default: expire}}
`

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

func ringing(l *phoneLine) bool { return !l.inbound && l.state == callback.ChannelRinging }

// mortal is what one daemon sees of store and switch: nothing more, once it is dead.
type mortal struct {
	*fakeStore
	*pbx
	dead atomic.Bool
}

func (m *mortal) Do(ctx context.Context, cmd callback.Command) error {
	if m.dead.Load() {
		return &callback.CommandError{Kind: callback.CommandUnsure, Message: "dead"}
	}
	return m.pbx.Do(ctx, cmd)
}

func (m *mortal) Save(ctx context.Context, lease Lease, change Change) error {
	if m.dead.Load() {
		return errAway
	}
	return m.fakeStore.Save(ctx, lease, change)
}

func (m *mortal) Create(ctx context.Context, lease Lease, change Change) (callback.ContactID, error) {
	if m.dead.Load() {
		return 0, errAway
	}
	return m.fakeStore.Create(ctx, lease, change)
}

func (m *mortal) Match(ctx context.Context, request MatchRequest) (*Match, error) {
	if m.dead.Load() {
		return nil, errAway
	}
	return m.fakeStore.Match(ctx, request)
}

func (m *mortal) QueueCallback(ctx context.Context, lease Lease, change Change) (callback.ContactID, error) {
	return m.Create(ctx, lease, change)
}

func (m *mortal) OpenCallback(ctx context.Context, number, skill string) (Record, error) {
	if m.dead.Load() {
		return Record{}, errAway
	}
	return m.fakeStore.OpenCallback(ctx, number, skill)
}

// RoundTrip is the web server, which may take longer than the scripts wait.
func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.dead.Load() {
		return nil, errors.New("dead")
	}
	m.pbx.mu.Lock()
	m.requests[r.URL.Path]++
	takes := time.Duration(m.pbx.dice.IntN(8000)) * time.Millisecond
	m.pbx.mu.Unlock()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-time.After(takes):
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}
}

// storm is a daemon after another, with weather.
type storm struct {
	*stage
	pbx   *pbx
	world *mortal
	dice  *rand.Rand // the pbx has one of its own, under its lock
}

func (s *storm) start() {
	s.world = &mortal{fakeStore: s.store, pbx: s.pbx}
	s.d = newDispatcher(s.t, s.world, s.world, parse(s.t, "tried", asksForMuch))
	s.d.web.client.Transport = s.world
	s.run()
}

// weather does one thing that may happen at any time.
func (s *storm) weather() {
	p := s.pbx
	dice := s.dice.IntN(60)
	switch dice {
	case 0:
		s.world.dead.Store(true) // kill -9
		s.stop()
		s.start()
		return
	case 1:
		s.stop() // SIGTERM
		s.start()
		return
	case 2, 3:
		s.store.setAway(s.dice.IntN(2) == 0)
		return
	case 4, 5:
		saved := s.dice.IntN(2) == 0
		s.store.mu.Lock()
		s.store.unsure = func(Change) (bool, bool) { return true, saved }
		if s.dice.IntN(4) == 0 {
			s.store.unsureCreate = func() bool { return saved }
		}
		s.store.mu.Unlock()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch dice {
	case 6:
		p.hearing = false
		p.lose()
	case 7:
		p.mute = p.dice.IntN(3) == 0
	case 8: // Asterisk dies
		for id := range p.lines {
			delete(p.lines, id)
		}
		clear(p.bridges)
		clear(p.playing)
		p.hearing = false
		p.lose()
	case 9, 12, 13:
		p.arrivals++
		id := fmt.Sprintf("in-%04d", 1000+p.arrivals)
		p.lines[id] = &phoneLine{party: callback.PartyContact, state: callback.ChannelRinging, inbound: true}
		p.tell(arrival(id))
	case 10:
		if id := p.pick(func(*phoneLine) bool { return true }); id != "" {
			p.end(id, callback.CauseNormal)
		}
	case 11:
		if id := p.pick(ringing); id != "" {
			p.end(id, callback.CauseRejected)
		}
	default:
		p.people(p.dice.IntN(3) == 0)
	}
}

// people do what is expected of them: prompts end, callers press 1, phones are answered, those of agents
// only if they are willing.
func (p *pbx) people(willing bool) {
	for id, line := range p.lines {
		if line.inbound {
			p.tell(callback.KeyPressed{Channel: id, Key: "1"})
		}
	}
	for playback, channel := range p.playing {
		if p.lines[channel] != nil && p.lines[channel].party == callback.PartyContact {
			delete(p.playing, playback)
			p.tell(callback.PlaybackFinished{Channel: channel, Playback: playback})
		}
	}
	answers := func(l *phoneLine) bool { return ringing(l) && (willing || l.party == callback.PartyContact) }
	if id := p.pick(answers); id != "" {
		_ = p.answer(id)
	}
}

// calm puts all right and lets people be served until nothing moves.
func (s *storm) calm() {
	s.store.setAway(false)
	s.store.mu.Lock()
	s.store.unsure, s.store.unsureCreate = nil, nil
	s.store.mu.Unlock()
	s.pbx.mu.Lock()
	s.pbx.mute = false
	s.pbx.mu.Unlock()
	for range 400 {
		s.pass(10 * time.Second)
		s.pbx.mu.Lock()
		s.pbx.people(true)
		if id := s.pbx.pick(func(l *phoneLine) bool { return l.state == callback.ChannelUp && l.party == callback.PartyAgent }); id != "" && s.pbx.dice.IntN(3) == 0 {
			s.pbx.end(id, callback.CauseNormal)
		}
		if id := s.pbx.pick(func(l *phoneLine) bool { return l.inbound }); id != "" && s.pbx.dice.IntN(20) == 0 {
			s.pbx.end(id, callback.CauseNormal)
		}
		s.pbx.mu.Unlock()
	}
}

func TestWhateverDiesNobodyIsLostOrStuck(t *testing.T) {
	dials, requests := 0, 0
	ended := map[callback.Outcome]int{}
	for seed := range uint64(stormSeeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newFakeStore()
				p := &pbx{
					t: t, store: store, lines: map[string]*phoneLine{}, bridges: map[string][]string{},
					playing: map[string]string{}, requests: map[string]int{}, dice: rand.New(rand.NewPCG(seed, 0)),
				}
				s := &storm{stage: &stage{t: t, store: store}, pbx: p, dice: rand.New(rand.NewPCG(seed, 1))}
				s.start()
				for range 500 {
					s.weather()
					s.pass(time.Duration(s.dice.IntN(4000)) * time.Millisecond)
				}
				s.calm()
				s.check()
				s.stop()
				dials += p.dials
				requests += len(p.requests)
				for _, record := range store.contacts {
					ended[record.Contact.Outcome]++
				}
			})
		})
	}
	if dials == 0 || requests == 0 || ended[callback.OutcomeTakenOver] == 0 || ended[callback.OutcomeHungUp] == 0 {
		t.Errorf("the storms have not come far: %d callbacks, %d web requests, outcomes %v", dials, requests, ended)
	}
	t.Logf("%d callbacks, %d web requests, outcomes %v", dials, requests, ended)
}

// check proves that everyone has an outcome, that a promise was kept or is left to a person, and that
// nothing is left in Asterisk.
func (s *storm) check() {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for id, record := range s.store.contacts {
		c := record.Contact
		if c.State != callback.StateEnded && c.State != callback.StateStuck {
			s.t.Errorf("contact %d is %s: place %+v, offer %+v, attempt %+v, legs %+v", id, c.State, c.Place, c.Offer, c.Attempt, c.Legs)
		}
		if s.store.promised[id] && (c.Promise == nil || c.Outcome == callback.OutcomeAbandoned) {
			s.t.Errorf("contact %d was promised a callback and is %s %q", id, c.State, c.Outcome)
		}
	}
	if s.store.agent != callback.Free && s.store.agent != callback.Refused {
		s.t.Errorf("the agent is %s", s.store.agent)
	}
	s.pbx.mu.Lock()
	defer s.pbx.mu.Unlock()
	for path, n := range s.pbx.requests {
		if n > 1 {
			s.t.Errorf("the web server was asked %d times for %s", n, path)
		}
	}
	if len(s.pbx.lines) > 0 || len(s.pbx.bridges) > 0 || s.d.sessionCount() > 0 {
		s.t.Errorf("left: channels %v, bridges %v, %v sessions", s.pbx.lines, s.pbx.bridges, s.d.sessionCount())
	}
}
