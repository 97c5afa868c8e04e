package rehearse

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/play"
	"github.com/callbackd/callbackd/callback/script"
)

const (
	// moment is how long an answer takes of which nothing else is said.
	moment = 100 * time.Millisecond
	// storeLimit is the longest that the database may take for an answer.
	storeLimit = 3 * time.Second
	// usualWait is how long a callback has waited whose place is taken over.
	usualWait = 10 * time.Minute
	// foundID is the callback that is found where there is one. Those that are queued follow it.
	foundID = contactID + 1
)

// The reasons for which the daemon has no answer, in its words.
var (
	errNobody     = errors.New("nobody is logged in")
	errNoDatabase = errors.New("the database does not answer")
	errNotQueued  = errors.New("the callback could not be saved")
)

// reply is an answer on its way to the script.
type reply struct {
	says string
	play.Answered
}

// ask finds the answer to a question of the action that runs: what the rehearsal gives for it, or what
// is plausible. It comes in a moment.
func (s *stage) ask(q play.Question) {
	s.asked[q.ID] = true
	action := s.state.Action
	given, isGiven := s.given(action)
	limit := storeLimit
	if web, ok := q.Question.(script.WebRequest); ok {
		limit = web.Timeout
	}
	var values map[string]string
	found, err := false, error(nil)
	wait := cmp.Or(given.After, moment)
	switch _, web := q.Question.(script.WebRequest); {
	case wait > limit && web:
		wait, err = limit, fmt.Errorf("no answer within %s", limit)
	case wait > limit:
		wait, err = limit, errNoDatabase
	case given.Err != "":
		err = errors.New(given.Err)
	default:
		values, found, err = s.answerTo(q, given)
	}
	r := reply{Answered: play.Answered{Answered: script.Answered{ID: q.ID, Values: values, Found: found}, Question: q.Question}}
	if err != nil {
		r.Err = err.Error()
	}
	if takeover, ok := q.Question.(script.FindTakeover); ok && found {
		r.Callback = s.waitingCallback(takeover, cmp.Or(given.Waited, usualWait))
	}
	r.says = action + " is " + outcome(r)
	if !isGiven {
		r.says += ", which is assumed"
	}
	s.after(wait, func() { s.reply(r) })
}

// outcome puts an answer into words.
func outcome(r reply) string {
	_, finds := r.Question.(script.FindCallback)
	_, takes := r.Question.(script.FindTakeover)
	switch {
	case r.Err != "":
		return "not answered: " + r.Err
	case (finds || takes) && !r.Found:
		return "answered: there is no callback"
	case finds || takes:
		return "answered: there is a callback"
	}
	return "answered"
}

// given is the rehearsal's next answer for an action.
func (s *stage) given(action string) (Answer, bool) {
	list := s.rehearsal.Answers[action]
	if len(list) == 0 {
		return Answer{}, false
	}
	i := min(s.used[action], len(list)-1)
	s.used[action]++
	return list[i], true
}

// answerTo gives what the world answers, where it answers in time.
func (s *stage) answerTo(q play.Question, given Answer) (values map[string]string, found bool, err error) {
	if web, ok := q.Question.(script.WebRequest); ok {
		return webAnswer(web, given)
	}
	if s.away {
		if _, queues := q.Question.(script.QueueCallback); queues {
			return nil, false, errNotQueued
		}
		return nil, false, errNoDatabase
	}
	switch asked := q.Question.(type) {
	case script.QueueStatus:
		values = s.queueStatus(asked.Skill)
	case script.Estimate:
		values = map[string]string{"EWT": "", "EWTCONFIDENCE": "", "POSITION": s.position(asked.Skill)}
		if given.Values["EWT"] != "" {
			values["EWTCONFIDENCE"] = "medium"
			break
		}
		values["AGENTSLOGGEDIN"] = "0"
		err = errNobody
	case script.FindCallback, script.FindTakeover:
		values = map[string]string{"CALLBACKID": ""}
		if given.Found {
			values["CALLBACKID"] = foundID.String()
		}
	case script.QueueCallback:
		s.queued++
		values = map[string]string{"CALLBACKID": (foundID + s.queued).String()}
	}
	maps.Copy(values, given.Values)
	return values, given.Found, err
}

// webAnswer is a web server's: 200 and nothing for each of the values, where nothing else is given.
func webAnswer(q script.WebRequest, given Answer) (map[string]string, bool, error) {
	status := cmp.Or(given.Status, 200)
	values := map[string]string{"HTTPSTATUS": strconv.Itoa(status)}
	if status < 200 || status > 299 {
		return values, false, fmt.Errorf("the server answered %d", status)
	}
	for name := range q.Values {
		values[name] = ""
	}
	maps.Copy(values, given.Values)
	return values, false, nil
}

// queueStatus is how a queue stands in which nobody else waits. The agents who are logged in are those
// who are free.
func (s *stage) queueStatus(skill string) map[string]string {
	values := map[string]string{
		"WAITING": "0", "LONGESTWAIT": "0", "POSITION": s.position(skill),
		"AGENTSLOGGEDIN": strconv.Itoa(len(s.agents)), "AGENTSAVAILABLE": strconv.Itoa(len(s.agents)),
	}
	if values["POSITION"] == "1" {
		values["WAITING"] = "1"
		values["LONGESTWAIT"] = strconv.FormatInt(int64(s.now.Sub(s.contact.Place.QueuedAt)/time.Second), 10)
	}
	return values
}

// position is the contact's in a queue in which nobody else waits.
func (s *stage) position(skill string) string {
	if place := s.contact.Place; place != nil && place.Skill == skill {
		return "1"
	}
	return "0"
}

// waitingCallback is the callback whose place may be taken over, of the same number, without a fault.
func (s *stage) waitingCallback(q script.FindTakeover, waited time.Duration) *callback.Contact {
	skill := skillOf(s.player.Skills, q.Skill)
	promise := callback.Promise{PhoneNumber: q.PhoneNumber, CallerID: s.contact.DNIS}
	other, _ := callback.QueueCallback(s.contact, q.Skill, skill.Priority, "", promise, s.now.Add(-waited))
	other.ID = foundID
	return other
}

// reply hands the script an answer. One to a question that was asked before a restart nobody waits for;
// while an agent has accepted it is kept back (C12).
func (s *stage) reply(r reply) {
	if !s.asked[r.ID] || s.down {
		return
	}
	delete(s.asked, r.ID)
	if s.contact.ScriptPaused() {
		s.kept = append(s.kept, r)
		return
	}
	s.turn(r.says, r.Answered)
}

// replyKept hands on an answer that was kept back, once the script goes on.
func (s *stage) replyKept() {
	if len(s.kept) == 0 || s.contact.ScriptPaused() {
		return
	}
	r := s.kept[0]
	s.kept = s.kept[1:]
	s.turn(r.says, r.Answered)
}
