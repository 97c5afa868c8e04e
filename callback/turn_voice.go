package callback

import (
	"errors"
	"time"
)

// The refusals of a script's action; they become its _ERR.
var (
	ErrNotQueued = errors.New("the contact is not in a queue: Reqagent comes first") // C2
	ErrPromised  = errors.New("a callback was promised already")                     // C2
	ErrNoCall    = errors.New("the contact is not on the line")                      // C11
	ErrServed    = errors.New("an agent is on the line already")                     // C2
)

// Reqagent queues the contact for an agent. A second one moves it to the other skill and keeps what
// else there is of its place: the moment of queueing, a pause, a hold.
func (t *Turn) Reqagent(skill string, priority Priority, target string) error {
	c := t.Contact
	switch c.State {
	case StateLive, StateCallback:
	default:
		return ErrServed
	}
	if c.Offer.Accepted() {
		return ErrServed
	}
	if c.Place == nil {
		c.Place = &Place{QueuedAt: t.env.Now, Node: c.Node}
	}
	c.Place.Skill, c.Place.Priority, c.Place.TargetAgent = skill, priority, target
	t.queuedFact()
	return nil
}

// Callback promises the contact a callback and ends the call (C1). The turn must be saved before the
// hang-up is sent (C5). An agent whose phone rings for the live call is offered the callback instead.
func (t *Turn) Callback(p Promise) error {
	c := t.Contact
	switch {
	case c.Promise != nil:
		return ErrPromised
	case c.State == StateConnected || c.State == StateReleased:
		return ErrServed
	case !c.OnLine():
		return ErrNoCall
	case c.Place == nil:
		return ErrNotQueued
	}
	p.PromisedAt = t.env.Now
	c.Promise = &p
	c.State = StateCallback
	t.promisedFact()
	if c.Offer.Ringing() && c.Offer.Kind == OfferLive {
		c.Offer.Kind = OfferCallback
		t.fact(FactOfferChanged, "agent", c.Offer.Agent, "kind", string(OfferCallback))
	}
	t.hangup(c.openLeg(c.Channel), "normal")
	c.Channel, c.Playing, c.Music = "", "", ""
	t.MustSave = true
	return nil
}

// Hangup ends the script and what it stands for (C12): a live call, or a callback, which leaves the
// queue. Once an agent has accepted it waits for the attempt's outcome.
func (t *Turn) Hangup() {
	c := t.Contact
	switch c.State {
	case StateLive:
		c.HangupWanted = true
		t.hangup(c.openLeg(c.Channel), "normal")
	case StateConnected, StateReleased:
		t.hangup(c.openLeg(c.Channel), "normal")
	case StateCallback, StateStuck:
		if c.Offer.Accepted() {
			c.HangupWanted = true
			return
		}
		t.end(OutcomeHungUp)
	case StateCalling:
		c.HangupWanted = true
	case StateEnded:
	}
}

// StartMusic plays music of a class on the contact's leg in place of what plays.
func (t *Turn) StartMusic(class string) {
	c := t.Contact
	if !c.OnLine() || c.Music == class {
		return
	}
	t.Silence()
	c.Music = class
	t.command(StartMusic{Channel: c.Channel, Class: class})
}

// Play plays media URIs one after the other on the contact's leg in place of what plays, the first
// from the offset on, and gives the ID that SignalPlayback will name.
func (t *Turn) Play(media []string, offset time.Duration) string {
	c := t.Contact
	t.Silence()
	c.Playing = t.env.NewID()
	t.command(Play{Channel: c.Channel, Playback: c.Playing, Media: media, Offset: offset, Language: c.Language})
	return c.Playing
}

// Silence ends what plays on the contact's leg.
func (t *Turn) Silence() {
	c := t.Contact
	if c.Music != "" {
		t.command(StopMusic{Channel: c.Channel})
		c.Music = ""
	}
	if c.Playing != "" {
		t.command(StopPlayback{Channel: c.Channel, Playback: c.Playing})
		c.Playing = ""
	}
}

// Note adds a fact that only the script knows of.
func (t *Turn) Note(kind FactKind, pairs ...string) { t.fact(kind, pairs...) }

func (t *Turn) keyPressed(ev KeyPressed) {
	c := t.Contact
	if c.Offer.Ringing() && ev.Channel == c.Offer.Channel {
		t.agentKey(ev.Key)
		return
	}
	if ev.Channel != c.Channel || !c.OnLine() || c.ScriptPaused() {
		return
	}
	if c.State == StateConnected && !t.env.Keys {
		return // said to the agent's side, or pressed by chance: none of the script's, nor of the history's
	}
	t.fact(FactKey, "key", ev.Key)
	t.signal(Signal{Kind: SignalKey, Value: ev.Key})
}

func (t *Turn) playbackFinished(ev PlaybackFinished) {
	c := t.Contact
	if c.Offer.Ringing() && ev.Playback == c.Offer.Whisper {
		c.Offer.Whisper = "" // the agent goes on being asked
		return
	}
	if c.Offer.Accepted() && ev.Playback == c.Offer.Whisper && ev.Playback != "" {
		c.Offer.Whisper = ""
		if c.State == StateEnded { // the agent has been told that the callback was cancelled
			t.hangup(c.openLeg(c.Offer.Channel), "normal")
			return
		}
		if !c.Offer.JoinUntil.IsZero() {
			c.Offer.JoinUntil = t.env.Now.Add(joinTime)
		}
		t.joinAgent()
		return
	}
	if c.Offer.Accepted() && ev.Playback == c.Quieting && ev.Playback != "" {
		c.Quieting = ""
		t.joinLive()
		return
	}
	if ev.Playback == "" || ev.Playback != c.Playing {
		return
	}
	c.Playing = ""
	if c.ScriptPaused() || !c.OnLine() {
		return
	}
	t.signal(Signal{Kind: SignalPlayback, Value: ev.Playback, Failed: ev.Failed, Reason: ev.Reason})
}
