package callback

// targetRefused lets a contact that waits for one agent, and may go to any, go to any: that agent has not
// accepted the offer.
func (t *Turn) targetRefused(offer *Offer) {
	switch offer.Result {
	case OfferRefused, OfferNoAnswer, OfferUnreachable:
		t.dropTarget(offer.Agent, string(offer.Result))
	case OfferAccepted, OfferWithdrawn:
	}
}

// targetAway does the same where that agent is away.
func (t *Turn) targetAway(ev TargetAway) {
	if !t.Contact.Offer.Open() {
		t.dropTarget(ev.Agent, "away")
	}
}

func (t *Turn) dropTarget(agent, reason string) {
	place := t.Contact.Place
	if place == nil || !place.AnyAgent || place.TargetAgent != agent {
		return
	}
	place.TargetAgent, place.AnyAgent = "", false
	t.fact(FactAnyAgent, "agent", agent, "reason", reason)
}
