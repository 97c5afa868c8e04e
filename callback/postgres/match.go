package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
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
	//go:embed take.sql
	takeStatement string
)

// readyStatement puts the places whose time has come into the queue's index. Another matcher does the
// same: what it has locked is left to it.
const readyStatement = `
	UPDATE place SET offerable = true
	WHERE contact_id IN (
	    SELECT contact_id FROM place WHERE ready_at <= clock_timestamp() AND NOT offerable AND NOT held
	    FOR UPDATE SKIP LOCKED)`

const (
	// atOnce is how many offers of contacts of one kind a match makes at most.
	atOnce = 64
	// spare and mostSpare are how many contacts of a kind are looked at beside those, where other matchers take
	// some: at first, and at most.
	spare, mostSpare = 32, 512
)

var findStatement = strings.NewReplacer("{most}", strconv.Itoa(atOnce), "{spare}", strconv.Itoa(mostSpare)).Replace(findText)

// lockStatement locks the first of these places, so many, that nobody else has locked.
const lockStatement = `
	SELECT contact_id FROM place
	WHERE contact_id = ANY ($1::bigint[]) AND offerable AND offer IS NULL
	ORDER BY array_position($1::bigint[], contact_id) LIMIT $2
	FOR UPDATE SKIP LOCKED`

// took is what take.sql gives.
type took struct {
	Leases       int            `db:"leases"`
	Contacts     pq.Int64Array  `db:"contacts"`
	LostContacts pq.Int64Array  `db:"lost_contacts"` // that another transaction has locked or changed
	LostAgents   pq.StringArray `db:"lost_agents"`
}

// passed are those who are to be passed over, since another transaction has locked or changed them.
type passed struct {
	contacts []callback.ContactID
	agents   []string
	alone    bool // one offer at a time
}

// Match finds all that can be brought together now, as [queue.Pairs] says, and commits the offers of the
// request's node in one transaction, as many as it has ports for. What another transaction has
// locked is passed over for the next best. It gives nil where there is nothing. When the commit's answer was
// lost it reads back which offers stand; with [dispatch.ErrUnsure], which means that that has failed, too, it
// gives the matches of which nobody knows. A contact whose offer the database refuses, whatever it is that is wrong with its
// rows, is logged and passed over, and stops nobody else.
func (s *Store) Match(ctx context.Context, request dispatch.MatchRequest) ([]dispatch.Match, error) {
	var pass passed
	for {
		matches, more, err := s.matchOnce(ctx, request, &pass)
		switch {
		case errors.Is(err, dispatch.ErrUnsure):
			made, asked := s.Made(ctx, matches)
			if asked != nil {
				return matches, errors.Join(err, asked)
			}
			return made, nil
		case refusesRow(err) && len(matches) > 1: // which one will be seen
			pass.alone = true
			continue
		case refusesRow(err) && len(matches) == 1:
			if _, said := s.spoilt.LoadOrStore(matches[0].Contact, true); !said {
				s.logger.Error("a contact can't be offered to anybody: please report this", "contact", matches[0].Contact, "error", err)
			}
			pass.contacts = append(pass.contacts, matches[0].Contact)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("matching for node %s: %w", request.Lease.Node, err)
		}
		if len(matches) > 0 || !more {
			return matches, nil
		}
	}
}

// refusesRow says whether the database refuses what was to be written, and not the connection or the moment.
func refusesRow(err error) bool {
	refused := pq.As(err)
	return refused != nil && (refused.Code.Class() == "22" || refused.Code.Class() == "23")
}

// matchOnce makes the matches of one look at the queue. Where there is none it says whether another look may
// find more: those who were found were lost to other transactions. With [dispatch.ErrUnsure] it gives the
// matches that may stand.
func (s *Store) matchOnce(ctx context.Context, request dispatch.MatchRequest, pass *passed) (matches []dispatch.Match, more bool, err error) {
	extra := s.spare.Load()
	look, err := s.look(ctx, request, *pass, int(extra))
	if err != nil {
		return nil, false, err
	}
	if extra > 0 {
		return s.takeUnlocked(ctx, request, look, pass)
	}
	return s.takeBest(ctx, request, look, pass)
}

// takeBest takes the best pairs, and notes where others have taken one of their contacts.
func (s *Store) takeBest(ctx context.Context, request dispatch.MatchRequest, look scene, pass *passed) (matches []dispatch.Match, more bool, err error) {
	pairs := look.pairs(request.Lease.Node, request.Ports)
	if len(pairs) == 0 {
		return nil, false, nil
	}
	if pass.alone {
		pairs = pairs[:1]
	}
	matches, rows := look.offers(pairs, request)
	var result took
	err = s.transact(ctx, func(tx *sqlx.Tx) error {
		result, err = s.take(ctx, tx, request.Lease, rows)
		return err
	})
	if err != nil {
		return matches, false, err
	}
	if len(result.LostContacts) > 0 {
		s.spare.Store(spare)
	}
	return result.of(matches), result.lost(pass), nil
}

