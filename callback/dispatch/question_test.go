package dispatch

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/play"
	"github.com/callbackd/callbackd/callback/script"
)

// crm is a web server in the bubble of a test.
type crm struct {
	mu    sync.Mutex
	asked []string
	takes time.Duration // before it answers
	body  string
	seen  func()
}

// RoundTrip answers as the server does.
func (c *crm) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.asked = append(c.asked, r.URL.String())
	seen := c.seen
	c.mu.Unlock()
	if seen != nil {
		seen()
	}
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-time.After(c.takes):
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(c.body))}, nil
}

func (c *crm) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked)
}

// serves puts the server where the dispatcher's requests go.
func (c *crm) serves(d *Dispatcher) *crm {
	d.web.client.Transport = c
	return c
}

// variable gives a script's variable of a contact as saved.
func (s *stage) variable(id callback.ContactID, name string) string {
	return s.record(id).Script.Vars[name]
}

// at says in which action a contact stands, as saved.
func (s *stage) at(id callback.ContactID, action string) {
	s.t.Helper()
	if record := s.record(id); record.Script.Action != action {
		s.t.Fatalf("contact %d stands at %q, want %q; _ERR is %q", id, record.Script.Action, action, record.Script.Vars["_ERR"])
	}
}

const asksCRM = `
type: Phone
start: crm
actions:
  crm:
    WebRequest: {URL: "https://crm.example/{ANI}?key=secret", Values: {tier: tier}, TimeoutSec: 5}
    branches: {Default: told, OnError: untold}
  told: {Music: {Class: "{tier}"}}
  untold: {Music: {Class: default}}
`

func TestAWebRequestIsSavedBeforeItIsAskedAndTheAnswerGoesOnInTheScript(t *testing.T) {
	inScript(t, asksCRM, func(s *stage) {
		c := (&crm{takes: time.Second, body: `{"tier":"gold"}`}).serves(s.d)
		c.seen = func() {
			if s.record(1).Script.Asked == "" {
				t.Error("asked before it was saved")
			}
		}
		s.try("in")
		s.pass(2 * time.Second)
		if c.count() != 1 || c.asked[0] != "https://crm.example/2125550123?key=secret" {
			t.Errorf("asked %v", c.asked)
		}
		s.at(1, "told")
		if music, _ := last[callback.StartMusic](s.sw); music.Class != "gold" {
			t.Errorf("music of class %q", music.Class)
		}
		if fact := s.store.fact(callback.FactAsked); fact.Data["url"] != "https://crm.example/2125550123" || fact.Data["method"] != "GET" {
			t.Errorf("asked: %v", fact.Data)
		}
		if fact := s.store.fact(callback.FactReplied); fact.Data["status"] != "200" || fact.Data["url"] != "https://crm.example/2125550123" {
			t.Errorf("replied: %v", fact.Data)
		}
	})
}

func TestWithTheDatabaseAwayAWebRequestIsNotAskedAndTakesOnError(t *testing.T) {
	source := strings.Replace(asksCRM, "start: crm", "start: music", 1) + "  music: {Music: {Seconds: 5}, branches: {Default: crm}}\n"
	inScript(t, source, func(s *stage) {
		c := (&crm{body: `{"tier":"gold"}`}).serves(s.d)
		s.try("in")
		s.store.setAway(true)
		s.pass(10 * time.Second)
		s.store.setAway(false)
		s.pass(2 * time.Second)
		s.at(1, "untold")
		if c.count() != 0 {
			t.Errorf("asked %v without being saved", c.asked)
		}
	})
}

func TestAWebRequestWhoseCommitWasNotAnsweredIsAskedOnlyIfItWasSaved(t *testing.T) {
	for name, saved := range map[string]bool{"saved": true, "not saved": false} {
		t.Run(name, func(t *testing.T) {
			inScript(t, asksCRM, func(s *stage) {
				c := (&crm{body: `{"tier":"gold"}`}).serves(s.d)
				s.store.unsure = func(c Change) (bool, bool) {
					match := c.Record.Script.Asked != ""
					s.store.away = s.store.away || match
					return match, saved
				}
				s.try("in")
				s.pass(3 * time.Second)
				if c.count() != 0 {
					t.Fatal("asked while nobody knows whether it is saved")
				}
				s.store.setAway(false)
				s.pass(2 * time.Second)
				want := map[bool]string{true: "told", false: "untold"}[saved]
				if s.at(1, want); (c.count() == 1) != saved {
					t.Errorf("asked %d times", c.count())
				}
			})
		})
	}
}

func TestAWebRequestThatNobodyWaitsForAnyMoreIsNotAsked(t *testing.T) {
	inScript(t, asksCRM, func(s *stage) {
		c := (&crm{body: `{"tier":"gold"}`}).serves(s.d)
		s.store.unsure = func(c Change) (bool, bool) {
			match := c.Record.Script.Asked != ""
			s.store.away = s.store.away || match
			return match, true
		}
		s.try("in")
		s.pass(10 * time.Second) // longer than the script waits for an answer
		s.store.setAway(false)
		s.pass(2 * time.Second)
		if s.at(1, "untold"); c.count() != 0 {
			t.Error("asked when the script had given it up")
		}
	})
}

