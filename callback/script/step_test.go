package script_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
)

func TestC19TheExampleTellsItsStory(t *testing.T) {
	c := began(t, string(script.Example()))
	c.expect("request:, reqagent, music:, music default")
	if want := (script.Reqagent{Skill: "support"}); c.requests[0] != want {
		t.Errorf("requested %+v, want %+v", c.requests[0], want)
	}
	c.after(30 * time.Second)
	c.expect("offer:, play callbackd/offer")
	c.played()
	c.expect("")
	c.after(5 * time.Second) // stays on the line
	c.expect("music:, music default")
	c.after(30 * time.Second)
	c.press("1")
	c.expect("silence, thanks:, play callbackd/place-saved")
	c.played()
	c.expect("callback:, callback")
	c.expectRest()
	want := script.Callback{Action: "callback", Caption: "Example callback", PhoneNumber: "2125550100", CallerID: "8005550100"}
	if len(c.callbacks) != 1 || c.callbacks[0] != want {
		t.Errorf("callbacks %+v, want %+v", c.callbacks, want)
	}
}

func TestC19TheExampleIsFreeOfWarnings(t *testing.T) {
	if _, found := script.Parse("example.yaml", script.Example()); len(found) > 0 {
		t.Error(found)
	}
}

func TestC19TheExampleApologisesAndGoesBackToTheMusic(t *testing.T) {
	c := began(t, string(script.Example()))
	c.callbackErr = errors.New("the database is away")
	c.after(30 * time.Second)
	c.press("1")
	c.played()
	c.expect("callback:, callback, sorry:, play callbackd/sorry-no-callback")
	c.expectErr("the database is away")
	c.played()
	c.expect("music:, music default")
}

// queued is a script whose contact is in the queue, and whose menu leads to what a test adds.
const queued = `type: Phone
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: menu}
  menu:
    Menu: {Keys: "0123456789*#", Digits: 4, NextKeySec: 1}
    branches: {Default: callback}
`

const withCallback = queued + `  callback:
    Callback: {PhoneNumber: "{ANI}", CallDelaySec: "{MRES}"}
    branches: {Default: saved, OnError: refused}
  saved:
    Reqagent: {Skill: sales}
  refused:
    Music: {Class: sorry}
`

// enter presses keys and waits until they are taken as the answer.
func (c *contact) enter(keys string) {
	c.t.Helper()
	for _, key := range keys {
		c.press(string(key))
	}
	if !c.state.Deadline.IsZero() {
		c.after(c.state.Deadline.Sub(c.now))
	}
}

func TestC2CallbackWithoutAReqagentTakesOnError(t *testing.T) {
	c := began(t, `type: Phone
start: callback
actions:
  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {OnError: sorry}
  sorry:
    Play: {Sounds: [sorry]}
`)
	c.expect("callback:, sorry:, play sorry")
	c.expectErr("no agent was requested")
}

func TestC2AFailedReqagentIsNone(t *testing.T) {
	c := newContact(t, strings.ReplaceAll(withCallback, "MRES", "CONTACTID"))
	c.reqagentErr = errors.New("no such skill")
	c.step(script.Start{})
	c.expect("request:, reqagent, menu:")
	c.enter("1")
	c.expectErr("no agent was requested")
}

func TestC2ASecondCallbackTakesOnError(t *testing.T) {
	c := began(t, queued+`  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {Default: again, OnError: refused}
  again:
    Callback: {PhoneNumber: "{DNIS}"}
    branches: {Default: refused, OnError: refused}
  refused:
    Reqagent: {Skill: refused}
`)
	c.enter("1")
	c.expect("callback:, callback, again:, refused:, reqagent")
	c.expectErr("saved already")
}

func TestC2CallbackAfterAnAnswerTakesOnError(t *testing.T) {
	for _, event := range []string{"OnAnswer", "OnAgentRelease", "OnRelease"} {
		c := began(t, "events: {"+event+": callback}\n"+withCallback)
		if event != "OnAnswer" {
			c.event(script.OnAnswer)
		}
		c.vars["MRES"] = "0"
		c.event(script.EventKind(event))
		if len(c.callbacks) > 0 || c.state.Vars["_ERR"] == "" {
			t.Errorf("%s: %v, _ERR %q", event, c.trace, c.state.Vars["_ERR"])
		}
	}
}

