package script_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

// C12: wait and then hangup is an expiry; the wait is a deadline that a restart does not move.
func TestC12WaitAndHangupIsAnExpiry(t *testing.T) {
	c := began(t, queued+`  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {Default: wait, OnError: sorry}
  wait:
    Wait: {For: 4h}
    branches: {Default: expired}
  expired: {Hangup: {}}
  sorry: {Hangup: {}}
`)
	c.press("1")
	c.after(time.Second)
	c.expect("callback:, callback, wait:")
	c.silent = true
	c.now = c.now.Add(3 * time.Hour)
	c.step(script.Resume{})
	c.after(time.Hour - time.Second)
	c.expect("")
	c.after(time.Second)
	c.expect("expired:, hangup")
}

func TestALiveCallerHearsMusicWhileTheScriptWaits(t *testing.T) {
	c := began(t, `type: Phone
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: wait}
  wait:
    Wait: {For: 1m30s}
    branches: {Default: menu}
  menu:
    Menu: {Prompt: offer, Keys: "1"}
`)
	c.expect("request:, reqagent, wait:, music default")
	c.press("1")
	c.expect("")
	c.now = c.now.Add(time.Minute)
	c.step(script.Resume{})
	c.expect("silence, music default")
	c.after(29 * time.Second)
	c.expect("")
	c.after(time.Second)
	c.expect("menu:, play offer")
}

func TestTimesAreWrittenInManyWays(t *testing.T) {
	for written, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "15m": 15 * time.Minute, "4h": 4 * time.Hour, "1h30m": 90 * time.Minute,
		"2d": 48 * time.Hour, "1d1h1m1s": 25*time.Hour + time.Minute + time.Second, "45": 45 * time.Second,
		"1": time.Second, "31d": 31 * 24 * time.Hour,
		"": 0, "0": 0, "0s": 0, "-5": 0, "1.5h": 0, "h": 0, "4 h": 0, "31d1s": 0, "99999d": 0, "4H": 0, "1m1h": 0,
	} {
		c := newContact(t, "type: Phone\nstart: a\nactions:\n  a:\n    Wait: {For: \"{ANI}\"}\n    branches: {OnError: b}\n  b: {Hangup: {}}\n")
		c.vars["ANI"] = written
		c.step(script.Start{})
		if want == 0 {
			c.expect("a:, b:, hangup")
			continue
		}
		if got := c.state.Deadline.Sub(c.now); got != want {
			t.Errorf("%q waits %v, want %v", written, got, want)
		}
	}
}

func TestAssignSetsInItsOrder(t *testing.T) {
	c := began(t, `type: Phone
start: a
actions:
  a:
    Assign:
      Set:
        caller: "{ANI}"
        line: "from {caller} to {DNIS}"
        empty:
    branches: {Default: b}
  b: {Log: {Text: "{line}{empty}!"}}
`)
	if c.logs[0] != "from 2125550100 to 8005550100!" {
		t.Errorf("logged %q", c.logs)
	}
}

func TestAVariableDoesNotGrowWithoutEnd(t *testing.T) {
	c := began(t, `type: Phone
start: a
actions:
  a:
    Assign: {Set: {x: "0123456789"}}
    branches: {Default: again}
  again:
    Loop: {Times: 50}
    branches: {Again: double, OnComplete: z}
  double:
    Assign: {Set: {x: "{x}{x}"}}
    branches: {Default: again, OnError: z}
  z: {Hangup: {}}
`)
	c.expectErr("x has more than 1000 characters")
	if len(c.state.Vars["x"]) > 1000 {
		t.Errorf("%d characters", len(c.state.Vars["x"]))
	}
}

