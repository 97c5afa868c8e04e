package callback

import (
	"slices"
	"strconv"
	"time"
)

// ContactID names one contact for life: in the tables, the reports and on its channels (C10). It is
// short enough to say on the phone.
type ContactID int64

// String gives the ID as people write it.
func (id ContactID) String() string { return strconv.FormatInt(int64(id), 10) }

// State is where a contact stands; the package comment draws the transitions.
type State string

// The states of a contact.
const (
	StateLive      State = "live"
	StateCallback  State = "callback"
	StateCalling   State = "calling"
	StateConnected State = "connected"
	StateReleased  State = "released"
	StateStuck     State = "stuck"
	StateEnded     State = "ended"
)

// Outcome says how a contact ended; it is empty while the contact is open.
type Outcome string

// The outcomes of a contact.
const (
	OutcomeServed     Outcome = "served"      // contact and agent were connected
	OutcomeAbandoned  Outcome = "abandoned"   // the caller hung up before an agent or a callback (C4)
	OutcomeNotReached Outcome = "not_reached" // every attempt to call back was used up
	OutcomeHungUp     Outcome = "hung_up"     // the script's Hangup, an expiry among them (C12)
	OutcomeGivenBack  Outcome = "given_back"  // the call went back to the dialplan
	OutcomeTakenOver  Outcome = "taken_over"  // a new call took the callback's place; CauseTakenOver
	OutcomeCancelled  Outcome = "cancelled"   // a person cancelled the callback
	// The agent has sent the contact on to somebody else; the two may still talk.
	OutcomeTransferred Outcome = "transferred"
)

// ScriptRef names the script that a contact runs and the version with which it began.
type ScriptRef struct {
	Name    string `db:"script"`
	Version string `db:"script_version"` // content hash
}

// Contact is one person's claim on an agent, from the moment the call enters the script to its
// outcome. Only a [Turn] changes one.
type Contact struct {
	ID        ContactID
	State     State
	Outcome   Outcome
	Node      string // the node that holds the open legs; "" while there are none
	Script    ScriptRef
	ANI       string // the number that the call came from
	DNIS      string // the number that was dialled, as it reached us
	Dialled   string // what the caller really dialled, as far as the network told (C8)
	Language  string // of the call's channel, as Asterisk names languages; "" where it is not known
	ArrivedAt time.Time
	EndedAt   time.Time

	Place   *Place   // nil: not in the queue
	Promise *Promise // nil: no callback was promised
	Offer   *Offer   // the last one; see Offer.Open
	Attempt *Attempt // the last one; see Attempt.Open
	Legs    []Leg

	Channel string // the contact's own leg that is in use: the live call, or the call back
	Bridge  string // "" while there is none
	Playing string // the ID of the playback on the contact's leg; "" while there is none
	// Quieting is the ID of the playback that has to come to its end before the join; "" for none.
	Quieting string
	Music    string // the class of music on the contact's leg; "" while there is none

	Tries        int  // attempts that were begun
	Attempts     int  // attempts that counted
	Faults       int  // attempts in a row that ended through a fault of ours or with an unknown outcome
	ZipTone      bool // the agent hears a short tone before a live caller
	CalledBack   bool // a callback was dialled: ANI and DNIS mean those of the outbound call (C9)
	HangupWanted bool // the script has hung up while an attempt was under way (C12)
}

// Promise is the callback that a contact was promised, with its properties as they were when the
// action fired (C8).
type Promise struct {
	PhoneNumber string        // what is dialled: digits, at most a leading +
	E164        string        // the same for all the ways to write that number; "" where it is not known
	Extension   string        // shown to the agent, never dialled (C13)
	CallerID    string        // what the contact's phone shows (C8)
	CallDelay   time.Duration // from the agent's accepting to the dialling, whole seconds (C7)
	PromisedAt  time.Time
}

// ChannelPrefix begins the ID of every channel and bridge that we make, so that a resync tells ours
// from those of others.
const ChannelPrefix = "cb-"

// Party says whose leg a channel is.
type Party string

// The parties of a leg.
const (
	PartyContact  Party = "contact"
	PartyAgent    Party = "agent"
	PartyTransfer Party = "transfer" // whom the agent has transferred the contact to
)

// Direction is a leg's, as Asterisk sees it.
type Direction string

// The directions of a leg.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// Leg is one Asterisk channel that serves a contact or an agent. Its channel ID is committed before
// the channel is made, so that a crash never leaves a call that nobody knows.
type Leg struct {
	Channel    string
	Node       string
	Party      Party
	Direction  Direction
	From       string
	To         string
	Endpoint   string // what Asterisk dials; "" for an inbound leg
	CreatedAt  time.Time
	DiallingAt time.Time // committed before the dial is sent
	AnsweredAt time.Time
	HangupAt   time.Time // when either side asked for its end; ours is repeated after a crash
	LeftAt     time.Time // when it was sent elsewhere in Asterisk; only its end is still ours to record
	EndedAt    time.Time
	Cause      Cause
}

