package callback

import "time"

// offerMade rings the agent for the offer that the match has committed; a contact that was loaded since
// has it already. The contact may have left the queue meanwhile, or the time to ring may be over: then
// nothing was made and the agent is free again.
func (t *Turn) offerMade(ev OfferMade) {
	c := t.Contact
	c.TakeOffer(ev)
	leg := c.leg(ev.Leg.Channel)
	if !c.Offer.Ringing() || !leg.Open() || !leg.DiallingAt.IsZero() {
		return // told before, and gone on since
	}
	fits := c.Place != nil && (c.State == StateLive || c.State == StateCallback)
	if !fits || !t.env.Now.Before(c.Offer.RingUntil) {
		c.Offer.Result = OfferWithdrawn
		t.legEnded(LegEnded{Channel: ev.Leg.Channel, Absent: true})
		return
	}
	if c.State == StateCallback && c.Offer.Kind == OfferLive {
		c.Offer.Kind = OfferCallback
		t.fact(FactOfferChanged, "agent", c.Offer.Agent, "kind", string(OfferCallback))
	}
	t.createAgentLeg()
}

func (t *Turn) createAgentLeg() {
	c := t.Contact
	t.command(CreateLeg{
		Channel:      c.Offer.Channel,
		Endpoint:     c.Offer.Endpoint,
		Party:        PartyAgent,
		Contact:      c.ID,
		CallerNumber: c.shownNumber(),
		CallerName:   t.callerName(),
	})
}

// NewOffer makes the offer of a contact to an agent, with the leg that will ring the agent. It is
// what the match commits.
func NewOffer(place Place, agent, endpoint string, env Env) OfferMade {
	kind := OfferLive
	if place.Node == "" {
		kind = OfferCallback
	}
	channel := env.NewID()
	ring := env.Skill(place.Skill).RingTime
	return OfferMade{
		Offer: Offer{
			Channel: channel, Agent: agent, Endpoint: endpoint, Skill: place.Skill, Kind: kind,
			OfferedAt: env.Now, RingUntil: env.Now.Add(ring + ringGrace),
		},
		Leg: Leg{
			Channel: channel, Node: env.Node, Party: PartyAgent, Direction: Outbound,
			To: agent, Endpoint: endpoint, CreatedAt: env.Now,
		},
	}
}

// endRinging stops an agent's phone; the offer ends with the leg.
func (t *Turn) endRinging(result OfferResult) {
	t.Contact.Offer.Result = result
	t.hangup(t.Contact.openLeg(t.Contact.Offer.Channel), "normal")
}

// accept takes the agent's acceptance: the two are joined, or the contact is called back. Told: the agent
// was told before what is offered.
func (t *Turn) accept(told bool) {
	c := t.Contact
	offer := c.Offer
	if c.State != StateCallback && !c.OnLine() {
		t.endRinging(OfferWithdrawn)
		return
	}
	if c.Promise != nil && c.Promise.CallDelay >= maxCallDelay {
		t.refuseByDelay()
		return
	}
	offer.Result, offer.AcceptedAt = OfferAccepted, t.env.Now
	t.fact(FactAccepted, "agent", offer.Agent, "kind", string(offer.Kind))
	if c.State == StateCallback {
		t.agent(AgentChange{Agent: offer.Agent, Activity: WorkingCallback})
		t.beginAttempt(t.welcome(told))
		return
	}
	t.agent(AgentChange{Agent: offer.Agent, Activity: WorkingInbound})
	t.tell(t.welcome(told))
	t.quiet()
}

// quiet ends what the live caller hears and begins the join with the agent who has accepted.
func (t *Turn) quiet() {
	c := t.Contact
	c.Offer.JoinUntil = t.env.Now.Add(joinTime)
	if c.Offer.Whisper != "" {
		c.Offer.JoinUntil = t.env.Now.Add(whisperTime)
	}
	c.Quieting = c.Playing
	t.Silence()
	if c.Quieting == "" {
		t.joinLive()
	}
}

// refuseByDelay refuses the agent because the script's CallDelaySec is 60 or more, and holds the
// contact back until someone changes it (C7).
func (t *Turn) refuseByDelay() {
	c := t.Contact
	c.Place.Held = true
	t.fact(FactHeld, "reason", "CallDelaySec is 60 or more")
	t.endRinging(OfferRefused)
}

// joinLive brings agent and live caller together once the caller's leg is quiet: a join waits behind
// a playback. An agent who was taken over has a bridge, may be in it already, or joins it when quiet.
func (t *Turn) joinLive() {
	c := t.Contact
	if c.Bridge == "" {
		t.createBridge()
	}
	channels := []string{c.Channel}
	if !c.Offer.AgentJoined && c.Offer.Whisper == "" {
		channels = append(channels, c.Offer.Channel)
	}
	t.command(Join{Bridge: c.Bridge, Channels: channels})
}

