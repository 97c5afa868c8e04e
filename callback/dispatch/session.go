package dispatch

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/play"
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
	// adopted are channels that have taken the place of one that it owns, and that the contact may not know
	// of yet; under the dispatcher's mu.
	adopted []string
	// unsaved is what turns have brought since the last save while the database was away; doubtful is
	// what was sent with a commit that was never answered.
	unsaved  additions
	doubtful *additions
	dirty    bool // the record is ahead of the database
	// undecided says that the daemon ends before the database has answered a turn's commit.
	undecided bool
	deaf      bool      // the event stream is lost: what has become of the legs is not known
	retryAt   time.Time // no save before

	questions sync.WaitGroup  // the goroutines that look for answers
	asking    map[string]bool // the questions whose answers have not come
	kept      []answered      // answers that wait until the script goes on
	slot      *dueSlot        // of a deadline that has started the session; nil: none, or given back
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
		s.questions.Wait()
		s.freeSlot()
	}()
	for !s.d.leave(s) {
		ev, ok := s.next(ctx)
		if !ok {
			s.flush()
			return
		}
		s.handle(ctx, ev)
		switch {
		case s.slot == nil:
		case !s.record.Contact.Idle():
			s.freeSlot() // it has been offered meanwhile, and may talk for long
		default:
			s.slot.turned()
		}
	}
}

// next waits for an event or for the contact's next deadline. ok is false when ctx has ended.
func (s *session) next(ctx context.Context) (ev callback.Event, ok bool) {
	for {
		if ctx.Err() != nil {
			return nil, false
		}
		if ev, ok := s.takeKept(); ok {
			return ev, true
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
	here := !s.elsewhere()
	if here && !s.deaf {
		at = s.record.Contact.Deadline()
	}
	if here && !s.record.Contact.ScriptPaused() {
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
	switch ev := ev.(type) {
	case callback.NodeLost:
		s.deaf = true
		return
	case callback.Resynced:
		s.deaf = false
	case callback.OfferMade:
		s.record.Contact.TakeOffer(ev)
		s.d.offerKnown(s.record.Contact)
	case standStill:
		s.standStill(ctx, ev)
		return
	case answered:
		if s.keepBack(ev) {
			return
		}
	case play.Requested:
		if s.deaf || s.elsewhere() {
			return // a later look finds it again
		}
	case callback.TimeReached:
		if s.elsewhere() {
			return
		}
	}
	var refused play.Refused
	for !s.turn(ctx, ev, &refused) {
	}
}

// turn plays the event once. It says false when the event is to be played again, with what the script
// is refused by then.
func (s *session) turn(ctx context.Context, ev callback.Event, refused *play.Refused) bool {
	r := s.play(ev, *refused)
	if s.unchanged(r) && !s.dirty {
		s.post(r.Commands, time.Now()) // there is nothing to save
		return true
	}
	if !r.MustSave {
		s.save(ctx, ev, r)
		return true
	}
	err := s.commit(ctx, ev, r)
	switch {
	case err == nil:
	case errors.Is(err, errEnds):
		s.undecided = true
	case errors.Is(err, ErrConflict):
		s.reload(ctx, ev)
	case r.Request != nil:
		return s.requestUnsaved(err, refused)
	case r.Refusable:
		// C5: the caller is still on the line, still in the queue, and the script takes OnError.
		s.log.Warn("the script is refused what it has done: the database did not save it", "error", err)
		refuse(refused, err)
		return false
	default:
		// It stays due and is tried again.
		s.log.Warn("not dialled: the database did not save it", "error", err)
		s.retryAt = time.Now().Add(retryPause)
	}
	return true
}

// errEnds says that the daemon ends, or has lost the node, before the database has answered.
var errEnds = errors.New("the daemon ends")

// refuse notes what a script is refused, and reads in _ERR, when its turn was not saved.
func refuse(refused *play.Refused, err error) {
	switch {
	case errors.Is(err, ErrCallbackOpen) && refused.Callback == nil:
		refused.Callback = ErrCallbackOpen
	case errors.Is(err, ErrCallbackOpen) && refused.Move == nil: // there was no Callback in this turn
		refused.Move = ErrCallbackOpen
	case errors.Is(err, ErrTakenChanged) && refused.Takeover == nil:
		refused.Takeover = ErrTakenChanged
	case errors.Is(err, callback.ErrUnderWay) && refused.Takeover == nil:
		refused.Takeover = callback.ErrUnderWay
	default:
		place := errors.New("the place could not be saved")
		refused.Callback = cmp.Or(refused.Callback, place)
		refused.Move = cmp.Or(refused.Move, place)
		refused.Takeover = cmp.Or(refused.Takeover, place)
		refused.Ask = errors.New("the database is away")
	}
}

func (s *session) play(ev callback.Event, refused play.Refused) play.Result {
	if a, ok := ev.(answered); ok {
		ev = a.Answered
	}
	loaded := s.d.loaded.Load()
	p := play.Player{
		Script:  s.d.versions.of(s.record.Contact.Script),
		Scripts: loaded.script,
		Skills:  loaded.skills,
		Env:     s.d.env(s.record.Contact.ID),
		Refused: refused,
		Deaf:    s.deaf,
	}
	return p.Play(s.record.Contact, s.record.Script, ev)
}

func (s *session) unchanged(r play.Result) bool {
	return len(r.Facts) == 0 && len(r.Agents) == 0 && len(r.Questions) == 0 && r.Request == nil &&
		reflect.DeepEqual(s.after(r), s.record)
}

// after is the record once the turn is saved, at its present revision.
func (s *session) after(r play.Result) Record {
	return Record{Contact: r.Contact, Script: r.Script, Rev: s.record.Rev}
}
