package callback

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// cancelled is what an agent hears whose callback is cancelled.
const cancelled = "sound:callbackd/callback-cancelled"

// tellTime is how long an agent may be told; then the leg ends all the same.
const tellTime = 10 * time.Second

// maxPriority bounds the parameters of a priority, as it does in scripts.
const maxPriority = 1000

// The refusals of a request; a person reads them.
var (
	errOnLine     = errors.New("the caller is on the line")
	errTalking    = errors.New("they are talking")
	errAnswered   = errors.New("the contact has answered and is being joined to the agent")
	errBeingDone  = errors.New("an agent is on the line for it at this moment")
	errNotHeld    = errors.New("nothing holds it back from offers")
	errNoPromise  = errors.New("no callback was promised")
	errStillDelay = errors.New("its CallDelaySec is 60 or more and would refuse the next agent, too: release it with another one, from 0 to 59")
)

// Ask does what a person asks for the contact, or says why it can't be done; then nothing has changed.
// Either is saved before anything follows from it.
func (t *Turn) Ask(r Request) error {
	t.MustSave = true
	if c := t.Contact; c.State == StateEnded {
		return fmt.Errorf("it has ended: %s", c.Outcome)
	}
	if err := r.check(); err != nil {
		return err
	}
	switch r.Kind {
	case RequestRelease:
		return t.release(r)
	case RequestChange:
		return t.change(r)
	case RequestCancel:
		return t.cancel(r)
	}
	return fmt.Errorf("callbackd does not know the request %q", r.Kind)
}

// check holds the values of a request against their bounds.
func (c Changes) check() error {
	if delay := c.CallDelaySec; delay != nil && (*delay < 0 || *delay >= int(maxCallDelay/time.Second)) {
		return fmt.Errorf("CallDelaySec %d: want 0 to 59", *delay)
	}
	for _, n := range []*int{c.Initial, c.Acceleration, c.Maximum} {
		if n != nil && (*n < 0 || *n > maxPriority) {
			return fmt.Errorf("priority %d: want 0 to %d", *n, maxPriority)
		}
	}
	return nil
}

// waiting says why the contact is not one that has hung up and waits; nil where it is.
func (t *Turn) waiting() error {
	switch t.Contact.State {
	case StateCallback, StateStuck:
		return nil
	case StateCalling:
		return errBeingDone
	case StateConnected:
		return errTalking
	}
	return errOnLine
}

// release lets a contact be offered again that is held back (C7), stuck, or in a pause.
func (t *Turn) release(r Request) error {
	c := t.Contact
	if err := t.waiting(); err != nil {
		return err
	}
	if c.State != StateStuck && !c.Place.Held && !t.env.Now.Before(c.Place.ReadyAt) {
		return errNotHeld
	}
	if r.CallDelaySec == nil && c.Promise.CallDelay >= maxCallDelay {
		return errStillDelay
	}
	if r.CallDelaySec != nil {
		c.Promise.CallDelay = callDelay(*r.CallDelaySec)
	}
	t.liftHold(r.AskedBy)
	return nil
}

func callDelay(sec int) time.Duration { return time.Duration(sec) * time.Second }

// liftHold puts the contact back into the queue, where it was (C6), to be offered at once.
func (t *Turn) liftHold(by string) {
	c := t.Contact
	c.State = StateCallback
	c.Faults = 0
	c.Place.Held, c.Place.ReadyAt = false, time.Time{}
	t.fact(FactHoldLifted, "by", by, "call_delay", c.Promise.CallDelay.String())
}

// change changes the contact's place and promise. A contact that is held back for its call delay, and
// gets another one, is offered again (C7).
func (t *Turn) change(r Request) error {
	c := t.Contact
	if err := t.changeable(r.Changes); err != nil {
		return err
	}
	t.fact(FactChanged, append([]string{"by", r.AskedBy}, r.pairs()...)...)
	t.changePlace(r.Changes)
	if r.PhoneNumber != nil {
		c.Promise.PhoneNumber, c.Promise.E164, c.Promise.Extension = *r.PhoneNumber, r.E164, r.Extension
	}
	if r.CallDelaySec == nil {
		return nil
	}
	c.Promise.CallDelay = callDelay(*r.CallDelaySec)
	if c.State == StateCallback && c.Place.Held {
		t.liftHold(r.AskedBy)
	}
	return nil
}

