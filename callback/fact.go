package callback

import "time"

// Fact is one line of a contact's history. Facts are only ever added.
type Fact struct {
	Contact ContactID // whose history; 0: that of the turn's contact
	At      time.Time
	Kind    FactKind
	Data    map[string]string // what there is to say about it; may be nil
}

// FactKind says what happened.
type FactKind string

// The kinds of fact.
const (
	FactArrived      FactKind = "arrived"       // ani, dnis, dialled, script
	FactAction       FactKind = "action"        // a script action began: name, kind, caption
	FactKey          FactKind = "key"           // the caller pressed a key: key
	FactError        FactKind = "error"         // an action failed: error
	FactLog          FactKind = "log"           // the script's Log
	FactAsked        FactKind = "asked"         // the script asks a web server: method, url without its query
	FactReplied      FactKind = "replied"       // what came of it: url, status, values (how many), error
	FactQueued       FactKind = "queued"        // skill, initial, acceleration, maximum
	FactPromised     FactKind = "promised"      // the callback was promised: phone_number, caller_id, delay
	FactHungUp       FactKind = "hung_up"       // the contact's call ended: cause
	FactOffered      FactKind = "offered"       // agent, kind
	FactOfferChanged FactKind = "offer_changed" // a live offer became a callback offer: agent, kind
	FactOfferEnded   FactKind = "offer_ended"   // agent, result, cause
	FactAccepted     FactKind = "accepted"      // agent, kind
	FactAttempt      FactKind = "attempt"       // an attempt began: number, phone_number, caller_id
	FactDialling     FactKind = "dialling"      // phone_number
	FactRinging      FactKind = "ringing"       // the contact's phone rings: phone_number
	FactAnswered     FactKind = "answered"      // the contact answered: phone_number
	FactAttemptEnded FactKind = "attempt_ended" // number, outcome, cause, counts
	FactConnected    FactKind = "connected"     // agent
	FactAgentLeft    FactKind = "agent_left"    // agent, cause
	FactPlaceKept    FactKind = "place_kept"    // back in the queue as before: ready_at
	FactPriority     FactKind = "priority"      // the place's parameters have changed: initial, acceleration, maximum
	FactTakenOver    FactKind = "taken_over"    // the place went to another contact: by, cause; or came from one: contact
	FactHeld         FactKind = "held"          // held back from offers: reason
	FactResynced     FactKind = "resynced"      // a daemon took the contact over
	FactStuck        FactKind = "stuck"         // reason
	FactHoldLifted   FactKind = "hold_lifted"   // a person lets it be offered again: by, call_delay
	FactChanged      FactKind = "changed"       // a person changed place or promise: by, and what by its name
	FactCancelled    FactKind = "cancelled"     // a person cancelled the callback: by
	FactTransferred  FactKind = "transferred"   // the agent has sent the contact on to somebody else: agent, to
	FactAnyAgent     FactKind = "any_agent"     // it waits for one agent no longer: agent, reason
	FactEnded        FactKind = "ended"         // outcome
)
