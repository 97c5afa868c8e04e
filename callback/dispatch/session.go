package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// The pauses of a session.
const (
	saveLimit   = 3 * time.Second        // for one save
	retryPause  = 500 * time.Millisecond // between two tries to save
	commandTime = 3 * time.Second        // from the beginning of a turn's save to the end of its commands
)

// session owns one contact while a channel of it may exist or an offer is open. All its fields but
// the mailboxes belong to its goroutine.
type session struct {
	d      *Dispatcher
	log    *slog.Logger
	inbox  *mailbox[callback.Event]
	outbox *mailbox[outgoing]

	done chan struct{} // closed when the sender may stop once it has sent all

	record Record
	owns   []string // the channels and bridges whose events are this session's; under the dispatcher's mu
	// unsaved is what turns have brought since the last save while the database was away; doubtful is
	// what was sent with a commit that was never answered.
	unsaved  additions
	doubtful *additions
	dirty    bool // the record is ahead of the database
	// undecided says that the daemon ends before the database has answered a turn's commit.
	undecided bool
	deaf      bool      // the event stream is lost: what has become of the legs is not known
	retryAt   time.Time // no save before
}

// run handles events until the contact needs no session any more or ctx ends.
func (s *session) run(ctx context.Context) {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		s.send(ctx)
	}()
	defer func() {
		close(s.done)
		<-sent
	}()
	for !s.d.leave(s) {
		ev, ok := s.next(ctx)
		if !ok {
			s.flush()
			return
		}
		s.handle(ctx, ev)
	}
}

// next waits for an event or for the contact's next deadline. ok is false when ctx has ended.
func (s *session) next(ctx context.Context) (ev callback.Event, ok bool) {
	for {
		if ctx.Err() != nil {
			return nil, false
		}
		if ev, ok := s.inbox.take(); ok {
			return ev, true
		}
		wait, stop := s.alarm()
		select {
		case <-ctx.Done():
			stop()
			return nil, false
		case <-s.inbox.ready:
			stop()
		case <-wait:
			return callback.TimeReached{}, true
		}
	}
}

// alarm rings at the contact's next deadline, or when it is time to try a save again.
func (s *session) alarm() (<-chan time.Time, func()) {
	var at time.Time
	if !s.deaf {
		at = s.record.Contact.Deadline()
	}
	if !s.record.Contact.ScriptPaused() {
		at = earliest(at, s.record.Script.Deadline)
	}
	if s.dirty {
		at = earliest(at, s.retryAt)
	}
	if at.IsZero() {
		return nil, func() {}
	}
	if at.Before(s.retryAt) {
		at = s.retryAt
	}
	timer := time.NewTimer(time.Until(at))
	return timer.C, func() { timer.Stop() }
}

// earliest gives the earlier of two moments, of which a zero one is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// handle takes one event: the turn is played, saved, and its commands are sent. Between the loss of the
// event stream and the next resync no deadline of the contact counts: who has answered by then is not
// to be hung up for not having answered.
func (s *session) handle(ctx context.Context, ev callback.Event) {
	switch ev.(type) {
	case callback.NodeLost:
		s.deaf = true
		return
	case callback.Resynced:
		s.deaf = false
	}
	t := s.play(ev, nil)
	if s.unchanged(t) && !s.dirty {
		return
	}
	if !t.mustSave {
		s.save(ctx, ev, t)
		return
	}
	err := s.commit(ctx, t)
	switch {
	case err == nil:
	case errors.Is(err, errEnds):
		s.undecided = true
	case errors.Is(err, ErrConflict):
		s.reload(ctx, ev)
	case t.promised:
		// C5: the caller is still on the line, still in the queue, and the script takes OnError.
		s.log.Warn("callback not promised: the database did not save it", "error", err)
		s.save(ctx, ev, s.play(ev, refusal(err)))
	default:
		// It stays due and is tried again.
		s.log.Warn("not dialled: the database did not save it", "error", err)
		s.retryAt = time.Now().Add(retryPause)
	}
}

// errEnds says that the daemon ends, or has lost the node, before the database has answered.
var errEnds = errors.New("the daemon ends")

// refusal is what a script reads in _ERR when its callback was not saved.
func refusal(err error) error {
	if errors.Is(err, ErrCallbackOpen) {
		return ErrCallbackOpen
	}
	return errors.New("the place could not be saved")
}

func (s *session) play(ev callback.Event, refused error) turn {
	p := player{
		script:  s.d.scripts.of(s.record.Contact.Script),
		skills:  s.d.o.Skills,
		env:     s.d.env(s.record.Contact.ID),
		refusal: refused,
		deaf:    s.deaf,
	}
	return p.play(s.record, ev)
}

func (s *session) unchanged(t turn) bool {
	return len(t.Facts) == 0 && len(t.Agents) == 0 && len(t.commands) == 0 &&
		reflect.DeepEqual(t.Record, s.record)
}