func TestAWebRequestThatACrashHasCutShortIsNotAskedAgainAndTakesOnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, parse(t, "tried", asksCRM))
		c := (&crm{takes: 3 * time.Second, body: `{"tier":"gold"}`}).serves(s.d)
		s.run()
		s.try("in")
		s.stop()
		s.sw.snapshot.Channels = map[string]callback.SnapshotChannel{"in": {State: callback.ChannelUp}}
		s.d = newDispatcher(t, s.store, s.sw, parse(t, "tried", asksCRM))
		c.serves(s.d)
		s.run()
		s.pass(4 * time.Second)
		s.at(1, "crm")
		s.pass(4 * time.Second)
		s.at(1, "untold")
		if c.count() != 1 {
			t.Errorf("asked %d times", c.count())
		}
		s.stop()
	})
}

// promisesAndAsks asks a web server once the contact is in the Callback state.
const promisesAndAsks = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: crm, OnError: sorry}}
  crm:
    WebRequest: {URL: "https://crm.example/", Values: {tier: tier}, TimeoutSec: 30}
    branches: {Default: told, OnError: sorry}
  told: {Log: {Text: "tier {tier}"}}
  sorry: {Log: {Text: "no callback"}}
`

func TestC14ASessionStaysForItsAnswerAndNoLonger(t *testing.T) {
	inScript(t, promisesAndAsks, func(s *stage) {
		(&crm{takes: 10 * time.Second, body: `{"tier":"gold"}`}).serves(s.d)
		s.try("in")
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		if s.record(1).Contact.State != callback.StateCallback || s.d.sessionCount() != 1 {
			t.Fatalf("%s with %v sessions while an answer is waited for", s.record(1).Contact.State, s.d.sessionCount())
		}
		s.pass(11 * time.Second)
		if s.at(1, "told"); s.d.sessionCount() != 0 {
			t.Errorf("%v sessions after the answer", s.d.sessionCount())
		}
	})
}

func TestC12AnAnswerThatComesWhileAnAgentHasAcceptedWaitsForTheOutcome(t *testing.T) {
	inScript(t, promisesAndAsks, func(s *stage) {
		(&crm{takes: 10 * time.Second, body: `{"tier":"gold"}`}).serves(s.d)
		s.try("in")
		s.event(callback.LegEnded{Channel: "in", Cause: 16})
		agent := accepted(s)
		s.pass(15 * time.Second)
		s.at(1, "crm") // the answer has come, and waits
		contact, _ := last[callback.CreateLeg](s.sw)
		s.event(callback.LegEnded{Channel: agent, Cause: 16})
		s.event(callback.LegEnded{Channel: contact.Channel, Cause: 16})
		s.pass(time.Second)
		if s.at(1, "told"); s.variable(1, "tier") != "gold" {
			t.Errorf("tier is %q", s.variable(1, "tier"))
		}
	})
}

const asksTheQueue = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: queue}}
  queue: {Getqueue: {}, branches: {Default: estimate, OnError: failed}}
  estimate: {EWT: {}, branches: {Default: find, OnError: failed}}
  find: {Querycallback: {Skill: support, PhoneNumber: "2125550177"}, branches: {Default: music, Found: found, OnError: failed}}
  found: {Music: {Class: found}}
  failed: {Music: {Class: failed}}
  music: {Music: {Seconds: 60}, branches: {Default: other}}
  other:
    Queuecallback: {Skill: support, PhoneNumber: "212 555-0177 ext 12", CallDelaySec: 7, PriorityManagement: Custom, InitialPriority: 3}
    branches: {Default: find, OnError: failed}
`

func TestWhatScriptsAskOfTheQueueLandsInVariables(t *testing.T) {
	inScript(t, asksTheQueue, func(s *stage) {
		s.try("in")
		s.pass(time.Second)
		s.at(1, "music")
		asked := []string{"EWT answered 1", "Getqueue answered 1", "Querycallback answered 1"}
		if metric := s.metric(s.d.metrics.questions); !slices.Equal(metric, asked) {
			t.Errorf("the metric says %v, want %v", metric, asked)
		}
		got := map[string]string{}
		for _, name := range []string{"WAITING", "LONGESTWAIT", "AGENTSLOGGEDIN", "AGENTSAVAILABLE", "POSITION", "EWT", "EWTCONFIDENCE", "CALLBACKID"} {
			got[name] = s.variable(1, name)
		}
		want := "map[AGENTSAVAILABLE:1 AGENTSLOGGEDIN:1 CALLBACKID: EWT:180 EWTCONFIDENCE:low LONGESTWAIT:0 POSITION:1 WAITING:1]"
		if fmt.Sprint(got) != want {
			t.Errorf("got  %v\nwant %s", got, want)
		}
	})
}

