package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
	"github.com/callbackd/callbackd/callback/script/examples"
)

// shipped makes a stage run a script that ships, with its waits shortened and texts in it replaced;
// changes are pairs.
func shipped(t *testing.T, name string, changes ...string) func(*site.Options) {
	t.Helper()
	text, ok := examples.Source(name)
	if !ok {
		t.Fatalf("there is no example %s", name)
	}
	text = changed(t, text, append(slices.Clone(quick), changes...)...)
	return func(o *site.Options) { o.Script = text }
}

// afterCallback are the changes that let the example go on after Callback with these actions, of which
// the first is called then.
func afterCallback(actions string) []string {
	return []string{
		"branches: {OnError: sorry}", "branches: {Default: then, OnError: sorry}",
		"actions:\n", "actions:\n" + actions,
	}
}

// awaitLog waits for a line that the script has logged.
func (s *stage) awaitLog(contact int64, text string, limit time.Duration) {
	s.t.Helper()
	_, err := s.AwaitFact(s.within(limit), contact, "log", func(f site.Fact) bool { return f.Data["text"] == text })
	s.must("await the line "+text, err)
}

// endedByThem waits until the other side has ended a call.
func (s *stage) endedByThem(call *phone.Call, limit time.Duration) {
	s.t.Helper()
	ended, err := call.AwaitEnded(s.within(limit))
	s.must("be hung up on", err)
	if ended.By != phone.Them {
		s.t.Fatalf("the call ended: %v", ended)
	}
}

func TestC8TheCapturedNumberIsDialled(t *testing.T) {
	const other = "2125550177"
	s := newStage(t, shipped(t, "other-number"))
	call := s.call()
	contact := s.contact()
	s.awaitAction(contact, "offer")
	s.must("press 2", call.Press(s.within(5*time.Second), "2"))
	s.awaitAction(contact, "ask_number")
	s.must("enter the number", call.Press(s.within(15*time.Second), other+"#"))
	_, err := s.AwaitFact(s.within(10*time.Second), contact, "key", func(f site.Fact) bool { return f.Data["key"] == "#" })
	s.must("end the number", err)
	s.must("confirm it", call.Press(s.within(5*time.Second), "1"))
	s.awaitAction(contact, "thanks")
	s.endedByThem(call, 30*time.Second)
	if fact := s.await(contact, "promised", 5*time.Second); fact.Data["phone_number"] != other {
		t.Errorf("the promise is %v, want %s to be called", fact.Data, other)
	}

	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	contactCall, err := s.Carrier.AwaitCallTo(s.within(20*time.Second), other)
	s.must("be called back at the other number", err)
	if from := contactCall.From(); from.Number != s.Asterisk.DID {
		t.Errorf("that phone shows %v, want the number that was dialled", from)
	}
	s.answer(contactCall, callerHz)
	s.hear(agentCall, agentHz, contactCall, callerHz)
	s.hangup(contactCall, agentCall)
	s.ended(contact, "served")
	if n := len(s.Carrier.Calls()); n != 2 {
		t.Errorf("the carrier saw %d calls, want the caller's and the one to the other number", n)
	}
}

func TestC7ADelayOf60SecondsRefusesTheAgent(t *testing.T) {
	change := shipped(t, "example", "CallDelaySec: 0 ", "CallDelaySec: 60 ")
	s := newStage(t, func(o *site.Options) {
		change(o)
		o.Skill = []string{"ring_time: 8s", "refused_time: 1m"} // the agent is not offered the call that proves it
	})
	contact := s.promised()
	var before time.Time
	s.must("read the place", s.DB.GetContext(s.ctx, &before, `SELECT queued_at FROM place WHERE contact_id = $1`, contact))
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	s.endedByThem(agentCall, 10*time.Second)
	if fact := s.await(contact, "offer_ended", 10*time.Second); fact.Data["result"] != "refused" {
		t.Errorf("the offer ended as %v, want refused", fact.Data)
	}
	if n := s.count(`SELECT count(*) FROM agent WHERE extension = '1001' AND activity = 'refused'`); n != 1 {
		t.Error("the agent is not in the Refused state")
	}
	if n := s.count(`SELECT count(*) FROM place WHERE contact_id = $1 AND held AND queued_at = $2`, contact, before); n != 1 {
		t.Error("the place is gone, has moved or is not held")
	}

	// Another agent is not rung for it: a call that comes after it is the first they hear of.
	agent := s.agent("1002")
	live := s.call()
	offered := s.ringing(agent)
	if from := offered.From(); from.Name != "support live" {
		t.Errorf("the other agent's phone shows %v, want the live call", from)
	}
	s.answer(offered, agent2Hz)
	s.must("send a tone", live.SendTone(callerHz))
	s.hear(offered, agent2Hz, live, callerHz)
	s.hangup(live, offered)
	s.must("leave nothing in Asterisk", s.AwaitEmpty(s.within(10*time.Second)))
	if n := s.count(`SELECT count(*) FROM offer WHERE contact_id = $1`, contact); n != 1 {
		t.Errorf("the callback was offered %d times, want once", n)
	}
	s.wantCallsOnlyFromCallers()
}

