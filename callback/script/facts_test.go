package script_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

// What the language has to do with the facts of a callback, beside what the tests of the single actions
// show.

// warnings gives what the checker warns of in a script without a mistake.
func warnings(t *testing.T, source string) string {
	t.Helper()
	s, found := script.Parse("a.yaml", []byte(source))
	if s == nil {
		t.Fatal(found)
	}
	var lines []string
	for _, d := range found {
		lines = append(lines, d.Message)
	}
	return strings.Join(lines, "\n")
}

func TestC2ATakenOverPlaceIsARequestForAnAgent(t *testing.T) {
	const source = `type: Phone
start: take
actions:
  take:
    Contacttakeover: {Skill: support}
    branches: {Default: menu, NotFound: bye, OnError: bye}
  menu:
    Menu: {Keys: "1"}
    branches: {"1": callback}
  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {OnError: bye}
  bye: {Hangup: {}}
`
	if got := warnings(t, source); got != "" {
		t.Error(got)
	}
	c := began(t, source)
	c.answer(script.Answered{Found: true})
	c.press("1")
	c.expect("callback:, callback")
	c.expectRest()
}

func TestC2TheCheckerWarnsOfACallbackThatComesTooEarlyOrTwice(t *testing.T) {
	got := warnings(t, `type: Phone
start: first
actions:
  first:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {Default: second, OnError: second}
  second:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {OnError: bye}
  bye: {Hangup: {}}
`)
	for _, want := range []string{
		"first can be come to without a Reqagent",
		"second can be come to without a Reqagent",
		"second can be come to after a Callback",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

func TestC4WhoHangsUpInThePromptBeforeACallbackGetsNone(t *testing.T) {
	const source = "events: {OnRelease: note}\n" + queued + `  callback:
    Play: {Sounds: callbackd/place-saved}
    branches: {Default: promised}
  promised:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {OnError: note}
  note: {Log: {Text: gone}}
`
	c := began(t, source)
	c.enter("1")
	c.expect("callback:, play callbackd/place-saved")
	c.event(script.OnRelease)
	c.expect("silence, note:")
	c.played() // the end of the sounds comes late
	c.expect("")
	if len(c.callbacks) > 0 {
		t.Errorf("promised %+v", c.callbacks)
	}

	c = began(t, source) // who stays is promised one, when the prompt is over and not before
	c.enter("1")
	c.after(time.Second)
	c.expect("")
	c.played()
	c.expect("promised:, callback")
}

func TestC7TheCheckerWarnsOfADelayThatRefusesTheAgent(t *testing.T) {
	for delay, warned := range map[string]bool{"0": false, "59": false, "60": true, "3600": true, `"{CONTACTID}"`: false} {
		got := warnings(t, queued+`  callback:
    Callback: {PhoneNumber: "{ANI}", CallDelaySec: `+delay+`}
    branches: {OnError: other}
  other:
    Queuecallback: {Skill: support, PhoneNumber: "5551234", CallDelaySec: `+delay+`}
`)
		if n := strings.Count(got, "the agent who accepts is refused"); n != 0 && !warned || n != 2 && warned {
			t.Errorf("CallDelaySec: %s: %d warnings\n%s", delay, n, got)
		}
	}
}

func TestC8WhatACallbackHoldsIsNotChangedByTheScriptThatGoesOn(t *testing.T) {
	c := began(t, queued+`  callback:
    Callback: {PhoneNumber: "{ANI}", CallerID: "{DIALLED}"}
    branches: {Default: later, OnError: later}
  later:
    Wait: {For: 4h}
    branches: {Default: changed}
  changed:
    Log: {Text: "{DIALLED}"}
`)
	c.enter("1")
	promised := slices.Clone(c.callbacks)
	c.silent = true
	c.vars["ANI"], c.vars["DIALLED"] = "1", "2"
	c.after(4 * time.Hour)
	c.expect("changed:")
	if c.logs[len(c.logs)-1] != "2" {
		t.Errorf("the script reads %q", c.logs)
	}
	if len(c.callbacks) != 1 || c.callbacks[0] != promised[0] || promised[0].PhoneNumber != "2125550100" || promised[0].CallerID != "8885550100" {
		t.Errorf("promised %+v, and now %+v", promised, c.callbacks)
	}
}

func TestC9TheScriptReadsTheNumbersOfTheOutboundCallAndKeepsWhatItSaved(t *testing.T) {
	c := began(t, "events: {OnAnswer: pop}\n"+strings.ReplaceAll(queued, "{Default: menu}", "{Default: keep}")+`  keep:
    Assign: {Set: {caller: "{ANI}", called: "{DNIS}"}}
    branches: {Default: menu}
  callback:
    Callback: {PhoneNumber: "5551234"}
    branches: {OnError: pop}
  pop:
    WebRequest:
      URL: "https://crm.example.com/{caller}"
      Body: {now: "{ANI} to {DNIS}", then: "{caller} to {called}"}
`)
	c.enter("1")
	c.vars["ANI"], c.vars["DNIS"] = c.callbacks[0].CallerID, c.callbacks[0].PhoneNumber // as they are when it is dialled
	c.event(script.OnAnswer)
	asked, ok := c.asked().(script.WebRequest)
	if !ok || asked.URL != "https://crm.example.com/2125550100" ||
		string(asked.Body) != `{"now":"8005550100 to 5551234","then":"2125550100 to 8005550100"}` {
		t.Errorf("asked %+v, with %s", asked, asked.Body)
	}
}

func TestC9TheCheckerNotesWhoReadsTheNumbersUnsaved(t *testing.T) {
	const source = queued + `  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {Default: later, OnError: later}
  later: {Log: {Text: "{caller} {ANI}"}}
`
	if got := warnings(t, strings.ReplaceAll(source, "{caller} ", "")); strings.Count(got, "that of the outbound call") != 1 {
		t.Errorf("unsaved: %q", got)
	}
	saving := strings.ReplaceAll(source, "start: request", "start: keep") + `  keep:
    Assign: {Set: {caller: "{ANI}"}}
    branches: {Default: request}
`
	if got := warnings(t, saving); got != "" {
		t.Errorf("saved: %q", got)
	}
}

func TestC11TheCheckerWarnsOfVoiceWhereNobodyListens(t *testing.T) {
	for kind, properties := range map[string]string{
		"Music": "{}", "Play": "{Sounds: beep}", "Menu": `{Keys: "1"}`, "Capture": "{Prompt: ask}",
		"Wait": "{For: 1h}", "Log": "{Text: a}", "Getqueue": "{}", "UpdateContact": "{MaxPriority: 9}",
		"WebRequest": `{URL: "https://crm.example.com/"}`, "Reqagent": "{Skill: sales}",
	} {
		voice := slices.Contains([]string{"Music", "Play", "Menu", "Capture"}, kind)
		got := warnings(t, "events: {OnRelease: after}\n"+queued+`  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {Default: saved, OnError: bye}
  saved:
    `+kind+`: `+properties+`
  after:
    `+kind+`: `+properties+`
  bye: {Hangup: {}}
`)
		if n := strings.Count(got, kind+" takes OnError"); voice && n != 2 || !voice && n != 0 {
			t.Errorf("%s after a Callback and after OnRelease: %d warnings\n%s", kind, n, got)
		}
	}
}

func TestC12AfterHangupNothingButAnEventGoesOn(t *testing.T) {
	c := began(t, queued+`  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {Default: expired, OnError: expired}
  expired: {Hangup: {}}
`)
	c.enter("1")
	c.expect("callback:, callback, expired:, hangup")
	for _, in := range []script.Input{script.Start{}, script.Resume{}, script.TimeReached{}, script.KeyPressed{Key: "1"}} {
		c.step(in)
		c.expect("")
	}
	c.expectRest()
	if !c.state.HungUp {
		t.Error("the hang-up is forgotten")
	}
}

func TestC13TheExtensionIsReadByItsVariableAndSetByNobodyElse(t *testing.T) {
	c := began(t, "events: {OnAnswer: tell}\n"+queued+`  callback:
    Callback: {PhoneNumber: "{CONTACTID} ext 12"}
    branches: {OnError: tell}
  tell: {Log: {Text: "ask for {EXTENSION}"}}
`)
	c.vars["CONTACTID"] = "5551234"
	c.enter("1")
	if got := c.callbacks[0].PhoneNumber; got != "5551234 ext 12" {
		t.Errorf("promised %q; the host takes the extension off", got)
	}
	c.vars["EXTENSION"] = "12"
	c.event(script.OnAnswer)
	if len(c.logs) != 1 || c.logs[0] != "ask for 12" {
		t.Errorf("said %q", c.logs)
	}
	s, found := script.Parse("a.yaml", []byte(strings.ReplaceAll(queued, "Default: callback", "Default: set")+`  set:
    Assign: {Set: {EXTENSION: "12"}}
`))
	if s != nil || len(found) != 1 || !strings.Contains(found[0].Message, `"EXTENSION", which is set by callbackd`) {
		t.Errorf("%v", found)
	}
}

func TestC16AnyOtherTypeThanPhoneIsRefused(t *testing.T) {
	for _, kind := range []string{"Chat", "phone", "PHONE", "Email", `""`, "[Phone]", "{Phone: 1}", "", "1", "Phone2"} {
		s, found := script.Parse("a.yaml", []byte(strings.Replace(hangup, "Phone", kind, 1)))
		if s != nil || len(found) != 1 || found[0].Line != 1 || !strings.Contains(found[0].Message, "Phone is the only type of script") {
			t.Errorf("type: %s: %v", kind, found)
		}
	}
	for _, kind := range []string{"Phone", `"Phone"`, "'Phone'"} {
		if s, found := script.Parse("a.yaml", []byte(strings.Replace(hangup, "Phone", kind, 1))); s == nil {
			t.Errorf("type: %s: %v", kind, found)
		}
	}
}

func TestC17ACaptionIsFixedAndUnique(t *testing.T) {
	const source = `type: Phone
start: a
actions:
  a:
    Music: {Caption: FIRST, Seconds: 5}
    branches: {Default: b}
  b:
    Hangup: {Caption: SECOND}
`
	for _, c := range []struct{ first, second, want string }{
		{"Wait for an agent", "Bye", ""},
		{"Wait", "Wait", `b has the caption "Wait", and so has a`},
		{"b", "Bye", ""},
		{"Bye", "a", ""},
		{"b", "b", `b has the caption "b", and so has a`},
	} {
		named := strings.NewReplacer("FIRST", c.first, "SECOND", c.second).Replace(source)
		if got := warnings(t, named); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s and %s: %q, want %q", c.first, c.second, got, c.want)
		}
	}
	s, found := script.Parse("a.yaml", []byte(strings.Replace(source, "FIRST", `"{ANI}"`, 1)))
	if s != nil || !strings.Contains(found[0].Message, "it is a fixed phrase") {
		t.Errorf("%v", found)
	}
}

func TestC18TheCheckerWarnsOfACallbackWithoutOnErrorAlone(t *testing.T) {
	const source = queued + `  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {Default: note, OnError: note}
  note: {Log: {Text: saved}}
`
	if got := warnings(t, source); got != "" {
		t.Errorf("with OnError: %q", got)
	}
	got := warnings(t, strings.Replace(source, ", OnError: note", "", 1))
	if !strings.HasPrefix(got, "callback has no branch OnError") || strings.Contains(got, "\n") {
		t.Errorf("without OnError, as no other action here has one: %q", got)
	}
}
