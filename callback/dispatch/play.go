package dispatch

import (
	"fmt"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/number"
	"github.com/callbackd/callbackd/callback/script"
)

// begin is the first event of a new contact.
type begin struct{ callback.TimeReached }

// turn is what one event brings: what is to be saved, and the commands that follow.
type turn struct {
	Change
	commands []callback.Command
	mustSave bool
	promised bool // the script's Callback was carried out in this turn
}

// player takes events through a contact and its script. It is pure.
type player struct {
	script *script.Script
	skills map[string]callback.Skill
	env    callback.Env
	// refusal answers the script's Callback in place of carrying it out: the database did not save it.
	refusal error
	deaf    bool // no deadline of the contact counts now
}

// play takes one event through the contact of that record, and then what the contact has to say of
// it through the contact's script. The record is left as it was.
func (p player) play(record Record, ev callback.Event) turn {
	t := callback.NewTurn(record.Contact.Clone(), p.env)
	h := &host{player: p, turn: t}
	_, timed := ev.(callback.TimeReached)
	switch _, first := ev.(begin); {
	case first:
		t.Begin()
	case timed && p.deaf:
	default:
		t.Handle(ev)
	}
	state := record.Script
	for i := 0; i < len(t.Signals); i++ {
		state = p.script.Step(state, input(t.Signals[i], state), p.env.Now, h)
	}
	if timed && !t.Contact.ScriptPaused() {
		state = p.script.Step(state, script.TimeReached{}, p.env.Now, h)
	}
	return turn{
		Change: Change{
			Record: Record{Contact: t.Contact, Script: state, Rev: record.Rev},
			Facts:  t.Facts,
			Agents: t.Agents,
		},
		commands: t.Commands,
		mustSave: t.MustSave,
		promised: h.promised,
	}
}

// input puts a contact's signal into the script's words.
func input(signal callback.Signal, state script.State) script.Input {
	switch signal.Kind {
	case callback.SignalKey:
		return script.KeyPressed{Key: signal.Value}
	case callback.SignalPlayback:
		return script.PlaybackFinished{ID: signal.Value, Failed: signal.Failed, Reason: signal.Reason}
	case callback.SignalAnswered:
		return script.Event{Kind: script.OnAnswer}
	case callback.SignalAgentReleased:
		return script.Event{Kind: script.OnAgentRelease}
	case callback.SignalReleased:
		return script.Event{Kind: script.OnRelease}
	case callback.SignalResume:
		if state.Action == "" {
			return script.Start{}
		}
		return script.Resume{}
	}
	return script.Start{}
}

// host is what a script does to its contact.
type host struct {
	player
	turn     *callback.Turn
	promised bool
}

// Variable gives a variable of the contact.
func (h *host) Variable(name string) (string, bool) { return h.turn.Contact.Variable(name) }

// Voice says whether the contact can hear the script (C11).
func (h *host) Voice() bool { return h.turn.Contact.OnLine() && !h.turn.Contact.ScriptPaused() }

// Reqagent puts the contact into the queue.
func (h *host) Reqagent(r script.Reqagent) error {
	skill, ok := h.skills[r.Skill]
	if !ok {
		return fmt.Errorf("there is no skill %q", r.Skill)
	}
	priority := skill.Priority
	if r.Priority != nil {
		priority = *r.Priority
	}
	return h.turn.Reqagent(r.Skill, priority, r.TargetAgent)
}

// Callback promises the callback, to a number that can be dialled (C5, C8).
func (h *host) Callback(cb script.Callback) error {
	if h.refusal != nil {
		return h.refusal
	}
	region := ""
	if place := h.turn.Contact.Place; place != nil {
		region = h.env.Skill(place.Skill).Region
	}
	to, err := number.Parse(cb.PhoneNumber, region)
	if err != nil {
		return fmt.Errorf("PhoneNumber: %w", err)
	}
	from, err := number.Parse(cb.CallerID, region)
	if err != nil {
		return fmt.Errorf("CallerID: %w", err)
	}
	err = h.turn.Callback(callback.Promise{
		PhoneNumber: to.Dial,
		Extension:   to.Extension,
		CallerID:    from.Dial,
		CallDelay:   time.Duration(cb.CallDelaySec) * time.Second,
	})
	h.promised = h.promised || err == nil
	return err
}

// Hangup ends the script and what it stands for (C12).
func (h *host) Hangup() { h.turn.Hangup() }

// Music plays music of a class.
func (h *host) Music(class string) { h.turn.StartMusic(class) }

// Play plays sounds one after the other.
func (h *host) Play(sounds []string) string {
	media := make([]string, len(sounds))
	for i, name := range sounds {
		media[i] = "sound:" + name
	}
	return h.turn.Play(media, 0)
}

// Silence ends what plays.
func (h *host) Silence() { h.turn.Silence() }

// Entered notes that an action begins.
func (h *host) Entered(action, kind, caption string) {
	h.turn.Note(callback.FactAction, "name", action, "kind", kind, "caption", caption)
}

// Log notes what went wrong in the script.
func (h *host) Log(text string) { h.turn.Note(callback.FactLog, "text", text) }
