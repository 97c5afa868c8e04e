package postgres

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/script"
)

// A record travels as one JSON document in both directions, so that a save and a load are one
// statement each. The documents' names are those of the columns.

// moment is a time of the database: exact to the microsecond, in UTC, null for the zero time.
type moment struct{ time.Time }

func (m moment) MarshalJSON() ([]byte, error) {
	if m.IsZero() {
		return []byte("null"), nil
	}
	return m.UTC().Truncate(time.Microsecond).MarshalJSON()
}

func (m *moment) UnmarshalJSON(text []byte) error {
	if err := m.Time.UnmarshalJSON(text); err != nil {
		return err
	}
	m.Time = m.UTC()
	return nil
}

// optional is a text that is null in the database where it is empty here.
type optional string

func (o optional) MarshalJSON() ([]byte, error) {
	if o == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(o))
}

type recordRow struct {
	Contact    contactRow   `json:"contact"`
	Place      []placeRow   `json:"place,omitempty"` // at most one; so are offer and attempt
	Offer      []offerRow   `json:"offer,omitempty"`
	Attempt    []attemptRow `json:"attempt,omitempty"`
	Legs       []legRow     `json:"legs,omitempty"`
	EndedOffer optional     `json:"ended_offer"` // the offer that no longer holds the place
	TakenOffer optional     `json:"taken_offer"` // the offer that holds the place from now on, taken over with its agent
	Facts      []factRow    `json:"facts,omitempty"`
	Agents     []agentRow   `json:"agents,omitempty"`
}

type contactRow struct {
	ID            int64        `json:"id"`
	Rev           int64        `json:"rev"`
	State         string       `json:"state"`
	Outcome       optional     `json:"outcome"`
	Node          optional     `json:"node"`
	Script        string       `json:"script"`
	ScriptVersion string       `json:"script_version"`
	ScriptState   script.State `json:"script_state"`
	WakeAt        moment       `json:"wake_at"`
	ANI           string       `json:"ani"`
	DNIS          string       `json:"dnis"`
	Dialled       string       `json:"dialled"`
	Language      string       `json:"language"`
	Skill         optional     `json:"skill"`
	ArrivedAt     moment       `json:"arrived_at"`
	EndedAt       moment       `json:"ended_at"`
	PhoneNumber   *string      `json:"phone_number"` // this and the next four: null without a promise
	Extension     *string      `json:"extension"`
	CallerID      *string      `json:"caller_id"`
	CallDelaySec  *int64       `json:"call_delay_sec"`
	PromisedAt    moment       `json:"promised_at"`
	E164          optional     `json:"e164"` // of PhoneNumber
	Channel       optional     `json:"channel"`
	Bridge        optional     `json:"bridge"`
	Playing       optional     `json:"playing"`
	Quieting      optional     `json:"quieting"`
	Music         optional     `json:"music"`
	Tries         int          `json:"tries"`
	Attempts      int          `json:"attempts"`
	Faults        int          `json:"faults"`
	ZipTone       bool         `json:"zip_tone"`
	CalledBack    bool         `json:"called_back"`
	HangupWanted  bool         `json:"hangup_wanted"`
}

type placeRow struct {
	ClassID      int64  `json:"class_id"`
	Skill        string `json:"skill"`
	Initial      int    `json:"initial"`
	Acceleration int    `json:"acceleration"`
	Maximum      int    `json:"maximum"`
	TargetAgent  string `json:"target_agent"`
	AnyAgent     bool   `json:"any_agent"`
	Node         string `json:"node"`
	QueuedAt     moment `json:"queued_at"`
	ReadyAt      moment `json:"ready_at"`
	Held         bool   `json:"held"`
}

type offerRow struct {
	Channel       string   `json:"channel"`
	Agent         string   `json:"agent"`
	Endpoint      string   `json:"endpoint"`
	Skill         string   `json:"skill"`
	Kind          string   `json:"kind"`
	Result        optional `json:"result"`
	OfferedAt     moment   `json:"offered_at"`
	AcceptedAt    moment   `json:"accepted_at"`
	EndedAt       moment   `json:"ended_at"`
	RingUntil     moment   `json:"ring_until"`
	JoinUntil     moment   `json:"join_until"`
	Whisper       optional `json:"whisper"`
	AgentJoined   bool     `json:"agent_joined"`
	ContactJoined bool     `json:"contact_joined"`
}

