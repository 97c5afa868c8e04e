package script_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

func (c *contact) answer(a script.Answered) {
	c.t.Helper()
	a.ID = c.question()
	c.step(a)
}

func (c *contact) expectVar(name, want string) {
	c.t.Helper()
	if got := c.state.Vars[name]; got != want {
		c.t.Fatalf("%s is %q, want %q", name, got, want)
	}
}

// asked is the question that was asked last.
func (c *contact) asked() script.Question { return c.questions[len(c.questions)-1] }

const webScript = `type: Phone
start: crm
actions:
  crm:
    WebRequest:
      URL: "https://crm.example.com/{ANI}/x?name={DNIS}"
      Headers: {X-Contact: "{CONTACTID}"}
      Body: {ani: "{ANI}", text: "say \"hi\""}
      Values: {customer: name, tier: contract.tier}
      TimeoutSec: 7
    branches: {Default: good, OnError: bad}
  good: {Log: {Text: "{customer} {tier} {HTTPSTATUS}"}}
  bad: {Log: {Text: "{_ERR} {HTTPSTATUS}"}}
`

func TestAWebRequestCarriesItsTextsAndBringsValues(t *testing.T) {
	c := newContact(t, webScript)
	c.vars["ANI"], c.vars["DNIS"] = "+1 212/&?", "a=b&c"
	c.step(script.Start{})
	want := script.WebRequest{
		Method:  "POST",
		URL:     "https://crm.example.com/%2B1%20212%2F%26%3F/x?name=a%3Db%26c",
		Headers: map[string]string{"X-Contact": "7"},
		Body:    []byte(`{"ani":"+1 212/\u0026?","text":"say \"hi\""}`),
		Values:  map[string]string{"customer": "name", "tier": "contract.tier"},
		Timeout: 7 * time.Second,
	}
	if got := c.asked(); !reflect.DeepEqual(got, want) {
		t.Fatalf("asked %+v, want %+v", got, want)
	}
	c.answer(script.Answered{Values: map[string]string{"customer": "Ann", "tier": "gold", "HTTPSTATUS": "200"}})
	c.expect("good:, music default")
	if want := []string{"Ann gold 200"}; !reflect.DeepEqual(c.logs, want) {
		t.Errorf("logged %q, want %q", c.logs, want)
	}
}

func TestAWebRequestThatFailsTakesOnError(t *testing.T) {
	for name, fail := range map[string]func(c *contact){
		"refused by the server": func(c *contact) {
			c.answer(script.Answered{Err: "the server answered 404", Values: map[string]string{"HTTPSTATUS": "404"}})
		},
		"too long a value": func(c *contact) {
			c.answer(script.Answered{Values: map[string]string{"customer": strings.Repeat("x", 1001)}})
		},
		"no answer in time": func(c *contact) { c.after(8 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			c := began(t, webScript)
			fail(c)
			c.expect("bad:, music default")
			c.step(script.Answered{ID: c.question(), Values: map[string]string{"customer": "late"}})
			c.expect("")
			c.expectVar("customer", "")
		})
	}
}

// What a crash has cut short is not asked again: the script waits out the time and takes OnError.
func TestAQuestionIsAskedAtMostOnce(t *testing.T) {
	c := began(t, webScript)
	c.now = c.now.Add(3 * time.Second)
	c.step(script.Resume{})
	c.expect("")
	c.after(5 * time.Second)
	c.expect("bad:, music default")
	if len(c.questions) != 1 {
		t.Errorf("%d questions", len(c.questions))
	}
}

func TestAQuestionThatCantBeAskedTakesOnError(t *testing.T) {
	c := newContact(t, webScript)
	c.askErr = errors.New("the database is away")
	c.step(script.Start{})
	c.expect("crm:, webrequest, bad:, music default")
	c.expectErr("the database is away")
}

func TestALiveCallerHearsMusicWhileAnAnswerIsWaitedFor(t *testing.T) {
	c := began(t, `type: Phone
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: hello}
  hello:
    Play: {Sounds: beep}
    branches: {Default: queue}
  queue:
    Getqueue: {}
    branches: {Default: menu}
  menu:
    Menu: {Prompt: "{WAITING}", Keys: "1"}
`)
	c.vars["SKILL"] = "support"
	c.played()
	c.expect("queue:, queuestatus, music default")
	c.step(script.Resume{})
	c.expect("silence, music default")
	c.answer(script.Answered{Values: map[string]string{"WAITING": "3"}})
	c.expect("menu:, play 3")
}

func TestGetqueueAndEWTAskAboutTheContactsSkillOrAnother(t *testing.T) {
	source := `type: Phone
start: a
actions:
  a:
    %s: {%s}
    branches: {OnError: bad}
  bad: {Hangup: {}}
`
	for _, test := range []struct {
		kind, skill, own string
		want             script.Question
	}{
		{"Getqueue", "Skill: sales", "support", script.QueueStatus{Skill: "sales"}},
		{"Getqueue", "", "support", script.QueueStatus{Skill: "support"}},
		{"Getqueue", "", "", nil},
		{"EWT", "Skill: sales", "", script.Estimate{Skill: "sales"}},
		{"EWT", "", "support", script.Estimate{Skill: "support"}},
		{"EWT", "", "", nil},
	} {
		c := newContact(t, fmt.Sprintf(source, test.kind, test.skill))
		c.vars["SKILL"] = test.own
		c.step(script.Start{})
		if test.want == nil {
			c.expect("a:, bad:, hangup")
			c.expectErr("in no queue")
			continue
		}
		if got := c.asked(); got != test.want {
			t.Errorf("%s asked %+v, want %+v", test.kind, got, test.want)
		}
	}
}