// Open says whether the channel may still exist.
func (l *Leg) Open() bool { return l.EndedAt.IsZero() }

// present says whether the channel may still exist and is ours to act on.
func (l *Leg) present() bool { return l.Open() && l.LeftAt.IsZero() }

// Cause is a hang-up cause of Q.850; 0 where none is known.
type Cause int

// The causes that decide something.
const (
	CauseUnknown     Cause = 0
	CauseUnallocated Cause = 1
	CauseNormal      Cause = 16
	CauseBusy        Cause = 17
	CauseNoResponse  Cause = 18
	CauseNoAnswer    Cause = 19
	CauseRejected    Cause = 21
	CauseInvalid     Cause = 28
	CauseNoCircuit   Cause = 34
	CauseNetwork     Cause = 38
	CauseTemporary   Cause = 41
	CauseCongestion  Cause = 42
	CauseUnavailable Cause = 44
	CauseNoResource  Cause = 47
	CauseAbsent      Cause = 20
	CauseTakenOver   Cause = 242 // not of Q.850: another call has taken the callback's place
)

// Offer is a contact presented to an agent. It is open from the match until the agent's leg has
// ended; the database keeps one open offer an agent and one a contact.
type Offer struct {
	Channel    string // the agent's leg, and the offer's own name
	Agent      string // the agent's extension
	Endpoint   string
	Skill      string // the skill that the contact waited in
	Kind       OfferKind
	Result     OfferResult // "" while it rings
	OfferedAt  time.Time
	AcceptedAt time.Time
	EndedAt    time.Time
	RingUntil  time.Time // then the agent has not answered in time
	// JoinUntil is when the two could not be joined, or when the agent has been told long enough that the
	// callback was cancelled; zero unless one of them is under way.
	JoinUntil time.Time
	Whisper   string // the ID of the playback on the agent's leg; "" while there is none
	// The two are joined when both legs are in the bridge.
	AgentJoined   bool
	ContactJoined bool
}

// Open says whether the agent is still engaged by this offer.
func (o *Offer) Open() bool { return o != nil && o.EndedAt.IsZero() }

// Ringing says whether the agent's phone is to ring or rings.
func (o *Offer) Ringing() bool { return o.Open() && o.Result == "" }

// Accepted says whether the agent is on the line for this contact.
func (o *Offer) Accepted() bool { return o.Open() && o.Result == OfferAccepted }

// OfferKind says what the agent is offered.
type OfferKind string

// The kinds of offer.
const (
	OfferLive     OfferKind = "live"
	OfferCallback OfferKind = "callback"
)

// OfferResult says what became of an offer.
type OfferResult string

// The results of an offer.
const (
	OfferAccepted    OfferResult = "accepted"
	OfferRefused     OfferResult = "refused"     // declined, redirected or refused by the call delay (C7)
	OfferNoAnswer    OfferResult = "no_answer"   // not answered in time
	OfferUnreachable OfferResult = "unreachable" // Asterisk could not ring the phone
	OfferWithdrawn   OfferResult = "withdrawn"   // the contact ended first, or the daemon lost the leg
)

// Attempt is one dialling of the contact for a callback. It is open until the contact's leg, where
// one was made, has ended or was answered.
type Attempt struct {
	Number      int    // from 1, over all attempts of the contact
	Agent       string // whose acceptance it serves
	Channel     string // the contact's leg; "" until it is committed
	PhoneNumber string
	CallerID    string
	Outcome     AttemptOutcome // "" while it is open
	Cause       Cause
	Counts      bool      // against the skill's number of attempts
	Rang        bool      // the contact's phone, or its network, was heard to ring
	Created     bool      // the channel exists and is ready to be dialled
	DueAt       time.Time // when the dialling is due (C7)
	StartedAt   time.Time // the agent's acceptance
	DiallingAt  time.Time
	AnsweredAt  time.Time
	EndedAt     time.Time
	RingUntil   time.Time // then the contact has not answered
}

// Open says whether the attempt still waits for its outcome.
func (a *Attempt) Open() bool { return a != nil && a.EndedAt.IsZero() }

// AttemptOutcome says what became of an attempt.
type AttemptOutcome string