type attemptRow struct {
	Number      int      `json:"number"`
	Agent       string   `json:"agent"`
	Channel     optional `json:"channel"`
	PhoneNumber string   `json:"phone_number"`
	CallerID    string   `json:"caller_id"`
	Outcome     optional `json:"outcome"`
	Cause       int      `json:"cause"`
	Counts      bool     `json:"counts"`
	Rang        bool     `json:"rang"`
	Created     bool     `json:"created"`
	DueAt       moment   `json:"due_at"`
	StartedAt   moment   `json:"started_at"`
	DiallingAt  moment   `json:"dialling_at"`
	AnsweredAt  moment   `json:"answered_at"`
	EndedAt     moment   `json:"ended_at"`
	RingUntil   moment   `json:"ring_until"`
}

type legRow struct {
	Channel    string `json:"channel"`
	Node       string `json:"node"`
	Party      string `json:"party"`
	Direction  string `json:"direction"`
	From       string `json:"from_number"`
	To         string `json:"to_number"`
	Endpoint   string `json:"endpoint"`
	CreatedAt  moment `json:"created_at"`
	DiallingAt moment `json:"dialling_at"`
	AnsweredAt moment `json:"answered_at"`
	HangupAt   moment `json:"hangup_at"`
	LeftAt     moment `json:"left_at"`
	EndedAt    moment `json:"ended_at"`
	Cause      int    `json:"cause"`
}

type factRow struct {
	At   moment            `json:"at"`
	Kind string            `json:"kind"`
	Data map[string]string `json:"data"`
}

type agentRow struct {
	Agent    string `json:"agent"`
	Activity string `json:"activity"`
	Until    moment `json:"until"`
	Reason   string `json:"reason"`
	Refusals int    `json:"most_refusals"`
}

func newRecordRow(change dispatch.Change) recordRow {
	c := change.Record.Contact
	row := recordRow{Contact: newContactRow(change.Record)}
	if c.Place != nil {
		row.Place = []placeRow{newPlaceRow(*c.Place)}
	}
	if c.Offer != nil {
		row.Offer = []offerRow{newOfferRow(*c.Offer)}
		switch {
		case !c.Offer.Open():
			row.EndedOffer = optional(c.Offer.Channel)
		case change.Taken != nil && c.Offer.Accepted():
			row.TakenOffer = optional(c.Offer.Channel)
		}
	}
	if c.Attempt != nil {
		row.Attempt = []attemptRow{newAttemptRow(*c.Attempt)}
	}
	for _, leg := range c.Legs {
		row.Legs = append(row.Legs, newLegRow(leg))
	}
	for _, fact := range change.Facts {
		if fact.Contact == 0 || fact.Contact == c.ID {
			row.Facts = append(row.Facts, newFactRow(fact))
		}
	}
	for _, agent := range change.Agents {
		row.Agents = append(row.Agents, agentRow{
			Agent: agent.Agent, Activity: string(agent.Activity), Until: moment{agent.Until}, Reason: agent.Reason,
			Refusals: agent.MostRefusals,
		})
	}
	return row
}

// newTakenRow gives the contact whose place was taken over, with the change's facts that are its own.
func newTakenRow(change dispatch.Change) recordRow {
	own := dispatch.Change{Record: *change.Taken}
	for _, fact := range change.Facts {
		if fact.Contact == change.Taken.Contact.ID {
			own.Facts = append(own.Facts, fact)
		}
	}
	return newRecordRow(own)
}

