package rehearse_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/callback/script/rehearse"
)

// scripted reads a script.
func scripted(t testing.TB, name, source string) *script.Script {
	t.Helper()
	s, found := script.Parse(name+".yaml", []byte(source))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

// rehearsed reads a rehearsal.
func rehearsed(t testing.TB, source string) rehearse.Rehearsal {
	t.Helper()
	r, found := rehearse.Parse("rehearsal.yaml", []byte(source))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return r
}

// example is the script of C19.
func example(t testing.TB) *script.Script { return scripted(t, "example", string(script.Example())) }

// holds plays a rehearsal and wants the end that it expects.
func holds(t *testing.T, s *script.Script, source string) rehearse.Result {
	t.Helper()
	r := rehearsed(t, source)
	if !r.Expect.Given {
		t.Fatal("the rehearsal expects nothing")
	}
	for _, d := range r.Check(s, rehearse.Options{}) {
		t.Error(d)
	}
	result := rehearse.Run(s, r, rehearse.Options{})
	for _, difference := range result.Check(r.Expect) {
		t.Error(difference)
	}
	if t.Failed() {
		t.Log("\n" + written(result))
	}
	return result
}

// written gives a result's steps, one a line.
func written(result rehearse.Result) string {
	var b strings.Builder
	for _, s := range result.Steps {
		fmt.Fprintf(&b, "%-8s %s %s %v %s %v %s\n", rehearse.InWords(s.At), s.What, s.Kind, s.Plays, s.Music, s.Variables, s.Priority)
	}
	fmt.Fprintf(&b, "%s: %s", rehearse.InWords(result.End.At), result.End.Why)
	return b.String()
}

// says gives the first step with that text; its time is -1 where there is none.
func says(result rehearse.Result, text string) rehearse.Step {
	i := slices.IndexFunc(result.Steps, func(s rehearse.Step) bool { return strings.Contains(s.What, text) })
	if i < 0 {
		return rehearse.Step{At: -1}
	}
	return result.Steps[i]
}

// at wants a step with that text at that time.
func at(t *testing.T, result rehearse.Result, text string, want time.Duration) rehearse.Step {
	t.Helper()
	step := says(result, text)
	if step.At != want {
		t.Errorf("%q is at %s, want %s\n%s", text, step.At, want, written(result))
	}
	return step
}

func TestTheExampleIsPlayedToItsGoodEnd(t *testing.T) {
	result := holds(t, example(t), `
happens:
  - {at: 33s, keys: "1"}
  - {at: 10m, agent: 1001 answers}
  - {at: 10m5s, contact: answers}
  - {at: 12m, agent: 1001 hangs up}
expect:
  state: ended
  outcome: served
  actions: [request, music, offer, thanks, callback]
  plays: [callbackd/offer, callbackd/place-saved]
  saved: {PhoneNumber: "2125550100", CallerID: "8005550100", CallDelaySec: 0}
  dialled: "2125550100"
  variables: {MRES: "1"}
`)
	key := at(t, result, "key 1", 33*time.Second)
	if key.Variables["MRES"] != "1" || key.Priority != "0.55" {
		t.Errorf("the key's step is %+v", key)
	}
	at(t, result, "the place is saved", 36*time.Second)
	at(t, result, "2125550100 is dialled", 10*time.Minute)
	at(t, result, "agent 1001 and the contact are connected", 10*time.Minute+5*time.Second)
	if end := result.End; end.At != 12*time.Minute || end.Why != "the contact has ended" {
		t.Errorf("it ends at %s: %s", end.At, end.Why)
	}
}

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

func TestAMissingSoundTakesOnErrorAndSaysWhich(t *testing.T) {
	holds(t, example(t), `
missing: [callbackd/offer]
limit: 31s
expect: {state: live, log: ['offer: there is no sound "callbackd/offer"'], plays: []}
`)
}

func TestAPromptLastsAsLongAsItsSounds(t *testing.T) {
	result := holds(t, example(t), `
sounds: {callbackd/offer: 6.5s}
limit: 42s
expect: {actions: [request, music, offer, music]}
`)
	steps := result.Steps
	if last := steps[len(steps)-1]; last.At != 41500*time.Millisecond || last.Music != "default" {
		t.Errorf("the music goes on at %s: %+v", last.At, last)
	}
}

// folder is a folder with one sound.
type folder struct{}

func (folder) Has(name string) bool { return name == "callbackd/offer" }
func (f folder) Length(name string) (time.Duration, bool) {
	return 10 * time.Second, f.Has(name)
}

func TestTheSoundsOfAFolderAreThoseThatThereAre(t *testing.T) {
	r := rehearsed(t, `
limit: 1m
happens: [{at: 41s, keys: "1"}]
`)
	end := rehearse.Run(example(t), r, rehearse.Options{Sounds: folder{}}).End
	if want := []string{`thanks: there is no sound "callbackd/place-saved"`}; !slices.Equal(end.Log, want) || !slices.Equal(end.Plays, []string{"callbackd/offer"}) {
		t.Errorf("it says %q and plays %q", end.Log, end.Plays)
	}
}

func TestAnAgentAnswersInTheMiddleOfAPrompt(t *testing.T) {
	holds(t, example(t), `
happens:
  - {at: 32s, agent: 1001}
  - {at: 33s, keys: "1"}     # nobody's: the two talk
  - {at: 5m, caller: hangs up}
expect: {outcome: served, saved: none, actions: [request, music, offer], dialled: []}
`)
}

func TestCallbackWhileAnAgentIsRungTurnsTheOfferIntoACallback(t *testing.T) {
	result := holds(t, example(t), `
happens:
  - {at: 33s, keys: "1"}
  - {at: 35s, agent: 1001 rings}
  - {at: 40s, agent: 1001 answers}
  - {at: 40s, contact: answers}
expect: {state: connected, saved: {PhoneNumber: "2125550100"}, dialled: ["2125550100"]}
`)
	at(t, result, "agent 1001 is offered the callback now", 36*time.Second)
}

func TestAnAgentWhoLeavesTheDelayIsNotAnAttempt(t *testing.T) {
	result := holds(t, delayed(t, 30), `
happens:
  - {at: 1m, agent: 1001}
  - {at: 1m10s, agent: 1001 hangs up}
  - {at: 1m20s, agent: 1002}
  - {at: 3m, contact: answers}
expect: {state: connected, dialled: ["2125550100"]}
`)
	at(t, result, "agent 1002 is free: the contact is not offered before 2m10s", 80*time.Second)
	at(t, result, "agent 1002 accepts", 2*time.Minute+10*time.Second)
}

func TestARestartGoesOnWhereTheScriptStood(t *testing.T) {
	result := holds(t, example(t), `
happens:
  - {at: 20s, callbackd: restarts}    # in the music
  - {at: 33s, keys: "1"}
  - {at: 34s, callbackd: restarts}    # in the thank-you, which begins again
  - {at: 5m, callbackd: restarts}
  - {at: 10m, agent: 1001}
  - {at: 10m5s, callbackd: restarts}  # while the contact's phone rings
  - {at: 10m9s, contact: answers}
  - {at: 10m20s, callbackd: restarts} # while they talk
  - {at: 11m, contact: hangs up}
expect: {outcome: served, dialled: ["2125550100"]}
`)
	at(t, result, "the place is saved", 37*time.Second)
}

func TestARestartWithoutTheDatabaseWaitsForIt(t *testing.T) {
	holds(t, example(t), `
happens:
  - {at: 20s, database: away}
  - {at: 25s, callbackd: restarts}
  - {at: 33s, keys: "1"}
  - {at: 40s, caller: hangs up}
  - {at: 1m, database: back}
expect: {outcome: abandoned, saved: none, actions: [request, music]}
`)
}

func TestTheStartIsInTheScriptsTimeZone(t *testing.T) {
	s := scripted(t, "clock", `
type: Phone
timezone: Europe/Berlin
start: look
actions:
  look: {Assign: {Set: {seen: "{WEEKDAY} {DATE} {TIME}"}}, branches: {Default: wait}}
  wait: {Wait: {For: 90m}, branches: {Default: later}}
  later: {Assign: {Set: {then: "{TIME}"}}}
`)
	result := holds(t, s, `
start: 2026-03-28 23:30     # the night in which the clock is put forward
limit: 1d
expect: {variables: {seen: Sat 2026-03-28 23:30, then: "01:00"}}
`)
	if first := result.Steps[0].Time; first.Format(time.RFC3339) != "2026-03-28T23:30:00+01:00" {
		t.Errorf("the first step is at %s", first)
	}
}

func TestRunscriptGoesOnInTheOtherScriptWithItsVariables(t *testing.T) {
	first := scripted(t, "first", `
type: Phone
start: lead
inputs: [order]
actions:
  lead: {Runscript: {Script: second}, branches: {OnError: goodbye}}
  goodbye: {Hangup: {}}
`)
	second := scripted(t, "second", `
type: Phone
start: note
inputs: [order]
actions:
  note: {Log: {Text: "order {order}"}, branches: {Default: request}}
  request: {Reqagent: {Skill: orders}}
`)
	scripts := func(name string) *script.Script {
		return map[string]*script.Script{"second": second}[name]
	}
	r := rehearsed(t, `
variables: {order: 17}
limit: 2m
happens: [{at: 1m, callbackd: restarts}]
expect: {state: live, skill: orders, log: [order 17], actions: [lead, note, request]}
`)
	options := rehearse.Options{Scripts: scripts}
	if found := r.Check(first, options); len(found) > 0 {
		t.Error(found)
	}
	if differs := rehearse.Run(first, r, options).Check(r.Expect); len(differs) > 0 {
		t.Error(differs)
	}
	if end := rehearse.Run(first, r, rehearse.Options{}).End; !slices.Equal(end.Log, []string{`lead: there is no script "second"`}) {
		t.Errorf("without the other script it says %q", end.Log)
	}
}

func TestADaysMusicMenusAndWaitsTakeTheirStepsAndNoMore(t *testing.T) {
	r := rehearsed(t, "limit: 1d")
	result := rehearse.Run(example(t), r, rehearse.Options{})
	rounds := 0
	for _, action := range result.End.Actions {
		if action == "offer" {
			rounds++
		}
	}
	// Each round is 30 s of music, 3 s of the prompt and 5 s for a key: 2,273 of them begin in a day.
	if rounds != 2273 || len(result.Steps) != 1+2*rounds+3 {
		t.Errorf("%d rounds in %d steps", rounds, len(result.Steps))
	}
	if result.End.At != 24*time.Hour || result.End.Priority != "1000" {
		t.Errorf("it ends at %s with the priority %s", result.End.At, result.End.Priority)
	}
}

func TestItEndsWhereNothingMoreComesByItself(t *testing.T) {
	result := holds(t, delayed(t, 0), `expect: {state: callback, actions: [request, callback]}`)
	if result.End.At != 0 || result.End.Why != "nothing more comes by itself" {
		t.Errorf("it ends at %s: %s", result.End.At, result.End.Why)
	}
}

func TestTheSameRehearsalHasTheSameSteps(t *testing.T) {
	r := rehearsed(t, `
happens:
  - {at: 33s, keys: "1"}
  - {at: 10m, agent: 1001}
  - {at: 10m, agent: 1002}
  - {at: 10m1s, contact: answers}
  - {at: 11m, agent: 1001 hangs up}
`)
	once := rehearse.Run(example(t), r, rehearse.Options{})
	for range 20 {
		if again := rehearse.Run(example(t), r, rehearse.Options{}); written(again) != written(once) {
			t.Fatalf("once\n%s\nand then\n%s", written(once), written(again))
		}
	}
}

func TestAsJSONAStepHasItsTime(t *testing.T) {
	result := rehearse.Run(example(t), rehearsed(t, "limit: 31s"), rehearse.Options{})
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`{"at":"30s","time":"`, `"what":"offer","kind":"Menu","caption":"offer","plays":["callbackd/offer"],"priority":"0.5"}`, `"end":{"at":"31s","why":"`, `"state":"live"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it lacks %s: %s", want, text)
		}
	}
}

func BenchmarkADay(b *testing.B) {
	s, r := example(b), rehearsed(b, "limit: 1d")
	for b.Loop() {
		rehearse.Run(s, r, rehearse.Options{})
	}
}
