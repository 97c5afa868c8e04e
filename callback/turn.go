package callback

import (
	"slices"
	"strconv"
	"time"
)

// Env is what a turn has to know beside the contact.
type Env struct {
	Now   time.Time
	Node  string                  // the node that the turn's commands go to
	Skill func(name string) Skill // a skill's settings; the defaults for a skill that is gone
	NewID func() string           // a new ID for a channel, a bridge or a playback
	// ContactEndpoint gives what Asterisk dials to reach a number.
	ContactEndpoint func(number string) string
	// Keys says that the contact's script asks for keys, or plays music, while contact and agent are
	// connected.
	Keys bool
	// WaitSounds gives the sounds that say how long somebody has waited; nil where nobody is told.
	WaitSounds func(time.Duration) []string
}

// Turn is one pass through a contact: an event or an action of the script goes in, and what has to
// be saved and sent comes out. It changes its Contact in place; who may have to undo it gives it a
// clone.
type Turn struct {
	Contact  *Contact
	Facts    []Fact
	Agents   []AgentChange
	Commands []Command // to be sent in this order
	Signals  []Signal  // for the script, in this order
	// MustSave says that the commands must not be sent before the contact was saved. Without it, and
	// with the database away, they may be, and the contact is saved later.
	MustSave bool

	env Env
}

// Signal is something that a running script has to hear of.
type Signal struct {
	Kind   SignalKind
	Value  string // the key, or the playback's ID
	Failed bool   // of a playback
	Reason string // why it failed, where that is known
}

// SignalKind says what a script has to hear of.
type SignalKind int

// The kinds of signal.
const (
	SignalStart         SignalKind = iota // the call has just come in
	SignalKey                             // a key was pressed
	SignalPlayback                        // a playback has come to its end
	SignalAnswered                        // OnAnswer: agent and contact are connected
	SignalAgentReleased                   // OnAgentRelease: the agent has left, the contact is on the line
	SignalReleased                        // OnRelease: the contact's call has ended
	SignalResume                          // go on with the action where it was
)

// joinTime is how long two legs may take to enter their bridge.
const joinTime = 5 * time.Second

// whisperTime is how long an agent who has accepted a live caller may be told what is offered; meanwhile
// the caller waits.
const whisperTime = 20 * time.Second

// createTime is how long a leg may take to be made.
const createTime = 10 * time.Second

// ringGrace is how much longer than Asterisk's own limit we wait before we end a ringing leg.
const ringGrace = 2 * time.Second

// maxCallDelay is the call delay that refuses the agent (C7).
const maxCallDelay = time.Minute

// NewTurn begins a turn of that contact.
func NewTurn(c *Contact, env Env) *Turn { return &Turn{Contact: c, env: env} }

// Arrive makes the contact of a call that has just come in. It is saved before anything is done with
// the call, so that its ID exists; Begin is its first turn.
func Arrive(ev LegArrived, script ScriptRef, node string, now time.Time) *Contact {
	return &Contact{
		State:     StateLive,
		Node:      node,
		Script:    script,
		ANI:       ev.ANI,
		DNIS:      ev.DNIS,
		Dialled:   ev.Dialled,
		Language:  ev.Language,
		ArrivedAt: now,
		Channel:   ev.Channel,
		Legs: []Leg{{
			Channel: ev.Channel, Node: node, Party: PartyContact, Direction: Inbound,
			From: ev.ANI, To: ev.DNIS, CreatedAt: now,
		}},
	}
}

// Begin answers the new call and starts its script.
func (t *Turn) Begin() {
	t.take(t.Contact.Channel)
	t.signal(Signal{Kind: SignalStart})
}

// take puts the contact ID on an inbound leg and answers it.
func (t *Turn) take(channel string) {
	t.command(Mark{Channel: channel, Contact: t.Contact.ID})
	t.command(Answer{Channel: channel})
}

// Handle takes one event. An event that comes late, twice, or for a channel that is not the
// contact's is absorbed.
func (t *Turn) Handle(ev Event) {
	switch ev := ev.(type) {
	case OfferMade:
		t.offerMade(ev)
	case LegCreated:
		t.legCreated(ev)
	case LegRinging:
		t.legRinging(ev)
	case LegProgress:
		t.legProgress(ev)
	case LegAnswered:
		t.legAnswered(ev)
	case LegHangup:
		t.legHangup(ev)
	case LegLeft:
		t.legLeft(ev)
	case LegReplaced:
		t.legReplaced(ev)
	case LegEnded:
		t.legEnded(ev)
	case LegJoined:
		t.legJoined(ev)
	case KeyPressed:
		t.keyPressed(ev)
	case PlaybackFinished:
		t.playbackFinished(ev)
	case CommandFailed:
		t.commandFailed(ev)
	case Resynced:
		t.resync(ev.Snapshot)
	case GivenBack:
		t.givenBack()
	case TargetAway:
		t.targetAway(ev)
	case TimeReached:
		t.timeReached()
	}
	t.tidy()
}