// The outcomes of an attempt.
const (
	AttemptAnswered  AttemptOutcome = "answered"
	AttemptNoAnswer  AttemptOutcome = "no_answer"
	AttemptBusy      AttemptOutcome = "busy"
	AttemptRejected  AttemptOutcome = "rejected"
	AttemptFailed    AttemptOutcome = "failed"     // the number or the network refused; the cause says which
	AttemptAgentLeft AttemptOutcome = "agent_left" // a fault on the agent's side; does not count
	AttemptTakenOver AttemptOutcome = "taken_over" // a new call took the place and the agent; does not count
	AttemptCancelled AttemptOutcome = "cancelled"  // a person cancelled the callback; does not count
	AttemptUnknown   AttemptOutcome = "unknown"    // we or Asterisk died while it may have rung; does not count
)

// leg gives the contact's leg of that channel, or nil.
func (c *Contact) leg(channel string) *Leg {
	for i := range c.Legs {
		if c.Legs[i].Channel == channel {
			return &c.Legs[i]
		}
	}
	return nil
}

// openLeg gives the leg of that channel if its channel may still exist, or nil.
func (c *Contact) openLeg(channel string) *Leg {
	if channel == "" {
		return nil
	}
	leg := c.leg(channel)
	if leg == nil || !leg.Open() {
		return nil
	}
	return leg
}

// leaving says whether the leg of that channel has ended, has begun to, or was sent elsewhere.
func (c *Contact) leaving(channel string) bool {
	leg := c.openLeg(channel)
	return leg == nil || !leg.present() || !leg.HangupAt.IsZero()
}

// present says whether a leg of the contact may still exist and is ours to act on.
func (c *Contact) present() bool {
	return slices.ContainsFunc(c.Legs, func(l Leg) bool { return l.present() })
}

// OnLine says whether the contact is on the line, has not hung up, and the script can speak to it
// (C11).
func (c *Contact) OnLine() bool {
	switch c.State {
	case StateLive, StateConnected, StateReleased:
		return !c.leaving(c.Channel)
	}
	return false
}

// ScriptPaused says whether the script waits because an agent has accepted and is not connected yet:
// what is decided in that time waits for the outcome (C12).
func (c *Contact) ScriptPaused() bool {
	return c.Offer.Accepted() && c.State != StateConnected
}

// Variable gives the contact's own variables, by the names that scripts use; ok is false for a name
// that is none of them.
func (c *Contact) Variable(name string) (value string, ok bool) {
	switch name {
	case "ANI":
		if c.CalledBack {
			return c.Promise.CallerID, true // C9
		}
		return c.ANI, true
	case "DNIS":
		if c.CalledBack {
			return c.Promise.PhoneNumber, true // C9
		}
		return c.DNIS, true
	case "DIALLED":
		return c.Dialled, true
	case "CONTACTID":
		return c.ID.String(), true
	case "SKILL":
		switch {
		case c.Place != nil:
			return c.Place.Skill, true
		case c.Offer.Accepted():
			return c.Offer.Skill, true // the two talk: it has waited there
		}
		return "", true
	case "LANGUAGE":
		return c.Language, true
	case "EXTENSION":
		if c.Promise == nil {
			return "", true
		}
		return c.Promise.Extension, true // C13
	case "AGENTID":
		if !c.Offer.Accepted() {
			return "", true
		}
		return c.Offer.Agent, true
	}
	return "", false
}

// Idle says whether nothing of the contact needs the daemon: no channel may exist and no offer is
// open. What remains is a row (C14).
func (c *Contact) Idle() bool {
	if c.Offer.Open() {
		return false
	}
	return !slices.ContainsFunc(c.Legs, func(l Leg) bool { return l.Open() })
}

// TakeOffer takes the offer and the leg that a match has committed into a contact that does not know them
// yet. They stand in the database, so that there is nothing to save.
func (c *Contact) TakeOffer(ev OfferMade) {
	if c.leg(ev.Leg.Channel) == nil {
		c.Legs = append(c.Legs, ev.Leg)
		c.Offer = &ev.Offer
	}
}

// shownNumber is the contact's number, as the agent's phone shows it.
func (c *Contact) shownNumber() string {
	if c.Promise != nil {
		return c.Promise.PhoneNumber
	}
	return c.ANI
}

// Clone gives a copy that shares nothing with c.
func (c *Contact) Clone() *Contact {
	d := *c
	d.Legs = slices.Clone(c.Legs)
	d.Place = clone(c.Place)
	d.Promise = clone(c.Promise)
	d.Offer = clone(c.Offer)
	d.Attempt = clone(c.Attempt)
	return &d
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Prune forgets the legs that have ended; the database has them. It is called after a save.
func (c *Contact) Prune() {
	c.Legs = slices.DeleteFunc(c.Legs, func(l Leg) bool { return !l.Open() })
	if c.Offer != nil && !c.Offer.Open() {
		c.Offer = nil
	}
	if c.Attempt != nil && !c.Attempt.Open() {
		c.Attempt = nil
	}
}
