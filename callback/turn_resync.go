package callback

import (
	"slices"
	"time"
)

// remakePause is the time before a leg that could not be made is made again.
const remakePause = time.Second

// resync holds the contact's legs against what exists in its node, after a start, a reconnect or a
// takeover. What goes on, goes on from its state; what is gone has ended, unseen.
func (t *Turn) resync(s *Snapshot) {
	c := t.Contact
	t.resyncTransfer(s)
	bridge := c.Bridge
	// The contact's legs first: a leg of the contact that is gone with the agent's is the attempt's
	// unknown outcome, not a fault of the agent's.
	for _, party := range []Party{PartyContact, PartyTransfer, PartyAgent} {
		for _, channel := range t.openChannels(party) {
			found, ok := s.Channels[channel]
			if !ok {
				t.legGone(channel)
				continue
			}
			if found.Left {
				t.legLeft(LegLeft{Channel: channel})
			}
			t.legFound(channel, found.State)
		}
	}
	if c.Bridge == bridge { // otherwise the two were just put on their way to each other
		t.rejoin(s)
	}
	if len(t.Signals) == 0 && c.OnLine() && !c.ScriptPaused() {
		t.signal(Signal{Kind: SignalResume})
	}
}

func (t *Turn) openChannels(party Party) []string {
	var channels []string
	for _, leg := range t.Contact.Legs {
		if leg.Party == party && leg.Open() && leg.Node == t.env.Node {
			channels = append(channels, leg.Channel)
		}
	}
	return channels
}

// legGone takes a leg that does not exist. The contact's leg of an attempt that was never committed
// as dialling was not made or has rung nobody: it is made again.
func (t *Turn) legGone(channel string) {
	c := t.Contact
	a := c.Attempt
	if a.Open() && a.Outcome == "" && a.Channel == channel && a.DiallingAt.IsZero() {
		leg := c.openLeg(channel)
		leg.EndedAt = t.env.Now
		a.Channel, a.Created, c.Channel = "", false, ""
		a.DueAt = t.env.Now.Add(remakePause)
		return
	}
	t.legEnded(LegEnded{Channel: channel, Absent: true})
}

// legFound takes a leg that exists, and catches up with what happened to it.
func (t *Turn) legFound(channel string, state ChannelState) {
	c := t.Contact
	leg := c.openLeg(channel)
	if leg == nil || !leg.present() {
		return
	}
	if !leg.HangupAt.IsZero() {
		t.command(Hangup{Channel: channel, Reason: "normal"})
		return
	}
	if c.State == StateEnded && c.Outcome != OutcomeTransferred { // that call goes on, and its agent is still being told so
		t.hangup(leg, "normal")
		return
	}
	switch {
	case state == ChannelUp:
		t.legAnswered(LegAnswered{Channel: channel})
	case leg.Direction == Inbound:
		t.take(channel)
	case state == ChannelRinging:
		t.legRinging(LegRinging{Channel: channel})
	case state == ChannelDown:
		t.legDown(leg)
	}
}

// legDown takes a leg that exists and does not ring. If it was never dialled that is its next step;
// if it was, nobody knows whether the dialling reached the phone: it is ended.
func (t *Turn) legDown(leg *Leg) {
	c := t.Contact
	if leg.DiallingAt.IsZero() {
		t.legCreated(LegCreated{Channel: leg.Channel})
		return
	}
	switch {
	case c.Offer.Ringing() && leg.Channel == c.Offer.Channel:
		t.endRinging(OfferWithdrawn)
	case c.Attempt.Open() && leg.Channel == c.Attempt.Channel && c.Attempt.Outcome == "":
		c.Attempt.Outcome = AttemptUnknown
		t.hangup(leg, "failure")
	}
}

// rejoin makes good a bridge that is gone or was never filled.
func (t *Turn) rejoin(s *Snapshot) {
	c := t.Contact
	if !c.Offer.Accepted() || c.openLeg(c.Offer.Channel) == nil || c.State == StateEnded {
		return
	}
	if !c.Offer.JoinUntil.IsZero() {
		c.Offer.JoinUntil = t.env.Now.Add(joinTime) // it begins again
	}
	if c.State != StateCalling || !c.Attempt.AnsweredAt.IsZero() {
		t.endWhisper()
	}
	if c.Quieting != "" {
		t.command(StopPlayback{Channel: c.Channel, Playback: c.Quieting})
		return
	}
	members, ok := s.Bridges[c.Bridge]
	if !ok {
		t.createBridge()
	}
	for _, channel := range t.wantedInBridge() {
		if ok && slices.Contains(members, channel) {
			t.legJoined(LegJoined{Channel: channel, Bridge: c.Bridge})
			continue
		}
		t.command(Join{Bridge: c.Bridge, Channels: []string{channel}})
	}
}

// wantedInBridge gives the legs that belong in the bridge now.
func (t *Turn) wantedInBridge() []string {
	c := t.Contact
	var channels []string
	if c.Offer.Whisper == "" {
		channels = append(channels, c.Offer.Channel)
	}
	dialled := c.State != StateCalling || !c.Attempt.DiallingAt.IsZero()
	if leg := c.openLeg(c.Channel); leg != nil && dialled {
		channels = append(channels, c.Channel)
	}
	return channels
}
