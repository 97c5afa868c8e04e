package callback_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
)

func TestWhatAnAgentAsksFor(t *testing.T) {
	until := noon.Add(time.Minute)
	type state = callback.AgentState
	type ask = callback.AgentAsk
	var (
		out      = state{Presence: callback.LoggedOut, Activity: callback.Free}
		free     = state{Presence: callback.Available, Activity: callback.Free}
		paused   = state{Presence: callback.Unavailable, Activity: callback.Free}
		lunch    = state{Presence: callback.Unavailable, Reason: "1", Activity: callback.Free}
		after    = state{Presence: callback.Available, Activity: callback.AfterCall, Until: until}
		refused  = state{Presence: callback.Available, Activity: callback.Refused, Until: until}
		talks    = state{Presence: callback.Available, Activity: callback.WorkingInbound}
		pausedAC = state{Presence: callback.Unavailable, Activity: callback.AfterCall, Until: until}
		outbound = state{Presence: callback.Available, Activity: callback.WorkingOutbound}
	)
	for name, test := range map[string]struct {
		from state
		ask  ask
		to   state
		err  error
	}{
		"log in":                                {out, ask{Kind: callback.AskAvailable}, free, nil},
		"log in by the toggle":                  {out, ask{Kind: callback.AskToggleLogin}, free, nil},
		"log out by the toggle":                 {free, ask{Kind: callback.AskToggleLogin}, out, nil},
		"log out while paused":                  {lunch, ask{Kind: callback.AskToggleLogin}, out, nil},
		"pause":                                 {free, ask{Kind: callback.AskTogglePause}, paused, nil},
		"pause for a reason":                    {free, ask{Kind: callback.AskTogglePause, Reason: "1"}, lunch, nil},
		"pause for another reason":              {paused, ask{Kind: callback.AskTogglePause, Reason: "1"}, lunch, nil},
		"the same reason again ends it":         {lunch, ask{Kind: callback.AskTogglePause, Reason: "1"}, free, nil},
		"no reason ends any pause":              {lunch, ask{Kind: callback.AskTogglePause}, free, nil},
		"no pause while logged out":             {out, ask{Kind: callback.AskTogglePause}, out, callback.ErrLoggedOut},
		"ready ends after-call work":            {after, ask{Kind: callback.AskReady}, free, nil},
		"ready ends Refused":                    {refused, ask{Kind: callback.AskReady}, free, nil},
		"ready ends no pause":                   {pausedAC, ask{Kind: callback.AskReady}, paused, nil},
		"ready ends no call":                    {talks, ask{Kind: callback.AskReady}, talks, nil},
		"not ready while logged out":            {out, ask{Kind: callback.AskReady}, out, callback.ErrLoggedOut},
		"available ends after-call work":        {pausedAC, ask{Kind: callback.AskAvailable}, free, nil},
		"a pause leaves after-call work":        {after, ask{Kind: callback.AskUnavailable}, pausedAC, nil},
		"logging out leaves a call as it is":    {talks, ask{Kind: callback.AskLoggedOut}, state{Presence: callback.LoggedOut, Activity: callback.WorkingInbound}, nil},
		"ready ends no call of their own":       {outbound, ask{Kind: callback.AskReady}, outbound, nil},
		"a pause during a call of their own":    {outbound, ask{Kind: callback.AskTogglePause, Reason: "1"}, state{Presence: callback.Unavailable, Reason: "1", Activity: callback.WorkingOutbound}, nil},
		"logging out during one":                {outbound, ask{Kind: callback.AskToggleLogin}, state{Presence: callback.LoggedOut, Activity: callback.WorkingOutbound}, nil},
		"logging in twice changes nothing more": {talks, ask{Kind: callback.AskAvailable}, talks, nil},
	} {
		got, err := test.from.After(test.ask, noon)
		if got != test.to || !errors.Is(err, test.err) {
			t.Errorf("%s: %+v (%v), want %+v (%v)", name, got, err, test.to, test.err)
		}
	}
}

