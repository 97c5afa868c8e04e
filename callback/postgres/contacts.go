package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

// ContactFilter says which contacts to list.
type ContactFilter struct {
	State    callback.State // "": any
	Skill    string         // "": any
	OpenOnly bool
	HeldOnly bool // those that a person has to look at: held back from offers, or stuck
	Limit    int  // 0: all
}

// ContactSummary is a contact in a list.
type ContactSummary struct {
	ID          callback.ContactID `json:"id"`
	State       callback.State     `json:"state"`
	Outcome     callback.Outcome   `json:"outcome"`
	Skill       string             `json:"skill"` // where it waits or has waited; "" if it never did
	Script      string             `json:"script"`
	ANI         string             `json:"ani"`
	DNIS        string             `json:"dnis"`
	PhoneNumber string             `json:"phone_number"` // to call back; "" without a promise
	Agent       string             `json:"agent"`        // whom it is offered to or speaks with; who accepted it last, once it has ended
	Held        bool               `json:"held"`         // offered to nobody until someone changes it (C7)
	Node        string             `json:"node"`
	ArrivedAt   time.Time          `json:"arrived_at"`
	EndedAt     time.Time          `json:"ended_at,omitzero"`
}

// ContactDetail is all that there is of a contact.
type ContactDetail struct {
	ContactSummary
	Dialled       string            `json:"dialled"`
	Language      string            `json:"language"`
	ScriptVersion string            `json:"script_version"`
	Place         *PlaceDetail      `json:"place"`    // null: not in the queue
	Promise       *PromiseDetail    `json:"promise"`  // null: no callback was promised
	Requests      []RequestDetail   `json:"requests"` // that no daemon has done yet, in their order
	Legs          []LegDetail       `json:"legs"`     // oldest first, as are the others
	Offers        []OfferDetail     `json:"offers"`
	Attempts      []AttemptDetail   `json:"attempts"`
	History       []HistoryLine     `json:"history"`
	Variables     map[string]string `json:"variables"` // the script's
}

// PlaceDetail is a contact's place in the queue as it stands at this moment.
type PlaceDetail struct {
	Skill string `json:"skill"`
	callback.Priority
	Current     float64   `json:"priority"` // at this moment, rounded to a thousandth
	Position    int       `json:"position"` // in the skill, from 1
	Waiting     int       `json:"waiting"`  // in the skill, this one included
	TargetAgent string    `json:"target_agent"`
	Node        string    `json:"node"`
	QueuedAt    time.Time `json:"queued_at"`
	ReadyAt     time.Time `json:"ready_at,omitzero"` // not offered before
	Held        bool      `json:"held"`
}

// PromiseDetail is the callback that a contact was promised.
type PromiseDetail struct {
	PhoneNumber  string    `json:"phone_number"`
	Extension    string    `json:"extension"`
	CallerID     string    `json:"caller_id"`
	CallDelaySec int       `json:"call_delay_sec"`
	PromisedAt   time.Time `json:"promised_at"`
}

// RequestDetail is what a person has asked for a contact and no daemon has done yet.
type RequestDetail struct {
	ID      int64                `json:"id"`
	Kind    callback.RequestKind `json:"kind"`
	Changes map[string]any       `json:"changes"` // by the names of [callback.Changes]; empty where nothing is changed
	AskedBy string               `json:"asked_by"`
	AskedAt time.Time            `json:"asked_at"`
}

// LegDetail is a leg of a contact, open or ended.
type LegDetail struct {
	Channel    string             `json:"channel"`
	Node       string             `json:"node"`
	Party      callback.Party     `json:"party"`
	Direction  callback.Direction `json:"direction"`
	From       string             `json:"from"`
	To         string             `json:"to"`
	CreatedAt  time.Time          `json:"created"`
	DiallingAt time.Time          `json:"dialling,omitzero"`
	AnsweredAt time.Time          `json:"answered,omitzero"`
	EndedAt    time.Time          `json:"ended,omitzero"`
	Cause      callback.Cause     `json:"cause"`
}

// OfferDetail is an offer of a contact, open or ended.
type OfferDetail struct {
	Channel    string               `json:"channel"`
	Agent      string               `json:"agent"`
	Kind       callback.OfferKind   `json:"kind"`
	Result     callback.OfferResult `json:"result"`
	OfferedAt  time.Time            `json:"offered_at"`
	AcceptedAt time.Time            `json:"accepted_at,omitzero"`
	EndedAt    time.Time            `json:"ended_at,omitzero"`
}

// AttemptDetail is an attempt to call a contact back, open or ended.
type AttemptDetail struct {
	Number      int                     `json:"number"`
	Agent       string                  `json:"agent"`
	Channel     string                  `json:"channel"`
	PhoneNumber string                  `json:"phone_number"`
	CallerID    string                  `json:"caller_id"`
	Outcome     callback.AttemptOutcome `json:"outcome"`
	Cause       callback.Cause          `json:"cause"`
	Counts      bool                    `json:"counts"`
	StartedAt   time.Time               `json:"started_at"`
	DiallingAt  time.Time               `json:"dialling_at,omitzero"`
	AnsweredAt  time.Time               `json:"answered_at,omitzero"`
	EndedAt     time.Time               `json:"ended_at,omitzero"`
}

// HistoryLine is one fact of a contact's history.
type HistoryLine struct {
	At   time.Time         `json:"at"`
	Kind callback.FactKind `json:"kind"`
	Data map[string]string `json:"data"`
}

