package callback

import (
	"strconv"
	"time"
)

// beginAttempt starts calling the contact back: an agent has accepted (C3). The dialling is due after
// the call delay (C7); meanwhile the agent is told so and hears a phone ring.
func (t *Turn) beginAttempt(welcome []string) {
	c := t.Contact
	c.State = StateCalling
	c.Tries++
	c.Attempt = &Attempt{
		Number:      c.Tries,
		Agent:       c.Offer.Agent,
		PhoneNumber: c.Promise.PhoneNumber,
		CallerID:    c.Promise.CallerID,
		StartedAt:   t.env.Now,
		DueAt:       t.env.Now.Add(c.Promise.CallDelay),
	}
	t.fact(FactAttempt, "number", strconv.Itoa(c.Tries), "phone_number", c.Promise.PhoneNumber, "caller_id", c.Promise.CallerID)
	t.createBridge()
	t.tell(welcome)
}

// endWhisper stops what the agent hears while the contact's phone rings; then the agent joins the
// contact.
func (t *Turn) endWhisper() {
	offer := t.Contact.Offer
	if offer.Whisper != "" {
		t.command(StopPlayback{Channel: offer.Channel, Playback: offer.Whisper})
	}
}

// joinAgent puts the agent, who is quiet now, into the bridge. Where the live caller is not quiet yet the
// two join together then; an agent whose end is on its way joins nobody.
func (t *Turn) joinAgent() {
	c := t.Contact
	if c.Bridge == "" || c.leaving(c.Offer.Channel) {
		return
	}
	t.command(Join{Bridge: c.Bridge, Channels: []string{c.Offer.Channel}})
}

// attemptDue does the attempt's next step. The leg's row and channel ID are committed before the
// channel is made, and "dialling" before it is dialled: a crash before the second commit has surely
// rung nobody.
func (t *Turn) attemptDue() {
	a := t.Contact.Attempt
	switch {
	case a.Channel == "":
		t.createContactLeg()
	case !a.Created && a.DiallingAt.IsZero():
		a.Outcome = AttemptFailed
		t.hangup(t.Contact.openLeg(a.Channel), "failure")
	case a.DiallingAt.IsZero():
		t.dialContact()
	default:
		a.Outcome = t.unanswered()
		t.hangup(t.Contact.openLeg(a.Channel), "normal")
	}
}

// unanswered is the outcome of an attempt that Asterisk should have ended by now. Where nothing was
// heard to ring, the dialling may have been lost, and that does not count against the contact.
func (t *Turn) unanswered() AttemptOutcome {
	if t.Contact.Attempt.Rang {
		return AttemptNoAnswer
	}
	return AttemptUnknown
}

func (t *Turn) createContactLeg() {
	c := t.Contact
	a := c.Attempt
	a.Channel = t.env.NewID()
	c.Channel = a.Channel
	leg := Leg{
		Channel: a.Channel, Node: t.env.Node, Party: PartyContact, Direction: Outbound,
		From: a.CallerID, To: a.PhoneNumber, Endpoint: t.env.ContactEndpoint(a.PhoneNumber), CreatedAt: t.env.Now,
	}
	c.Legs = append(c.Legs, leg)
	t.command(CreateLeg{
		Channel: leg.Channel, Endpoint: leg.Endpoint, Party: PartyContact, Contact: c.ID, CallerNumber: a.CallerID,
	})
	t.MustSave = true
}

func (t *Turn) dialContact() {
	c := t.Contact
	a := c.Attempt
	ring := t.skill().ContactRingTime
	a.DiallingAt = t.env.Now
	a.RingUntil = t.env.Now.Add(ring + ringGrace)
	c.openLeg(a.Channel).DiallingAt = t.env.Now
	c.CalledBack = true
	t.fact(FactDialling, "phone_number", a.PhoneNumber)
	t.command(Join{Bridge: c.Bridge, Channels: []string{a.Channel}})
	t.command(DialLeg{Channel: a.Channel, Timeout: ring})
	t.MustSave = true
}

// contactAnswered ends the attempt well. The two are connected when both are in the bridge.
func (t *Turn) contactAnswered() {
	c := t.Contact
	if c.Attempt.Outcome != "" {
		return
	}
	c.Attempt.AnsweredAt = t.env.Now
	t.fact(FactAnswered, "phone_number", c.Attempt.PhoneNumber)
	c.Offer.JoinUntil = t.env.Now.Add(joinTime)
	t.endWhisper()
	t.connectWhenJoined()
}

