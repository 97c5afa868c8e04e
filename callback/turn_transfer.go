package callback

import (
	"slices"
	"time"
)

// transferTime is how long the phone of an agent who has transferred the contact may take to hang up by
// itself: it is still being told that the transfer has worked.
const transferTime = 2 * time.Second

// legReplaced takes another channel in the place of a leg: its phone has transferred the call. An agent
// can transfer the contact to whom they talk, and nothing else.
func (t *Turn) legReplaced(ev LegReplaced) {
	c := t.Contact
	if c.leg(ev.By) != nil {
		return // told before
	}
	leg := c.openLeg(ev.Channel)
	switch {
	case leg != nil && leg.Party != PartyAgent:
		t.follow(leg, ev)
	case leg != nil && c.State == StateConnected && ev.Channel == c.Offer.Channel:
		c.Legs = append(c.Legs, Leg{
			Channel: ev.By, Node: t.env.Node, Party: PartyTransfer, Direction: Outbound,
			To: ev.To, CreatedAt: t.env.Now,
		})
		t.command(Mark{Channel: ev.By, Contact: c.ID})
		t.sentOn(ev.To)
	default:
		t.command(Hangup{Channel: ev.By, Reason: "normal"})
		t.hangup(leg, "normal")
	}
}

// sentOn ends the contact, which the agent has sent on to somebody else. Its call goes on: where it is
// still ours, until either end of it hangs up.
func (t *Turn) sentOn(to string) {
	c := t.Contact
	t.Silence()
	t.fact(FactTransferred, "agent", c.Offer.Agent, "to", to)
	t.end(OutcomeTransferred)
	c.Offer.JoinUntil = t.env.Now.Add(transferTime)
	t.signal(Signal{Kind: SignalReleased})
}

// endTransfer hangs up what is left of a call that an agent has transferred: one end of it has gone.
func (t *Turn) endTransfer() {
	c := t.Contact
	for i := range c.Legs {
		if c.Legs[i].Party != PartyAgent {
			t.hangup(&c.Legs[i], "normal")
		}
	}
}

// follow goes on with the channel that has taken the place of the contact's leg, or of the one of whom the
// contact was transferred to. What played on the old channel plays no more.
func (t *Turn) follow(leg *Leg, ev LegReplaced) {
	c := t.Contact
	next := *leg
	next.Channel, next.CreatedAt, next.HangupAt = ev.By, t.env.Now, time.Time{}
	leg.EndedAt = t.env.Now
	leaving := !leg.HangupAt.IsZero()
	c.Legs = append(c.Legs, next)
	t.command(Mark{Channel: ev.By, Contact: c.ID})
	if leaving {
		t.hangup(c.leg(ev.By), "normal")
	}
	if c.Attempt.Open() && c.Attempt.Channel == ev.Channel {
		c.Attempt.Channel = ev.By
	}
	if c.Channel != ev.Channel {
		return
	}
	c.Channel = ev.By
	played, joins := c.Playing != "" || c.Music != "", c.Quieting != ""
	c.Playing, c.Music, c.Quieting = "", "", ""
	switch {
	case joins && c.Offer.Accepted():
		t.joinLive()
	case played && c.OnLine() && !c.ScriptPaused():
		t.signal(Signal{Kind: SignalResume})
	}
}

// legLeft takes a leg that has left our application without being hung up: somebody has sent it elsewhere
// in Asterisk. It is none of ours any more; its end is still recorded.
func (t *Turn) legLeft(ev LegLeft) {
	c := t.Contact
	leg := c.openLeg(ev.Channel)
	if leg == nil || !leg.present() || !leg.HangupAt.IsZero() {
		return
	}
	switch {
	case c.Offer.Accepted() && ev.Channel == c.Offer.Channel:
		leg.LeftAt = t.env.Now
		t.agentLegEnded(LegEnded{Channel: ev.Channel})
	case ev.Channel == c.Channel && !c.Attempt.Open() || leg.Party == PartyTransfer:
		leg.LeftAt = t.env.Now
		t.contactLeft(ev.Channel)
	}
}

// contactLeft ends a contact whose call was sent elsewhere. Of a call that was transferred before, the
// other end is alone then.
func (t *Turn) contactLeft(channel string) {
	c := t.Contact
	if channel == c.Channel {
		c.Channel, c.Playing, c.Music, c.Quieting = "", "", "", ""
	}
	switch c.State {
	case StateLive:
		t.end(OutcomeGivenBack)
	case StateConnected:
		t.sentOn("")
		return
	case StateReleased:
		t.end(OutcomeServed)
	case StateEnded:
		if c.Outcome == OutcomeTransferred {
			t.endTransfer()
		}
		return
	default:
		return
	}
	t.signal(Signal{Kind: SignalReleased})
	if c.Offer.Open() {
		t.hangup(c.openLeg(c.Offer.Channel), "normal")
	}
}

// resyncTransfer finds that the agent has transferred the contact while nobody listened: in the bridge
// another channel has the place of the agent's. Where the contact has gone meanwhile it is alone there.
func (t *Turn) resyncTransfer(s *Snapshot) {
	c := t.Contact
	var known, unknown []string
	for _, channel := range s.Bridges[c.Bridge] {
		if c.leg(channel) == nil {
			unknown = append(unknown, channel)
		} else {
			known = append(known, channel)
		}
	}
	switch {
	case c.Bridge == "" || len(unknown) == 0:
	case len(known) == 0:
		for _, channel := range unknown {
			t.command(Hangup{Channel: channel, Reason: "normal"})
		}
	case c.State == StateConnected && c.Offer.Accepted() && slices.Equal(known, []string{c.Channel}):
		t.legReplaced(LegReplaced{Channel: c.Offer.Channel, By: unknown[0]})
	}
}
