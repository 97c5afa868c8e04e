package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"slices"
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

// additions are the parts of a change that are added to the database, not replaced.
type additions struct {
	facts  []callback.Fact
	agents []callback.AgentChange
}

func (a *additions) add(b additions) {
	a.facts = append(a.facts, b.facts...)
	a.agents = append(a.agents, b.agents...)
}

// outgoing is a command with the moment after which it is not sent any more.
type outgoing struct {
	cmd   callback.Command
	until time.Time
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

// reload begins again from what the database holds: another daemon, or a session that has just
// ended, has changed the contact since this session loaded it. The event is handled again.
func (s *session) reload(ctx context.Context, ev callback.Event) {
	s.log.Warn("the contact was changed elsewhere: loading it again")
	for {
		record, err := s.d.load(ctx, s.record.Contact.ID)
		if err == nil {
			s.record = record
			s.unsaved, s.doubtful, s.dirty, s.retryAt = additions{}, nil, false, time.Time{}
			s.dispatch(s.hangups(), time.Now())
			if _, offer := ev.(callback.OfferMade); offer {
				// It may be over already: what the record says of it holds.
				ev = waitingOffer(record.Contact)
			}
			if ev != nil {
				s.inbox.put(ev)
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryPause):
		}
	}
}

// hangups are the hang-ups that the loaded record has decided on and that may not have been sent.
func (s *session) hangups() []callback.Command {
	var commands []callback.Command
	for _, leg := range s.record.Contact.Legs {
		if leg.Open() && !leg.HangupAt.IsZero() && leg.Node == s.d.o.Node {
			commands = append(commands, callback.Hangup{Channel: leg.Channel, Reason: "normal"})
		}
	}
	return commands
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

// save saves a turn that may go on without the database: then it is saved later.
func (s *session) save(ctx context.Context, ev callback.Event, t turn) {
	s.unsaved.add(additions{t.Facts, t.Agents})
	s.record = t.Record
	if s.dirty && time.Now().Before(s.retryAt) {
		s.dispatch(t.commands, time.Now())
		return
	}
	err := s.write(ctx, s.record, s.unsaved)
	switch {
	case errors.Is(err, ErrConflict):
		s.reload(ctx, ev)
		return
	case err != nil:
		if !s.dirty {
			s.log.Warn("saved later: the database is away", "error", err)
		}
		s.dirty, s.retryAt = true, time.Now().Add(retryPause)
		s.d.metrics.unsaved.Inc()
	default:
		s.report(s.unsaved.facts)
		s.saved()
	}
	s.dispatch(t.commands, time.Now())
}

// commit saves a turn that must not go on without the database. An error other than errEnds means
// that nothing of the turn was saved, and nothing of it has happened.
func (s *session) commit(ctx context.Context, t turn) error {
	all := additions{slices.Clone(s.unsaved.facts), slices.Clone(s.unsaved.agents)}
	all.add(additions{t.Facts, t.Agents})
	began := time.Now()
	err := s.write(ctx, t.Record, all)
	if errors.Is(err, ErrUnsure) {
		err = s.settle(ctx)
	}
	if err != nil {
		return err
	}
	t.Record.Rev = s.record.Rev
	s.record = t.Record
	s.report(all.facts)
	s.saved()
	// From before the commit: an answer that comes late must not let a command go out after another
	// daemon may have taken the node.
	s.dispatch(t.commands, began)
	return nil
}

// write sends one save to the store. What an earlier commit has left in doubt is settled first. On
// ErrUnsure it remembers what was sent.
func (s *session) write(ctx context.Context, record Record, with additions) error {
	if s.doubtful != nil {
		saved, err := s.ask(ctx)
		if err != nil {
			return err
		}
		if saved {
			record.Rev++
			s.record.Rev = record.Rev
			with = with.without(*s.doubtful)
			s.unsaved = s.unsaved.without(*s.doubtful)
		}
		s.doubtful = nil
	}
	// The end of the daemon does not cut a save short: what it began to promise it promises.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	err := s.d.o.Store.Save(ctx, s.d.lease(), Change{Record: record, Facts: with.facts, Agents: with.agents})
	switch {
	case errors.Is(err, ErrUnsure):
		s.doubtful = &with
	case errors.Is(err, ErrLeaseLost):
		s.d.askLease()
	}
	return err
}

// without gives what is left of a when the first parts, which were saved, are taken off.
func (a additions) without(b additions) additions {
	return additions{a.facts[min(len(b.facts), len(a.facts)):], a.agents[min(len(b.agents), len(a.agents)):]}
}

// told are the facts that an administrator sees without asking for more.
var told = map[callback.FactKind]bool{
	callback.FactPromised: true, callback.FactOfferEnded: true, callback.FactDialling: true,
	callback.FactAttemptEnded: true, callback.FactConnected: true, callback.FactHeld: true, callback.FactStuck: true,
	callback.FactEnded: true,
}

// report logs what the last save has added to the contact's history.
func (s *session) report(facts []callback.Fact) {
	for _, fact := range facts {
		level := slog.LevelDebug
		if told[fact.Kind] {
			level = slog.LevelInfo
		}
		attrs := make([]slog.Attr, 0, len(fact.Data))
		for _, key := range slices.Sorted(maps.Keys(fact.Data)) {
			attrs = append(attrs, slog.String(key, fact.Data[key]))
		}
		s.log.LogAttrs(context.Background(), level, string(fact.Kind), attrs...)
	}
}

// saved takes note that the database holds the record.
func (s *session) saved() {
	if s.dirty {
		s.log.Info("the database has caught up")
	}
	s.record.Rev++
	s.record.Contact.Prune()
	s.unsaved, s.doubtful, s.dirty, s.retryAt = additions{}, nil, false, time.Time{}
	s.d.own(s)
}

// settle waits until the database says whether the last commit was saved: the caller holds meanwhile
// (C5). It gives nil for yes.
func (s *session) settle(ctx context.Context) error {
	s.log.Warn("the database did not answer a commit: asking what it has saved")
	s.d.metrics.doubts.Inc()
	for {
		saved, err := s.ask(ctx)
		switch {
		case err == nil && saved:
			s.log.Info("the commit without an answer was saved")
			return nil
		case err == nil:
			s.doubtful = nil
			return errors.New("the connection to the database was lost before the commit")
		case errors.Is(err, ErrConflict):
			return err
		}
		select {
		case <-ctx.Done():
			return errEnds
		case <-time.After(retryPause):
		}
	}
}

// ask reads the contact's revision back and says whether the doubtful commit was saved.
func (s *session) ask(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	rev, err := s.d.o.Store.Revision(ctx, s.record.Contact.ID)
	if err != nil {
		return false, err
	}
	switch rev {
	case s.record.Rev:
		return false, nil
	case s.record.Rev + 1:
		return true, nil
	}
	return false, ErrConflict
}

// flush saves at the end of the daemon what was to be saved later. What can't be saved now is found
// by the next resync.
func (s *session) flush() {
	if !s.dirty {
		return
	}
	if s.undecided && !s.unsavedTurn() {
		return
	}
	if err := s.write(context.Background(), s.record, s.unsaved); err != nil {
		s.log.Error("not saved at the end", "error", err)
	}
}

// unsavedTurn says that the turn whose commit was not answered was surely not saved. Where it was, all
// that came before it was saved with it, and to save the record now would undo it.
func (s *session) unsavedTurn() bool {
	saved, err := s.ask(context.Background())
	if err != nil {
		s.log.Error("not known at the end what was saved", "error", err)
		return false
	}
	s.doubtful = nil
	return !saved
}

// dispatch hands a turn's commands to the sender. The channels and bridges that they make are the
// session's before the first event can come. They are not sent later than commandTime after that moment.
func (s *session) dispatch(commands []callback.Command, from time.Time) {
	until := from.Add(commandTime)
	s.d.own(s)
	for _, cmd := range commands {
		s.outbox.put(outgoing{cmd, until})
	}
}

// moreToSend waits for a command; false means that none will come.
func (s *session) moreToSend(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-s.outbox.ready:
		return true
	case <-s.done:
		return s.outbox.len() > 0
	}
}

// send sends the commands one after the other. A failure comes back as an event.
func (s *session) send(ctx context.Context) {
	for {
		if ctx.Err() != nil {
			return
		}
		out, ok := s.outbox.take()
		if !ok {
			if !s.moreToSend(ctx) {
				return
			}
			continue
		}
		err := s.do(ctx, out)
		if err == nil {
			continue
		}
		failure := &callback.CommandError{Message: err.Error()}
		if errors.As(err, &failure) && failure.Kind == callback.CommandRejected && failure.Status == 0 {
			s.d.noteUnreached()
		}
		s.log.Debug("command failed", "command", name(out.cmd), "error", err)
		s.d.metrics.failures.WithLabelValues(name(out.cmd)).Inc()
		s.inbox.put(callback.CommandFailed{Command: out.cmd, Err: failure})
	}
}

// do sends one command. What ends something, or answers a caller, is asked for however late it is: nothing
// else would do it, and it is right as long as the channel or bridge is there.
func (s *session) do(ctx context.Context, out outgoing) error {
	switch out.cmd.(type) {
	case callback.Answer, callback.Hangup, callback.DestroyBridge:
		return s.d.insist(ctx, out.cmd)
	}
	if !time.Now().Before(out.until) {
		return &callback.CommandError{Kind: callback.CommandRejected, Message: "too late to be sent"}
	}
	ctx, cancel := context.WithDeadline(ctx, out.until)
	defer cancel()
	return s.d.o.Switch.Do(ctx, out.cmd)
}

// name gives a command's name for logs and metrics.
func name(cmd callback.Command) string { return reflect.TypeOf(cmd).Name() }
