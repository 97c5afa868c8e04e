package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"sync"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
)

var (
	//go:embed create.sql
	createHead string
	//go:embed save.sql
	saveHead string
	//go:embed turn.sql
	turnRest string
)

// saved is what the statements of create.sql and save.sql tell.
type saved struct {
	Leases int           `db:"leases"`
	ID     sql.NullInt64 `db:"id"`
	Awaken bool          `db:"awaken"`
}

// Create saves a new contact and gives it its ID; its revision is 1. With [dispatch.ErrUnsure] the ID
// is given, too: Revision tells whether it was saved.
func (s *Store) Create(ctx context.Context, lease dispatch.Lease, change dispatch.Change) (callback.ContactID, error) {
	id, err := s.save(ctx, lease, change, createHead+turnRest)
	if err != nil {
		return id, fmt.Errorf("saving a new contact: %w", err)
	}
	return id, nil
}

// QueueCallback is Create for a contact that begins as a callback; [dispatch.ErrCallbackOpen] where one
// to the same number is open in the same skill.
func (s *Store) QueueCallback(ctx context.Context, lease dispatch.Lease, change dispatch.Change) (callback.ContactID, error) {
	return s.Create(ctx, lease, change)
}

// Save saves a turn. The place's offer belongs to the match and is left as it is, until the contact's
// offer has ended, or when a takeover has brought one. [dispatch.ErrTakenChanged] also where a match has
// just found an agent for a contact that would get another one by a takeover.
func (s *Store) Save(ctx context.Context, lease dispatch.Lease, change dispatch.Change) error {
	if _, err := s.save(ctx, lease, change, saveHead+turnRest); err != nil {
		return fmt.Errorf("saving contact %s: %w", change.Record.Contact.ID, err)
	}
	return nil
}

func (s *Store) save(ctx context.Context, lease dispatch.Lease, change dispatch.Change, statement string) (callback.ContactID, error) {
	id, err := s.saveOnce(ctx, lease, change, statement)
	place := change.Record.Contact.Place
	if place != nil && violates(err, pqerror.ForeignKeyViolation, "place_class_id_fkey") {
		s.classes.forget(*place) // it had stood empty and was removed
		return s.saveOnce(ctx, lease, change, statement)
	}
	return id, err
}

func (s *Store) saveOnce(ctx context.Context, lease dispatch.Lease, change dispatch.Change, statement string) (callback.ContactID, error) {
	row := newRecordRow(change)
	if place := change.Record.Contact.Place; place != nil {
		class, err := s.class(ctx, *place)
		if err != nil {
			return 0, err
		}
		row.Place[0].ClassID = class
	}
	prepared, err := s.prepared.get(ctx, statement)
	if err != nil {
		return 0, err
	}
	var result saved
	err = s.transact(ctx, func(tx *sqlx.Tx) error {
		statement := tx.StmtxContext(ctx, prepared)
		if change.Request != nil {
			if err := saveRequest(ctx, tx, *change.Request); err != nil {
				return err
			}
		}
		if change.Taken != nil {
			if err := saveTaken(ctx, statement, lease, change); err != nil {
				return err
			}
		}
		var err error
		result, err = saveRow(ctx, statement, lease, row)
		return err
	})
	switch {
	case violates(err, pqerror.UniqueViolation, "contact_one_open_callback"):
		err = dispatch.ErrCallbackOpen
	case change.Taken != nil && violates(err, pqerror.UniqueViolation, "offer_one_open_of_contact"):
		err = dispatch.ErrTakenChanged
	}
	if result.Awaken && (err == nil || errors.Is(err, dispatch.ErrUnsure)) {
		s.notifier.poke()
	}
	return callback.ContactID(result.ID.Int64), err
}

// saveTaken saves the contact whose place is taken over. It comes first, so that the leg of its agent has
// ended when the other contact gets it.
func saveTaken(ctx context.Context, statement *sqlx.Stmt, lease dispatch.Lease, change dispatch.Change) error {
	_, err := saveRow(ctx, statement, lease, newTakenRow(change))
	if errors.Is(err, dispatch.ErrConflict) {
		return dispatch.ErrTakenChanged
	}
	if err != nil {
		return fmt.Errorf("saving contact %s, whose place is taken over: %w", change.Taken.Contact.ID, err)
	}
	return nil
}