func TestQuerycallbackSaysWhetherOneWaits(t *testing.T) {
	const source = `type: Phone
start: query
actions:
  query:
    Querycallback: {Skill: support}
    branches: {Found: found, Default: none, OnError: failed}
  found: {Log: {Text: "{CALLBACKID}"}}
  none: {Log: {Text: none}}
  failed: {Log: {Text: failed}}
`
	for want, answer := range map[string]script.Answered{
		"found":  {Found: true, Values: map[string]string{"CALLBACKID": "41"}},
		"none":   {},
		"failed": {Err: "no number"},
	} {
		c := began(t, source)
		if got, want := c.asked(), (script.FindCallback{PhoneNumber: "2125550100", Skill: "support"}); got != want {
			t.Errorf("asked %+v, want %+v", got, want)
		}
		c.answer(answer)
		c.expect(want + ":, music default")
	}
}

const takeoverScript = `type: Phone
start: take
actions:
  take:
    Contacttakeover: {Skill: support}
    branches: {Default: taken, NotFound: none, OnError: failed}
  taken:
    Music: {Class: default}
    branches: {Default: callback}
  none: {Log: {Text: none}}
  failed: {Log: {Text: failed}}
  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {OnError: failed}
`

func TestContacttakeoverTakesWhatWasFound(t *testing.T) {
	c := began(t, takeoverScript)
	c.expect("take:, findtakeover")
	c.answer(script.Answered{Found: true})
	c.expect("takeover, taken:, music default")
	if c.state.Stage != script.StageRequested {
		t.Errorf("the contact is %q, want in the queue", c.state.Stage)
	}

	c = began(t, takeoverScript)
	c.answer(script.Answered{})
	c.expect("none:, music default")

	c = began(t, takeoverScript)
	c.takeoverErr = errors.New("the callback is under way")
	c.answer(script.Answered{Found: true})
	c.expect("takeover, failed:, music default")
	c.expectErr("under way")
	if c.state.Stage != script.StageArrived {
		t.Errorf("the contact is %q", c.state.Stage)
	}
}

// The agent who has accepted the callback is being joined to the new call: the script waits for that, and
// goes on when it comes to nothing.
func TestAContacttakeoverThatBringsAnAgentGoesOnWhenTheAgentIsLost(t *testing.T) {
	for name, lost := range map[string]func(*contact){
		"the agent is lost":     func(c *contact) { c.step(script.Resume{}); c.after(time.Millisecond) },
		"callbackd starts anew": func(c *contact) { c.after(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			c := began(t, takeoverScript)
			c.silent = true
			c.answer(script.Answered{Found: true})
			c.expect("takeover")
			c.silent = false
			lost(c)
			if c.trace[0] != "taken:" || c.state.Music != "default" {
				t.Errorf("the step did %q, want the action after it", c.trace)
			}
		})
	}
	c := began(t, takeoverScript)
	c.silent = true
	c.answer(script.Answered{Found: true})
	c.event(script.OnAnswer)
	c.expectRest()
}

func TestOnlyALiveCallThatNobodyHasAnsweredTakesAPlaceOver(t *testing.T) {
	c := began(t, strings.Replace(takeoverScript, "start: take", "start: wait\nevents: {OnAnswer: take}", 1)+"  wait: {Wait: {For: 1h}}\n")
	c.event(script.OnAnswer)
	c.expect("take:, failed:")
	c.expectErr("only a live call")
}

func TestQueuecallbackQueuesAContactOfItsOwn(t *testing.T) {
	c := began(t, `type: Phone
start: queue
actions:
  queue:
    Queuecallback: {Skill: sales, PhoneNumber: "5551234567", CallerID: "{DNIS}", CallDelaySec: 5, TargetAgent: "1001", PriorityManagement: Custom, InitialPriority: 7}
    branches: {Default: good, OnError: bad}
  good: {Log: {Text: "{CALLBACKID}"}}
  bad: {Hangup: {}}
`)
	q, ok := c.asked().(script.QueueCallback)
	if !ok || q.Skill != "sales" || q.PhoneNumber != "5551234567" || q.CallerID != "8005550100" || q.CallDelaySec != 5 || q.TargetAgent != "1001" || q.Priority.Initial != 7 {
		t.Fatalf("asked %+v", c.asked())
	}
	c.answer(script.Answered{Values: map[string]string{"CALLBACKID": "99"}})
	c.expect("good:, music default")
	c.expectVar("CALLBACKID", "99")
}

func TestUpdateContactChangesWhatIsGiven(t *testing.T) {
	const source = `type: Phone
start: a
actions:
  a:
    UpdateContact: {InitialPriority: 50, MaxPriority: "{ANI}"}
    branches: {Default: good, OnError: bad}
  good: {Log: {Text: good}}
  bad: {Log: {Text: bad}}
`
	c := newContact(t, source)
	c.vars["ANI"] = "900"
	c.step(script.Start{})
	c.expect("a:, updatecontact, good:, music default")
	change := c.changes[0]
	if *change.Initial != 50 || *change.Maximum != 900 || change.Acceleration != nil {
		t.Errorf("changed %+v", change)
	}
	c = newContact(t, source)
	c.vars["ANI"] = "1001"
	c.step(script.Start{})
	c.expect("a:, bad:, music default")
	c.expectErr("MaxPriority is 1001; it is between 0 and 1000")
}
