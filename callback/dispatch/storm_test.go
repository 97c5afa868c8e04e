package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// stormSeeds is how many storms are played.
const stormSeeds = 20

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

// Match commits at once, and answers up to two seconds later.
func (m *mortal) Match(ctx context.Context, request MatchRequest) ([]Match, error) {
	if m.dead.Load() {
		return nil, errAway
	}
	matches, err := m.fakeStore.Match(ctx, request)
	m.pbx.mu.Lock()
	takes, lost := max(m.dice.IntN(6000)-4000, 0), m.dice.IntN(10) == 0
	m.pbx.mu.Unlock()
	select {
	case <-ctx.Done(): // the offers stand, and nobody hears of it
		lost = true
	case <-time.After(time.Duration(takes) * time.Millisecond):
	}
	if len(matches) > 0 && lost {
		return matches, ErrUnsure
	}
	return matches, err
}

func (m *mortal) Made(ctx context.Context, matches []Match) ([]Match, error) {
	if m.dead.Load() {
		return nil, errAway
	}
	return m.fakeStore.Made(ctx, matches)
}

func (m *mortal) AskAgentAt(ctx context.Context, endpoint string, ask callback.AgentAsk, askedBy string) (callback.AgentState, error) {
	if m.dead.Load() {
		return callback.AgentState{}, errAway
	}
	return m.fakeStore.AskAgentAt(ctx, endpoint, ask, askedBy)
}

func (m *mortal) QueueCallback(ctx context.Context, lease Lease, change Change) (callback.ContactID, error) {
	return m.Create(ctx, lease, change)
}

func (m *mortal) OpenCallback(ctx context.Context, numberKey, skill string) (Record, error) {
	if m.dead.Load() {
		return Record{}, errAway
	}
	return m.fakeStore.OpenCallback(ctx, numberKey, skill)
}

func (m *mortal) NotePhones(ctx context.Context, lease Lease, phones Phones) error {
	if m.dead.Load() {
		return errAway
	}
	return m.fakeStore.NotePhones(ctx, lease, phones)
}

// RoundTrip is the web server, which may take longer than the scripts wait.
func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.dead.Load() {
		return nil, errors.New("dead")
	}
	m.pbx.mu.Lock()
	m.requests[r.URL.Path]++
	takes := time.Duration(m.dice.IntN(8000)) * time.Millisecond
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
	case 14:
		s.person()
	case 15, 16:
		p.dialCode()
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
	case 17, 18:
		p.transfer()
	case 19, 20:
		p.setOwnCall(!p.ownCall)
	default:
		p.people(p.dice.IntN(3) == 0)
	}
}

// person asks for something, of any of the contacts.
func (s *storm) person() {
	s.store.mu.Lock()
	contacts := len(s.store.contacts)
	s.store.mu.Unlock()
	if contacts == 0 {
		return
	}
	request := callback.Request{Contact: callback.ContactID(s.dice.IntN(contacts) + 1), AskedBy: "ann"}
	number := fmt.Sprintf("212555%04d", 9000+s.dice.IntN(3))
	switch s.dice.IntN(4) {
	case 0:
		request.Kind = callback.RequestCancel
	case 1:
		request.Kind, request.Changes = callback.RequestChange, callback.Changes{PhoneNumber: &number}
	default:
		request.Kind = callback.RequestRelease
	}
	s.store.request(request)
}

// dialCode lets the agent log in or out, pause, or be ready.
func (p *pbx) dialCode() {
	p.dialled++
	code := callback.CodeDialled{
		Channel: fmt.Sprintf("code-%04d", p.dialled), Endpoint: "PJSIP/1001", Code: []string{"login", "pause", "ready"}[p.dice.IntN(3)],
	}
	p.lines[code.Channel] = &phoneLine{state: callback.ChannelUp, code: &code}
	p.tell(code)
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
	s.store.presence = callback.Available
	s.store.mu.Unlock()
	s.pbx.mu.Lock()
	s.pbx.mute = false
	s.pbx.setOwnCall(false)
	s.pbx.mu.Unlock()
	for range 400 {
		s.pass(10 * time.Second)
		s.pbx.mu.Lock()
		s.pbx.people(true)
		if id := s.pbx.pick(func(l *phoneLine) bool { return l.state == callback.ChannelUp && l.party != callback.PartyContact }); id != "" && s.pbx.dice.IntN(3) == 0 {
			s.pbx.end(id, callback.CauseNormal)
		}
		if id := s.pbx.pick(func(l *phoneLine) bool { return l.inbound && l.party == callback.PartyContact }); id != "" && s.pbx.dice.IntN(20) == 0 {
			s.pbx.end(id, callback.CauseNormal)
		}
		s.pbx.mu.Unlock()
	}
}

func TestWhateverDiesNobodyIsLostOrStuck(t *testing.T) {
	dials, requests, codes, own := 0, 0, 0, 0
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
				codes += store.codes
				own += store.ownCalls
				for _, record := range store.contacts {
					ended[record.Contact.Outcome]++
				}
			})
		})
	}
	if dials == 0 || requests == 0 || codes == 0 || own == 0 || ended[callback.OutcomeTransferred] == 0 || ended[callback.OutcomeTakenOver] == 0 || ended[callback.OutcomeCancelled] == 0 || ended[callback.OutcomeHungUp] == 0 {
		t.Errorf("the storms have not come far: %d callbacks, %d web requests, %d codes, %d own calls, outcomes %v", dials, requests, codes, own, ended)
	}
	t.Logf("%d callbacks, %d web requests, %d codes, %d own calls, outcomes %v", dials, requests, codes, own, ended)
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
	for _, request := range s.store.asked {
		if request.done == nil {
			s.t.Errorf("the request %+v still stands", request.Request)
		}
	}
	s.pbx.mu.Lock()
	defer s.pbx.mu.Unlock()
	for path, n := range s.pbx.requests {
		if n > 1 {
			s.t.Errorf("the web server was asked %d times for %s", n, path)
		}
	}
	if s.store.codes > s.pbx.dialled {
		s.t.Errorf("%d codes were dialled, and %d carried out", s.pbx.dialled, s.store.codes)
	}
	if len(s.pbx.lines) > 0 || len(s.pbx.bridges) > 0 || s.d.sessionCount() > 0 {
		s.t.Errorf("left: channels %v, bridges %v, %v sessions", s.pbx.lines, s.pbx.bridges, s.d.sessionCount())
	}
}