// saveRow runs the statement of a save for one contact.
func saveRow(ctx context.Context, statement *sqlx.Stmt, lease dispatch.Lease, row recordRow) (saved, error) {
	text, err := document(row)
	if err != nil {
		return saved{}, err
	}
	var result saved
	err = statement.GetContext(ctx, &result, text, lease.Node, lease.Holder, lease.Epoch)
	switch {
	case err != nil:
		return saved{}, err
	case result.Leases == 0:
		return result, dispatch.ErrLeaseLost
	case !result.ID.Valid:
		return result, dispatch.ErrConflict
	}
	return result, nil
}

func violates(err error, code pqerror.Code, constraint string) bool {
	refused := pq.As(err, code)
	return refused != nil && refused.Constraint == constraint
}

// Revision gives the contact's revision as committed, or [dispatch.ErrNotFound]. It waits for a save
// of the contact that is still under way, so that after [dispatch.ErrUnsure] its answer is final.
func (s *Store) Revision(ctx context.Context, id callback.ContactID) (int64, error) {
	// Create holds this lock: a row that isn't committed yet can't be waited for.
	if _, err := s.db.ExecContext(ctx, "SELECT pg_advisory_xact_lock_shared($1)", int64(id)); err != nil {
		return 0, fmt.Errorf("reading the revision of contact %s: %w", id, err)
	}
	var rev int64
	err := s.db.GetContext(ctx, &rev, "SELECT rev FROM contact WHERE id = $1 FOR SHARE", int64(id))
	if errors.Is(err, sql.ErrNoRows) {
		err = dispatch.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("reading the revision of contact %s: %w", id, err)
	}
	return rev, nil
}

// classes remembers the IDs of classes. A class never changes.
type classes struct {
	ids sync.Map // of classKey to int64
}

type classKey struct {
	skill, targetAgent, node string
	priority                 callback.Priority
}

func keyOf(p callback.Place) classKey {
	return classKey{skill: p.Skill, targetAgent: p.TargetAgent, node: p.Node, priority: p.Priority}
}

func (c *classes) forget(p callback.Place) { c.ids.Delete(keyOf(p)) }

// class gives the ID of the place's class. It is made outside the save's transaction: many saves of
// one class would otherwise wait for each other.
func (s *Store) class(ctx context.Context, p callback.Place) (int64, error) {
	if id, ok := s.classes.ids.Load(keyOf(p)); ok {
		return id.(int64), nil
	}
	parameters := []any{p.Skill, p.Priority.Initial, p.Priority.Acceleration, p.Priority.Maximum, p.TargetAgent, p.Node}
	_, err := s.db.ExecContext(ctx, `
		INSERT INTO class (skill, initial, acceleration, maximum, target_agent, node)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`, parameters...)
	if err != nil {
		return 0, fmt.Errorf("making the class of the place: %w", err)
	}
	var id int64
	err = s.db.GetContext(ctx, &id, `
		SELECT id FROM class
		WHERE (skill, initial, acceleration, maximum, target_agent, node) = ($1, $2, $3, $4, $5, $6)`, parameters...)
	if err != nil {
		return 0, fmt.Errorf("finding the class of the place: %w", err)
	}
	s.classes.ids.Store(keyOf(p), id)
	return id, nil
}

// ForgetEmptyClasses removes the classes that no place is in and gives their number. Each match looks
// at every class of a skill, so the daemon calls it now and then.
func (s *Store) ForgetEmptyClasses(ctx context.Context) (int64, error) {
	result, err := s.db.ExecContext(ctx, `
		DELETE FROM class WHERE id IN (
		    SELECT id FROM class c WHERE NOT EXISTS (SELECT FROM place p WHERE p.class_id = c.id)
		    FOR UPDATE SKIP LOCKED)`)
	if violates(err, pqerror.ForeignKeyViolation, "place_class_id_fkey") {
		return 0, nil // someone has just been queued in one of them: next time
	}
	if err != nil {
		return 0, fmt.Errorf("removing empty classes: %w", err)
	}
	return result.RowsAffected()
}