// changeable says why the changes can't be made; nil where they can. A priority and a target agent can be
// changed as long as there is a place; the rest not while an agent counts on it.
func (t *Turn) changeable(change Changes) error {
	c := t.Contact
	switch {
	case c.Place == nil && c.State == StateConnected:
		return errTalking
	case c.Place == nil:
		return errors.New("it is not in a queue")
	case change.PhoneNumber == nil && change.CallDelaySec == nil && change.Skill == nil:
		return nil
	case c.State == StateCalling || c.Offer.Accepted() && !c.leaving(c.Offer.Channel):
		return errBeingDone
	case change.Skill != nil && *change.Skill == "":
		return errors.New("it needs a skill to wait in")
	case c.Promise == nil && (change.PhoneNumber != nil || change.CallDelaySec != nil):
		return errNoPromise
	}
	return nil
}

func (t *Turn) changePlace(change Changes) {
	place := t.Contact.Place
	for _, set := range []struct{ to, from *int }{
		{&place.Priority.Initial, change.Initial},
		{&place.Priority.Acceleration, change.Acceleration},
		{&place.Priority.Maximum, change.Maximum},
	} {
		if set.from != nil {
			*set.to = *set.from
		}
	}
	if change.Skill != nil {
		place.Skill = *change.Skill
	}
	if change.TargetAgent != nil {
		place.TargetAgent = *change.TargetAgent
	}
}

// pairs are what changes, by name, for the history.
func (c Changes) pairs() []string {
	var pairs []string
	number := func(name string, n *int) {
		if n != nil {
			pairs = append(pairs, name, strconv.Itoa(*n))
		}
	}
	text := func(name string, text *string) {
		if text != nil {
			pairs = append(pairs, name, *text)
		}
	}
	number("initial", c.Initial)
	number("acceleration", c.Acceleration)
	number("maximum", c.Maximum)
	text("skill", c.Skill)
	text("target_agent", c.TargetAgent)
	text("phone_number", c.PhoneNumber)
	if c.PhoneNumber != nil {
		text("extension", &c.Extension)
	}
	if c.CallDelaySec != nil {
		pairs = append(pairs, "call_delay", callDelay(*c.CallDelaySec).String())
	}
	return pairs
}

// cancel ends the callback. What rings for it stops ringing; an agent who has accepted is told and freed.
// Nobody is cut off who has answered.
func (t *Turn) cancel(r Request) error {
	c := t.Contact
	if c.Attempt.Open() && !c.Attempt.AnsweredAt.IsZero() {
		return errAnswered
	}
	if err := t.waiting(); err != nil && c.State != StateCalling {
		return err
	}
	t.fact(FactCancelled, "by", r.AskedBy)
	t.stopAttempt(AttemptCancelled)
	t.end(OutcomeCancelled)
	for i := range c.Legs {
		if c.Legs[i].Party == PartyContact {
			t.hangup(&c.Legs[i], "normal")
		}
	}
	c.Channel = ""
	t.tellAgent()
	t.tidy()
	return nil
}

// stopAttempt closes the attempt that is open. One that has got its outcome keeps it.
func (t *Turn) stopAttempt(outcome AttemptOutcome) {
	a := t.Contact.Attempt
	if !a.Open() {
		return
	}
	if a.Outcome != "" {
		outcome = a.Outcome
	}
	t.closeAttempt(outcome, CauseUnknown)
}

// tellAgent says to the agent who is on the line for the callback that it was cancelled. The leg ends when
// that has been said.
func (t *Turn) tellAgent() {
	offer := t.Contact.Offer
	if !offer.Accepted() || t.Contact.leaving(offer.Channel) {
		return
	}
	t.endWhisper()
	t.destroyBridge()
	offer.Whisper = t.env.NewID()
	offer.JoinUntil = t.env.Now.Add(tellTime)
	t.command(Play{Channel: offer.Channel, Playback: offer.Whisper, Media: []string{cancelled}})
}
