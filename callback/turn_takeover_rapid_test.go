package callback_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
)

// reunion is a callback and a new call of the same person in one Asterisk, with two agents.
type reunion struct {
	*rapid.T
	old, again *world
	taken      bool
	died       bool // the daemon, with the takeover's commands
	agents     map[string]callback.Activity
}

func newReunion(rt *rapid.T) *reunion {
	r := &reunion{T: rt, agents: map[string]callback.Activity{}}
	r.old = &world{
		story:   newStory(rt),
		up:      map[string]callback.ChannelState{"in": callback.ChannelUp, "again": callback.ChannelUp},
		bridges: map[string][]string{}, dialled: map[string]int{}, playing: map[string]string{},
		contact: map[string]bool{"in": true},
	}
	r.again = &world{
		story: newCaller(rt), up: r.old.up, bridges: r.old.bridges, dialled: r.old.dialled, playing: r.old.playing,
		contact: map[string]bool{"again": true},
	}
	r.again.c.ZipTone = rapid.Bool().Draw(rt, "zip tone")
	r.again.keys = rapid.Bool().Draw(rt, "keys")
	r.again.now = r.old.now
	r.old.promise(time.Duration(rapid.SampledFrom([]int{0, 5}).Draw(rt, "delay")) * time.Second)
	delete(r.old.up, "in")
	return r
}

func (r *reunion) both() []*world { return []*world{r.old, r.again} }

// tell tells one of the two an event and holds what must be true of both against what follows.
func (r *reunion) tell(w *world, ev callback.Event) {
	w.tell(ev)
	r.note(w)
}

func (r *reunion) note(w *world) {
	for _, change := range w.agents {
		r.agents[change.Agent] = change.Activity
	}
	w.agents = nil
	channels, agents := map[string]bool{}, map[string]bool{}
	for _, w := range r.both() {
		for _, leg := range w.c.Legs {
			if leg.Open() && channels[leg.Channel] {
				r.Fatalf("%s is a leg of both contacts", leg.Channel)
			}
			channels[leg.Channel] = true
		}
		if w.c.Offer.Open() {
			if agents[w.c.Offer.Agent] {
				r.Fatalf("agent %s is offered both contacts", w.c.Offer.Agent)
			}
			agents[w.c.Offer.Agent] = true
		}
	}
	if !r.taken {
		return
	}
	if r.old.c.Bridge != "" && r.old.c.Bridge == r.again.c.Bridge {
		r.Fatalf("%s is the bridge of both contacts", r.old.c.Bridge)
	}
	if r.old.c.Outcome != callback.OutcomeTakenOver {
		r.Fatalf("the callback whose place was taken over is %s %q", r.old.c.State, r.old.c.Outcome)
	}
	for _, cmd := range r.old.commands {
		switch cmd := cmd.(type) {
		case callback.CreateLeg, callback.DialLeg, callback.Join:
			r.Fatalf("for the callback whose place was taken over Asterisk is asked for %T %+v", cmd, cmd)
		}
	}
}

// toOwner tells a leg's event to the contact that has the leg; to both where none has it any more.
func (r *reunion) toOwner(ev callback.LegEvent) {
	for _, w := range r.both() {
		for _, leg := range w.c.Legs {
			if leg.Open() && leg.Channel == ev.OnChannel() {
				r.tell(w, ev)
				return
			}
		}
	}
	r.tell(r.old, ev)
	r.tell(r.again, ev)
}

func (r *reunion) channel() string {
	return rapid.SampledFrom(r.both()).Draw(r.T, "contact").channel(r.T)
}

// match gives one of the contacts an offer to an agent whom no offer engages. One that is not told is
// found in the database when the contact is loaded.
func (r *reunion) match() {
	w := rapid.SampledFrom(r.both()).Draw(r.T, "contact")
	p := w.c.Place
	if p == nil || w.c.Offer.Open() || w.now.Before(p.ReadyAt) {
		return
	}
	for _, agent := range []string{"1001", "1002"} {
		activity := r.agents[agent]
		if activity == callback.Offered || activity == callback.WorkingInbound || activity == callback.WorkingCallback {
			continue
		}
		r.agents[agent] = callback.Offered
		made := callback.NewOffer(*p, agent, "PJSIP/"+agent, w.env())
		if rapid.Bool().Draw(r.T, "told") {
			r.tell(w, made)
			return
		}
		w.c.Offer, w.c.Legs = &made.Offer, append(w.c.Legs, made.Leg)
		return
	}
}

