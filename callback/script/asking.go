package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// answerTime is the longest that an answer from the database may take.
	answerTime = 5 * time.Second
	// answerGrace is how much longer the script waits than whoever asks for it.
	answerGrace = time.Second
)

// ask asks a question and waits for the answer, while what plays goes on.
func (r *run) ask(q Question, limit time.Duration) (string, error) {
	id, err := r.host.Ask(q)
	if err != nil {
		return stays, err
	}
	r.state.Asked = id
	r.wake(limit + answerGrace)
	r.keepCompany()
	return stays, nil
}

// answer takes an answer. ok is false while it has not come.
func (r *run) answer(in Input) (a Answered, ok bool, err error) {
	switch in := in.(type) {
	case TimeReached:
		return Answered{}, false, errors.New("no answer came in time")
	case PlaybackFinished:
		r.keepCompany()
		return Answered{}, false, nil
	case Answered:
		for name, text := range in.Values {
			if err := settable(text); err != nil {
				return in, false, fmt.Errorf("%s %w", name, err)
			}
			r.set(name, text)
		}
		if in.Err != "" {
			return in, false, errors.New(in.Err)
		}
		return in, true, nil
	}
	return Answered{}, false, nil
}

// onAnswer goes on when the answer has come.
func onAnswer(r *run, in Input) (string, error) {
	if _, ok, err := r.answer(in); !ok {
		return stays, err
	}
	return branchDefault, nil
}

func enterGetqueue(r *run) (string, error) {
	skill, err := r.askedSkill()
	if err != nil {
		return stays, err
	}
	return r.ask(QueueStatus{Skill: skill}, answerTime)
}

func enterEWT(r *run) (string, error) {
	skill, err := r.askedSkill()
	if err != nil {
		return stays, err
	}
	return r.ask(Estimate{Skill: skill}, answerTime)
}

// askedSkill is the skill that is asked about.
func (r *run) askedSkill() (string, error) {
	if skill := r.state.Properties["Skill"]; skill != "" {
		return skill, nil
	}
	return "", errors.New("the contact is in no queue, and Skill names none")
}

func enterQuerycallback(r *run) (string, error) {
	r.set("CALLBACKID", "")
	return r.ask(FindCallback{r.state.Properties["PhoneNumber"], r.state.Properties["Skill"]}, answerTime)
}

func onQuerycallback(r *run, in Input) (string, error) {
	a, ok, err := r.answer(in)
	switch {
	case !ok:
		return stays, err
	case a.Found:
		return branchFound, nil
	}
	return branchDefault, nil
}

func checkTakeover(p *checker, a *action) {
	if _, ok := a.branches[branchNotFound]; !ok {
		p.warnf(a.kindAt, "%s has no branch NotFound; a caller for whom no callback waits would be treated as one who has its place", a.name)
	}
}

func enterTakeover(r *run) (string, error) {
	switch r.state.Stage {
	case StageArrived, StageRequested:
	default:
		return stays, errors.New("only a live call that no agent has answered takes a callback's place")
	}
	return r.ask(FindTakeover{r.state.Properties["PhoneNumber"], r.state.Properties["Skill"]}, answerTime)
}

func onTakeover(r *run, in Input) (string, error) {
	if _, timed := in.(TimeReached); timed && r.state.Taken {
		return branchDefault, nil
	}
	a, ok, err := r.answer(in)
	switch {
	case !ok:
		return stays, err
	case !a.Found:
		return branchNotFound, nil
	}
	if err := r.host.Takeover(); err != nil {
		return stays, err
	}
	r.state.Stage = StageRequested
	if !r.voice() { // an agent has come with the place: the script goes on when it is known what comes of it
		r.state.Taken = true
		r.wake(time.Millisecond)
		return stays, nil
	}
	return branchDefault, nil
}

func enterQueuecallback(r *run) (string, error) {
	r.set("CALLBACKID", "")
	return r.ask(QueueCallback{
		Reqagent:     r.reqagent(),
		PhoneNumber:  r.state.Properties["PhoneNumber"],
		CallerID:     r.state.Properties["CallerID"],
		CallDelaySec: r.whole("CallDelaySec"),
	}, answerTime)
}

func checkWebRequest(p *checker, a *action) {
	method, given := a.fixed("Method")
	if body := a.properties["Body"]; given && method == http.MethodGet && len(body) > 0 {
		p.errorf(body[0].keyAt, "%s has a Body and the Method GET, which sends none; leave Method out for POST", a.name)
	}
}

func enterWebRequest(r *run) (string, error) {
	r.set("HTTPSTATUS", "0")
	request := WebRequest{
		Method:  r.state.Properties["Method"],
		URL:     r.state.Properties["URL"],
		Timeout: time.Duration(r.whole("TimeoutSec")) * time.Second,
	}
	var err error
	if request.Headers, err = r.texts("Headers"); err != nil {
		return stays, err
	}
	if request.Values, err = r.texts("Values"); err != nil {
		return stays, err
	}
	if r.given("Body") {
		members, err := r.texts("Body")
		if err != nil {
			return stays, err
		}
		if request.Body, err = json.Marshal(members); err != nil {
			return stays, fmt.Errorf("Body: %w", err)
		}
	}
	if request.Method == "" {
		request.Method = http.MethodGet
		if request.Body != nil {
			request.Method = http.MethodPost
		}
	}
	return r.ask(request, request.Timeout)
}

// texts evaluates entries.
func (r *run) texts(name string) (map[string]string, error) {
	if !r.given(name) {
		return nil, nil
	}
	texts := make(map[string]string)
	for _, v := range r.action.properties[name] {
		text := v.evaluate(r.variable)
		if control.MatchString(text) {
			return nil, fmt.Errorf("%s of %s has control characters", v.key, name)
		}
		texts[v.key] = text
	}
	return texts, nil
}

// inURL writes a variable's value so that it is only a value wherever in a URL it stands.
func inURL(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}
