package script_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

var update = flag.Bool("update", false, "write the expected messages of testdata/mistakes anew")

// expects marks the comments at the end of a fixture that hold its expected messages.
const expects = "#= "

// Each file in testdata/mistakes has one mistake, or one thing to warn of, and its expected messages.
func TestEachMistakeHasItsMessage(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			body, want := splitFixture(string(source))
			s, found := script.Parse("script.yaml", []byte(body))
			var got strings.Builder
			for _, d := range found {
				got.WriteString(expects + d.String() + "\n")
			}
			if *update {
				if err := os.WriteFile(file, []byte(body+got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want == "" {
				t.Fatal("the fixture expects nothing")
			}
			if got.String() != want {
				t.Errorf("got:\n%swant:\n%s", got.String(), want)
			}
			if (s == nil) != (found.Err() != nil) {
				t.Errorf("a script is given: %v; mistakes: %v", s != nil, found.Err())
			}
		})
	}
}

func splitFixture(source string) (body, want string) {
	if strings.HasPrefix(source, expects) {
		return "", source
	}
	body, want, found := strings.Cut(source, "\n"+expects)
	if !found {
		return source, ""
	}
	return body + "\n", expects + want
}

const hangup = "type: Phone\nstart: a\nactions:\n  a: {Hangup: {}}\n"

func TestAScriptIsCalledAfterItsFile(t *testing.T) {
	for file, want := range map[string]string{
		"example.yaml":              "example",
		"/etc/callbackd/day-1.yaml": "day-1",
		"night_2.v2.yaml":           "", // the dialplan can't say a dot here
		"out of hours.yaml":         "",
		"a,b.yaml":                  "",
		".yaml":                     "",
		"":                          "",
	} {
		s, found := script.Parse(file, []byte(hangup))
		if want == "" {
			if s != nil || len(found) != 1 || !strings.Contains(found[0].Message, "a name that the dialplan can give") {
				t.Errorf("%q: %v", file, found)
			}
			continue
		}
		if s == nil || s.Name() != want {
			t.Errorf("%q: %v, want %s", file, found, want)
		}
	}
}

func TestTheVersionFollowsTheContentAlone(t *testing.T) {
	version := func(file, source string) string {
		s, found := script.Parse(file, []byte(source))
		if s == nil {
			t.Fatal(found)
		}
		if string(s.Source()) != source {
			t.Errorf("source %q, want %q", s.Source(), source)
		}
		return s.Version()
	}
	first := version("a.yaml", hangup)
	if len(first) != 64 || version("b.yaml", hangup) != first {
		t.Errorf("versions %s and %s", first, version("b.yaml", hangup))
	}
	if version("a.yaml", hangup+"# a word\n") == first {
		t.Error("another content has the same version")
	}
}

func TestAFileThatIsTooLargeIsRefused(t *testing.T) {
	source := append([]byte(hangup), bytes.Repeat([]byte("# more\n"), 40_000)...)
	s, found := script.Parse("a.yaml", source)
	if s != nil || len(found) != 1 || !strings.Contains(found[0].Message, "at most 262144") {
		t.Errorf("%v", found)
	}
}

func TestAFileOfBracketsIsRefusedAtOnce(t *testing.T) {
	for _, bracket := range []string{"[", "{a: ", "[{"} {
		s, found := script.Parse("a.yaml", []byte("type: Phone\na: "+strings.Repeat(bracket, 60_000)))
		if s != nil || len(found) != 1 || !strings.HasPrefix(found[0].String(), "a.yaml:2:1: more than 1000 brackets") {
			t.Errorf("%v", found)
		}
	}
}

