package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/play"
	"github.com/callbackd/callbackd/callback/script"
)

const (
	// questionLimit is the longest that the store may take for an answer.
	questionLimit = 3 * time.Second
	// settleLimit is the longest that it may take to say what became of a commit without an answer.
	settleLimit = 2 * time.Second
	// askedAtOnce is how many questions of one contact may be under way. A script asks one after the
	// other; more are under way only where events have cut it short again and again.
	askedAtOnce = 4
)

// The reasons for _ERR where there is no answer.
var (
	errNobody    = errors.New("nobody is logged in")
	errNoAnswer  = errors.New("the database does not answer")
	errTooMany   = errors.New("too many questions are under way")
	errNotQueued = errors.New("the callback could not be saved")
)

// answered is the answer to a question, with the record of the contact that a FindTakeover has found.
type answered struct {
	play.Answered
	found Record
}

// ask asks the question of a turn that was saved, if the script still waits for the answer, and for as
// long as it does. The answer comes into the inbox.
func (s *session) ask(ctx context.Context, questions []play.Question) {
	id, st := s.record.Contact.ID, s.record.Script
	for _, q := range questions {
		if q.ID != st.Asked || !time.Now().Before(st.Deadline) {
			continue
		}
		if len(s.asking) >= askedAtOnce {
			s.inbox.put(answer(q, nil, errTooMany))
			continue
		}
		s.asking[q.ID] = true
		s.questions.Go(func() {
			ctx, cancel := context.WithDeadline(ctx, st.Deadline)
			defer cancel()
			s.inbox.put(s.d.find(ctx, id, q))
		})
	}
}

// keepBack says whether an answer has to wait: an agent has accepted, and what the script decides waits
// for the outcome (C12).
func (s *session) keepBack(a answered) bool {
	delete(s.asking, a.ID)
	if s.elsewhere() {
		return true // the daemon that has the contact now counts the question as not answered
	}
	if !s.record.Contact.ScriptPaused() {
		return false
	}
	s.kept = append(s.kept, a)
	return true
}

// takeKept gives an answer that was kept back, once the script goes on.
func (s *session) takeKept() (a answered, ok bool) {
	if len(s.kept) == 0 || s.record.Contact.ScriptPaused() {
		return answered{}, false
	}
	a, s.kept = s.kept[0], s.kept[1:]
	return a, true
}

// answer puts what was found into a script's words.
func answer(q play.Question, values map[string]string, err error) answered {
	a := answered{Answered: play.Answered{
		Answered: script.Answered{ID: q.ID, Values: values}, Question: q.Question,
	}}
	if err != nil {
		a.Err = err.Error()
	}
	return a
}

// asker names the kind of action that asks a question.
func asker(q script.Question) string {
	switch q.(type) {
	case script.WebRequest:
		return "WebRequest"
	case script.QueueStatus:
		return "Getqueue"
	case script.Estimate:
		return "EWT"
	case script.FindCallback:
		return "Querycallback"
	case script.FindTakeover:
		return "Contacttakeover"
	case script.QueueCallback:
		return "Queuecallback"
	}
	return name(q)
}

// find looks for the answer to a question of that contact's.
func (d *Dispatcher) find(ctx context.Context, id callback.ContactID, q play.Question) answered {
	began := time.Now()
	a := d.look(ctx, id, q)
	result := "answered"
	if a.Err != "" {
		result = "failed"
	}
	kind := asker(q.Question)
	d.metrics.questions.WithLabelValues(kind, result).Inc()
	d.metrics.questionTime.WithLabelValues(kind).Observe(time.Since(began).Seconds())
	return a
}

func (d *Dispatcher) look(ctx context.Context, id callback.ContactID, q play.Question) answered {
	switch asked := q.Question.(type) {
	case script.WebRequest:
		values, err := d.web.request(ctx, asked)
		return answer(q, values, err)
	case script.QueueCallback:
		return d.queueCallback(ctx, q)
	case script.QueueStatus:
		return d.queueStatus(ctx, id, q, asked)
	case script.Estimate:
		return d.estimate(ctx, id, q, asked)
	case script.FindCallback:
		return d.findCallback(ctx, q, asked.Skill)
	case script.FindTakeover:
		a := d.findCallback(ctx, q, asked.Skill)
		a.Callback = a.found.Contact
		return a
	}
	return answer(q, nil, fmt.Errorf("nobody answers a %T", q.Question))
}

