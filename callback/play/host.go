package play

import (
	"fmt"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/number"
	"github.com/callbackd/callbackd/callback/script"
)

// host is what a script does to its contact in one turn.
type host struct {
	Player
	turn      *callback.Turn
	state     script.State
	questions []Question
	refusable bool
	found     *callback.Contact // what the answer of this step has found to take over
	taken     *callback.Contact
	request   *callback.RequestDone
}

// step takes one input through the script that the contact runs by now.
func (h *host) step(in script.Input) {
	h.state = h.Script.Step(h.state, in, h.Env.Now, h)
}

// Variable gives a variable of the contact.
func (h *host) Variable(name string) (string, bool) { return h.turn.Contact.Variable(name) }

// Voice says whether the contact can hear the script (C11).
func (h *host) Voice() bool { return h.turn.Contact.OnLine() && !h.turn.Contact.ScriptPaused() }

// Reqagent puts the contact into the queue.
func (h *host) Reqagent(r script.Reqagent) error {
	priority, err := h.priority(r)
	if err != nil {
		return err
	}
	move := h.turn.Contact.Promise != nil // the store may refuse it: its number may wait in that skill already
	if move && h.Refused.Move != nil {
		return h.Refused.Move
	}
	if err := h.turn.Reqagent(r.Skill, priority, r.TargetAgent); err != nil {
		return err
	}
	h.refusable = h.refusable || move
	h.turn.Contact.ZipTone = r.ZipTone
	h.turn.Contact.Place.AnyAgent = r.AnyAgent
	return nil
}

// priority gives the priority that a request asks for.
func (h *host) priority(r script.Reqagent) (callback.Priority, error) {
	skill, ok := h.Skills[r.Skill]
	if !ok {
		return callback.Priority{}, noSkill(r.Skill)
	}
	if r.Priority != nil {
		return *r.Priority, nil
	}
	return skill.Priority, nil
}

func noSkill(name string) error { return fmt.Errorf("there is no skill %q", name) }

// UpdateContact changes the priority of the contact's place.
func (h *host) UpdateContact(change script.PriorityChange) error {
	place := h.turn.Contact.Place
	if place == nil {
		return callback.ErrNotQueued
	}
	return h.turn.UpdatePriority(change.Apply(place.Priority))
}

// Callback promises the callback, to a number that can be dialled (C5, C8).
func (h *host) Callback(cb script.Callback) error {
	if h.Refused.Callback != nil {
		return h.Refused.Callback
	}
	promise, err := promise(cb.PhoneNumber, cb.CallerID, cb.CallDelaySec, h.region())
	if err != nil {
		return err
	}
	err = h.turn.Callback(promise)
	h.refusable = h.refusable || err == nil
	return err
}

// promise normalises the numbers of a callback.
func promise(phoneNumber, callerID string, delaySec int, region string) (callback.Promise, error) {
	to, err := number.Parse(phoneNumber, region)
	if err != nil {
		return callback.Promise{}, fmt.Errorf("PhoneNumber: %w", err)
	}
	from, err := number.Parse(callerID, region)
	if err != nil {
		return callback.Promise{}, fmt.Errorf("CallerID: %w", err)
	}
	return callback.Promise{
		PhoneNumber: to.Dial,
		E164:        to.E164,
		Extension:   to.Extension,
		CallerID:    from.Dial,
		CallDelay:   time.Duration(delaySec) * time.Second,
	}, nil
}

// region is that of the contact's skill; "" while it has none.
func (h *host) region() string {
	if place := h.turn.Contact.Place; place != nil {
		return h.Env.Skill(place.Skill).Region
	}
	return ""
}

// Number gives a number in the form in which it is dialled, or says why it can't be.
func (h *host) Number(text string) (string, error) {
	parsed, err := number.Parse(text, h.region())
	return parsed.Dial, err
}

// Takeover gives the contact the place of the callback that was found.
func (h *host) Takeover() error {
	if h.Refused.Takeover != nil {
		return h.Refused.Takeover
	}
	if h.found == nil {
		return callback.ErrNoCallback
	}
	taken, err := h.turn.TakeOver(h.found)
	if err != nil {
		return err
	}
	h.taken, h.refusable = taken, true
	return nil
}

// Hangup ends the script and what it stands for (C12).
func (h *host) Hangup() { h.turn.Hangup() }

// Runscript goes on in the current version of another script.
func (h *host) Runscript(name string) (*script.Script, error) {
	next := h.Scripts(name)
	if next == nil {
		return nil, fmt.Errorf("there is no script %q", name)
	}
	h.Script = next
	h.turn.Contact.Script = callback.ScriptRef{Name: next.Name(), Version: next.Version()}
	return next, nil
}

// Music plays music of a class.
func (h *host) Music(class string) { h.turn.StartMusic(class) }

// Play plays sounds one after the other, from that far into the first.
func (h *host) Play(sounds []string, from time.Duration) string {
	media := make([]string, len(sounds))
	for i, name := range sounds {
		media[i] = "sound:" + name
	}
	return h.turn.Play(media, from)
}

// Silence ends what plays.
func (h *host) Silence() { h.turn.Silence() }

// Entered notes that an action begins.
func (h *host) Entered(action, kind, caption string) {
	h.turn.Note(callback.FactAction, "name", action, "kind", kind, "caption", caption)
}

// Log notes what went wrong in the script.
func (h *host) Log(text string) { h.turn.Note(callback.FactLog, "text", text) }
