package script_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback/script"
)

// randomScript draws the text of a script whose actions may be anything that the language has.
func randomScript(t *rapid.T) string {
	n := rapid.IntRange(1, 7).Draw(t, "actions")
	name := rapid.Map(rapid.IntRange(0, n-1), func(i int) string { return fmt.Sprintf("a%d", i) })
	var b strings.Builder
	b.WriteString("type: Phone\nstart: a0\n")
	for i, event := range []string{"OnAnswer", "OnAgentRelease", "OnRelease"} {
		if i == 0 {
			b.WriteString("events:\n")
		}
		if rapid.Bool().Draw(t, event) {
			fmt.Fprintf(&b, "  %s: %s\n", event, name.Draw(t, "target"))
		}
	}
	b.WriteString("actions:\n")
	for i := range n {
		action := rapid.SampledFrom(randomActions).Draw(t, "action")
		fmt.Fprintf(&b, "  a%d:\n    %s\n    branches:\n", i, action.yaml)
		if i+1 < n && len(action.branches) > 0 {
			fmt.Fprintf(&b, "      %s: a%d\n", action.branches[0], i+1)
		}
		for _, branch := range action.branches[min(1, len(action.branches)):] {
			if rapid.Bool().Draw(t, branch) {
				fmt.Fprintf(&b, "      %q: %s\n", branch, name.Draw(t, "target"))
			}
		}
	}
	return b.String()
}

// randomActions holds actions of each kind; the first branch is the one that keeps a script together.
var randomActions = []struct {
	yaml     string
	branches []string
}{
	{`Reqagent: {Skill: support}`, []string{"Default", "OnError"}},
	{`Reqagent: {Skill: "{SKILL}", TargetAgent: "{AGENTID}", PriorityManagement: Custom, InitialPriority: "{ANI}"}`, []string{"Default", "OnError"}},
	{`Music: {Seconds: 30}`, []string{"Default", "OnError"}},
	{`Music: {Class: jazz}`, []string{"OnError", "Default"}},
	{`Music: {File: advert}`, []string{"OnComplete", "Default", "OnError"}},
	{`Music: {File: "{ANI}", Seconds: "{ANI}"}`, []string{"Default", "OnComplete", "OnError"}},
	{`Play: {Sounds: [a, "{ANI}"]}`, []string{"Default", "OnError"}},
	{`Play: {Sounds: b, EndOnKey: true}`, []string{"Default", "OnError"}},
	{`Menu: {Prompt: [c], Keys: "12"}`, []string{"Default", "1", "2", "NoInput", "WrongKey", "OnError"}},
	{`Menu: {Keys: "0123456789", Digits: 3}`, []string{"NoInput", "Default", "123", "WrongKey", "OnError"}},
	{`Menu: {Prompt: ["{ANI}"], Keys: "{DNIS}", Digits: "{ANI}"}`, []string{"1", "Default", "OnError"}},
	{`Callback: {PhoneNumber: "{ANI}"}`, []string{"Default", "OnError"}},
	{`Callback: {PhoneNumber: "5551234", CallDelaySec: "{ANI}"}`, []string{"OnError", "Default"}},
	{`Hangup: {}`, nil},
	{`Play: {Sounds: [{number: "{POSITION}"}, {digits: "{ANI}"}, {wait: "{DNIS}"}, {recording: hello, says: Hello}]}`, []string{"Default", "OnError"}},
	{`Capture: {Prompt: ask, Variable: NUMBER, MinDigits: 3, Tries: "{ANI}"}`, []string{"Default", "NoNumber", "OnError"}},
	{`Capture: {Prompt: ask, Variable: other, MinDigits: 3, MaxDigits: 3, Tries: 2}`, []string{"NoNumber", "Default", "OnError"}},
	{`Wait: {For: 4h}`, []string{"Default", "OnError"}},
	{`Wait: {For: "{ANI}"}`, []string{"Default", "OnError"}},
	{`Assign: {Set: {a: "{ANI}", b: "{a}{a}{NUMBER}", EWTs: "{DNIS}"}}`, []string{"Default", "OnError"}},
	{`If: {When: "{ANI} > 5 and {TIME} >= 09:00"}`, []string{"Then", "Else", "OnError"}},
	{`If: {When: "{a} = {DNIS} or not ({WEEKDAY} in (Sat, Sun))"}`, []string{"Else", "Then"}},
	{`Case: {Value: "{ANI}"}`, []string{"1", "OnError", "Default"}},
	{`Loop: {Times: 3}`, []string{"Again", "OnComplete", "OnError"}},
	{`Loop: {Times: "{ANI}"}`, []string{"Again", "OnComplete", "Default"}},
	{`Log: {Text: "{_ERR}{LOOP}"}`, []string{"Default", "OnError"}},
	{`WebRequest: {URL: "https://crm.example.com/{ANI}", Body: {ani: "{ANI}"}, Values: {name: a.b}}`, []string{"Default", "OnError"}},
	{`WebRequest: {URL: "https://crm.example.com/?{ANI}", Method: "{DNIS}", TimeoutSec: 1}`, []string{"OnError", "Default"}},
	{`Getqueue: {}`, []string{"Default", "OnError"}},
	{`EWT: {Skill: support}`, []string{"Default", "OnError"}},
	{`UpdateContact: {InitialPriority: "{ANI}"}`, []string{"Default", "OnError"}},
	{`Queuecallback: {Skill: support, PhoneNumber: "{ANI}"}`, []string{"Default", "OnError"}},
	{`Querycallback: {Skill: support}`, []string{"Found", "Default", "OnError"}},
	{`Contacttakeover: {Skill: support}`, []string{"Default", "NotFound", "OnError"}},
	{`Runscript: {Script: other}`, []string{"OnError"}},
}