// away logs why the store did not answer, and gives what the script reads of it.
func (d *Dispatcher) away(q play.Question, err error) error {
	d.log.Warn("a script's question was not answered", "action", asker(q.Question), "error", err)
	return errNoAnswer
}

func (d *Dispatcher) queueStatus(ctx context.Context, id callback.ContactID, q play.Question, asked script.QueueStatus) answered {
	ctx, cancel := context.WithTimeout(ctx, questionLimit)
	defer cancel()
	status, err := d.o.Store.QueueStatus(ctx, asked.Skill, id)
	if err != nil {
		return answer(q, nil, d.away(q, err))
	}
	return answer(q, map[string]string{
		"WAITING":         strconv.Itoa(status.Waiting),
		"LONGESTWAIT":     seconds(status.Longest),
		"AGENTSLOGGEDIN":  strconv.Itoa(status.LoggedIn),
		"AGENTSAVAILABLE": strconv.Itoa(status.Available),
		"POSITION":        strconv.Itoa(status.Position),
	}, nil)
}

func (d *Dispatcher) estimate(ctx context.Context, id callback.ContactID, q play.Question, asked script.Estimate) answered {
	ctx, cancel := context.WithTimeout(ctx, questionLimit)
	defer cancel()
	estimate, err := d.o.Store.Estimate(ctx, d.loaded.Load().skill(asked.Skill), id)
	if err != nil {
		return answer(q, nil, d.away(q, err))
	}
	if estimate.LoggedIn == 0 {
		return answer(q, map[string]string{
			"AGENTSLOGGEDIN": "0", "POSITION": strconv.Itoa(estimate.Position), "EWT": "", "EWTCONFIDENCE": "",
		}, errNobody)
	}
	return answer(q, map[string]string{
		"EWT":           seconds(estimate.Wait),
		"EWTCONFIDENCE": string(estimate.Confidence),
		"POSITION":      strconv.Itoa(estimate.Position),
	}, nil)
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// findCallback looks for the open callback of the question's number in that skill.
func (d *Dispatcher) findCallback(ctx context.Context, q play.Question, skill string) answered {
	ctx, cancel := context.WithTimeout(ctx, questionLimit)
	defer cancel()
	record, err := d.o.Store.OpenCallback(ctx, q.NumberKey, skill)
	if errors.Is(err, ErrNotFound) {
		return answer(q, map[string]string{"CALLBACKID": ""}, nil)
	}
	if err != nil {
		return answer(q, nil, d.away(q, err))
	}
	a := answer(q, map[string]string{"CALLBACKID": record.Contact.ID.String()}, nil)
	a.Found, a.found = true, record
	return a
}

// queueCallback creates the callback that was asked for. The end of the daemon does not cut it short:
// what it began to promise it promises.
func (d *Dispatcher) queueCallback(ctx context.Context, q play.Question) answered {
	change := Change{Record: Record{Contact: q.Contact, Script: play.QueuedScript}, Facts: q.Facts}
	tryCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), questionLimit)
	defer cancel()
	id, err := d.o.Store.QueueCallback(tryCtx, d.lease(), change)
	if errors.Is(err, ErrUnsure) {
		err = d.settleQueued(ctx, id)
	}
	switch {
	case err == nil:
		d.log.Info("a callback was queued for a script", "contact", id, "skill", q.Contact.Place.Skill)
		d.wake()
		return answer(q, map[string]string{"CALLBACKID": id.String()}, nil)
	case errors.Is(err, ErrCallbackOpen):
		return answer(q, nil, ErrCallbackOpen)
	case errors.Is(err, ErrLeaseLost):
		d.askLease()
	}
	d.log.Warn("a callback that a script asked for was not queued", "error", err)
	if errors.Is(err, ErrUnsure) {
		return answer(q, nil, ErrUnsure)
	}
	return answer(q, nil, errNotQueued)
}

// settleQueued asks what became of a new contact whose commit was not answered; nil: it was saved.
func (d *Dispatcher) settleQueued(ctx context.Context, id callback.ContactID) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	for {
		_, err := d.o.Store.Revision(ctx, id)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrNotFound):
			return errors.New("the connection to the database was lost before the commit")
		}
		select {
		case <-ctx.Done():
			return ErrUnsure
		case <-time.After(retryPause):
		}
	}
}