func TestC5ARefusedPlaceTakesOnErrorWithTheCallerStillQueued(t *testing.T) {
	c := began(t, withCallback)
	c.press("5")
	before := c.state
	c.now = c.state.Deadline

	// The database refuses the commit: the result is thrown away and the step taken again.
	lost := c.script.Step(before, script.TimeReached{}, c.now, c)
	if lost.Stage != script.StageCallback || !lost.Saved {
		t.Fatalf("the first step came to %+v", lost)
	}
	c.callbackErr = errors.New("the place could not be saved")
	c.step(script.TimeReached{})
	c.expect("callback:, callback, refused:, music sorry")
	c.expectErr("the place could not be saved")
	if c.state.Stage != script.StageRequested || c.state.Saved {
		t.Errorf("came to %+v", c.state)
	}
	c.event(script.OnAnswer)
	c.expect("silence")
}

func TestC5AWrongPropertyTakesOnError(t *testing.T) {
	for _, c := range []struct{ yaml, reason string }{
		{`Callback: {PhoneNumber: "{MRES}"}`, "PhoneNumber is empty"},
		{`Callback: {PhoneNumber: "{ANI}", CallDelaySec: "{MRES}"}`, "CallDelaySec is empty"},
		{`Reqagent: {Skill: "{MRES}"}`, "Skill is empty"},
		{`Reqagent: {Skill: a, PriorityManagement: "{DNIS}"}`, "PriorityManagement is"},
		{`Reqagent: {Skill: a, PriorityManagement: Custom, MaxPriority: "{DNIS}"}`, "between 0 and 1000"},
		{`Music: {Class: default, Seconds: "-{DNIS}"}`, "between 0 and 86400"},
		{`Play: {Sounds: ["{_ERR}"]}`, "Sounds is empty"},
		{`Play: {Sounds: [beep, "sound:{ANI}"]}`, "a sound is named by"},
		{`Play: {Sounds: [beep], EndOnKey: "{ANI}"}`, "true or false"},
		{`Menu: {Keys: "{ANI}", Digits: "{ANI}"}`, "between 1 and 32"},
	} {
		k := began(t, queued+"  callback:\n    "+c.yaml+"\n    branches: {OnError: refused}\n  refused:\n    Music: {Class: refused}\n")
		k.vars["MRES"] = ""
		k.enter("1")
		if want := "callback:, refused:, music refused"; strings.Join(k.trace, ", ") != want {
			t.Errorf("%s: %v, want %s", c.yaml, k.trace, want)
		}
		k.expectErr(c.reason)
	}
}

func TestC7TheDelayIsAWholeNumberOrTakesOnError(t *testing.T) {
	for _, c := range []struct {
		delay   string
		want    int
		refused bool
	}{
		{"0", 0, false}, {"59", 59, false}, {"60", 60, false}, {"3600", 3600, false}, {"007", 7, false},
		{"99999999999999999999", 1<<31 - 1, false},
		{"-1", 0, true}, {"1.5", 0, true}, {"soon", 0, true}, {"", 0, true}, {" 5", 0, true}, {"0x10", 0, true},
		{"-99999999999999999999", 0, true},
	} {
		k := newContact(t, strings.ReplaceAll(withCallback, "{MRES}", "{SKILL}"))
		k.vars["SKILL"] = c.delay
		k.step(script.Start{})
		k.enter("1")
		if c.refused {
			k.expect("callback:, refused:, music sorry")
			k.expectErr("CallDelaySec is")
			continue
		}
		if len(k.callbacks) != 1 || k.callbacks[0].CallDelaySec != c.want {
			t.Errorf("CallDelaySec %q: %+v", c.delay, k.callbacks)
		}
	}
}

func TestC8PropertiesAreEvaluatedWhenTheActionFires(t *testing.T) {
	c := began(t, queued+`  callback:
    Callback: {PhoneNumber: "{MRES}", CallerID: "+1{DIALLED} ext {CONTACTID}{AGENTID}"}
    branches: {OnError: sorry}
  sorry: {Hangup: {}}
`)
	c.vars["DIALLED"] = "8775550100" // changes after the start
	c.enter("5551")
	want := script.Callback{Action: "callback", Caption: "callback", PhoneNumber: "5551", CallerID: "+18775550100 ext 7"}
	if len(c.callbacks) != 1 || c.callbacks[0] != want {
		t.Errorf("callbacks %+v, want %+v", c.callbacks, want)
	}
}

func TestC8TheCallerIDIsDNISByDefault(t *testing.T) {
	c := began(t, withCallback)
	c.enter("1")
	if len(c.callbacks) != 1 || c.callbacks[0].CallerID != "8005550100" {
		t.Errorf("callbacks %+v", c.callbacks)
	}
}

func TestC8TheContactsVariablesComeBeforeTheScripts(t *testing.T) {
	c := began(t, withCallback)
	c.vars["MRES"] = "9"
	c.enter("1")
	if len(c.callbacks) != 1 || c.callbacks[0].CallDelaySec != 9 {
		t.Errorf("callbacks %+v", c.callbacks)
	}
}

