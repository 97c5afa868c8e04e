package rehearse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

// asking asks a customer database.
func asking(t *testing.T) *script.Script {
	return scripted(t, "asking", `
type: Phone
start: crm
actions:
  crm:
    WebRequest: {URL: "https://crm.example.com/{ANI}", Values: {customer: name, level: contract.level}}
    branches: {Default: note, OnError: failed}
  note: {Log: {Text: "{HTTPSTATUS} {customer}/{level}"}, branches: {Default: again}}
  failed: {Log: {Text: "{HTTPSTATUS}"}, branches: {Default: again}}
  again: {Wait: {For: 1m}, branches: {Default: crm}}
`)
}

func TestWebRequestsAreAnsweredAsGivenOneAfterTheOther(t *testing.T) {
	result := holds(t, asking(t), `
limit: 4m
answers:
  crm:
    - {values: {customer: Ann, level: gold}}
    - {status: 500}
    - {error: connection refused}
    - {after: 7s, values: {customer: too late}}
    - {values: {customer: Bob}}
expect:
  log:
    - 200 Ann/gold
    - "crm: the server answered 500"
    - "500"
    - "crm: connection refused"
    - "0"
    - "crm: no answer within 5s"
    - "0"
`)
	step := at(t, result, "crm is answered", 100*time.Millisecond)
	if step.Variables["customer"] != "Ann" || step.Variables["HTTPSTATUS"] != "200" {
		t.Errorf("the answer's step has %v", step.Variables)
	}
}

func TestAnAnswerThatIsNotGivenIsAssumedAndSaysSo(t *testing.T) {
	result := holds(t, asking(t), `
limit: 1s
expect: {log: [200 /]}
`)
	at(t, result, "crm is answered, which is assumed", 100*time.Millisecond)
}

func TestAnAnswerAfterARestartIsNobodys(t *testing.T) {
	holds(t, asking(t), `
limit: 10s
answers: {crm: {after: 2s, values: {customer: Ann}}}
happens: [{at: 1s, callbackd: restarts}]
expect: {log: ["crm: no answer came in time"]}
`)
}

func TestC12AnAnswerWaitsWhileAnAgentHasAccepted(t *testing.T) {
	s := scripted(t, "asked", `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: wait, OnError: goodbye}}
  wait: {Wait: {For: 1m}, branches: {Default: crm}}
  crm: {WebRequest: {URL: "https://crm.example.com/late", TimeoutSec: 30}, branches: {Default: goodbye}}
  goodbye: {Hangup: {}}
`)
	result := holds(t, s, `
answers: {crm: {after: 10s}}
happens:
  - {at: 1m5s, agent: 1001}           # before the answer, which ends the script
  - {at: 1m20s, contact: no answer}
expect: {outcome: not_reached, actions: [request, callback, wait, crm, goodbye]}
`)
	at(t, result, "2125550100 is dialled", 65*time.Second)
}

func TestTheQueuesFiguresAreThoseOfTheOneContact(t *testing.T) {
	s := scripted(t, "figures", `
type: Phone
start: before
actions:
  before: {Getqueue: {Skill: support}, branches: {Default: keep}}
  keep: {Assign: {Set: {first: "{WAITING} {POSITION}"}}, branches: {Default: request}}
  request: {Reqagent: {Skill: support}, branches: {Default: music}}
  music: {Music: {Seconds: 90}, branches: {Default: queue}}
  queue: {Getqueue: {}, branches: {Default: ewt}}
  ewt: {EWT: {}, branches: {Default: note, OnError: note}}
  note: {Log: {Text: "{WAITING} {POSITION} {LONGESTWAIT} {EWT} {EWTCONFIDENCE} {_ERR}"}}
`)
	holds(t, s, `
expect: {variables: {first: 0 0}, log: ["1 1 90   nobody is logged in"]}
`)
	holds(t, s, `
answers: {queue: {values: {WAITING: 7, POSITION: 4}}, ewt: {values: {EWT: 240, POSITION: 4}}}
expect: {log: ["7 4 90 240 medium "]}
`)
	holds(t, s, `
happens: [{at: 10s, database: away}]
expect: {log: ["queue: the database does not answer"]}
`)
}

// repeating takes over the callback of who calls again.
func repeating(t *testing.T) *script.Script {
	return scripted(t, "repeating", `
type: Phone
start: query
actions:
  query: {Querycallback: {Skill: support}, branches: {Found: take, Default: request, OnError: request}}
  take: {Contacttakeover: {Skill: support}, branches: {Default: music, NotFound: request, OnError: request}}
  request: {Reqagent: {Skill: support}, branches: {Default: music}}
  music: {Music: {}}
`)
}

func TestATakeoverHasThePlaceOfTheCallbackThatIsFound(t *testing.T) {
	result := holds(t, repeating(t), `
limit: 5m
answers: {query: {found: true}, take: {found: true, waited: 20m}}
expect: {state: live, skill: support, priority: 24.998, actions: [query, take, music], variables: {CALLBACKID: 2}}
`)
	at(t, result, "is taken over", 200*time.Millisecond)
	holds(t, repeating(t), `
limit: 5m
expect: {priority: 4.998, actions: [query, request, music], variables: {CALLBACKID: ""}}
`)
}

func TestCallbacksWithoutACallAreQueuedUnlessTheDatabaseIsAway(t *testing.T) {
	s := scripted(t, "later", `
type: Phone
start: queue
actions:
  queue: {Queuecallback: {Skill: support, PhoneNumber: "{ANI}"}, branches: {Default: note, OnError: failed}}
  note: {Log: {Text: "callback {CALLBACKID}"}, branches: {Default: goodbye}}
  failed: {Log: {Text: "{_ERR}"}, branches: {Default: goodbye}}
  goodbye: {Hangup: {}}
`)
	holds(t, s, `expect: {outcome: hung_up, log: [callback 3]}`)
	result := holds(t, s, `
answers: {queue: {error: a callback to this number is open already}}
expect: {log: ["queue: a callback to this number is open already", a callback to this number is open already]}
`)
	if text := written(result); strings.Contains(text, "assumed") {
		t.Errorf("the answer was given:\n%s", text)
	}
}