func newContactRow(record dispatch.Record) contactRow {
	c := record.Contact
	row := contactRow{
		ID: int64(c.ID), Rev: record.Rev, State: string(c.State), Outcome: optional(c.Outcome), Node: optional(c.Node),
		Script: c.Script.Name, ScriptVersion: c.Script.Version,
		ScriptState: record.Script, WakeAt: moment{record.Script.Deadline},
		ANI: c.ANI, DNIS: c.DNIS, Dialled: c.Dialled, Language: c.Language,
		ArrivedAt: moment{c.ArrivedAt}, EndedAt: moment{c.EndedAt},
		Channel: optional(c.Channel), Bridge: optional(c.Bridge), Playing: optional(c.Playing),
		Quieting: optional(c.Quieting), Music: optional(c.Music),
		Tries: c.Tries, Attempts: c.Attempts, Faults: c.Faults, ZipTone: c.ZipTone, CalledBack: c.CalledBack, HangupWanted: c.HangupWanted,
	}
	if c.Place != nil {
		row.Skill = optional(c.Place.Skill)
	}
	if c.Promise != nil {
		seconds := int64(c.Promise.CallDelay / time.Second)
		row.PhoneNumber, row.Extension, row.CallerID = &c.Promise.PhoneNumber, &c.Promise.Extension, &c.Promise.CallerID
		row.E164, row.CallDelaySec, row.PromisedAt = optional(c.Promise.E164), &seconds, moment{c.Promise.PromisedAt}
	}
	return row
}

func newPlaceRow(p callback.Place) placeRow {
	return placeRow{
		Skill: p.Skill, Initial: p.Priority.Initial, Acceleration: p.Priority.Acceleration, Maximum: p.Priority.Maximum,
		TargetAgent: p.TargetAgent, AnyAgent: p.AnyAgent, Node: p.Node, QueuedAt: moment{p.QueuedAt}, ReadyAt: moment{p.ReadyAt}, Held: p.Held,
	}
}

func newOfferRow(o callback.Offer) offerRow {
	return offerRow{
		Channel: o.Channel, Agent: o.Agent, Endpoint: o.Endpoint, Skill: o.Skill, Kind: string(o.Kind), Result: optional(o.Result),
		OfferedAt: moment{o.OfferedAt}, AcceptedAt: moment{o.AcceptedAt}, EndedAt: moment{o.EndedAt},
		RingUntil: moment{o.RingUntil}, JoinUntil: moment{o.JoinUntil},
		Whisper: optional(o.Whisper), AgentJoined: o.AgentJoined, ContactJoined: o.ContactJoined,
	}
}

func newAttemptRow(a callback.Attempt) attemptRow {
	return attemptRow{
		Number: a.Number, Agent: a.Agent, Channel: optional(a.Channel), PhoneNumber: a.PhoneNumber, CallerID: a.CallerID,
		Outcome: optional(a.Outcome), Cause: int(a.Cause), Counts: a.Counts, Rang: a.Rang, Created: a.Created,
		DueAt: moment{a.DueAt}, StartedAt: moment{a.StartedAt}, DiallingAt: moment{a.DiallingAt},
		AnsweredAt: moment{a.AnsweredAt}, EndedAt: moment{a.EndedAt}, RingUntil: moment{a.RingUntil},
	}
}

func newLegRow(l callback.Leg) legRow {
	return legRow{
		Channel: l.Channel, Node: l.Node, Party: string(l.Party), Direction: string(l.Direction),
		From: l.From, To: l.To, Endpoint: l.Endpoint, CreatedAt: moment{l.CreatedAt}, DiallingAt: moment{l.DiallingAt},
		AnsweredAt: moment{l.AnsweredAt}, HangupAt: moment{l.HangupAt}, LeftAt: moment{l.LeftAt}, EndedAt: moment{l.EndedAt}, Cause: int(l.Cause),
	}
}

func newFactRow(f callback.Fact) factRow {
	data := f.Data
	if data == nil {
		data = map[string]string{}
	}
	return factRow{At: moment{f.At}, Kind: string(f.Kind), Data: data}
}

func (row recordRow) record() dispatch.Record {
	c := row.Contact.contact()
	for _, place := range row.Place {
		p := place.place()
		c.Place = &p
	}
	for _, offer := range row.Offer {
		o := offer.offer()
		c.Offer = &o
	}
	for _, attempt := range row.Attempt {
		a := attempt.attempt()
		c.Attempt = &a
	}
	for _, leg := range row.Legs {
		c.Legs = append(c.Legs, leg.leg())
	}
	if c.Node == "" && len(c.Legs) > 0 {
		c.Node = c.Legs[0].Node // of an offer whose match is all that was saved of it
	}
	return dispatch.Record{Contact: c, Script: row.Contact.ScriptState, Rev: row.Contact.Rev}
}