const voiceAfterCallback = `events: {OnAnswer: answered, OnAgentRelease: survey, OnRelease: farewell}
` + queued + `  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {Default: thanks, OnError: thanks}
  thanks:
    Play: {Sounds: [thanks]}
    branches: {OnError: moved, Default: menu}
  moved:
    Reqagent: {Skill: sales}
  answered:
    Play: {Sounds: [hello]}
  survey:
    Menu: {Prompt: [survey], Keys: "12345"}
  farewell:
    Music: {Class: farewell}
    branches: {OnError: moved}
`

func TestC11NoVoiceActionRunsAfterCallback(t *testing.T) {
	c := began(t, voiceAfterCallback)
	c.enter("1")
	// The host's call is still there in this step, and it is over all the same.
	c.expect("callback:, callback, thanks:, moved:, reqagent")
	c.expectErr("no voice")
	c.expectRest()
	c.silent = true
	c.step(script.Resume{})
	c.expect("")
}

func TestC11VoiceWorksAgainWhenTheContactHasAnswered(t *testing.T) {
	c := began(t, voiceAfterCallback)
	c.enter("1")
	c.event(script.OnAnswer)
	c.expect("answered:, play hello")
	c.played()
	c.expect("")
	c.expectRest()
	c.event(script.OnAgentRelease)
	c.expect("survey:, play survey")
	c.press("5")
	c.expect("silence, hangup")
}

func TestC11NoVoiceActionRunsWithoutTheContactOnTheLine(t *testing.T) {
	c := began(t, voiceAfterCallback)
	c.silent = true
	c.event(script.OnRelease)
	c.expect("farewell:, moved:")
	c.expectErr("the contact's call has ended")
	c.expectRest()

	c = began(t, voiceAfterCallback)
	c.event(script.OnRelease) // the host has not seen it yet
	c.expect("farewell:, moved:")

	c = newContact(t, voiceAfterCallback)
	c.silent = true
	c.step(script.Start{})
	c.expect("request:, reqagent, menu:, callback:, callback, thanks:, moved:, reqagent")
}

func TestC12HangupEndsTheScript(t *testing.T) {
	c := began(t, queued+`  callback: {Hangup: {}}
`)
	c.enter("1")
	c.expect("callback:, hangup")
	c.expectRest()
	for _, in := range []script.Input{script.TimeReached{}, script.KeyPressed{Key: "1"}, script.Resume{}, script.Start{}} {
		c.now = c.now.Add(time.Hour)
		c.step(in)
		c.expect("")
	}
}

func TestC12HangupAfterCallbackEndsIt(t *testing.T) {
	c := began(t, queued+`  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {Default: bye, OnError: bye}
  bye: {Hangup: {}}
`)
	c.enter("1")
	c.expect("callback:, callback, bye:, hangup")
}

// A Hangup waits for the outcome of an attempt that is under way; where the contact answers, the call
// takes its course.
func TestC12AContactWhoAnswersAfterHangupIsServedAllTheSame(t *testing.T) {
	c := began(t, queued+`  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {Default: bye, OnError: bye}
  bye: {Hangup: {}}
`)
	c.enter("1")
	c.event(script.OnAnswer)
	c.expect("")
	c.event(script.OnAgentRelease)
	c.expect("hangup")
}

func TestC17TheCaptionIsTheActionsNameWhereThereIsNone(t *testing.T) {
	c := began(t, withCallback)
	c.enter("1")
	if got := c.callbacks[0].Caption; got != "callback" {
		t.Errorf("caption %q", got)
	}
}

func TestC18DefaultIsTakenWhereNoOtherBranchIsDefined(t *testing.T) {
	const source = `type: Phone
start: menu
actions:
  menu:
    Menu: {Prompt: [offer], Keys: "12"}
    branches: {"1": one, Default: other}
  one:
    Music: {Class: one}
  other:
    Music: {Class: other}
`
	for name, happens := range map[string]func(*contact){
		"another key":    func(c *contact) { c.press("2") },
		"a wrong key":    func(c *contact) { c.press("3") },
		"no key":         func(c *contact) { c.played(); c.after(5 * time.Second) },
		"a failure":      func(c *contact) { c.failed() },
		"an endless one": func(c *contact) { c.after(time.Minute) },
	} {
		c := began(t, source)
		happens(c)
		if len(c.trace) == 0 || c.trace[len(c.trace)-1] != "music other" {
			t.Errorf("%s: %v", name, c.trace)
		}
	}
	c := began(t, source)
	c.press("1")
	c.expect("silence, one:, music one")
}

