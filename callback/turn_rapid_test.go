package callback_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
)

// world is an Asterisk that carries out commands when the test lets it, loses them, and tells what
// happens early, late and twice.
type world struct {
	*story
	up      map[string]callback.ChannelState // the channels that exist
	bridges map[string][]string
	late    []callback.Event  // what has been told, to be told again
	away    map[string]bool   // the channels that were sent elsewhere
	dialled map[string]int    // how often each channel was dialled
	contact map[string]bool   // the channels that are the contact's
	playing map[string]string // channel to the playback on it
	doing   callback.Activity // what the last turn to say so has made the agent do
}

func (w *world) carryOut(cmds []callback.Command) {
	for _, cmd := range cmds {
		switch cmd := cmd.(type) {
		case callback.CreateLeg:
			w.up[cmd.Channel] = callback.ChannelDown
			w.contact[cmd.Channel] = cmd.Party == callback.PartyContact
		case callback.DialLeg:
			if _, ok := w.up[cmd.Channel]; ok {
				w.dialled[cmd.Channel]++
				w.up[cmd.Channel] = callback.ChannelRinging
			}
		case callback.CreateBridge:
			w.bridges[cmd.Bridge] = nil
		case callback.Join:
			w.bridges[cmd.Bridge] = append(w.bridges[cmd.Bridge], cmd.Channels...)
		case callback.DestroyBridge:
			delete(w.bridges, cmd.Bridge)
		case callback.Play:
			w.playing[cmd.Channel] = cmd.Playback
		case callback.StopPlayback:
			delete(w.playing, cmd.Channel)
		}
	}
}

func (w *world) tell(ev callback.Event) {
	before := w.c
	w.event(ev)
	for _, change := range w.agents {
		w.doing = change.Activity
	}
	if _, snapshot := ev.(callback.Resynced); !snapshot {
		w.late = append(w.late, ev)
	}
	w.check(before)
	w.carryOut(w.commands)
}

// check holds the invariants of the contract against one turn.
func (w *world) check(before *callback.Contact) {
	t, c := w.t, w.c
	if (c.State == callback.StateEnded) != (c.Outcome != "") || c.State == callback.StateEnded != !c.EndedAt.IsZero() {
		t.Fatalf("state %s, outcome %q, ended %v", c.State, c.Outcome, c.EndedAt)
	}
	if before.State == callback.StateEnded && (c.State != before.State || c.Outcome != before.Outcome) {
		t.Fatalf("an ended contact has become %s %q", c.State, c.Outcome)
	}
	waiting := c.State == callback.StateCallback || c.State == callback.StateCalling || c.State == callback.StateStuck
	if waiting && (c.Place == nil || c.Promise == nil) {
		t.Fatalf("%s without a place or a promise", c.State)
	}
	if before.Place != nil && c.Place != nil && before.Place.QueuedAt != c.Place.QueuedAt {
		t.Fatal("C6: the moment of queueing has changed")
	}
	if c.State == callback.StateEnded && c.Place != nil {
		t.Fatal("an ended contact is in the queue")
	}
	for _, cmd := range w.commands {
		w.checkDial(cmd, before)
		w.checkVoice(cmd)
		w.checkHangup(cmd, before)
	}
}

// checkHangup proves that who was sent elsewhere is left alone, and that a call that was transferred goes on
// as long as both its ends are there.
func (w *world) checkHangup(cmd callback.Command, before *callback.Contact) {
	hangup, is := cmd.(callback.Hangup)
	if !is {
		return
	}
	there, end := 0, false
	for _, leg := range before.Legs {
		_, up := w.up[leg.Channel]
		if up && leg.Open() && leg.HangupAt.IsZero() && !w.away[leg.Channel] && leg.Party != callback.PartyAgent {
			there++
			end = end || leg.Channel == hangup.Channel
		}
	}
	if before.Outcome == callback.OutcomeTransferred && there == 2 && end {
		w.t.Fatalf("%s is hung up while the two talk on", hangup.Channel)
	}
	for _, leg := range w.c.Legs {
		if leg.Channel == hangup.Channel && !leg.LeftAt.IsZero() {
			w.t.Fatalf("%s is hung up, which was sent elsewhere", hangup.Channel)
		}
	}
}