func (r contactRow) contact() *callback.Contact {
	c := &callback.Contact{
		ID: callback.ContactID(r.ID), State: callback.State(r.State), Outcome: callback.Outcome(r.Outcome), Node: string(r.Node),
		Script: callback.ScriptRef{Name: r.Script, Version: r.ScriptVersion},
		ANI:    r.ANI, DNIS: r.DNIS, Dialled: r.Dialled, Language: r.Language,
		ArrivedAt: r.ArrivedAt.Time, EndedAt: r.EndedAt.Time,
		Channel: string(r.Channel), Bridge: string(r.Bridge), Playing: string(r.Playing),
		Quieting: string(r.Quieting), Music: string(r.Music),
		Tries: r.Tries, Attempts: r.Attempts, Faults: r.Faults, ZipTone: r.ZipTone, CalledBack: r.CalledBack, HangupWanted: r.HangupWanted,
	}
	if r.PhoneNumber != nil && r.Extension != nil && r.CallerID != nil && r.CallDelaySec != nil {
		c.Promise = &callback.Promise{
			PhoneNumber: *r.PhoneNumber, E164: string(r.E164), Extension: *r.Extension, CallerID: *r.CallerID,
			CallDelay: time.Duration(*r.CallDelaySec) * time.Second, PromisedAt: r.PromisedAt.Time,
		}
	}
	return c
}

func (r placeRow) place() callback.Place {
	return callback.Place{
		Skill:       r.Skill,
		Priority:    callback.Priority{Initial: r.Initial, Acceleration: r.Acceleration, Maximum: r.Maximum},
		TargetAgent: r.TargetAgent, AnyAgent: r.AnyAgent, Node: r.Node, QueuedAt: r.QueuedAt.Time, ReadyAt: r.ReadyAt.Time, Held: r.Held,
	}
}

func (r offerRow) offer() callback.Offer {
	return callback.Offer{
		Channel: r.Channel, Agent: r.Agent, Endpoint: r.Endpoint, Skill: r.Skill,
		Kind: callback.OfferKind(r.Kind), Result: callback.OfferResult(r.Result),
		OfferedAt: r.OfferedAt.Time, AcceptedAt: r.AcceptedAt.Time, EndedAt: r.EndedAt.Time,
		RingUntil: r.RingUntil.Time, JoinUntil: r.JoinUntil.Time,
		Whisper: string(r.Whisper), AgentJoined: r.AgentJoined, ContactJoined: r.ContactJoined,
	}
}

func (r attemptRow) attempt() callback.Attempt {
	return callback.Attempt{
		Number: r.Number, Agent: r.Agent, Channel: string(r.Channel), PhoneNumber: r.PhoneNumber, CallerID: r.CallerID,
		Outcome: callback.AttemptOutcome(r.Outcome), Cause: callback.Cause(r.Cause),
		Counts: r.Counts, Rang: r.Rang, Created: r.Created,
		DueAt: r.DueAt.Time, StartedAt: r.StartedAt.Time, DiallingAt: r.DiallingAt.Time,
		AnsweredAt: r.AnsweredAt.Time, EndedAt: r.EndedAt.Time, RingUntil: r.RingUntil.Time,
	}
}

func (r legRow) leg() callback.Leg {
	return callback.Leg{
		Channel: r.Channel, Node: r.Node, Party: callback.Party(r.Party), Direction: callback.Direction(r.Direction),
		From: r.From, To: r.To, Endpoint: r.Endpoint, CreatedAt: r.CreatedAt.Time, DiallingAt: r.DiallingAt.Time,
		AnsweredAt: r.AnsweredAt.Time, HangupAt: r.HangupAt.Time, LeftAt: r.LeftAt.Time, EndedAt: r.EndedAt.Time, Cause: callback.Cause(r.Cause),
	}
}

// document gives v as JSON that Postgres takes. It can't keep the character NUL; what a caller or a
// web server sends must not make a contact unsaveable, so U+FFFD takes its place.
func document(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing the record: %w", err)
	}
	if !bytes.Contains(text, []byte(`\u0000`)) {
		return text, nil
	}
	clean := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\':
			clean = append(clean, text[i])
		case bytes.HasPrefix(text[i:], []byte(`\u0000`)):
			clean = append(clean, `\ufffd`...)
			i += len(`\u0000`) - 1
		default: // an escape of two bytes, or the beginning of one
			clean = append(clean, text[i], text[i+1])
			i++
		}
	}
	return clean, nil
}