// legJoined takes a leg's entry into the bridge. When both are in, and the contact has answered, the
// two are connected.
func (t *Turn) legJoined(ev LegJoined) {
	c := t.Contact
	if !c.Offer.Accepted() || ev.Bridge != c.Bridge || c.State == StateEnded {
		return
	}
	switch ev.Channel {
	case c.Offer.Channel:
		c.Offer.AgentJoined = true
	case c.Channel:
		c.Offer.ContactJoined = true
	}
	t.connectWhenJoined()
}

func (t *Turn) connectWhenJoined() {
	c := t.Contact
	if c.State == StateConnected || !c.Offer.AgentJoined || !c.Offer.ContactJoined {
		return
	}
	if c.State == StateCalling && c.Attempt.AnsweredAt.IsZero() {
		return
	}
	if c.leaving(c.Offer.Channel) || c.leaving(c.Channel) {
		return // its end, which is on its way, decides
	}
	c.State = StateConnected
	c.Offer.JoinUntil = time.Time{}
	c.Faults = 0
	if c.Attempt.Open() {
		t.closeAttempt(AttemptAnswered, CauseUnknown)
	}
	t.fact(FactConnected, "agent", c.Offer.Agent)
	t.signal(Signal{Kind: SignalAnswered})
	c.Place = nil
}

// joinFailed gives up bringing the two together, which is a fault of ours; or waiting for the agent of a
// contact that has ended, who is told that the callback was cancelled, or has transferred it.
func (t *Turn) joinFailed() {
	c := t.Contact
	c.Offer.JoinUntil = time.Time{}
	if c.State == StateCalling {
		c.Attempt.Outcome = AttemptFailed
		t.hangup(c.openLeg(c.Attempt.Channel), "failure")
	}
	reason := "failure"
	if c.State == StateEnded {
		reason = "normal"
	}
	t.hangup(c.openLeg(c.Offer.Channel), reason)
}

// agentLegEnded closes the offer and says what the agent and the contact do next.
func (t *Turn) agentLegEnded(ev LegEnded) {
	c := t.Contact
	offer := c.Offer
	offer.EndedAt = t.env.Now
	offer.Whisper = ""
	if offer.Result == "" {
		offer.Result = ringResult(ev)
	}
	t.fact(FactOfferEnded, "agent", offer.Agent, "result", string(offer.Result), "cause", causeText(ev.Cause))
	t.freeAgent(offer)
	t.targetRefused(offer)
	if offer.Result == OfferAccepted {
		t.agentLeft(ev.Cause)
	}
}

// ringResult says why a phone that rang, or could not ring, did not answer.
func ringResult(ev LegEnded) OfferResult {
	switch {
	case ev.Absent:
		return OfferWithdrawn
	case ev.Cause == CauseNoAnswer:
		return OfferNoAnswer
	case ev.Cause == CauseUnknown, ev.Cause == CauseNoResponse, ev.Cause == CauseUnallocated, ev.Cause == CauseAbsent:
		return OfferUnreachable
	}
	return OfferRefused
}

// freeAgent says what the agent does after the offer.
func (t *Turn) freeAgent(offer *Offer) {
	change := AgentChange{Agent: offer.Agent, Activity: Free, Reason: string(offer.Result)}
	skill := t.env.Skill(offer.Skill)
	switch offer.Result {
	case OfferRefused, OfferNoAnswer, OfferUnreachable:
		change.Activity, change.Until = Refused, t.env.Now.Add(skill.RefusedTime)
		change.MostRefusals = skill.Refusals
	case OfferAccepted:
		if t.talked() && skill.AfterCallWork > 0 {
			change.Activity, change.Until = AfterCall, t.env.Now.Add(skill.AfterCallWork)
		}
	case OfferWithdrawn:
	}
	t.agent(change)
}

// talked says whether the agent of the present offer has spoken with the contact.
func (t *Turn) talked() bool {
	c := t.Contact
	return c.State == StateConnected || c.Outcome == OutcomeServed || c.Outcome == OutcomeTransferred
}

// agentLeft goes on without the agent who had accepted.
func (t *Turn) agentLeft(cause Cause) {
	c := t.Contact
	if c.State == StateEnded || c.State == StateCallback || c.State == StateStuck {
		return
	}
	t.fact(FactAgentLeft, "agent", c.Offer.Agent, "cause", causeText(cause))
	switch c.State {
	case StateLive:
		c.Quieting = ""
		t.destroyBridge()
		t.signal(Signal{Kind: SignalResume})
	case StateCalling:
		t.agentLeftAttempt()
	case StateConnected:
		c.State = StateReleased
		t.Silence() // the bridge's end does not end what plays
		t.destroyBridge()
		t.signal(Signal{Kind: SignalAgentReleased})
	}
}

func (t *Turn) createBridge() {
	c := t.Contact
	c.Bridge = t.env.NewID()
	c.Offer.AgentJoined, c.Offer.ContactJoined = false, false
	t.command(CreateBridge{Bridge: c.Bridge, Keys: t.env.Keys})
}

func (t *Turn) destroyBridge() {
	if t.Contact.Bridge == "" {
		return
	}
	t.command(DestroyBridge{Bridge: t.Contact.Bridge})
	t.Contact.Bridge = ""
}