func TestC18AnErrorWithoutOnErrorTakesDefault(t *testing.T) {
	c := newContact(t, queued+`  callback: {Hangup: {}}
`)
	c.reqagentErr = errors.New("no such skill")
	c.step(script.Start{})
	c.expect("request:, reqagent, menu:")
	c.expectErr("no such skill")
}

func TestReqagentGivesThePriorityOfItsContact(t *testing.T) {
	for yaml, want := range map[string]*callback.Priority{
		`{Skill: a}`: nil,
		`{Skill: a, PriorityManagement: DefaultFromSkill}`:                                                        nil,
		`{Skill: a, PriorityManagement: Custom}`:                                                                  {Initial: 0, Acceleration: 1, Maximum: 1000},
		`{Skill: a, PriorityManagement: Custom, InitialPriority: 101, Acceleration: 10, MaxPriority: 900}`:        {Initial: 101, Acceleration: 10, Maximum: 900},
		`{Skill: a, PriorityManagement: "{SKILL}", InitialPriority: "{CONTACTID}0", Acceleration: 0, Caption: c}`: {Initial: 70, Acceleration: 0, Maximum: 1000},
	} {
		c := newContact(t, "type: Phone\nstart: a\nactions:\n  a: {Reqagent: "+yaml+"}\n")
		c.vars["SKILL"] = "Custom"
		c.step(script.Start{})
		if len(c.requests) != 1 {
			t.Fatalf("%s: %v %v", yaml, c.trace, c.state.Vars)
		}
		got := c.requests[0].Priority
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %+v, want %+v", yaml, got, want)
		}
	}
}

func TestReqagentAsksForItsTargetAgent(t *testing.T) {
	c := began(t, "type: Phone\nstart: a\nactions:\n  a: {Reqagent: {Skill: a, TargetAgent: 1001}}\n")
	if c.requests[0].TargetAgent != "1001" {
		t.Errorf("%+v", c.requests[0])
	}
}

func TestAReqagentAfterCallbackMovesTheContactAndGivesItNoVoice(t *testing.T) {
	c := began(t, withCallback)
	c.enter("0")
	c.expect("callback:, callback, saved:, reqagent")
	if c.state.Stage != script.StageCallback {
		t.Errorf("stage %q", c.state.Stage)
	}
	c.expectRest()
}

func TestStepLeavesTheGivenStateAlone(t *testing.T) {
	c := began(t, withCallback)
	c.press("1")
	before, err := json.Marshal(c.state)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []script.Input{script.KeyPressed{Key: "2"}, script.Event{Kind: script.OnAnswer}, script.Resume{}} {
		c.script.Step(c.state, in, c.now, c)
	}
	c.script.Step(c.state, script.TimeReached{}, c.state.Deadline, c)
	after, err := json.Marshal(c.state)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, after) {
		t.Errorf("was %s, is %s", before, after)
	}
}

func TestAScriptOfManyActionsIsBounded(t *testing.T) {
	var source strings.Builder
	source.WriteString("type: Phone\nstart: a0\nactions:\n")
	for i := range 1200 {
		fmt.Fprintf(&source, "  a%d:\n    Reqagent: {Skill: support}\n", i)
		if i < 1199 {
			fmt.Fprintf(&source, "    branches: {Default: a%d}\n", i+1)
		}
	}
	c := began(t, source.String())
	if len(c.requests) > 1001 || c.trace[len(c.trace)-1] != "music default" {
		t.Errorf("%d actions, then %s", len(c.requests), c.trace[len(c.trace)-1])
	}
	c.expectErr("more than 1000 actions")
	c.expectRest()
}

func TestALoopInWhichAllFailsComesToRest(t *testing.T) {
	c := began(t, `type: Phone
start: music
actions:
  music:
    Music: {File: missing}
    branches: {Default: offer}
  offer:
    Menu: {Prompt: [missing], Keys: "1"}
    branches: {Default: music}
`)
	steps := 0
	for !c.state.Resting {
		if steps++; steps > 100 {
			t.Fatal("it goes round and round")
		}
		c.failed()
	}
	c.expect("music default")
	c.expectErr("failed in a row")
}

func TestFailuresInARowAreForgottenWhenSomethingWorks(t *testing.T) {
	c := began(t, `type: Phone
start: music
actions:
  music:
    Music: {Seconds: 30}
    branches: {Default: offer}
  offer:
    Menu: {Prompt: [missing], Keys: "1"}
    branches: {Default: music}
`)
	for range 200 {
		c.after(30 * time.Second)
		c.failed()
	}
	c.expect("music:, music default")
}