func TestAQueuedCallbackIsAContactOfItsOwnWithoutASession(t *testing.T) {
	inScript(t, asksTheQueue, func(s *stage) {
		s.try("in")
		s.pass(62 * time.Second)
		s.at(1, "found")
		if id := s.variable(1, "CALLBACKID"); id != "2" {
			t.Errorf("CALLBACKID is %q", id)
		}
		record := s.record(2)
		c := record.Contact
		if c.State != callback.StateCallback || c.Script != s.record(1).Contact.Script || !record.Script.Saved || !record.Script.Resting {
			t.Errorf("queued: %+v in %+v", c, record.Script)
		}
		if p := c.Promise; p.PhoneNumber != "2125550177" || p.Extension != "12" || p.CallerID != "8005550100" || p.CallDelay != 7*time.Second {
			t.Errorf("promised: %+v", p)
		}
		if c.Place.Skill != "support" || c.Place.Priority.Initial != 3 || c.Place.Node != "" {
			t.Errorf("place: %+v", c.Place)
		}
		if s.d.sessionCount() != 1 {
			t.Errorf("%v sessions, want the caller's only", s.d.sessionCount())
		}
	})
}

func TestASecondQueuedCallbackToTheSameNumberTakesOnError(t *testing.T) {
	inScript(t, asksTheQueue, func(s *stage) {
		s.try("in")
		s.pass(62 * time.Second)
		q := s.ask(`
type: Phone
start: other
actions:
  other: {Queuecallback: {Skill: support, PhoneNumber: "2125550177"}, branches: {Default: queued, OnError: failed}}
  queued: {Music: {}}
  failed: {Music: {}}
`)
		if s.at(q, "failed"); s.variable(q, "_ERR") != ErrCallbackOpen.Error() {
			t.Errorf("_ERR is %q", s.variable(q, "_ERR"))
		}
	})
}

// ask loads a script and gives the contact of a call that runs it.
func (s *stage) ask(source string) callback.ContactID {
	s.t.Helper()
	if err := s.d.Reload(s.t.Context(), []*script.Script{parse(s.t, "tried", source)}, s.d.loaded.Load().skills); err != nil {
		s.t.Fatal(err)
	}
	s.try(fmt.Sprintf("in-%d", len(s.store.contacts)))
	s.pass(time.Second)
	return callback.ContactID(len(s.store.contacts))
}

func TestWithTheDatabaseAwayAQuestionOfTheQueueTakesOnErrorAtOnce(t *testing.T) {
	source := strings.Replace(asksTheQueue, "branches: {Default: queue}}", "branches: {Default: pause}}", 1) + "  pause: {Wait: {For: 5}, branches: {Default: queue}}\n"
	inScript(t, source, func(s *stage) {
		s.try("in")
		s.store.setAway(true)
		s.pass(6 * time.Second)
		if music, _ := last[callback.StartMusic](s.sw); music.Class != "failed" {
			t.Errorf("music of class %q", music.Class)
		}
		s.store.setAway(false)
		s.pass(time.Second)
		if s.variable(1, "_ERR") != errNoAnswer.Error() {
			t.Errorf("_ERR is %q", s.variable(1, "_ERR"))
		}
	})
}

func TestAQueuedCallbackWhoseCommitWasNotAnsweredIsReadBack(t *testing.T) {
	for name, saved := range map[string]bool{"saved": true, "not saved": false} {
		t.Run(name, func(t *testing.T) {
			inScript(t, asksTheQueue, func(s *stage) {
				s.try("in")
				s.pass(50 * time.Second)
				s.store.mu.Lock()
				s.store.unsureCreate = func() bool { return saved }
				s.store.mu.Unlock()
				s.pass(12 * time.Second)
				if saved {
					s.at(1, "found")
					return
				}
				if s.at(1, "failed"); len(s.store.contacts) != 1 || s.variable(1, "_ERR") != errNotQueued.Error() {
					t.Errorf("%d contacts, _ERR is %q", len(s.store.contacts), s.variable(1, "_ERR"))
				}
			})
		})
	}
}

func TestNobodyLoggedInIsNoEstimate(t *testing.T) {
	inScript(t, asksTheQueue, func(s *stage) {
		s.store.nobody = true
		s.try("in")
		s.pass(time.Second)
		if s.at(1, "failed"); s.variable(1, "_ERR") != errNobody.Error() || s.variable(1, "AGENTSLOGGEDIN") != "0" {
			t.Errorf("_ERR is %q, AGENTSLOGGEDIN %q", s.variable(1, "_ERR"), s.variable(1, "AGENTSLOGGEDIN"))
		}
	})
}

func TestQuestionsOfOneContactUnderWayAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		waits := script.State{Asked: "one too many", Deadline: time.Now().Add(time.Minute)}
		session := s.d.newSession(Record{Contact: &callback.Contact{ID: 1}, Script: waits})
		for i := range askedAtOnce {
			session.asking[fmt.Sprint(i)] = true
		}
		session.ask(t.Context(), []play.Question{{ID: "one too many", Question: script.QueueStatus{}}})
		ev, _ := session.inbox.take()
		if a, ok := ev.(answered); !ok || a.Err != errTooMany.Error() {
			t.Errorf("answered %+v", ev)
		}
	})
}
