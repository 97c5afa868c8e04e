package callback

// legCreated takes a channel of ours that exists: the agent's is dialled, the contact's is due for
// dialling, which has to be committed first.
func (t *Turn) legCreated(ev LegCreated) {
	c := t.Contact
	leg := c.openLeg(ev.Channel)
	if leg == nil {
		// Made after we had given it up: nobody waits for it any more.
		t.command(Hangup{Channel: ev.Channel, Reason: "normal"})
		return
	}
	if !leg.HangupAt.IsZero() {
		return
	}
	switch {
	case c.Offer.Ringing() && ev.Channel == c.Offer.Channel && leg.DiallingAt.IsZero():
		leg.DiallingAt, leg.From = t.env.Now, c.shownNumber()
		t.command(DialLeg{Channel: ev.Channel, Timeout: t.env.Skill(c.Offer.Skill).RingTime})
	case c.Attempt.Open() && ev.Channel == c.Attempt.Channel:
		c.Attempt.Created = true
	}
}

func (t *Turn) legRinging(ev LegRinging) {
	c := t.Contact
	if c.Attempt.Open() && ev.Channel == c.Attempt.Channel {
		t.heardToRing()
	}
}

// legProgress lets the agent hear what the contact's network says. Many networks send the ringing that
// way only.
func (t *Turn) legProgress(ev LegProgress) {
	c := t.Contact
	if !c.Attempt.Open() || ev.Channel != c.Attempt.Channel {
		return
	}
	t.heardToRing()
	if c.Offer.Accepted() {
		t.endWhisper()
	}
}

func (t *Turn) heardToRing() {
	a := t.Contact.Attempt
	if a.Rang {
		return
	}
	a.Rang = true
	t.fact(FactRinging, "phone_number", a.PhoneNumber)
}

func (t *Turn) legAnswered(ev LegAnswered) {
	c := t.Contact
	leg := c.openLeg(ev.Channel)
	if leg == nil || !leg.AnsweredAt.IsZero() {
		return
	}
	leg.AnsweredAt = t.env.Now
	if !leg.HangupAt.IsZero() {
		return
	}
	switch {
	case c.Offer.Ringing() && ev.Channel == c.Offer.Channel:
		t.agentAnswered()
	case c.Attempt.Open() && ev.Channel == c.Attempt.Channel:
		t.contactAnswered()
	}
}

// legHangup takes the beginning of a hang-up: from now on nothing is said to the leg, nothing that it
// heard counts, and a callback is not promised any more (C4).
func (t *Turn) legHangup(ev LegHangup) {
	leg := t.Contact.openLeg(ev.Channel)
	if leg != nil && leg.HangupAt.IsZero() {
		leg.HangupAt = t.env.Now
	}
}

// legEnded closes a leg and goes on without it.
func (t *Turn) legEnded(ev LegEnded) {
	c := t.Contact
	leg := c.openLeg(ev.Channel)
	if leg == nil {
		return
	}
	leg.EndedAt, leg.Cause = t.env.Now, ev.Cause
	switch {
	case leg.Party == PartyContact:
		t.contactLegEnded(ev)
	case c.Offer.Open() && ev.Channel == c.Offer.Channel:
		t.agentLegEnded(ev)
	}
	if leg.Party != PartyAgent && c.Outcome == OutcomeTransferred {
		t.endTransfer()
	}
}

// contactLegEnded says what the end of the contact's leg means where the contact stands.
func (t *Turn) contactLegEnded(ev LegEnded) {
	c := t.Contact
	if c.Attempt.Open() && ev.Channel == c.Attempt.Channel {
		t.attemptEnded(ev)
		return
	}
	t.fact(FactHungUp, "cause", causeText(ev.Cause))
	if c.Promise != nil && c.Place != nil {
		c.Place.Node = "" // any node can serve it now; before, two daemons would have had legs of it
	}
	if ev.Channel != c.Channel {
		return
	}
	c.Channel, c.Playing, c.Music, c.Quieting = "", "", "", ""
	switch c.State {
	case StateLive:
		t.end(t.liveOutcome())
	case StateConnected, StateReleased:
		t.end(OutcomeServed)
	default:
		return
	}
	t.signal(Signal{Kind: SignalReleased})
	if c.Offer.Open() {
		t.hangup(c.openLeg(c.Offer.Channel), "normal")
	}
}

// liveOutcome is the outcome of a call that ends before an agent was connected: the script hung up,
// or the caller did and gets no callback (C4).
func (t *Turn) liveOutcome() Outcome {
	if t.Contact.HangupWanted {
		return OutcomeHungUp
	}
	return OutcomeAbandoned
}

// commandFailed takes the refusal of a command. One without an answer decides nothing: the leg's own
// events, its deadline or the next resync do.
func (t *Turn) commandFailed(ev CommandFailed) {
	if ev.Err.Kind == CommandUnsure {
		return
	}
	switch cmd := ev.Command.(type) {
	case CreateLeg:
		if ev.Err.Status == 0 {
			t.legGone(cmd.Channel) // Asterisk was not reached: that is nobody's refusal
			return
		}
		t.legEnded(LegEnded{Channel: cmd.Channel, Cause: CauseAbsent})
	case DialLeg:
		t.hangup(t.Contact.openLeg(cmd.Channel), "failure")
	case Hangup:
		if ev.Err.Kind == CommandNotFound {
			t.legEnded(LegEnded{Channel: cmd.Channel, Absent: true})
		}
	case Play:
		t.playbackFinished(PlaybackFinished{Channel: cmd.Channel, Playback: cmd.Playback, Failed: true, Reason: ev.Err.Message})
	case StopPlayback:
		t.playbackFinished(PlaybackFinished{Channel: cmd.Channel, Playback: cmd.Playback})
	}
}

// givenBack ends a contact whose call is the dialplan's again.
func (t *Turn) givenBack() {
	if t.Contact.State == StateEnded {
		return
	}
	for i := range t.Contact.Legs {
		t.Contact.Legs[i].EndedAt = t.env.Now
	}
	t.end(OutcomeGivenBack)
}