func TestACallOfTheirOwnIsWorkOfWhoIsLoggedInAndDoesNothingElse(t *testing.T) {
	type state = callback.AgentState
	later, over := noon.Add(time.Minute), noon
	outbound := func(presence callback.Presence) state {
		return state{Presence: presence, Activity: callback.WorkingOutbound}
	}
	for name, test := range map[string]struct {
		from  state
		inUse bool
		to    state
		word  string
	}{
		"free":                        {state{Presence: callback.Available, Activity: callback.Free}, true, outbound(callback.Available), "working_outbound"},
		"paused":                      {state{Presence: callback.Unavailable, Activity: callback.Free}, true, outbound(callback.Unavailable), "working_outbound"},
		"after-call work is over":     {state{Presence: callback.Available, Activity: callback.AfterCall, Until: over}, true, outbound(callback.Available), "working_outbound"},
		"Refused is over":             {state{Presence: callback.Available, Activity: callback.Refused, Until: over}, true, outbound(callback.Available), "working_outbound"},
		"after-call work goes on":     {state{Presence: callback.Available, Activity: callback.AfterCall, Until: later}, true, state{Presence: callback.Available, Activity: callback.AfterCall, Until: later}, "after_call"},
		"Refused goes on":             {state{Presence: callback.Available, Activity: callback.Refused, Until: later}, true, state{Presence: callback.Available, Activity: callback.Refused, Until: later}, "refused"},
		"logged out":                  {state{Presence: callback.LoggedOut, Activity: callback.Free}, true, state{Presence: callback.LoggedOut, Activity: callback.Free}, "logged_out"},
		"offered":                     {state{Presence: callback.Available, Activity: callback.Offered}, true, state{Presence: callback.Available, Activity: callback.Offered}, "offered"},
		"with a contact":              {state{Presence: callback.Available, Activity: callback.WorkingInbound}, true, state{Presence: callback.Available, Activity: callback.WorkingInbound}, "working_inbound"},
		"in a callback":               {state{Presence: callback.Available, Activity: callback.WorkingCallback}, true, state{Presence: callback.Available, Activity: callback.WorkingCallback}, "working_callback"},
		"it goes on":                  {outbound(callback.Available), true, outbound(callback.Available), "working_outbound"},
		"it ends":                     {outbound(callback.Available), false, state{Presence: callback.Available, Activity: callback.Free}, "available"},
		"it ends after a pause":       {outbound(callback.Unavailable), false, state{Presence: callback.Unavailable, Activity: callback.Free}, "unavailable"},
		"it ends after a log-out":     {outbound(callback.LoggedOut), false, state{Presence: callback.LoggedOut, Activity: callback.Free}, "logged_out"},
		"the phone rings for a call":  {state{Presence: callback.Available, Activity: callback.Offered}, false, state{Presence: callback.Available, Activity: callback.Offered}, "offered"},
		"the phone is free at work":   {state{Presence: callback.Available, Activity: callback.WorkingInbound}, false, state{Presence: callback.Available, Activity: callback.WorkingInbound}, "working_inbound"},
		"the phone is free afterward": {state{Presence: callback.Available, Activity: callback.AfterCall, Until: later}, false, state{Presence: callback.Available, Activity: callback.AfterCall, Until: later}, "after_call"},
	} {
		got, err := test.from.After(callback.AgentPhone{InUse: test.inUse}, noon)
		if err != nil || got != test.to || got.Word(noon) != test.word {
			t.Errorf("%s: %+v, %s (%v), want %+v, %s", name, got, got.Word(noon), err, test.to, test.word)
		}
	}
	refusing := state{Presence: callback.Available, Activity: callback.Free, Refusals: 2}
	if got, _ := refusing.After(callback.AgentPhone{InUse: true}, noon); got.Refusals != 2 {
		t.Errorf("a call of their own has made %d of 2 refusals", got.Refusals)
	}
}