// takeOver plays the takeover. The daemon may die between the commit and the commands.
func (r *reunion) takeOver() {
	answered := r.old.c.Attempt.Open() && !r.old.c.Attempt.AnsweredAt.IsZero()
	if err := r.again.takeOver(r.old.story); err != nil {
		return
	}
	if r.taken || answered {
		r.Fatal("the place was taken over twice, or from somebody who had answered")
	}
	r.taken = true
	r.note(r.again)
	if rapid.Bool().Draw(r.T, "dies") {
		r.died = true
		r.resync()
		return
	}
	r.again.carryOut(r.again.commands)
}

// resync tells both what exists, and removes the bridges of ours that neither knows.
func (r *reunion) resync() {
	for _, w := range r.both() {
		w.resync()
		r.note(w)
	}
	for bridge := range r.old.bridges {
		if bridge == r.old.c.Bridge || bridge == r.again.c.Bridge {
			continue
		}
		if !r.died {
			r.Fatalf("nobody knows the bridge %s", bridge)
		}
		delete(r.old.bridges, bridge)
	}
}

func (r *reunion) pass(d time.Duration) {
	for _, w := range r.both() {
		w.now = w.now.Add(d)
		w.ring()
		r.note(w)
	}
}

func TestTakeoverInNoOrderOfEventsDialsTwiceOrLeavesAnAgent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newReunion(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"match":    func(*rapid.T) { r.match() },
			"takeover": func(*rapid.T) { r.takeOver() },
			"cancel": func(rt *rapid.T) {
				w := rapid.SampledFrom(r.both()).Draw(rt, "cancelled")
				_ = w.ask(callback.RequestCancel, nothing)
				r.note(w)
				w.carryOut(w.commands)
			},
			"queue": func(*rapid.T) {
				if r.again.c.State == callback.StateLive && r.again.c.Place == nil {
					r.again.queue()
				}
			},
			"prompt": func(*rapid.T) {
				if r.again.c.OnLine() && !r.again.c.ScriptPaused() {
					r.again.do(func(turn *callback.Turn) { turn.Play([]string{"sound:welcome-back"}, 0) })
					r.again.carryOut(r.again.commands)
				}
			},
			"created": func(*rapid.T) { r.toOwner(callback.LegCreated{Channel: r.channel()}) },
			"ringing": func(*rapid.T) { r.toOwner(callback.LegProgress{Channel: r.channel()}) },
			"answered": func(*rapid.T) {
				channel := r.channel()
				if r.old.up[channel] == callback.ChannelRinging {
					r.old.up[channel] = callback.ChannelUp
					r.toOwner(callback.LegAnswered{Channel: channel})
				}
			},
			"ended": func(rt *rapid.T) {
				channel := r.channel()
				delete(r.old.up, channel)
				r.toOwner(callback.LegEnded{Channel: channel, Cause: callback.Cause(rapid.SampledFrom([]int{0, 16, 17, 19}).Draw(rt, "cause"))})
			},
			"ended unheard": func(*rapid.T) { delete(r.old.up, r.channel()) },
			"hangup":        func(*rapid.T) { r.toOwner(callback.LegHangup{Channel: r.channel()}) },
			"joined": func(*rapid.T) {
				for bridge, channels := range r.old.bridges {
					for _, channel := range channels {
						r.toOwner(callback.LegJoined{Channel: channel, Bridge: bridge})
					}
				}
			},
			"whispered": func(*rapid.T) {
				for _, w := range r.both() {
					if w.c.Offer != nil {
						r.toOwner(callback.PlaybackFinished{Channel: w.c.Offer.Channel, Playback: w.c.Offer.Whisper})
					}
				}
			},
			"quiet": func(*rapid.T) {
				delete(r.again.playing, "again")
				r.toOwner(callback.PlaybackFinished{Channel: "again", Playback: r.again.c.Quieting})
			},
			"time":   func(rt *rapid.T) { r.pass(time.Duration(rapid.IntRange(0, 90).Draw(rt, "s")) * time.Second) },
			"resync": func(*rapid.T) { r.resync() },
		})
		r.windUp()
	})
}

// windUp lets Asterisk end everything and proves that nothing and nobody is left over.
func (r *reunion) windUp() {
	for range 10 {
		clear(r.old.up)
		r.resync()
	}
	for _, w := range r.both() {
		if !w.c.Idle() || w.c.Bridge != "" || w.c.Attempt.Open() {
			r.Fatalf("something is left in Asterisk: %+v", w.c)
		}
	}
	for agent, activity := range r.agents {
		if activity == callback.Offered || activity == callback.WorkingInbound || activity == callback.WorkingCallback {
			r.Fatalf("agent %s is left %s", agent, activity)
		}
	}
}