func TestC12WaitThenHangupRemovesTheCallbackAfterARestart(t *testing.T) {
	const wait = 6 * time.Second
	s := newStage(t, shipped(t, "example", afterCallback(`
  then: {Wait: {For: 6s}, branches: {Default: expired}}
  expired: {Hangup: {}}
`)...))
	contact := s.promised()
	waits, err := s.AwaitFact(s.within(5*time.Second), contact, "action", func(f site.Fact) bool { return f.Data["name"] == "then" })
	s.must("await the wait", err)
	s.Kill()
	s.must("start again", s.Start(s.within(30*time.Second)))
	ready := time.Now()
	s.ended(contact, "hung_up")
	ended := s.await(contact, "ended", time.Second)
	due := waits.At.Add(wait)
	if ended.At.Before(due) {
		t.Errorf("the callback expired %v before its time", due.Sub(ended.At))
	}
	if ready.After(due) {
		due = ready
	}
	// A wait that began anew with the second daemon would end later than this.
	if late := ended.At.Sub(due); late > 3*time.Second {
		t.Errorf("the callback expired %v after its time", late)
	}
}

func TestC11AVoiceActionAfterCallbackTakesOnError(t *testing.T) {
	s := newStage(t, shipped(t, "example", afterCallback(`
  then: {Play: {Sounds: [callbackd/offer]}, branches: {Default: spoken, OnError: refused}}
  spoken: {Log: {Text: spoken}}
  refused: {Log: {Text: "refused: {_ERR}"}}
`)...))
	contact := s.promised()
	s.awaitLog(contact, "refused: no voice: the contact is not on the line", 10*time.Second)
	s.takeCallback(contact) // the callback stands all the same
}

func TestC9AWebRequestInOnAnswerGivesTheNumbersOfTheOutboundCall(t *testing.T) {
	type popup struct {
		path string
		body map[string]string
	}
	asked := make(chan popup, 10)
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := popup{path: r.URL.Path}
		_ = json.NewDecoder(r.Body).Decode(&p.body) // what is missing is seen in the test
		asked <- p
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"customer": {"name": "Ann Lee"}}`)
	}))
	t.Cleanup(crm.Close)
	s := newStage(t, shipped(t, "example",
		"start: request", "start: keep\nevents: {OnAnswer: popup}",
		"actions:\n", `actions:
  keep: {Assign: {Set: {first_ani: "{ANI}", first_dnis: "{DNIS}"}}, branches: {Default: request}}
  popup:
    WebRequest:
      URL: "`+crm.URL+`/popup/{DNIS}"
      Body: {ani: "{ANI}", dnis: "{DNIS}", first_ani: "{first_ani}", first_dnis: "{first_dnis}", agent: "{AGENTID}"}
      Values: {customer: customer.name}
    branches: {Default: known}
  known: {Log: {Text: "it is {customer}, {HTTPSTATUS}"}}
`))
	contact := s.promised()
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	contactCall := s.calledBack()
	select {
	case p := <-asked:
		t.Fatalf("the web server was asked before the contact has answered: %+v", p)
	default:
	}
	s.answer(contactCall, callerHz)
	s.awaitLog(contact, "it is Ann Lee, 200", 10*time.Second)
	p := <-asked
	want := map[string]string{
		"ani": s.Asterisk.DID, "dnis": callerANI, // the CallerID and the PhoneNumber
		"first_ani": callerANI, "first_dnis": s.Asterisk.DID, "agent": "1001",
	}
	if fmt.Sprint(p.body) != fmt.Sprint(want) || p.path != "/popup/"+callerANI {
		t.Errorf("the web server was asked %s with %v, want %v", p.path, p.body, want)
	}
	s.hear(agentCall, agentHz, contactCall, callerHz)
	s.hangup(contactCall, agentCall)
	s.ended(contact, "served")
	if n := len(asked); n != 0 {
		t.Errorf("the web server was asked %d times more", n)
	}
}

func TestASurveyAfterACallback(t *testing.T) {
	s := newStage(t, shipped(t, "survey", "callbackd/survey-hello", "beep"))
	contact := s.promised()
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	contactCall := s.calledBack()
	s.answer(contactCall, callerHz)
	s.hear(agentCall, agentHz, contactCall, callerHz)
	s.must("hang up", agentCall.Hangup(s.within(5*time.Second)))
	for i, key := range []string{"4", "1", "5"} {
		s.awaitAction(contact, fmt.Sprintf("question_%d", i+1))
		_, err := contactCall.AwaitSound(s.within(5 * time.Second))
		s.must("hear the question", err)
		s.must("press a key", contactCall.Press(s.within(5*time.Second), key))
	}
	s.awaitAction(contact, "thanks_for_answers")
	s.endedByThem(contactCall, 15*time.Second)
	s.awaitLog(contact, "Survey: agent 1001, satisfied 4, solved yes, recommends 5", 5*time.Second)
	s.ended(contact, "served")
	if agent := s.count(`SELECT count(*) FROM agent WHERE extension = '1001' AND activity = 'free'`); agent != 1 {
		t.Error("the agent is not free")
	}
	log := s.count(`SELECT count(*) FROM fact WHERE contact_id = $1 AND kind = 'log' AND data->>'text' LIKE 'Survey:%'`, contact)
	if log != 1 {
		t.Errorf("the answers were written down %d times", log)
	}
}
