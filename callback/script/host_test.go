package script_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

// contact steps a contact through a script, in virtual time, and keeps what the script told its host
// as one word or line each.
type contact struct {
	t           *testing.T
	script      *script.Script
	state       script.State
	now         time.Time
	vars        map[string]string
	silent      bool // no voice
	reqagentErr error
	callbackErr error
	askErr      error
	updateErr   error
	takeoverErr error
	others      map[string]*script.Script // by name, for Runscript
	next        *script.Script            // the one in which it goes on

	trace     []string
	playbacks int
	requests  []script.Reqagent
	callbacks []script.Callback
	questions []script.Question
	changes   []script.PriorityChange
	logs      []string
}

func (c *contact) Variable(name string) (string, bool) { v, ok := c.vars[name]; return v, ok }
func (c *contact) Voice() bool                         { return !c.silent }
func (c *contact) Hangup()                             { c.add("hangup") }
func (c *contact) Music(class string)                  { c.add("music " + class) }
func (c *contact) Silence()                            { c.add("silence") }
func (c *contact) Entered(action, _, _ string)         { c.add(action + ":") }
func (c *contact) Log(text string)                     { c.logs = append(c.logs, text) }

func (c *contact) Play(list []string, from time.Duration) string {
	c.playbacks++
	line := "play " + strings.Join(list, "+")
	if from > 0 {
		line += " from " + from.String()
	}
	c.add(line)
	return c.playback()
}

func (c *contact) Ask(q script.Question) (string, error) {
	c.questions = append(c.questions, q)
	c.add(strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", q), "script.")))
	return c.question(), c.askErr
}

// question is the ID of the question that was asked last.
func (c *contact) question() string { return fmt.Sprintf("question-%d", len(c.questions)) }

func (c *contact) UpdateContact(change script.PriorityChange) error {
	c.add("updatecontact")
	c.changes = append(c.changes, change)
	return c.updateErr
}

func (c *contact) Takeover() error {
	c.add("takeover")
	return c.takeoverErr
}

func (c *contact) Runscript(name string) (*script.Script, error) {
	other := c.others[name]
	if other == nil {
		return nil, fmt.Errorf("there is no script %q", name)
	}
	c.add("runscript " + name)
	c.next = other
	return other, nil
}

// Number takes what has seven digits and more and does not begin with 900.
func (c *contact) Number(entered string) (string, error) {
	if len(entered) < 7 || strings.HasPrefix(entered, "900") {
		return "", errors.New("not to be called")
	}
	return "+1" + entered, nil
}

func (c *contact) Reqagent(r script.Reqagent) error {
	c.requests = append(c.requests, r)
	c.add("reqagent")
	return c.reqagentErr
}

func (c *contact) Callback(b script.Callback) error {
	c.callbacks = append(c.callbacks, b)
	c.add("callback")
	return c.callbackErr
}

func (c *contact) add(s string) { c.trace = append(c.trace, s) }

// playback is the ID of the playback that began last.
func (c *contact) playback() string { return fmt.Sprintf("playback-%d", c.playbacks) }

func newContact(t *testing.T, source string) *contact {
	t.Helper()
	s, found := script.Parse("test.yaml", []byte(source))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return &contact{
		t: t, script: s, now: time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC),
		vars: map[string]string{"ANI": "2125550100", "DNIS": "8005550100", "DIALLED": "8885550100", "CONTACTID": "7"},
	}
}

// began gives a contact whose script has begun.
func began(t *testing.T, source string) *contact {
	t.Helper()
	c := newContact(t, source)
	c.step(script.Start{})
	return c
}

// step takes the input and forgets the trace of before. The position goes through JSON, as it does
// in the contact's row.
func (c *contact) step(in script.Input) {
	c.t.Helper()
	c.trace = nil
	next := c.script.Step(c.state, in, c.now, c)
	if c.next != nil {
		c.script, c.next = c.next, nil
	}
	kept, err := json.Marshal(next)
	if err != nil {
		c.t.Fatal(err)
	}
	c.state = script.State{}
	if err := json.Unmarshal(kept, &c.state); err != nil {
		c.t.Fatal(err)
	}
}

func (c *contact) played() { c.t.Helper(); c.step(script.PlaybackFinished{ID: c.playback()}) }
func (c *contact) failed() {
	c.t.Helper()
	c.step(script.PlaybackFinished{ID: c.playback(), Failed: true})
}
func (c *contact) press(key string) { c.t.Helper(); c.step(script.KeyPressed{Key: key}) }

func (c *contact) event(kind script.EventKind) { c.t.Helper(); c.step(script.Event{Kind: kind}) }

// after lets the time pass and says so to the script.
func (c *contact) after(d time.Duration) {
	c.t.Helper()
	c.now = c.now.Add(d)
	c.step(script.TimeReached{})
}

// expect compares what the last step did, in words that are separated by commas.
func (c *contact) expect(want string) {
	c.t.Helper()
	if got := strings.Join(c.trace, ", "); got != want {
		c.t.Fatalf("the step did %q, want %q", got, want)
	}
}

func (c *contact) expectErr(want string) {
	c.t.Helper()
	if got := c.state.Vars["_ERR"]; !strings.Contains(got, want) || want == "" {
		c.t.Fatalf("_ERR is %q, want %q in it", got, want)
	}
}

func (c *contact) expectRest() {
	c.t.Helper()
	if !c.state.Resting || !c.state.Deadline.IsZero() {
		c.t.Fatalf("the script does not rest: %+v", c.state)
	}
}
