package script_test

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

const captureScript = `type: Phone
start: ask
actions:
  ask:
    Capture: {Prompt: ask, ReadBack: entered, Confirm: confirm, Invalid: invalid, MinDigits: 7, MaxDigits: 10, FirstKeySec: 8, NextKeySec: 5, Tries: 3}
    branches: {Default: good, NoNumber: none, OnError: bad}
  good: {Log: {Text: "{NUMBER}"}}
  none: {Log: {Text: none}}
  bad: {Log: {Text: "{_ERR}"}}
`

func (c *contact) dial(keys string) {
	c.t.Helper()
	for _, key := range keys {
		c.press(string(key))
	}
}

func TestACapturedNumberIsReadBackAndConfirmed(t *testing.T) {
	c := began(t, captureScript)
	c.expect("ask:, play ask")
	c.played()
	c.dial("5551234#")
	c.expect("play entered+digits/5+digits/5+digits/5+digits/1+digits/2+digits/3+digits/4+confirm")
	c.press("1") // before the prompt has ended
	c.expect("silence, good:, music default")
	c.expectVar("NUMBER", "+15551234")
}

func TestACapturedNumberEndsByItsKeyItsLengthOrTheTime(t *testing.T) {
	for name, end := range map[string]func(*contact){
		"by the key":    func(c *contact) { c.dial("5551234#") },
		"by its length": func(c *contact) { c.dial("2125551234") },
		"by the time":   func(c *contact) { c.dial("5551234"); c.after(5 * time.Second) },
		"with stars":    func(c *contact) { c.dial("555*1234#") },
	} {
		t.Run(name, func(t *testing.T) {
			c := began(t, captureScript)
			c.press("5") // cuts the prompt, and counts
			c.expect("silence")
			c.state.Keys = ""
			end(c)
			c.played()
			c.press("1")
			c.expect("good:, music default")
		})
	}
}

func TestANumberIsAskedForThreeTimes(t *testing.T) {
	c := began(t, captureScript)
	c.dial("555#") // too short
	c.expect("play invalid+ask")
	c.played()
	c.dial("9005551234") // not to be called
	c.expect("play invalid+ask")
	c.played()
	c.after(8 * time.Second) // nothing
	c.expect("none:, music default")
	c.expectVar("NUMBER", "")
}

func TestANumberThatIsNotConfirmedIsAskedForAgain(t *testing.T) {
	c := began(t, captureScript)
	c.dial("5551234#")
	c.press("2")
	c.expect("silence, play ask")
	c.dial("5559999#")
	c.played()
	c.after(8 * time.Second) // no answer
	c.expect("play ask")
	c.dial("5558888#")
	c.press("1")
	c.expect("silence, good:, music default")
	c.expectVar("NUMBER", "+15558888")
}

func TestACaptureBeginsAnewAfterARestartAndKeepsCountOfItsTries(t *testing.T) {
	c := began(t, captureScript)
	c.dial("555#")
	c.dial("55")
	c.step(script.Resume{})
	c.expect("play ask")
	c.dial("555#")
	c.expect("play invalid+ask")
	c.dial("555#")
	c.expect("none:, music default")
}

func TestACaptureWhoseSoundsAreMissingTakesOnError(t *testing.T) {
	c := began(t, captureScript)
	c.step(script.PlaybackFinished{ID: c.playback(), Failed: true, Reason: `there is no sound "ask"`})
	c.expect("bad:, music default")
	c.expectErr(`there is no sound "ask"`)
	c = began(t, captureScript)
	c.after(time.Minute)
	c.expect("silence, bad:, music default")
	c.expectErr("did not end in time")
}

// Who was told to end the number by # does so after the last digit, too; and who enters a digit too many has
// not confirmed anything.
func TestWhatStillBelongsToAFullNumberIsNoAnswerToItsReadBack(t *testing.T) {
	for name, keys := range map[string]string{"the key that ends it": "2125551234#", "a digit too many": "21255512341"} {
		t.Run(name, func(t *testing.T) {
			c := began(t, captureScript)
			c.played()
			c.dial(keys)
			if number := c.state.Vars["NUMBER"]; number != "" || !c.state.Confirming || c.state.Tries != 0 {
				t.Fatalf("NUMBER is %q, confirming %v, %d tries used up", number, c.state.Confirming, c.state.Tries)
			}
			c.after(2 * time.Second)
			c.press("1") // before the read-back has ended
			c.expectVar("NUMBER", "+12125551234")
		})
	}
}