// closeAttempt gives the attempt its outcome.
func (t *Turn) closeAttempt(outcome AttemptOutcome, cause Cause) {
	a := t.Contact.Attempt
	a.Outcome, a.Cause, a.EndedAt = outcome, cause, t.env.Now
	a.Counts = outcome.counts(cause)
	t.fact(FactAttemptEnded, "number", strconv.Itoa(a.Number), "outcome", string(outcome),
		"cause", causeText(cause), "counts", strconv.FormatBool(a.Counts))
}

// counts says whether an attempt goes against the skill's number of attempts: what the contact's side
// did counts, what the agent's, the network's or our side did does not.
func (o AttemptOutcome) counts(cause Cause) bool {
	switch o {
	case AttemptAnswered, AttemptNoAnswer, AttemptBusy, AttemptRejected:
		return true
	case AttemptFailed:
		return cause == CauseUnallocated || cause == CauseInvalid
	}
	return false
}

// agentLeftAttempt ends the attempt because the agent left it: in the delay, while the contact's
// phone rings, or before the two were joined. It does not count.
func (t *Turn) agentLeftAttempt() {
	c := t.Contact
	a := c.Attempt
	if a.Outcome == "" {
		a.Outcome = AttemptAgentLeft
	}
	// The offer has ended, and so the place can be matched before the contact's leg has ended.
	c.Place.ReadyAt = t.env.Now.Add(t.skill().PauseTime)
	leg := c.openLeg(a.Channel)
	if leg == nil {
		t.attemptOver(a.Outcome, CauseUnknown)
		return
	}
	t.hangup(leg, "normal")
}

// attemptEnded takes the end of the contact's leg.
func (t *Turn) attemptEnded(ev LegEnded) {
	a := t.Contact.Attempt
	if a.Outcome == "" {
		a.Outcome = t.attemptOutcome(ev)
	}
	t.attemptOver(a.Outcome, ev.Cause)
}

// attemptOutcome reads the outcome of an attempt from how its leg ended.
func (t *Turn) attemptOutcome(ev LegEnded) AttemptOutcome {
	a := t.Contact.Attempt
	switch {
	case a.DiallingAt.IsZero():
		return AttemptFailed
	case ev.Absent:
		return AttemptUnknown
	case !a.AnsweredAt.IsZero():
		return AttemptAnswered
	}
	switch ev.Cause {
	case CauseBusy:
		return AttemptBusy
	case CauseRejected:
		return AttemptRejected
	case CauseNoAnswer, CauseNoResponse, CauseNormal:
		return AttemptNoAnswer
	case CauseUnknown:
		if a.Rang {
			return AttemptNoAnswer
		}
	}
	return AttemptFailed
}

// attemptOver closes the attempt and decides what becomes of the contact: another attempt from the
// same place, its end, or a person's care.
func (t *Turn) attemptOver(outcome AttemptOutcome, cause Cause) {
	c := t.Contact
	t.closeAttempt(outcome, cause)
	skill := t.skill()
	counts := c.Attempt.Counts
	if counts {
		c.Attempts++
		c.Faults = 0
	}
	if c.Offer.Open() {
		t.hangup(c.openLeg(c.Offer.Channel), "normal")
	}
	c.Channel = ""
	switch {
	case outcome == AttemptAnswered:
		t.end(OutcomeServed)
	case c.HangupWanted:
		t.end(OutcomeHungUp)
	case counts && c.Attempts >= max(skill.Attempts, 1):
		t.end(OutcomeNotReached)
	case counts:
		t.backToPlace(skill.RetryTime)
	case outcome == AttemptAgentLeft:
		t.backToPlace(skill.PauseTime)
	default:
		t.fault(skill.PauseTime)
	}
}

// fault puts the contact back for another attempt, MaxFaults in all; then a person decides.
func (t *Turn) fault(pause time.Duration) {
	c := t.Contact
	c.Faults++
	t.backToPlace(pause)
	if c.Faults < MaxFaults {
		return
	}
	c.State = StateStuck
	c.Place.Held = true
	t.fact(FactStuck, "reason", "the outcome of "+strconv.Itoa(c.Faults)+" attempts in a row is not known")
}