func TestTimeEndsAfterCallWorkAndRefusedAtTheirMomentAndNothingElse(t *testing.T) {
	until := noon.Add(time.Minute)
	for _, activity := range []callback.Activity{callback.AfterCall, callback.Refused} {
		s := callback.AgentState{Presence: callback.Available, Activity: activity, Until: until}
		early := until.Add(-time.Microsecond)
		if got, _ := s.After(callback.AgentTime{}, early); got != s || s.Offerable(early) || s.Word(early) != string(activity) {
			t.Errorf("%s has ended early: %+v", activity, got)
		}
		got, _ := s.After(callback.AgentTime{}, until)
		if got.Activity != callback.Free || !got.Until.IsZero() || !s.Offerable(until) || s.Word(until) != "available" {
			t.Errorf("%s has not ended: %+v", activity, got)
		}
	}
	for _, activity := range []callback.Activity{
		callback.Free, callback.Offered, callback.WorkingInbound, callback.WorkingCallback, callback.WorkingOutbound,
	} {
		s := callback.AgentState{Presence: callback.Available, Activity: activity}
		if got, _ := s.After(callback.AgentTime{}, noon.Add(time.Hour)); got != s {
			t.Errorf("time has made %+v of %s", got, activity)
		}
	}
}

// floor is one agent with two contacts, which the agent is offered one after the other.
type floor struct {
	t        *rapid.T
	now      time.Time
	agent    callback.AgentState
	wants    callback.Presence // the last that was asked for
	ownCall  bool              // the phone is in use with a call that is not ours
	contacts []*story
}

// apply lets the agent's state follow from what the contact's turn has brought.
func (f *floor) apply(s *story) {
	for _, change := range s.agents {
		f.change(change)
	}
	s.agents = nil
	f.check()
}

func (f *floor) change(ev callback.AgentEvent) {
	next, err := f.agent.After(ev, f.now)
	if err != nil && (!errors.Is(err, callback.ErrLoggedOut) || f.agent.Presence != callback.LoggedOut || next != f.agent) {
		f.t.Fatalf("%+v makes %+v of %+v: %v", ev, next, f.agent, err)
	}
	f.agent = next
}

// open counts the open offers to the agent.
func (f *floor) open() int {
	n := 0
	for _, s := range f.contacts {
		if s.c.Offer.Open() {
			n++
		}
	}
	return n
}

// check holds the invariants: an agent is at work exactly while one offer is open, is never offered a
// second, and only what was asked for changes the presence.
func (f *floor) check() {
	atWork := f.agent.Activity == callback.Offered || f.agent.Activity == callback.WorkingInbound || f.agent.Activity == callback.WorkingCallback
	if n := f.open(); n > 1 || atWork != (n == 1) {
		f.t.Fatalf("the agent is %s with %d open offers", f.agent.Activity, n)
	}
	if f.agent.Presence != f.wants {
		f.t.Fatalf("the agent asked to be %s and is %s", f.wants, f.agent.Presence)
	}
	if f.agent.Until.IsZero() == (f.agent.Activity == callback.AfterCall || f.agent.Activity == callback.Refused) {
		f.t.Fatalf("%s until %v", f.agent.Activity, f.agent.Until)
	}
	offerable := f.agent.Word(f.now) == "available" || f.agent.Activity == callback.WorkingOutbound && f.wants == callback.Available
	if f.agent.Offerable(f.now) != offerable {
		f.t.Fatalf("%+v is called %s", f.agent, f.agent.Word(f.now))
	}
}

// match offers the agent a contact as the store would, where the phone can be rung.
func (f *floor) match(s *story) {
	p := s.c.Place
	if p == nil || f.ownCall || s.c.Offer.Open() || p.Held || f.now.Before(p.ReadyAt) || !f.agent.Offerable(f.now) {
		return
	}
	s.now = f.now
	f.change(callback.AgentChange{Agent: "1001", Activity: callback.Offered})
	s.event(callback.NewOffer(*p, "1001", "PJSIP/1001", s.env()))
	f.apply(s)
}

func (f *floor) ask(ask callback.AgentAsk) {
	switch {
	case ask.Kind == callback.AskToggleLogin && f.wants == callback.LoggedOut:
		f.wants = callback.Available
	case ask.Kind == callback.AskToggleLogin:
		f.wants = callback.LoggedOut
	case f.wants == callback.LoggedOut && (ask.Kind == callback.AskTogglePause || ask.Kind == callback.AskReady):
	case ask.Kind == callback.AskTogglePause && f.wants == callback.Unavailable && (ask.Reason == "" || ask.Reason == f.agent.Reason):
		f.wants = callback.Available
	case ask.Kind == callback.AskTogglePause:
		f.wants = callback.Unavailable
	case ask.Kind != callback.AskReady:
		f.wants = callback.Presence(ask.Kind)
	}
	f.change(ask)
	f.check()
}