// caprice is a host that answers as it is drawn.
type caprice struct {
	t         *rapid.T
	voice     bool
	value     string
	err       error
	entered   int
	playbacks int
	questions int
	other     *script.Script // where Runscript leads
	next      *script.Script // where it has led in this step
	hungUp    bool
	others    bool // it has gone into another script, or goes round in loops
}

func (h *caprice) Variable(string) (string, bool) { return h.value, h.value != "" }
func (h *caprice) Voice() bool                    { return h.voice }
func (h *caprice) Reqagent(script.Reqagent) error { return h.err }
func (h *caprice) Callback(script.Callback) error { return h.err }
func (h *caprice) Hangup()                        { h.hungUp = true }
func (h *caprice) Music(string)                   { h.needVoice("music") }
func (h *caprice) Silence()                       { h.needVoice("silence") }
func (h *caprice) Entered(_, _, _ string)         { h.entered++ }
func (h *caprice) Log(string)                     {}

func (h *caprice) UpdateContact(script.PriorityChange) error { return h.err }
func (h *caprice) Takeover() error                           { return h.err }
func (h *caprice) Number(entered string) (string, error)     { return entered, h.err }

func (h *caprice) Ask(script.Question) (string, error) {
	h.questions++
	return fmt.Sprint("question ", h.questions), h.err
}

func (h *caprice) Runscript(string) (*script.Script, error) {
	if h.err != nil {
		return nil, h.err
	}
	h.next = h.other
	return h.other, nil
}

func (h *caprice) Play([]string, time.Duration) string {
	h.needVoice("play")
	h.playbacks++
	return fmt.Sprint(h.playbacks)
}

func (h *caprice) needVoice(what string) {
	if !h.voice {
		h.t.Fatalf("%s without voice", what)
	}
}

func (h *caprice) draw() {
	h.entered = 0
	h.voice = rapid.IntRange(0, 9).Draw(h.t, "voice") > 0
	h.value = rapid.SampledFrom([]string{"", "1", "2", "12", "60", "beep", "-1", "a&b", "\x00"}).Draw(h.t, "value")
	h.err = nil
	if rapid.IntRange(0, 4).Draw(h.t, "error") == 0 {
		h.err = errors.New("refused")
	}
}

func randomInput(t *rapid.T, st script.State) (in script.Input, pass time.Duration) {
	switch rapid.IntRange(0, 11).Draw(t, "input") {
	case 10, 11:
		answer := script.Answered{ID: st.Asked, Found: rapid.Bool().Draw(t, "found")}
		if rapid.IntRange(0, 3).Draw(t, "unanswered") == 0 {
			answer.Err = "no answer"
		}
		answer.Values = map[string]string{"POSITION": rapid.SampledFrom([]string{"", "1", "x\x00"}).Draw(t, "answer")}
		return answer, time.Second
	case 0:
		return script.Event{Kind: rapid.SampledFrom([]script.EventKind{script.OnAnswer, script.OnAgentRelease, script.OnRelease}).Draw(t, "event")}, 0
	case 1:
		return script.Resume{}, time.Hour
	case 2, 3:
		return script.KeyPressed{Key: rapid.SampledFrom([]string{"1", "2", "3", "#", "x"}).Draw(t, "key")}, time.Second
	case 4, 5, 6:
		return script.PlaybackFinished{ID: st.Playback, Failed: rapid.IntRange(0, 3).Draw(t, "failed") == 0}, time.Second
	case 7:
		return script.TimeReached{}, time.Second
	default:
		return script.TimeReached{}, 24 * time.Hour
	}
}

