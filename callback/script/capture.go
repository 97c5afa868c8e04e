package script

import (
	"strings"
	"time"

	"github.com/callbackd/callbackd/callback/script/say"
)

// confirmKey is the key by which a number that was read back is confirmed.
const confirmKey = "1"

// overrun is how long after the last digit that a number can have its caller may still be entering it.
const overrun = time.Second

func checkCapture(p *checker, a *action) {
	least, _ := a.fixedNumber("MinDigits")
	most, known := a.fixedNumber("MaxDigits")
	if known && least > most {
		p.errorf(a.kindAt, "MinDigits of %s is %d and MaxDigits is %d; no number has both", a.name, least, most)
	}
}

func enterCapture(r *run) (string, error) {
	r.state.Tries = r.tries
	return stays, r.askNumber("Prompt")
}

// askNumber plays prompts and waits for the digits.
func (r *run) askNumber(prompts ...string) error {
	r.state.Keys, r.state.Captured, r.state.Confirming, r.state.Full = "", "", false, time.Time{}
	return r.playPrompt(prompts...)
}

func onCapture(r *run, in Input) (string, error) {
	if !r.voice() {
		return stays, errNoVoice
	}
	switch in := in.(type) {
	case PlaybackFinished:
		if in.Failed {
			return stays, in.failure()
		}
		r.awaitKey("FirstKeySec")
	case KeyPressed:
		if r.entersOn(in.Key) {
			return stays, nil
		}
		if r.state.Playback != "" {
			r.silence()
		}
		if r.state.Confirming {
			return r.confirm(in.Key)
		}
		return r.captureKey(in.Key)
	case TimeReached:
		if r.state.Playback != "" {
			r.silence()
			return stays, errOverdue
		}
		if r.state.Confirming || r.state.Keys == "" {
			return r.askAgain("Prompt")
		}
		return r.readBack()
	}
	return stays, nil
}

// captureKey takes a key of the number. What is neither a digit nor the end is passed over.
func (r *run) captureKey(key string) (string, error) {
	if key == r.state.Properties["EndKey"] {
		return r.readBack()
	}
	if strings.Contains("0123456789", key) {
		r.state.Keys += key
	}
	if len(r.state.Keys) >= r.whole("MaxDigits") {
		r.state.Full = r.now
		return r.readBack()
	}
	r.awaitKey("NextKeySec")
	return stays, nil
}

// entersOn says whether a key still belongs to a number that its length has ended, and is no answer to what
// is being read back: the key that ends a number, and any other that comes at once.
func (r *run) entersOn(key string) bool {
	if !r.state.Confirming || r.state.Playback == "" || r.state.Full.IsZero() {
		return false
	}
	return key == r.state.Properties["EndKey"] && key != confirmKey || r.now.Before(r.state.Full.Add(overrun))
}

// readBack says the number again and waits for its confirmation. One that is no number is asked for
// again.
func (r *run) readBack() (string, error) {
	number, err := r.host.Number(r.state.Keys)
	if err != nil || len(r.state.Keys) < r.whole("MinDigits") {
		return r.askAgain("Invalid", "Prompt")
	}
	before, limit, err := r.prompt("ReadBack")
	if err != nil {
		return stays, err
	}
	after, more, err := r.prompt("Confirm")
	if err != nil {
		return stays, err
	}
	language, _ := r.host.Variable("LANGUAGE")
	digits := say.Digits(language, r.state.Keys)
	r.state.Captured, r.state.Confirming = number, true
	r.play(append(append(before, digits...), after...), 0)
	r.wake(limit + more + time.Duration(len(digits))*spokenLimit)
	return stays, nil
}

// confirm takes the answer to the number that was read back.
func (r *run) confirm(key string) (string, error) {
	if key != confirmKey {
		return r.askAgain("Prompt")
	}
	r.set(r.state.Properties["Variable"], r.state.Captured)
	return branchDefault, nil
}

// askAgain begins the next try, if there is one.
func (r *run) askAgain(prompts ...string) (string, error) {
	r.state.Tries++
	if r.state.Tries >= r.whole("Tries") {
		return branchNoNumber, nil
	}
	return stays, r.askNumber(prompts...)
}