func (f *floor) tell(s *story, ev callback.Event) {
	s.now = f.now
	s.event(ev)
	f.apply(s)
}

func TestNoOrderOfRequestsAndCallsLeavesAnAgentStuckOrDouble(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := &floor{t: rt, now: noon, agent: callback.AgentState{Presence: callback.Available, Activity: callback.Free}, wants: callback.Available}
		for range 2 {
			s := newStory(rt)
			s.skill.AfterCallWork = time.Duration(rapid.SampledFrom([]int{0, 10}).Draw(rt, "after-call work")) * time.Second
			if rapid.Bool().Draw(rt, "callback") {
				s.promise(time.Duration(rapid.SampledFrom([]int{0, 5, 60}).Draw(rt, "delay")) * time.Second)
			}
			f.contacts = append(f.contacts, s)
		}
		of := func(rt *rapid.T) *story { return rapid.SampledFrom(f.contacts).Draw(rt, "contact") }
		leg := func(rt *rapid.T, s *story) string {
			channels := []string{"none"}
			for _, leg := range s.c.Legs {
				channels = append(channels, leg.Channel)
			}
			return rapid.SampledFrom(channels).Draw(rt, "channel")
		}
		rt.Repeat(map[string]func(*rapid.T){
			"match":    func(rt *rapid.T) { f.match(of(rt)) },
			"created":  func(rt *rapid.T) { s := of(rt); f.tell(s, callback.LegCreated{Channel: leg(rt, s)}) },
			"answered": func(rt *rapid.T) { s := of(rt); f.tell(s, callback.LegAnswered{Channel: leg(rt, s)}) },
			"ended": func(rt *rapid.T) {
				s := of(rt)
				cause := callback.Cause(rapid.SampledFrom([]int{0, 16, 17, 19, 21}).Draw(rt, "cause"))
				f.tell(s, callback.LegEnded{Channel: leg(rt, s), Cause: cause})
			},
			"joined": func(rt *rapid.T) { s := of(rt); s.join(); f.apply(s) },
			"lost":   func(rt *rapid.T) { f.tell(of(rt), callback.Resynced{Snapshot: &callback.Snapshot{}}) },
			"ask": func(rt *rapid.T) {
				f.ask(callback.AgentAsk{
					Kind: rapid.SampledFrom([]callback.AskKind{
						callback.AskLoggedOut, callback.AskAvailable, callback.AskUnavailable,
						callback.AskReady, callback.AskToggleLogin, callback.AskTogglePause,
					}).Draw(rt, "ask"),
					Reason: rapid.SampledFrom([]string{"", "1", "2"}).Draw(rt, "reason"),
				})
			},
			"phone": func(rt *rapid.T) {
				if f.open() == 0 {
					f.ownCall = rapid.Bool().Draw(rt, "own call")
				}
			},
			"look": func(*rapid.T) { f.look() },
			"time": func(rt *rapid.T) {
				f.now = f.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(rt, "s")) * time.Second)
				f.change(callback.AgentTime{})
				for _, s := range f.contacts {
					f.tell(s, callback.TimeReached{})
				}
			},
		})
		f.windUp()
	})
}

// look tells the agent's state of the phone, as the store does where no leg of ours is open on it.
func (f *floor) look() {
	if f.open() == 0 {
		f.change(callback.AgentPhone{InUse: f.ownCall})
		f.check()
	}
}

// windUp ends all calls and proves that time alone frees the agent, and that one request makes them
// available.
func (f *floor) windUp() {
	for _, s := range f.contacts {
		for range 10 {
			f.tell(s, callback.Resynced{Snapshot: &callback.Snapshot{}})
		}
	}
	f.now, f.ownCall = f.now.Add(time.Hour), false
	f.change(callback.AgentTime{})
	f.look()
	if f.agent.Activity != callback.Free {
		f.t.Fatalf("the agent is stuck: %+v", f.agent)
	}
	f.ask(callback.AgentAsk{Kind: callback.AskAvailable})
	if !f.agent.Offerable(f.now) {
		f.t.Fatalf("the agent asked to be available and is not: %+v", f.agent)
	}
}