// checkVoice proves that the script speaks to nobody who is being joined, and that nothing plays on a
// leg that is to join, which would wait for its end.
func (w *world) checkVoice(cmd callback.Command) {
	switch cmd := cmd.(type) {
	case callback.Play:
		if w.contact[cmd.Channel] && (!w.c.OnLine() || w.c.ScriptPaused()) {
			w.t.Fatalf("C11: the script speaks to a contact who is %s, offer %+v", w.c.State, w.c.Offer)
		}
	case callback.Join:
		for _, channel := range cmd.Channels {
			if w.contact[channel] && w.playing[channel] != "" && w.c.State != callback.StateConnected {
				w.t.Fatalf("%s is to join while %s plays on it", channel, w.playing[channel])
			}
		}
	}
}

// checkDial proves that the contact is dialled only for an accepted offer, once a leg, after a save.
func (w *world) checkDial(cmd callback.Command, before *callback.Contact) {
	switch cmd := cmd.(type) {
	case callback.DialLeg:
		if w.dialled[cmd.Channel] > 0 {
			w.t.Fatalf("%s is dialled twice", cmd.Channel)
		}
		if !w.contact[cmd.Channel] {
			return
		}
		if !w.mustSave || !before.Offer.Accepted() {
			w.t.Fatalf("C3: the contact is dialled: saved first %v, offer %+v", w.mustSave, before.Offer)
		}
		for channel, state := range w.up {
			if channel != cmd.Channel && w.contact[channel] && state != callback.ChannelDown {
				w.t.Fatalf("the contact is dialled on %s while %s is %s", cmd.Channel, channel, state)
			}
		}
	case callback.CreateLeg:
		if cmd.Party == callback.PartyContact && !w.mustSave {
			w.t.Fatal("the contact's leg is made without being saved")
		}
	}
}

func newWorld(rt *rapid.T) *world {
	w := &world{
		story:   newStory(rt),
		up:      map[string]callback.ChannelState{"in": callback.ChannelUp},
		bridges: map[string][]string{},
		away:    map[string]bool{},
		dialled: map[string]int{},
		contact: map[string]bool{"in": true},
		playing: map[string]string{},
	}
	w.c.ZipTone = rapid.Bool().Draw(rt, "zip tone")
	w.skill.Accept = rapid.SampledFrom([]callback.Accept{callback.AcceptByAnswer, callback.AcceptByKey}).Draw(rt, "accept")
	return w
}

