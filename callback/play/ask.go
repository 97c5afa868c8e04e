package play

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/number"
	"github.com/callbackd/callbackd/callback/script"
)

// Ask takes a question that is asked once the turn is saved.
func (h *host) Ask(q script.Question) (string, error) {
	question, err := h.prepare(q)
	if err != nil {
		return "", err
	}
	question.ID = h.Env.NewID()
	h.questions = append(h.questions, question)
	return question.ID, nil
}

// prepare holds a question against what can be known at once: whether the skill exists and the number
// can be dialled.
func (h *host) prepare(q script.Question) (Question, error) {
	switch q := q.(type) {
	case script.WebRequest:
		return h.prepareWebRequest(q)
	case script.QueueCallback:
		return h.prepareQueueCallback(q)
	case script.QueueStatus:
		return Question{Question: q}, h.known(q.Skill)
	case script.Estimate:
		return Question{Question: q}, h.known(q.Skill)
	case script.FindCallback:
		to, err := h.calledBack(q.PhoneNumber, q.Skill)
		q.PhoneNumber = to.Dial
		return Question{Question: q, NumberKey: to.Key()}, err
	case script.FindTakeover:
		to, err := h.calledBack(q.PhoneNumber, q.Skill)
		q.PhoneNumber = to.Dial
		return Question{Question: q, NumberKey: to.Key()}, err
	}
	return Question{}, fmt.Errorf("nobody answers a %T", q)
}

func (h *host) prepareWebRequest(q script.WebRequest) (Question, error) {
	if h.Refused.Ask != nil {
		return Question{}, h.Refused.Ask
	}
	h.refusable = true
	h.turn.Note(callback.FactAsked, "method", q.Method, "url", withoutQuery(q.URL))
	return Question{Question: q}, nil
}

func (h *host) prepareQueueCallback(q script.QueueCallback) (Question, error) {
	if h.Refused.Ask != nil {
		return Question{}, h.Refused.Ask
	}
	priority, err := h.priority(q.Reqagent)
	if err != nil {
		return Question{}, err
	}
	promise, err := promise(q.PhoneNumber, q.CallerID, q.CallDelaySec, h.Env.Skill(q.Skill).Region)
	if err != nil {
		return Question{}, err
	}
	h.refusable = true
	question := Question{Question: q}
	question.Contact, question.Facts = callback.QueueCallback(h.turn.Contact, q.Skill, priority, q.TargetAgent, promise, h.Env.Now)
	question.Contact.Place.AnyAgent = q.AnyAgent
	return question, nil
}

// known says whether there is such a skill.
func (h *host) known(skill string) error {
	if _, ok := h.Skills[skill]; !ok {
		return noSkill(skill)
	}
	return nil
}

// calledBack reads a number as a callback of that skill does.
func (h *host) calledBack(text, skill string) (number.Number, error) {
	if err := h.known(skill); err != nil {
		return number.Number{}, err
	}
	parsed, err := number.Parse(text, h.Env.Skill(skill).Region)
	if err != nil {
		return number.Number{}, fmt.Errorf("PhoneNumber: %w", err)
	}
	return parsed, nil
}

// answered hands the script an answer.
func (h *host) answered(ev Answered) {
	if q, ok := ev.Question.(script.WebRequest); ok {
		h.turn.Note(callback.FactReplied, replied(q, ev.Answered)...)
	}
	h.found = ev.Callback
	h.step(ev.Answered)
	h.found = nil
}

// replied says for the history what a web request has brought.
func replied(q script.WebRequest, a script.Answered) []string {
	pairs := []string{"url", withoutQuery(q.URL), "values", strconv.Itoa(len(a.Values))}
	if status, ok := a.Values["HTTPSTATUS"]; ok {
		pairs = append(pairs, "status", status)
	}
	if a.Err != "" {
		pairs = append(pairs, "error", a.Err)
	}
	return pairs
}

// withoutQuery leaves out what a history must not keep: the query, which may name the caller, and a
// password.
func withoutQuery(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment, u.User = "", false, "", "", nil
	return u.String()
}
