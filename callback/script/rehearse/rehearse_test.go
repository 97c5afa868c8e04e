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

func TestKeysThatAreGivenTogetherArePressedOneAfterTheOther(t *testing.T) {
	s := scripted(t, "number", `
type: Phone
start: ask
actions:
  ask: {Capture: {Prompt: acme/number}, branches: {Default: note, NoNumber: goodbye}}
  note: {Log: {Text: "{NUMBER}"}, branches: {Default: goodbye}}
  goodbye: {Hangup: {}}
`)
	result := holds(t, s, `
happens:
  - {at: 1s, keys: "2125551234#"}
  - {at: 15s, keys: "1"}
expect: {outcome: hung_up, variables: {NUMBER: "2125551234"}, log: ["2125551234"], plays: [acme/number, digits/2, callbackd/confirm-number]}
`)
	at(t, result, "key #", 3*time.Second)
}

func TestTheSettingsOfTheRehearsalsSkillsHold(t *testing.T) {
	holds(t, delayed(t, 0), `
skills: {support: {attempts: 2, retry_time: 5m, contact_ring_time: 15s, initial_priority: 7, acceleration: 0}}
limit: 20m
happens:
  - {at: 1m, agent: 1001}
  - {at: 2m, agent: 1001}
expect: {outcome: not_reached, dialled: ["2125550100", "2125550100"], log: []}
`)
	holds(t, delayed(t, 0), `
skills: {support: {initial_priority: 7, acceleration: 0}}
limit: 20m
expect: {priority: 7}
`)
}

func TestAPlaceForOneAgentIsOfferedToNobodyElse(t *testing.T) {
	s := scripted(t, "target", `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support, TargetAgent: "1002"}, branches: {Default: music}}
  music: {Music: {}}
`)
	result := holds(t, s, `
happens:
  - {at: 10s, agent: 1001}
  - {at: 20s, agent: 1002}
  - {at: 40s, agent: 1002 hangs up}
expect: {outcome: served}
`)
	at(t, result, "agent 1001 is free: the contact waits for agent 1002", 10*time.Second)
}

// Who writes that something happens means that it does: where it can't, the test fails.
func TestWhatCanNotHappenIsTold(t *testing.T) {
	r := rehearsed(t, `
limit: 2m
happens:
  - {at: 5s, contact: answers}
  - {at: 6s, contact: busy}
  - {at: 10s, agent: 1001 hangs up}
  - {at: 20s, agent: 1001}
  - {at: 30s, agent: 1001}
  - {at: 40s, agent: 1001 hangs up}
  - {at: 50s, caller: hangs up}
  - {at: 1m, keys: "1"}
  - {at: 3m, keys: "2"}
expect: {outcome: served}
`)
	result := rehearse.Run(example(t), r, rehearse.Options{})
	want := []string{
		"happens: at 5s contact answers: the contact is not called back then or later",
		"happens: at 10s agent 1001 hangs up: is not on the line",
		"happens: at 30s agent 1001 is on the line already",
		"happens: at 50s the caller hangs up: is not on the line",
		"happens: at 1m key 1: the contact is not on the line",
		"happens: 3m is after the end of the rehearsal",
		"happens: at 6s contact busy: the contact is not called back then or later",
	}
	if got := result.Check(r.Expect); !slices.Equal(got, want) {
		t.Errorf("it says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := result.Check(rehearse.Expect{}); len(got) > 0 {
		t.Errorf("nothing is expected, and it says %q", got)
	}
}

func TestAKeyToWhichNobodyListensSaysSo(t *testing.T) {
	result := holds(t, example(t), `
happens:
  - {at: 10s, keys: "1"}      # in the music
  - {at: 31s, keys: "1"}      # in the menu
  - {at: 32s, keys: "1"}      # in the thank-you
expect: {saved: {PhoneNumber: "2125550100"}}
`)
	var keys []string
	for _, step := range result.Steps {
		if strings.HasPrefix(step.What, "key ") {
			keys = append(keys, step.What)
		}
	}
	if want := []string{"key 1: nobody listens", "key 1", "key 1: nobody listens"}; !slices.Equal(keys, want) {
		t.Errorf("the keys' steps are %q, want %q", keys, want)
	}
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

func TestWhatGoesRoundWithoutAnEndIsStopped(t *testing.T) {
	s := scripted(t, "round", `
type: Phone
start: speak
actions:
  speak: {Play: {Sounds: acme/nothing}, branches: {Default: speak}}
`)
	result := rehearse.Run(s, rehearsed(t, "sounds: {acme/nothing: 0s}"), rehearse.Options{})
	if !strings.HasPrefix(result.End.Why, "it goes round without an end") || result.End.At >= 24*time.Hour {
		t.Errorf("it ends after %s: %s", result.End.At, result.End.Why)
	}
}

func TestTheCallIsAsTheNetworkTellsOfIt(t *testing.T) {
	holds(t, example(t), `
limit: 1s
caller: {ANI: "2125550111", DNIS: "2125550199", DIALLED: "8005550100", LANGUAGE: fr}
expect: {variables: {ANI: 2125550111, DNIS: 2125550199, DIALLED: 8005550100, LANGUAGE: fr, CONTACTID: 1}}
`)
	holds(t, example(t), `
limit: 1s
caller: {DNIS: "8005550111"}
expect: {variables: {DNIS: 8005550111, DIALLED: 8005550111}}
`)
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
