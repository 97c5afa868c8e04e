package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

var (
	//go:embed find.sql
	findText string
	//go:embed offer.sql
	offerStatement string
)

// readyStatement puts the places whose time has come into the queue's index. Another matcher does the
// same: what it has locked is left to it.
const readyStatement = `
	UPDATE place SET offerable = true
	WHERE contact_id IN (
	    SELECT contact_id FROM place WHERE ready_at <= clock_timestamp() AND NOT offerable AND NOT held
	    FOR UPDATE SKIP LOCKED)`

// pair is what find.sql gives.
type pair struct {
	Leases      int                `db:"leases"`
	Due         bool               `db:"due"`        // what readyStatement does has to be done first
	Heads       int                `db:"heads"`      // places that were looked at
	ContactID   callback.ContactID `db:"contact_id"` // 0: there is none, or other transactions have them all
	Skill       string             `db:"skill"`
	TargetAgent string             `db:"target_agent"`
	Node        string             `db:"node"`
	QueuedAt    sql.NullTime       `db:"queued_at"`
	ReadyAt     sql.NullTime       `db:"ready_at"`
	Extension   string             `db:"extension"` // "": other transactions have its agents
	Endpoint    string             `db:"endpoint"`
	callback.Priority
}

func (p pair) place() callback.Place {
	place := callback.Place{
		Skill: p.Skill, Priority: p.Priority, TargetAgent: p.TargetAgent, Node: p.Node, QueuedAt: p.QueuedAt.Time.UTC(),
	}
	if p.ReadyAt.Valid {
		place.ReadyAt = p.ReadyAt.Time.UTC()
	}
	return place
}

// What ends a match's transaction without a commit.
var (
	errNoPair = errors.New("nothing to match")
	errDue    = errors.New("places have become ready")
)

// passed are the agents of a skill, or a target agent in it, whom another matcher has locked.
type passed struct{ skills, targets []string }

// crowd is how many places are looked at where another matcher has locked the first.
const crowd = 64

// findStatement looks at so many places.
func findStatement(heads int) string {
	return strings.ReplaceAll(findText, "{heads}", strconv.Itoa(heads))
}

// Match finds the first place in the queue's order that a free agent can serve, chooses the agent
// (the best proficiency, then the longest idle), and commits the offer. What another matcher is
// taking at this moment is passed over for the next best. It gives nil where there is none. When the
// commit's answer was lost it reads back whether the offer stands; [dispatch.ErrUnsure] means that
// that has failed, too, and a load of the contact will tell.
func (s *Store) Match(ctx context.Context, request dispatch.MatchRequest) (*dispatch.Match, error) {
	match, err := s.match(ctx, request)
	if errors.Is(err, dispatch.ErrUnsure) {
		match, err = s.readBack(ctx, match, err)
	}
	if err != nil {
		return nil, fmt.Errorf("matching for node %s: %w", request.Lease.Node, err)
	}
	return match, nil
}

func (s *Store) match(ctx context.Context, request dispatch.MatchRequest) (*dispatch.Match, error) {
	match, err := s.matchOnce(ctx, request, false)
	if !errors.Is(err, errDue) {
		return match, err
	}
	ready, err := s.prepared.get(ctx, readyStatement)
	if err != nil {
		return nil, err
	}
	if _, err := ready.ExecContext(ctx); err != nil {
		return nil, err
	}
	return s.matchOnce(ctx, request, true)
}

// matchOnce makes one match, or fails with errDue where places have become ready. Once readyStatement has run
// (readied), those that are still not in the index are being changed by another transaction.
func (s *Store) matchOnce(ctx context.Context, request dispatch.MatchRequest, readied bool) (*dispatch.Match, error) {
	offer, err := s.prepared.get(ctx, offerStatement)
	if err != nil {
		return nil, err
	}
	var match *dispatch.Match
	err = s.transact(ctx, func(tx *sqlx.Tx) error {
		found, err := s.findPair(ctx, tx, request, readied)
		if err != nil {
			return err
		}
		made := request.Offer(found.ContactID, found.place(), dispatch.Agent{Extension: found.Extension, Endpoint: found.Endpoint})
		text, err := document(struct {
			Offer offerRow `json:"offer"`
			Leg   legRow   `json:"leg"`
		}{newOfferRow(made.Offer), newLegRow(made.Leg)})
		if err != nil {
			return err
		}
		if _, err := tx.StmtxContext(ctx, offer).ExecContext(ctx, int64(found.ContactID), text); err != nil {
			return err
		}
		match = &dispatch.Match{Contact: found.ContactID, Made: made}
		return nil
	})
	if errors.Is(err, errNoPair) {
		return nil, nil
	}
	return match, err
}

// findPair gives the pair with both rows locked, or errNoPair, or errDue as matchOnce does.
func (s *Store) findPair(ctx context.Context, tx *sqlx.Tx, request dispatch.MatchRequest, readied bool) (*pair, error) {
	pass := passed{skills: []string{}, targets: []string{}}
	heads := 1
	for {
		find, err := s.prepared.get(ctx, findStatement(heads))
		if err != nil {
			return nil, err
		}
		var found pair
		err = tx.StmtxContext(ctx, find).GetContext(ctx, &found,
			request.Lease.Node, request.Lease.Holder, request.Lease.Epoch, pq.Array(request.Devices),
			pq.Array(pass.skills), pq.Array(pass.targets))
		switch {
		case err != nil:
			return nil, err
		case found.Leases == 0:
			return nil, dispatch.ErrLeaseLost
		case found.Due && !readied:
			return nil, errDue
		case found.ContactID == 0 && found.Heads == heads:
			heads *= crowd
		case found.ContactID == 0:
			return nil, errNoPair
		case found.Extension == "":
			pass.skills = append(pass.skills, found.Skill)
			pass.targets = append(pass.targets, found.TargetAgent)
		default:
			return &found, nil
		}
	}
}

// readBack says what became of a match whose commit had no answer. The agent's row is locked by that
// transaction until it is over.
func (s *Store) readBack(ctx context.Context, match *dispatch.Match, unsure error) (*dispatch.Match, error) {
	if _, err := s.db.ExecContext(ctx, "SELECT FROM agent WHERE extension = $1 FOR SHARE", match.Made.Offer.Agent); err != nil {
		return nil, errors.Join(unsure, err)
	}
	var stands bool
	err := s.db.GetContext(ctx, &stands, "SELECT EXISTS (SELECT FROM offer WHERE channel = $1)", match.Made.Offer.Channel)
	if err != nil {
		return nil, errors.Join(unsure, err)
	}
	if !stands {
		return nil, nil
	}
	return match, nil
}
