package rehearse_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

func TestC3TheContactIsNotDialledBeforeTheAgentAccepts(t *testing.T) {
	result := holds(t, example(t), `
happens:
  - {at: 33s, keys: "1"}
  - {at: 10m, agent: 1001 rings}
  - {at: 10m15s, agent: 1001 answers}
expect: {dialled: ["2125550100"], outcome: not_reached}
`)
	at(t, result, "2125550100 is dialled", 10*time.Minute+15*time.Second)
}

func TestC4WhoHangsUpBeforeTheCallbackIsAbandoned(t *testing.T) {
	holds(t, example(t), `
happens:
  - {at: 33s, keys: "1"}
  - {at: 35s, caller: hangs up}
  - {at: 1m, agent: 1001}
expect: {outcome: abandoned, saved: none, dialled: []}
`)
}

func TestC5WithTheDatabaseAwayTheCallerStaysInTheQueueAndTakesOnError(t *testing.T) {
	result := holds(t, example(t), `
limit: 50s
happens:
  - {at: 33s, keys: "1"}
  - {at: 34s, database: away}
  - {at: 45s, database: back}
expect:
  state: live
  skill: support
  saved: none
  actions: [request, music, offer, thanks, callback, sorry, music]
  variables: {_ERR: the place could not be saved}
`)
	if step := says(result, "the place could not be saved"); step.Variables["_ERR"] == "" {
		t.Errorf("_ERR does not stand beside its reason:\n%s", written(result))
	}
}

func TestWhatMustBeSavedWaitsForTheDatabase(t *testing.T) {
	result := holds(t, delayed(t, 10), `
happens:
  - {at: 1m, agent: 1001}
  - {at: 1m, contact: answers}
  - {at: 1m5s, database: away}
  - {at: 2m, database: back}
expect: {state: connected, dialled: ["2125550100"]}
`)
	at(t, result, "2125550100 is dialled", 2*time.Minute)
}

func TestNobodyIsOfferedAnythingWhileTheDatabaseIsAway(t *testing.T) {
	result := holds(t, example(t), `
limit: 2m
happens:
  - {at: 10s, database: away}
  - {at: 20s, agent: 1001}
  - {at: 1m, database: back}
expect: {state: connected}
`)
	at(t, result, "agent 1001 accepts", time.Minute)
}

func TestC6AnAgentWhoDeclinesCostsNoPlace(t *testing.T) {
	result := holds(t, example(t), `
happens:
  - {at: 33s, keys: "1"}
  - {at: 10m, agent: 1001 declines}
  - {at: 11m, agent: 1002 rings}       # and does not answer
limit: 20m
expect: {state: callback, skill: support, priority: 20, held: false}
`)
	at(t, result, "the offer to agent 1002 has ended: no answer", 11*time.Minute+20*time.Second)
}

// delayed is a script that calls back after a delay.
func delayed(t *testing.T, seconds int) *script.Script {
	return scripted(t, "delayed", fmt.Sprintf(`
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}", CallDelaySec: %d}, branches: {OnError: goodbye}}
  goodbye: {Hangup: {}}
`, seconds))
}

func TestC7TheDelayRunsFromTheAgentsAccepting(t *testing.T) {
	result := holds(t, delayed(t, 59), `
happens:
  - {at: 1m, agent: 1001}
  - {at: 2m, contact: busy}
expect: {outcome: not_reached, dialled: ["2125550100"]}
`)
	at(t, result, "2125550100 is dialled", time.Minute+59*time.Second)
}

func TestC7ADelayOf60SecondsRefusesTheAgentAndHoldsThePlace(t *testing.T) {
	result := holds(t, delayed(t, 60), `
happens:
  - {at: 1m, agent: 1001}
  - {at: 5m, agent: 1002}
limit: 10m
expect: {state: callback, held: true, dialled: [], priority: 10}
`)
	at(t, result, "the offer to agent 1001 has ended: refused", time.Minute)
	at(t, result, "agent 1002 is free: the contact is held back from offers", 5*time.Minute)
}

func TestC9OnceDialledAniAndDnisAreThoseOfTheOutboundCall(t *testing.T) {
	s := scripted(t, "popup", `
type: Phone
start: request
events: {OnAnswer: popup}
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: keep}}
  keep: {Assign: {Set: {caller: "{ANI}"}}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {OnError: goodbye}}
  goodbye: {Hangup: {}}
  popup: {Assign: {Set: {shown: "{ANI} calls {DNIS}, who called from {caller}"}}}
`)
	result := holds(t, s, `
caller: {ANI: "2125550111", DNIS: "8005550100"}
happens:
  - {at: 1m, agent: 1001}
  - {at: 1m, contact: answers}
expect:
  state: connected
  variables: {shown: "8005550100 calls 2125550111, who called from 2125550111", ANI: "8005550100"}
`)
	if step := says(result, "popup"); step.Variables["shown"] == "" {
		t.Errorf("the variable does not stand beside the Assign that sets it:\n%s", written(result))
	}
}

func TestC11AVoiceActionAfterCallbackTakesOnError(t *testing.T) {
	s := scripted(t, "voice", `
type: Phone
start: request
events: {OnAgentRelease: thanks}
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: speak, OnError: goodbye}}
  speak: {Play: {Sounds: acme/hello}, branches: {OnError: note}}
  note: {Log: {Text: "nobody to hear it: {_ERR}"}}
  goodbye: {Hangup: {}}
  thanks: {Play: {Sounds: acme/thanks}, branches: {Default: goodbye}}
`)
	holds(t, s, `
happens:
  - {at: 1m, agent: 1001}
  - {at: 1m, contact: answers}
  - {at: 2m, agent: 1001 hangs up}
expect:
  outcome: served
  actions: [request, callback, speak, note, thanks, goodbye]
  plays: [acme/thanks]
  log: ["nobody to hear it: no voice: the contact is not on the line"]
`)
}

// expiring gives up a callback after ten minutes.
const expiring = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: wait, OnError: goodbye}}
  wait: {Wait: {For: 10m}, branches: {Default: goodbye}}
  goodbye: {Hangup: {}}
`

func TestC12WaitThenHangupIsAnExpiry(t *testing.T) {
	result := holds(t, scripted(t, "expiring", expiring), `
happens:
  - {at: 5m, callbackd: restarts}
expect: {outcome: hung_up, dialled: [], actions: [request, callback, wait, goodbye]}
`)
	at(t, result, "ended: hung_up", 10*time.Minute)
}

func TestC12AnExpiryWaitsForTheAttemptsOutcome(t *testing.T) {
	served := holds(t, scripted(t, "expiring", expiring), `
happens:
  - {at: 9m50s, agent: 1001}
  - {at: 10m10s, contact: answers}
  - {at: 12m, contact: hangs up}
expect: {outcome: served, dialled: ["2125550100"]}
`)
	at(t, served, "agent 1001 and the contact are connected", 10*time.Minute+10*time.Second)

	left := holds(t, scripted(t, "expiring", expiring), `
happens:
  - {at: 9m50s, agent: 1001}
  - {at: 10m10s, agent: 1001 hangs up}
expect: {outcome: hung_up}
`)
	at(t, left, "ended: hung_up", 10*time.Minute+10*time.Second)
}

func TestC13AnExtensionIsNotDialled(t *testing.T) {
	s := scripted(t, "office", `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "2125551234 ext 12"}, branches: {OnError: goodbye}}
  goodbye: {Hangup: {}}
`)
	holds(t, s, `
happens: [{at: 1m, agent: 1001}]
expect: {dialled: ["2125551234"], saved: {Extension: 12}}
`)
}