// summaryColumns are the members of a ContactSummary, of a contact c.
const summaryColumns = `
	c.id, c.state, coalesce(c.outcome, '') AS outcome, coalesce(c.skill, '') AS skill, c.script, c.ani, c.dnis,
	coalesce(c.phone_number, '') AS phone_number,
	coalesce((SELECT o.agent FROM offer o
	          WHERE o.contact_id = c.id AND (o.ended_at IS NULL OR c.state = 'ended' AND o.accepted_at IS NOT NULL)
	          ORDER BY o.ended_at IS NULL DESC, o.accepted_at DESC LIMIT 1), '') AS agent,
	coalesce((SELECT p.held FROM place p WHERE p.contact_id = c.id), false) AS held,
	coalesce(c.node, '') AS node, c.arrived_at, c.ended_at`

// ListContacts gives the contacts that fit the filter, the newest first.
func (s *Store) ListContacts(ctx context.Context, filter ContactFilter) ([]ContactSummary, error) {
	var documents [][]byte
	err := s.db.SelectContext(ctx, &documents, `
		SELECT to_json(listed) FROM (
		    SELECT `+summaryColumns+`
		    FROM contact c
		    WHERE ($1 = '' OR c.state = $1) AND ($2 = '' OR c.skill = $2) AND (NOT $3 OR c.state <> 'ended')
		      AND (NOT $5 OR c.id IN (SELECT contact_id FROM place WHERE held))
		    ORDER BY c.id DESC
		    LIMIT nullif($4, 0)) listed
		ORDER BY id DESC`,
		string(filter.State), filter.Skill, filter.OpenOnly, filter.Limit, filter.HeldOnly)
	if err != nil {
		return nil, fmt.Errorf("listing the contacts: %w", err)
	}
	contacts := make([]ContactSummary, 0, len(documents))
	for _, text := range documents {
		var contact ContactSummary
		if err := json.Unmarshal(text, &contact); err != nil {
			return nil, fmt.Errorf("listing the contacts: %w", err)
		}
		contacts = append(contacts, contact)
	}
	return contacts, nil
}

// ShowContact gives all that there is of a contact, or [dispatch.ErrNotFound].
func (s *Store) ShowContact(ctx context.Context, id callback.ContactID) (ContactDetail, error) {
	var documents [][]byte
	err := s.db.SelectContext(ctx, &documents, `
		SELECT to_json(shown) FROM (
		    SELECT `+summaryColumns+`, c.dialled, c.language, c.script_version,
		        coalesce(c.script_state -> 'vars', '{}') AS variables,
		        (SELECT to_json(p) FROM (`+placeDetail+`) p) AS place,
		        CASE WHEN c.promised_at IS NOT NULL THEN json_build_object(
		            'phone_number', c.phone_number, 'extension', c.extension, 'caller_id', c.caller_id,
		            'call_delay_sec', c.call_delay_sec, 'promised_at', c.promised_at) END AS promise,
		        (SELECT coalesce(json_agg(r ORDER BY r.id), '[]') FROM (
		            SELECT id, kind, arguments AS changes, asked_by, asked_at
		            FROM contact_request WHERE contact_id = c.id AND done_at IS NULL) r) AS requests,
		        (SELECT coalesce(json_agg(l ORDER BY l.created, l.channel), '[]') FROM (
		            SELECT channel, node, party, direction, from_number AS "from", to_number AS "to",
		                   created_at AS created, dialling_at AS dialling, answered_at AS answered, ended_at AS ended, cause
		            FROM leg WHERE contact_id = c.id) l) AS legs,
		        (SELECT coalesce(json_agg(o ORDER BY o.offered_at, o.channel), '[]')
		         FROM offer o WHERE o.contact_id = c.id) AS offers,
		        (SELECT coalesce(json_agg(a ORDER BY a.number), '[]')
		         FROM attempt a WHERE a.contact_id = c.id) AS attempts,
		        (SELECT coalesce(json_agg(f ORDER BY f.at, f.id), '[]')
		         FROM fact f WHERE f.contact_id = c.id) AS history
		    FROM contact c WHERE c.id = $1) shown`,
		int64(id))
	if err == nil && len(documents) == 0 {
		err = dispatch.ErrNotFound
	}
	if err != nil {
		if errors.Is(err, dispatch.ErrNotFound) {
			return ContactDetail{}, fmt.Errorf("contact %s: %w", id, err)
		}
		return ContactDetail{}, fmt.Errorf("reading contact %s: %w", id, err)
	}
	var detail ContactDetail
	if err := json.Unmarshal(documents[0], &detail); err != nil {
		return ContactDetail{}, fmt.Errorf("reading contact %s: %w", id, err)
	}
	return detail, nil
}

// waitingIn counts the places of the skill that follows, class by class in their index.
const waitingIn = `
	SELECT coalesce(sum(counted.n), 0)
	FROM class q CROSS JOIN LATERAL (SELECT count(*) AS n FROM place w WHERE w.class_id = q.id) counted
	WHERE q.skill = `

// placeDetail are the members of a PlaceDetail, of a contact c.
const placeDetail = `
	SELECT k.skill, k.initial, k.acceleration, k.maximum, round(own.steps / 60000000.0, 3) AS priority,
	       places_ahead(k.skill, own.steps, p.queued_at, p.contact_id, now()) + 1 AS position,
	       (` + waitingIn + `k.skill) AS waiting,
	       k.target_agent, k.node, p.queued_at, p.ready_at, p.held
	FROM place p JOIN class k ON k.id = p.class_id
	CROSS JOIN LATERAL (SELECT priority_at(k.initial, k.acceleration, k.maximum, p.queued_at, now()) AS steps) own
	WHERE p.contact_id = c.id`