func TestNoOrderOfEventsBreaksThePromiseOrDialsTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt)
		w.skill.Attempts = rapid.IntRange(1, 3).Draw(rt, "attempts")
		delay := time.Duration(rapid.SampledFrom([]int{0, 5, 60}).Draw(rt, "delay")) * time.Second
		rt.Repeat(map[string]func(*rapid.T){
			"callback": func(*rapid.T) {
				before := w.c
				w.do(func(turn *callback.Turn) {
					_ = turn.Callback(callback.Promise{PhoneNumber: "2125550100", CallerID: "8005550100", CallDelay: delay})
				})
				w.check(before)
			},
			"match": func(*rapid.T) {
				if p := w.c.Place; p != nil && !w.c.Offer.Open() && !p.Held && !w.now.Before(p.ReadyAt) {
					w.tell(callback.NewOffer(*p, "1001", "PJSIP/1001", w.env()))
				}
			},
			"created": func(rt *rapid.T) { w.tell(callback.LegCreated{Channel: w.channel(rt)}) },
			"answered": func(rt *rapid.T) {
				if channel := w.answer(rt); channel != "" {
					w.tell(callback.LegAnswered{Channel: channel})
				}
			},
			"answered unheard": func(rt *rapid.T) { w.answer(rt) },
			"ended unheard":    func(rt *rapid.T) { delete(w.up, w.channel(rt)) },
			"ended": func(rt *rapid.T) {
				channel := w.channel(rt)
				delete(w.up, channel)
				w.tell(callback.LegEnded{Channel: channel, Cause: callback.Cause(rapid.SampledFrom([]int{0, 16, 17, 19, 21, 34}).Draw(rt, "cause"))})
			},
			"joined": func(*rapid.T) {
				for bridge, channels := range w.bridges {
					for _, channel := range channels {
						w.tell(callback.LegJoined{Channel: channel, Bridge: bridge})
					}
				}
			},
			"playback": func(*rapid.T) {
				if w.c.Offer != nil {
					w.tell(callback.PlaybackFinished{Channel: w.c.Offer.Channel, Playback: w.c.Offer.Whisper})
				}
			},
			"key": func(rt *rapid.T) {
				w.tell(callback.KeyPressed{Channel: w.channel(rt), Key: rapid.SampledFrom([]string{"1", "2", "5"}).Draw(rt, "key")})
			},
			"all goes well":  func(*rapid.T) { w.goOn() },
			"transferred":    func(rt *rapid.T) { w.transfer(rt) },
			"sent elsewhere": func(rt *rapid.T) { w.sendAway(rt) },
			"hangup":         func(rt *rapid.T) { w.tell(callback.LegHangup{Channel: w.channel(rt)}) },
			"again":          func(rt *rapid.T) { w.again(rapid.SampledFrom(append(w.late, callback.TimeReached{})).Draw(rt, "late")) },
			"time": func(rt *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(rt, "s")) * time.Second)
				w.ring()
			},
			"speak": func(*rapid.T) {
				if !w.c.OnLine() || w.c.ScriptPaused() {
					return
				}
				before := w.c
				w.do(func(turn *callback.Turn) { turn.Play([]string{"sound:survey"}, 0) })
				w.check(before)
				w.carryOut(w.commands)
			},
			"spoken": func(*rapid.T) {
				playback := w.playing[w.c.Channel]
				delete(w.playing, w.c.Channel)
				w.tell(callback.PlaybackFinished{Channel: w.c.Channel, Playback: playback})
			},
			"request": func(rt *rapid.T) { w.request(rt) },
			"resync":  func(*rapid.T) { w.resync() },
			"restart": func(*rapid.T) { clear(w.up); clear(w.bridges); w.resync() },
		})
		w.windUp()
	})
}

// request lets a person ask for something. What is refused must change nothing, and nobody is cut off who
// has answered.
func (w *world) request(rt *rapid.T) {
	kind := rapid.SampledFrom([]callback.RequestKind{callback.RequestRelease, callback.RequestChange, callback.RequestCancel}).Draw(rt, "request")
	delay, initial := rapid.SampledFrom([]int{0, 5, 59}).Draw(rt, "delay"), rapid.IntRange(0, 1000).Draw(rt, "initial")
	changes := rapid.SampledFrom([]callback.Changes{{}, {CallDelaySec: &delay}, {Initial: &initial}}).Draw(rt, "changes")
	before := w.c
	err := w.ask(kind, changes)
	w.check(before)
	if err != nil {
		if len(w.facts)+len(w.commands) > 0 || !reflect.DeepEqual(w.c, before) {
			rt.Fatalf("%s was refused (%v) and has changed something: %+v", kind, err, w.c)
		}
		return
	}
	answered := before.Attempt.Open() && !before.Attempt.AnsweredAt.IsZero()
	if kind == callback.RequestCancel && (answered || before.OnLine() || w.c.Outcome != callback.OutcomeCancelled) {
		rt.Fatalf("C6: a contact that is %s, answered %v, was cancelled and is %s %q", before.State, answered, w.c.State, w.c.Outcome)
	}
	w.carryOut(w.commands)
}

// goOn lets everything happen that is expected next: what was made is ready, who is rung answers, what plays
// comes to its end, who is to join joins. Without it random orders seldom come as far as a conversation.
func (w *world) goOn() {
	w.ring()
	for _, channel := range slices.Sorted(maps.Keys(w.up)) {
		switch w.up[channel] {
		case callback.ChannelDown:
			w.tell(callback.LegCreated{Channel: channel})
		case callback.ChannelRinging:
			w.up[channel] = callback.ChannelUp
			w.tell(callback.LegAnswered{Channel: channel})
		}
	}
	if w.c.Offer != nil {
		w.tell(callback.KeyPressed{Channel: w.c.Offer.Channel, Key: "1"})
		w.tell(callback.PlaybackFinished{Channel: w.c.Offer.Channel, Playback: w.c.Offer.Whisper})
	}
	for _, bridge := range slices.Sorted(maps.Keys(w.bridges)) {
		for _, channel := range w.bridges[bridge] {
			w.tell(callback.LegJoined{Channel: channel, Bridge: bridge})
		}
	}
}

