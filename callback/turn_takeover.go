package callback

import (
	"errors"
	"strconv"
	"time"
)

// The refusals of a takeover; they become the script's _ERR.
var (
	ErrNoCallback   = errors.New("the callback does not wait any more")
	ErrUnderWay     = errors.New("the callback is under way")
	ErrAgentEngaged = errors.New("an agent is being rung for this call already")
)

// QueueCallback makes a contact that begins as a callback, without a live call: it waits in the skill
// from now on. It has the numbers, the language and the script of the contact that asked for it. The
// facts begin its history.
func QueueCallback(asker *Contact, skill string, priority Priority, target string, p Promise, now time.Time) (*Contact, []Fact) {
	p.PromisedAt = now
	c := &Contact{
		State:     StateCallback,
		Script:    asker.Script,
		ANI:       asker.ANI,
		DNIS:      asker.DNIS,
		Dialled:   asker.Dialled,
		Language:  asker.Language,
		ArrivedAt: now,
		Place:     &Place{Skill: skill, Priority: priority, TargetAgent: target, QueuedAt: now},
		Promise:   &p,
	}
	t := NewTurn(c, Env{Now: now})
	t.fact(FactArrived, "ani", c.ANI, "dnis", c.DNIS, "dialled", c.Dialled, "script", c.Script.Name, "asked_by", asker.ID.String())
	t.queuedFact()
	t.promisedFact()
	return c, t.Facts
}

// UpdatePriority changes the parameters of the contact's place. It keeps the moment of queueing, so the
// change counts as from then; a pause or a hold stays.
func (t *Turn) UpdatePriority(p Priority) error {
	c := t.Contact
	if c.Place == nil {
		return ErrNotQueued
	}
	c.Place.Priority = p
	t.fact(FactPriority, priorityPairs(p)...)
	return nil
}

// TakeOver gives the place of old, whose callback is open, to the live contact of the turn: the skill,
// the priority, the moment of queueing and the target agent. It returns old as it is to be saved in the
// same transaction, ended; its facts are among the turn's. An agent whose phone rings for old is rung
// no more. An agent who has accepted old's callback, which nobody has answered yet, joins the caller
// instead, with the bridge that was made for the two.
//
// The hang-ups of old's legs are among the turn's commands. They are written in old as well, so that
// whoever loads it repeats them.
func (t *Turn) TakeOver(old *Contact) (*Contact, error) {
	c := t.Contact
	switch {
	case c.Offer.Accepted():
		return nil, ErrServed
	case c.State != StateLive || !c.OnLine():
		return nil, ErrNoCall
	}
	o := NewTurn(old.Clone(), t.env)
	if err := o.takeable(); err != nil {
		return nil, err
	}
	agent := o.movableAgent()
	if agent != nil && c.Offer.Open() {
		return nil, ErrAgentEngaged
	}

	place := *o.Contact.Place
	place.Node, place.ReadyAt, place.Held = c.Node, time.Time{}, false
	c.Place = &place
	t.fact(FactTakenOver, "contact", old.ID.String())
	t.queuedFact()
	t.MustSave = true
	if agent != nil {
		t.takeAgent(o.Contact, agent)
	}
	o.endTakenOver(c.ID)
	for _, fact := range o.Facts {
		fact.Contact = old.ID
		t.Facts = append(t.Facts, fact)
	}
	t.Commands = append(t.Commands, o.Commands...)
	if agent != nil {
		t.joinTaken()
	}
	return o.Contact, nil
}

// takeable says why the place of the turn's contact can't be taken over; nil where it can.
func (t *Turn) takeable() error {
	c := t.Contact
	if c.State == StateStuck {
		return ErrUnderWay // what has become of its last attempts a person finds out
	}
	if c.State != StateCallback && c.State != StateCalling {
		return ErrNoCallback
	}
	if c.Attempt.Open() && !c.Attempt.AnsweredAt.IsZero() {
		return ErrUnderWay
	}
	for _, leg := range c.Legs {
		// Only the leg's own node can end it. One whose end was asked for there has no need of us.
		if leg.Open() && leg.HangupAt.IsZero() && leg.Node != t.env.Node {
			return ErrUnderWay
		}
	}
	return nil
}

// movableAgent gives the leg of the agent who is on the line for the callback of the turn's contact, or
// nil.
func (t *Turn) movableAgent() *Leg {
	c := t.Contact
	if c.State != StateCalling || !c.Offer.Accepted() || c.leaving(c.Offer.Channel) {
		return nil
	}
	return c.leg(c.Offer.Channel)
}

// takeAgent makes the agent who has accepted old's callback that of the turn's contact, as if the agent
// had accepted the live call. In old the agent's leg has ended.
func (t *Turn) takeAgent(old *Contact, leg *Leg) {
	c := t.Contact
	c.Legs = append(c.Legs, *leg)
	leg.EndedAt = t.env.Now
	c.Offer, old.Offer = old.Offer, nil
	c.Bridge, old.Bridge = old.Bridge, ""
	c.Offer.Kind = OfferLive
	c.Offer.ContactJoined = false
	t.fact(FactAccepted, "agent", c.Offer.Agent, "kind", string(OfferLive))
	t.agent(AgentChange{Agent: c.Offer.Agent, Activity: WorkingInbound})
}

// joinTaken brings the agent who was taken over and the live caller together.
func (t *Turn) joinTaken() {
	if t.env.Keys { // and old's script may not have wanted them
		t.destroyBridge()
		t.createBridge()
	}
	t.endWhisper()
	t.quiet()
}

// endTakenOver ends a callback whose place another contact has. Nobody is called back for it any more.
func (t *Turn) endTakenOver(by ContactID) {
	c := t.Contact
	t.fact(FactTakenOver, "by", by.String(), "cause", causeText(CauseTakenOver))
	t.stopAttempt(AttemptTakenOver)
	t.end(OutcomeTakenOver)
	for i := range c.Legs {
		t.hangup(&c.Legs[i], "normal")
	}
	c.Channel = ""
	t.tidy()
}

func (t *Turn) queuedFact() {
	t.fact(FactQueued, append([]string{"skill", t.Contact.Place.Skill}, priorityPairs(t.Contact.Place.Priority)...)...)
}

func (t *Turn) promisedFact() {
	p := t.Contact.Promise
	t.fact(FactPromised, "phone_number", p.PhoneNumber, "caller_id", p.CallerID, "call_delay", p.CallDelay.String())
}

func priorityPairs(p Priority) []string {
	return []string{
		"initial", strconv.Itoa(p.Initial), "acceleration", strconv.Itoa(p.Acceleration), "maximum", strconv.Itoa(p.Maximum),
	}
}