func TestIfGoesOneOfTwoWays(t *testing.T) {
	const source = `type: Phone
start: a
actions:
  a:
    If: {When: "{ANI} > 300 and {DNIS} != 'closed'"}
    branches: {Then: yes_way, Else: no_way, OnError: bad}
  yes_way: {Log: {Text: x}}
  no_way: {Log: {Text: x}}
  bad: {Log: {Text: x}}
`
	for ani, want := range map[string]string{"301": "yes_way", "300": "no_way", "": "bad", "soon": "bad"} {
		c := newContact(t, source)
		c.vars["ANI"] = ani
		c.step(script.Start{})
		c.expect("a:, " + want + ":, music default")
	}
}

func TestCaseGoesTheWayOfTheValue(t *testing.T) {
	const source = `type: Phone
start: a
actions:
  a:
    Case: {Value: "{ANI}"}
    branches: {gold: first, "2": second, OnError: bad, Default: other}
  first: {Log: {Text: x}}
  second: {Log: {Text: x}}
  bad: {Log: {Text: x}}
  other: {Log: {Text: x}}
`
	for value, want := range map[string]string{
		"": "other", "gold": "first", "2": "second", "Gold": "other", "02": "other", "OnError": "other", "Default": "other", "a b": "other",
	} {
		c := newContact(t, source)
		c.vars["ANI"] = value
		c.step(script.Start{})
		c.expect("a:, " + want + ":, music default")
	}
}

func TestALoopGoesRoundAsOftenAsItSays(t *testing.T) {
	c := began(t, `type: Phone
start: loop
actions:
  loop:
    Loop: {Times: 3}
    branches: {Again: log, OnComplete: wait}
  log:
    Log: {Text: "round {LOOP}"}
    branches: {Default: loop}
  wait:
    Wait: {For: 1m}
    branches: {Default: loop}
`)
	c.expect("loop:, log:, loop:, log:, loop:, log:, loop:, wait:")
	c.after(time.Minute) // it counts anew
	c.expect("loop:, log:, loop:, log:, loop:, log:, loop:, wait:")
	if got := strings.Join(c.logs[:3], ", "); got != "round 1, round 2, round 3" {
		t.Errorf("logged %s", got)
	}
}

func TestRunscriptGoesOnInAnotherScriptWithTheVariables(t *testing.T) {
	c := newContact(t, `type: Phone
start: a
actions:
  a:
    Assign: {Set: {order: "17"}}
    branches: {Default: b}
  b:
    Runscript: {Script: "{order}"}
    branches: {OnError: c}
  c:
    Runscript: {Script: other}
`)
	other, found := script.Parse("other.yaml", []byte(`type: Phone
start: a
inputs: [order]
events: {OnRelease: bye}
actions:
  a:
    Log: {Text: "order {order}"}
    branches: {Default: wait}
  wait: {Wait: {For: 5m}}
  bye: {Log: {Text: bye}}
`))
	if other == nil {
		t.Fatal(found)
	}
	c.others = map[string]*script.Script{"other": other}
	c.step(script.Start{})
	c.expect("a:, b:, c:, runscript other, a:, wait:")
	c.expectErr(`there is no script "17"`)
	if c.logs[len(c.logs)-1] != "order 17" {
		t.Errorf("logged %q", c.logs)
	}
	c.event(script.OnRelease)
	c.expect("bye:")
}

func TestTheClockIsThatOfTheScriptsTimeZone(t *testing.T) {
	const source = `type: Phone
start: a
timezone: %s
actions:
  a: {Log: {Text: "{WEEKDAY} {DATE} {TIME}"}}
`
	for zone, want := range map[string]string{
		"UTC": "Sat 2025-03-01 23:30", "Asia/Tokyo": "Sun 2025-03-02 08:30", "America/New_York": "Sat 2025-03-01 18:30",
	} {
		c := newContact(t, fmt.Sprintf(source, zone))
		c.now = time.Date(2025, 3, 1, 23, 30, 0, 0, time.UTC)
		c.step(script.Start{})
		if c.logs[0] != want {
			t.Errorf("in %s it is %s, want %s", zone, c.logs[0], want)
		}
	}
}