// ring tells a moment as long as something is due, and proves that this ends: what stays due would keep
// the daemon busy for ever.
func (w *world) ring() {
	for range 5 {
		w.tell(callback.TimeReached{})
		if at := w.c.Deadline(); at.IsZero() || w.now.Before(at) {
			return
		}
	}
	w.t.Fatalf("something stays due: %+v", w.c)
}

// again tells something a second time. An offer is told twice only while the contact has it.
func (w *world) again(ev callback.Event) {
	made, ok := ev.(callback.OfferMade)
	if ok && (w.c.Offer == nil || w.c.Offer.Channel != made.Offer.Channel) {
		return
	}
	w.tell(ev)
}

func (w *world) channel(rt *rapid.T) string {
	channels := []string{"in", "cb-none"}
	for _, leg := range w.c.Legs {
		channels = append(channels, leg.Channel)
	}
	return rapid.SampledFrom(channels).Draw(rt, "channel")
}

// answer lets a phone that rings be answered, and gives its channel; "" where none rang.
func (w *world) answer(rt *rapid.T) string {
	channel := w.channel(rt)
	if w.up[channel] != callback.ChannelRinging {
		return ""
	}
	w.up[channel] = callback.ChannelUp
	return channel
}

// transfer lets a phone transfer the call that it has in a bridge.
func (w *world) transfer(rt *rapid.T) {
	channel := w.channel(rt)
	if w.up[channel] != callback.ChannelUp || w.away[channel] || !slices.Contains(w.bridges[w.c.Bridge], channel) {
		return
	}
	w.ids++
	by := fmt.Sprintf("local-%d", w.ids)
	w.up[by] = callback.ChannelUp
	w.contact[by] = w.contact[channel]
	w.part(channel)
	w.bridges[w.c.Bridge] = append(w.bridges[w.c.Bridge], by)
	if w.contact[channel] {
		delete(w.up, channel) // the phone hangs up
	}
	if rapid.Bool().Draw(rt, "told") {
		w.tell(callback.LegReplaced{Channel: channel, By: by})
	}
}

// sendAway lets somebody send a channel elsewhere in Asterisk.
func (w *world) sendAway(rt *rapid.T) {
	channel := w.channel(rt)
	if w.up[channel] != callback.ChannelUp || w.away[channel] {
		return
	}
	w.away[channel] = true
	w.part(channel)
	if rapid.Bool().Draw(rt, "told") {
		w.tell(callback.LegLeft{Channel: channel})
	}
}

// part takes a channel out of its bridge.
func (w *world) part(channel string) {
	for bridge, channels := range w.bridges {
		w.bridges[bridge] = slices.DeleteFunc(slices.Clone(channels), func(c string) bool { return c == channel })
	}
}

func (w *world) resync() {
	channels := map[string]callback.SnapshotChannel{}
	for channel, state := range w.up {
		channels[channel] = callback.SnapshotChannel{State: state, Left: w.away[channel]}
	}
	w.tell(callback.Resynced{Snapshot: &callback.Snapshot{Channels: channels, Bridges: w.bridges}})
}

// windUp lets Asterisk end everything and proves that nothing of the contact is left in it.
func (w *world) windUp() {
	for range 10 {
		clear(w.up)
		w.resync()
	}
	if len(w.bridges) > 0 {
		w.t.Fatalf("bridges are left in Asterisk: %v", w.bridges)
	}
	if !w.c.Idle() || w.c.Bridge != "" {
		w.t.Fatalf("something is left in Asterisk: %+v", w.c)
	}
	switch w.c.State {
	case callback.StateCallback, callback.StateStuck, callback.StateEnded:
	default:
		w.t.Fatalf("the contact is %s with nothing left in Asterisk", w.c.State)
	}
}