// No script that the checker passes panics, spins or stalls, whatever happens to its contact.
func TestRandomScriptsNeverPanicSpinOrStall(t *testing.T) {
	passed, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		source := randomScript(t)
		s, found := script.Parse("random.yaml", []byte(source))
		if s == nil {
			refused++
			explained(t, source, found)
			s, _ = script.Stored("random.yaml", []byte(source)) // as a release before may have passed it
		} else {
			passed++
		}
		if s == nil {
			return
		}
		other, _ := script.Parse("other.yaml", []byte(randomScript(t)))
		if other == nil {
			other = s
		}
		h := &caprice{t: t, other: other, others: found.Err() != nil || strings.Contains(source, "Runscript") || strings.Contains(source, "Loop")}
		st := script.State{}
		now := time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC)
		var in script.Input = script.Start{}
		for range rapid.IntRange(1, 60).Draw(t, "inputs") {
			h.draw()
			st = stepOnce(t, s, st, in, now, h)
			if h.next != nil {
				s, h.next = h.next, nil
			}
			var pass time.Duration
			in, pass = randomInput(t, st)
			now = now.Add(pass)
		}
	})
	if passed == 0 || refused == 0 {
		t.Errorf("%d scripts passed the checker and %d did not: the generator proves nothing", passed, refused)
	}
}

// explained wants a message with its place for each mistake.
func explained(t *rapid.T, source string, found script.Diagnostics) {
	if found.Err() == nil {
		t.Fatal("refused without a mistake")
	}
	lines := strings.Split(source, "\n")
	for _, d := range found {
		if d.Message == "" || d.Line < 1 || d.Line > len(lines) || d.Column < 1 {
			t.Fatalf("%+v", d)
		}
	}
}

// stepOnce takes a step and holds its result against what every position has to be.
func stepOnce(t *rapid.T, s *script.Script, st script.State, in script.Input, now time.Time, h *caprice) script.State {
	before := asJSON(t, st)
	next := s.Step(st, in, now, h)
	if after := asJSON(t, st); after != before {
		t.Fatalf("the step changed the given state from %s to %s", before, after)
	}
	most := 7 * 20 // a round of all the actions for each failure in a row
	if h.others {
		most = 1001 // scripts that lead to each other, and rounds in rounds
	}
	if h.entered > most {
		t.Fatalf("%d actions in one step", h.entered)
	}
	if waiting := !next.Deadline.IsZero() || next.Playback != "" || next.Music != ""; !next.Resting && next.Action != "" && !waiting {
		t.Fatalf("it stalls: %s", asJSON(t, next))
	}
	if next.Playback != "" && next.Deadline.IsZero() {
		t.Fatalf("a playback without a limit: %s", asJSON(t, next))
	}
	if next.Resting && (!next.Deadline.IsZero() || next.Playback != "") {
		t.Fatalf("it rests and waits: %s", asJSON(t, next))
	}
	var kept script.State
	if err := json.Unmarshal([]byte(asJSON(t, next)), &kept); err != nil {
		t.Fatal(err)
	}
	if asJSON(t, kept) != asJSON(t, next) {
		t.Fatalf("kept as %s, it comes back as %s", asJSON(t, next), asJSON(t, kept))
	}
	if _, late := in.(script.Resume); !late && !next.Deadline.Equal(st.Deadline) && !next.Deadline.IsZero() && !now.Before(next.Deadline) {
		t.Fatalf("a deadline that is over already: %s at %s", asJSON(t, next), now)
	}
	return kept
}

func asJSON(t *rapid.T, st script.State) string {
	text, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	f.Add(script.Example())
	f.Fuzz(func(t *testing.T, source []byte) {
		s, found := script.Parse("fuzz.yaml", source)
		if (s == nil) != (found.Err() != nil) {
			t.Fatalf("a script is given: %v; mistakes: %v", s != nil, found.Err())
		}
		for _, d := range found {
			if d.Line < 1 || d.Column < 1 || d.Message == "" {
				t.Errorf("%+v", d)
			}
		}
		again, same := script.Parse("fuzz.yaml", source)
		if (again == nil) != (s == nil) || !reflect.DeepEqual(found, same) {
			t.Errorf("read twice, it is %v and %v", found, same)
		}
		if s == nil {
			return
		}
		c := &contact{t: t, script: s}
		c.step(script.Start{})
		c.step(script.Resume{})
		c.after(24 * time.Hour)
	})
}