// Deadline gives the moment at which the contact next wants TimeReached; zero if none.
func (c *Contact) Deadline() time.Time {
	var next time.Time
	earliest := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if c.Offer.Ringing() {
		earliest(c.Offer.RingUntil)
	}
	if c.Offer.Accepted() {
		earliest(c.Offer.JoinUntil)
	}
	if c.Attempt.Open() && c.Attempt.Outcome == "" {
		earliest(c.nextStep())
	}
	return next
}

// nextStep gives the moment of the open attempt's next step; zero while it waits for an event.
func (c *Contact) nextStep() time.Time {
	a := c.Attempt
	switch {
	case a.DiallingAt.IsZero() && c.leaving(c.Offer.Channel):
		return time.Time{} // nobody is rung for an agent whose end is on its way
	case a.Channel == "" && c.hasOtherLeg():
		return time.Time{} // the contact's phone is still busy with the call before
	case a.Channel == "":
		return a.DueAt
	case !a.Created && a.DiallingAt.IsZero():
		return c.leg(a.Channel).CreatedAt.Add(createTime)
	case a.DiallingAt.IsZero():
		return a.DueAt
	case !a.DiallingAt.IsZero() && a.AnsweredAt.IsZero():
		return a.RingUntil
	}
	return time.Time{}
}

// hasOtherLeg says whether a leg of the contact's is open that is not the attempt's.
func (c *Contact) hasOtherLeg() bool {
	return slices.ContainsFunc(c.Legs, func(l Leg) bool {
		return l.Party == PartyContact && l.Open() && l.Channel != c.Attempt.Channel
	})
}

// timeReached does what has come due.
func (t *Turn) timeReached() {
	c, now := t.Contact, t.env.Now
	due := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) }
	if c.Offer.Ringing() && due(c.Offer.RingUntil) {
		t.endRinging(OfferNoAnswer)
	}
	if c.Offer.Accepted() && due(c.Offer.JoinUntil) {
		t.joinFailed()
	}
	if c.Attempt.Open() && c.Attempt.Outcome == "" && due(c.nextStep()) {
		t.attemptDue()
	}
}

// tidy removes the bridge when nobody can be in it any more, and stops the phone of an agent whom a
// match has found for a contact that had just ended.
func (t *Turn) tidy() {
	if t.Contact.State == StateEnded && t.Contact.Offer.Ringing() {
		t.endRinging(OfferWithdrawn)
	}
	if t.Contact.Bridge != "" && !t.Contact.Offer.Open() && !t.Contact.present() {
		t.destroyBridge()
	}
}

func (t *Turn) skill() Skill {
	if t.Contact.Place == nil {
		return t.env.Skill("")
	}
	return t.env.Skill(t.Contact.Place.Skill)
}

func (t *Turn) command(cmd Command)  { t.Commands = append(t.Commands, cmd) }
func (t *Turn) signal(signal Signal) { t.Signals = append(t.Signals, signal) }
func (t *Turn) agent(ch AgentChange) { t.Agents = append(t.Agents, ch) }

// fact adds a line to the history; pairs are names and values.
func (t *Turn) fact(kind FactKind, pairs ...string) {
	f := Fact{At: t.env.Now, Kind: kind}
	if len(pairs) > 0 {
		f.Data = make(map[string]string, len(pairs)/2)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Data[pairs[i]] = pairs[i+1]
	}
	t.Facts = append(t.Facts, f)
}

// hangup decides that a leg ends and asks for it, once.
func (t *Turn) hangup(leg *Leg, reason string) {
	if leg == nil || !leg.present() || !leg.HangupAt.IsZero() {
		return
	}
	leg.HangupAt = t.env.Now
	t.command(Hangup{Channel: leg.Channel, Reason: reason})
}

// end gives the contact its outcome. Its legs may still have to end.
func (t *Turn) end(outcome Outcome) {
	c := t.Contact
	c.State, c.Outcome, c.EndedAt = StateEnded, outcome, t.env.Now
	c.Place = nil
	t.fact(FactEnded, "outcome", string(outcome))
	if c.Offer.Ringing() {
		t.endRinging(OfferWithdrawn)
	}
}

// backToPlace puts a contact that was being called back into the queue, where it was (C6), not to be
// offered before the pause is over.
func (t *Turn) backToPlace(pause time.Duration) {
	c := t.Contact
	c.State = StateCallback
	c.Channel = ""
	c.Place.ReadyAt = t.env.Now.Add(pause)
	t.fact(FactPlaceKept, "ready_at", c.Place.ReadyAt.UTC().Format(time.RFC3339Nano))
}

func causeText(cause Cause) string { return strconv.Itoa(int(cause)) }