func TestSkillsSoundsAndMusicAreCheckedAgainstWhatExists(t *testing.T) {
	s, found := script.Parse("a.yaml", []byte(`type: Phone
start: a
actions:
  a:
    Reqagent: {Skill: helpdesk}
    branches: {Default: b, OnError: c}
  b:
    Reqagent: {Skill: "{DNIS}"}
    branches: {Default: d}
  c:
    Play: {Sounds: [beep, "hello-{DNIS}", callbackd/ofer]}
  d:
    Music: {File: advert, Seconds: 10}
    branches: {Default: e}
  e:
    Music: {Class: jazz, Seconds: 10}
    branches: {Default: f}
  f:
    Music: {Class: "{DNIS}", Seconds: 10}
    branches: {Default: g}
  g:
    Music: {}
`))
	if s == nil {
		t.Fatal(found)
	}
	if got := s.Check(script.Known{}); len(got) > 0 {
		t.Errorf("with nothing to check against: %v", got)
	}
	got := s.Check(script.Known{
		Skills: func(name string) bool { return name == "support" },
		Sounds: func(name string) bool { return name == "beep" },
		Music:  func(name string) bool { return name == "rock" },
	})
	want := []string{
		`a.yaml:2:8: there is no music class "default", which a caller hears where the script names none or has nothing more to do`,
		`a.yaml:5:23: the configuration has no skill "helpdesk"`,
		`a.yaml:11:43: there is no sound "callbackd/ofer"`,
		`a.yaml:13:19: there is no sound "advert"`,
		`a.yaml:16:20: there is no music class "jazz"`,
	}
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range want {
		if got[i].String() != want[i] {
			t.Errorf("%s, want %s", got[i], want[i])
		}
	}
	if got.Err() == nil {
		t.Error("what does not exist is no mistake")
	}
}

func TestTheSoundOfTheZipToneIsCheckedWhereAgentsHearIt(t *testing.T) {
	for tone, want := range map[string]string{
		"true": `a.yaml:5:41: there is no sound "beep", which agents hear as the ZipTone`, "false": "",
	} {
		s, found := script.Parse("a.yaml", []byte(`type: Phone
start: a
actions:
  a:
    Reqagent: {Skill: support, ZipTone: `+tone+`}
    branches: {Default: b, OnError: b}
  b: {Music: {}}
`))
		if s == nil {
			t.Fatal(found)
		}
		got := ""
		for _, d := range s.Check(script.Known{Sounds: func(name string) bool { return name != "beep" }}) {
			got += d.String()
		}
		if got != want {
			t.Errorf("ZipTone: %s: %q, want %q", tone, got, want)
		}
	}
}

// A release whose checker is stricter does not strand the contacts of the one before.
func TestAStoredVersionThatTheCheckerRefusesTodayGoesOn(t *testing.T) {
	const source = `type: Phone
start: a
colour: red
actions:
  a:
    Wait: {For: 1h, Until: noon}
    branches: {Default: b, Never: b}
  b:
    If: {When: "{EWT} =="}
    branches: {Then: gone, OnError: c}
  c: {Hangup: {}}
  unreachable: {Hangup: {}}
`
	if s, _ := script.Parse("a.yaml", []byte(source)); s != nil {
		t.Fatal("the checker passes it")
	}
	s, found := script.Stored("a.yaml", []byte(source))
	if s == nil || found.Err() == nil {
		t.Fatalf("%v, %v", s, found)
	}
	c := newContact(t, hangup)
	c.script = s
	c.step(script.Start{})
	c.after(time.Hour)
	c.expect("b:, c:, hangup")
	c.expectErr("there is no condition")
	for _, broken := range []string{"type: Phone\nstart: a\nactions:\n  a: {Dance: {}}\n", "no script", "type: Phone\nstart: b\nactions:\n  a: {Hangup: {}}\n"} {
		if s, found := script.Stored("a.yaml", []byte(broken)); s != nil || found.Err() == nil {
			t.Errorf("%q: %v, %v", broken, s, found)
		}
	}
}

func TestWarningsAreNoMistakes(t *testing.T) {
	s, found := script.Parse("a.yaml", []byte(queued+"  callback:\n    Callback: {PhoneNumber: \"{ANI}\"}\n"))
	if s == nil || found.Err() != nil || len(found) != 1 || !found[0].Warning {
		t.Errorf("%v, %v", found, found.Err())
	}
	if !strings.Contains(found[0].String(), "a.yaml:11:5: warning: callback has no branch OnError") {
		t.Error(found[0])
	}
}

