package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/play"
)

// additions are the parts of a change that are added to the database, not replaced.
type additions struct {
	facts  []callback.Fact
	agents []callback.AgentChange
}

func (a *additions) add(b additions) {
	a.facts = append(a.facts, b.facts...)
	a.agents = append(a.agents, b.agents...)
}

// reload begins again from what the database holds: another daemon, or a session that has just
// ended, has changed the contact since this session loaded it. The event is handled again.
func (s *session) reload(ctx context.Context, ev callback.Event) {
	s.log.Warn("the contact was changed elsewhere: loading it again")
	for {
		record, err := s.d.load(ctx, s.record.Contact.ID)
		if err == nil {
			s.record = record
			if s.elsewhere() {
				s.kept = nil // they would hold the session for ever
			}
			s.unsaved, s.doubtful, s.dirty, s.retryAt = additions{}, nil, false, time.Time{}
			s.post(s.hangups(), time.Now())
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

// save saves a turn that may go on without the database: then it is saved later.
func (s *session) save(ctx context.Context, ev callback.Event, r play.Result) {
	s.unsaved.add(additions{r.Facts, r.Agents})
	s.record = s.after(r)
	if s.dirty && time.Now().Before(s.retryAt) {
		s.post(r.Commands, time.Now())
		s.ask(ctx, r.Questions)
		return
	}
	err := s.write(ctx, Change{Record: s.record}, s.unsaved)
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
		s.d.rematchFor(s.unsaved.agents)
		s.saved()
	}
	s.post(r.Commands, time.Now())
	s.ask(ctx, r.Questions)
}

// commit saves a turn that must not go on without the database. An error other than errEnds means
// that nothing of the turn was saved, and nothing of it has happened.
func (s *session) commit(ctx context.Context, ev callback.Event, r play.Result) error {
	if r.Taken == nil {
		return s.commitChange(ctx, r, Change{Record: s.after(r), Request: r.Request})
	}
	found := ev.(answered).found // only the answer that has found a callback takes it over
	release, err := s.d.holdStill(ctx, found)
	if err != nil {
		return err
	}
	taken := Record{Contact: r.Taken, Script: play.AtRest(found.Script), Rev: found.Rev}
	err = s.commitChange(ctx, r, Change{Record: s.after(r), Taken: &taken})
	release(err == nil)
	return err
}

// commitChange saves a turn as that change, with its facts and what was left to be saved before.
func (s *session) commitChange(ctx context.Context, r play.Result, change Change) error {
	all := additions{slices.Clone(s.unsaved.facts), slices.Clone(s.unsaved.agents)}
	all.add(additions{r.Facts, r.Agents})
	began := time.Now()
	err := s.write(ctx, change, all)
	if errors.Is(err, ErrUnsure) {
		err = s.settle(ctx)
	}
	if err != nil {
		return err
	}
	s.record = s.after(r)
	s.report(all.facts)
	s.d.rematchFor(all.agents)
	s.saved()
	// From before the commit: an answer that comes late must not let a command go out after another
	// daemon may have taken the node.
	s.post(r.Commands, began)
	s.ask(ctx, r.Questions)
	return nil
}

// write sends one save to the store. What an earlier commit has left in doubt is settled first. On
// ErrUnsure it remembers what was sent.
func (s *session) write(ctx context.Context, change Change, with additions) error {
	if s.doubtful != nil {
		saved, err := s.readBack(ctx)
		if err != nil {
			return err
		}
		if saved {
			change.Record.Rev++
			s.record.Rev = change.Record.Rev
			with = with.without(*s.doubtful)
			s.unsaved = s.unsaved.without(*s.doubtful)
		}
		s.doubtful = nil
	}
	// The end of the daemon does not cut a save short: what it began to promise it promises.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	change.Facts, change.Agents = with.facts, with.agents
	err := s.d.o.Store.Save(ctx, s.d.lease(), change)
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
	callback.FactTakenOver: true, callback.FactHoldLifted: true, callback.FactChanged: true, callback.FactCancelled: true,
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
		log := s.log
		if fact.Contact != 0 {
			log = s.d.log.With("contact", fact.Contact)
		}
		log.LogAttrs(context.Background(), level, string(fact.Kind), attrs...)
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
		saved, err := s.readBack(ctx)
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

// readBack reads the contact's revision back and says whether the doubtful commit was saved.
func (s *session) readBack(ctx context.Context) (bool, error) {
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
	if err := s.write(context.Background(), Change{Record: s.record}, s.unsaved); err != nil {
		s.log.Error("not saved at the end", "error", err)
	}
}

// unsavedTurn says that the turn whose commit was not answered was surely not saved. Where it was, all
// that came before it was saved with it, and to save the record now would undo it.
func (s *session) unsavedTurn() bool {
	saved, err := s.readBack(context.Background())
	if err != nil {
		s.log.Error("not known at the end what was saved", "error", err)
		return false
	}
	s.doubtful = nil
	return !saved
}