// takeUnlocked takes the first contacts of one kind that nobody has locked, so many as there are agents for
// them: where several matchers look at the same contacts each would lose all but one of its tries.
func (s *Store) takeUnlocked(ctx context.Context, request dispatch.MatchRequest, look scene, pass *passed) (matches []dispatch.Match, more bool, err error) {
	choice := look.choice(request.Lease.Node, request.Ports)
	if len(choice.agents) == 0 {
		return nil, false, nil
	}
	if pass.alone {
		choice.agents = choice.agents[:1]
	}
	lock, err := s.prepared.get(ctx, lockStatement)
	if err != nil {
		return nil, false, err
	}
	var locked []callback.ContactID
	var result took
	err = s.transact(ctx, func(tx *sqlx.Tx) error {
		if err := tx.StmtxContext(ctx, lock).SelectContext(ctx, &locked, pq.Array(choice.contacts), len(choice.agents)); err != nil {
			return err
		}
		if len(locked) == 0 {
			return errAllLocked
		}
		var rows []takenRow
		matches, rows = look.offers(look.only(locked, choice.agents, request.Lease.Node), request)
		result, err = s.take(ctx, tx, request.Lease, rows)
		return err
	})
	if errors.Is(err, errAllLocked) {
		pass.contacts = append(pass.contacts, choice.contacts...)
		s.spare.Store(mostSpare)
		return nil, true, nil
	}
	if err != nil {
		return matches, false, err
	}
	s.spare.Store(choice.spare(locked))
	return result.of(matches), result.lost(pass), nil
}

// spare gives how many contacts to look at beside those for whom there are agents, after so many had to be passed
// over to lock these; 0 for none.
func (c choice) spare(locked []callback.ContactID) int32 {
	passed := slices.Index(c.contacts, locked[len(locked)-1]) + 1 - len(locked)
	if passed == 0 {
		return 0
	}
	return int32(min(max(2*passed, spare), mostSpare))
}

// errAllLocked ends a match's transaction without a commit.
var errAllLocked = errors.New("other transactions have locked all contacts")

// of gives those of the matches that were made.
func (t took) of(matches []dispatch.Match) []dispatch.Match {
	return slices.DeleteFunc(matches, func(m dispatch.Match) bool { return !slices.Contains(t.Contacts, int64(m.Contact)) })
}

// lost has those who were lost passed over from then on, and says whether there were any.
func (t took) lost(pass *passed) bool {
	for _, id := range t.LostContacts {
		pass.contacts = append(pass.contacts, callback.ContactID(id))
	}
	pass.agents = append(pass.agents, t.LostAgents...)
	return len(t.LostContacts)+len(t.LostAgents) > 0
}

// look gives what can be brought together now; first those places are made offerable whose time has come. There are
// so many more contacts of each kind than agents for it.
func (s *Store) look(ctx context.Context, request dispatch.MatchRequest, pass passed, extra int) (scene, error) {
	f, err := s.find(ctx, request, pass, extra)
	if err != nil {
		return scene{}, err
	}
	if !f.Due {
		return f.scene()
	}
	ready, err := s.prepared.get(ctx, readyStatement)
	if err != nil {
		return scene{}, err
	}
	if _, err := ready.ExecContext(ctx); err != nil {
		return scene{}, err
	}
	// Those that are still due are being changed by another transaction.
	if f, err = s.find(ctx, request, pass, extra); err != nil {
		return scene{}, err
	}
	return f.scene()
}

func (s *Store) find(ctx context.Context, request dispatch.MatchRequest, pass passed, extra int) (found, error) {
	find, err := s.prepared.get(ctx, findStatement)
	if err != nil {
		return found{}, err
	}
	var f found
	err = find.GetContext(ctx, &f, request.Lease.Node, request.Lease.Holder, request.Lease.Epoch, array(request.Devices),
		array(pass.contacts), array(pass.agents), extra)
	if err == nil && f.Leases == 0 {
		err = dispatch.ErrLeaseLost
	}
	return f, err
}

func (s *Store) take(ctx context.Context, tx *sqlx.Tx, lease dispatch.Lease, rows []takenRow) (took, error) {
	take, err := s.prepared.get(ctx, takeStatement)
	if err != nil {
		return took{}, err
	}
	text, err := document(rows)
	if err != nil {
		return took{}, err
	}
	var result took
	err = tx.StmtxContext(ctx, take).GetContext(ctx, &result, lease.Node, lease.Holder, lease.Epoch, text)
	if err == nil && result.Leases == 0 {
		err = dispatch.ErrLeaseLost
	}
	return result, err
}

// Made says which of the matches stand, where the commit had no answer. The agents' rows are locked by that
// transaction until it is over.
func (s *Store) Made(ctx context.Context, matches []dispatch.Match) ([]dispatch.Match, error) {
	agents, channels := make([]string, len(matches)), make([]string, len(matches))
	for i, m := range matches {
		agents[i], channels[i] = m.Made.Offer.Agent, m.Made.Offer.Channel
	}
	if _, err := s.db.ExecContext(ctx, "SELECT FROM agent WHERE extension = ANY ($1) FOR SHARE", pq.Array(agents)); err != nil {
		return nil, fmt.Errorf("asking which matches were made: %w", err)
	}
	var stand []string
	if err := s.db.SelectContext(ctx, &stand, "SELECT channel FROM offer WHERE channel = ANY ($1)", pq.Array(channels)); err != nil {
		return nil, fmt.Errorf("asking which matches were made: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(matches), func(m dispatch.Match) bool { return !slices.Contains(stand, m.Made.Offer.Channel) }), nil
}

// array gives an array for a statement that is empty where there is nothing in it, and not null.
func array[T any](of []T) any { return pq.Array(append([]T{}, of...)) }