// A number that a caller or a carrier gives is text, with its + and its zeros.
func TestATextKeepsItsDigitsAsTheyAreWritten(t *testing.T) {
	c := began(t, queued+`  callback:
    Callback: {PhoneNumber: +4930901820, CallerID: 0012}
    branches: {OnError: sorry}
  sorry: {Hangup: {}}
`)
	c.enter("1")
	if got := c.callbacks[0]; got.PhoneNumber != "+4930901820" || got.CallerID != "0012" {
		t.Errorf("%+v", got)
	}
}

// C4: the prompts before a Callback are short, where their lengths are known.
func TestC4LongPromptsBeforeACallbackAreWarnedOf(t *testing.T) {
	const source = `type: Phone
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: menu}
  menu:
    Menu: {Prompt: long, Keys: "12"}
    branches: {"1": first, "2": callback}
  first:
    Play: {Sounds: [short, {number: "{ANI}"}]}
    branches: {Default: second}
  second:
    Play: {Sounds: short}
    branches: {Default: callback, OnError: callback}
  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {OnError: sorry}
  sorry:
    Play: {Sounds: long}
    branches: {Default: second}
`
	for short, want := range map[time.Duration]string{
		6 * time.Second:                      "",
		6*time.Second + 100*time.Millisecond: "a.yaml:17:5: warning: the prompts before callback last 26.1 s; 12.0 s is what callers stay for, and who hangs up before it gets no callback",
	} {
		source := source
		if short == 6*time.Second {
			source = strings.Replace(source, "branches: {Default: second}\n", "branches: {Default: menu}\n", 2)
			source = strings.Replace(source, "branches: {Default: menu}\n  second", "branches: {Default: second}\n  second", 1)
		}
		s, found := script.Parse("a.yaml", []byte(source))
		if s == nil {
			t.Fatal(found)
		}
		got := s.Check(script.Known{Length: func(sound string) (time.Duration, bool) {
			return map[string]time.Duration{"short": short, "long": 20 * time.Second}[sound], true
		}})
		if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || got[0].String() != want) {
			t.Errorf("with %v: %v, want %s", short, got, want)
		}
	}
}

func TestC9AScriptThatHasSavedTheNumbersIsNotNoted(t *testing.T) {
	s, found := script.Parse("a.yaml", []byte(`type: Phone
start: keep
events: {OnAnswer: tell}
actions:
  keep:
    Assign: {Set: {caller: "{ANI}"}}
    branches: {Default: request}
  request:
    Reqagent: {Skill: support}
    branches: {Default: callback}
  callback:
    Callback: {PhoneNumber: "{ANI}"}
    branches: {OnError: bye}
  tell: {Log: {Text: "{caller} is shown {ANI}"}}
  bye: {Hangup: {}}
`))
	if s == nil || len(found) > 0 {
		t.Errorf("%v", found)
	}
}

func TestScriptsAndRecordingsAreCheckedAgainstWhatExists(t *testing.T) {
	s, found := script.Parse("a.yaml", []byte(`type: Phone
start: a
actions:
  a:
    Capture: {Prompt: {recording: acme/ask, says: Which number?}}
    branches: {Default: b}
  b:
    Runscript: {Script: night}
    branches: {OnError: c}
  c:
    Play: {Sounds: [{number: 5}, {digits: 12}]}
`))
	if s == nil {
		t.Fatal(found)
	}
	none := func(string) bool { return false }
	got := s.Check(script.Known{Scripts: none, Sounds: none})
	want := []string{
		`a.yaml:5:5: there is no sound "callbackd/you-entered", which a plays as its ReadBack`,
		`a.yaml:5:5: there is no sound "callbackd/confirm-number", which a plays as its Confirm`,
		`a.yaml:5:5: there is no sound "callbackd/number-invalid", which a plays as its Invalid`,
		`a.yaml:5:35: the recording "acme/ask" is missing; callbackd script speak makes it of its words`,
		`a.yaml:8:25: there is no script "night" beside this one`,
	}
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range want {
		if got[i].String() != want[i] {
			t.Errorf("%s, want %s", got[i], want[i])
		}
	}
}
