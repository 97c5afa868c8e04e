package callback_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
)

// newConversation is a contact, live or called back, who talks to an agent.
func newConversation(rt *rapid.T) *world {
	w := newWorld(rt)
	w.skill.AfterCallWork = time.Minute
	if rapid.Bool().Draw(rt, "called back") {
		w.promise(0)
		delete(w.up, "in")
	}
	w.tell(callback.NewOffer(*w.c.Place, "1001", "PJSIP/1001", w.env()))
	for range 10 {
		w.goOn()
	}
	w.wantState(callback.StateConnected, "")
	return w
}

func TestNoOrderOfEventsInAConversationLeavesTheAgentOrALeg(t *testing.T) {
	transferred := 0
	rapid.Check(t, func(rt *rapid.T) {
		w := newConversation(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"transferred":    func(rt *rapid.T) { w.transfer(rt) },
			"sent elsewhere": func(rt *rapid.T) { w.sendAway(rt) },
			"hangup":         func(rt *rapid.T) { w.tell(callback.LegHangup{Channel: w.channel(rt)}) },
			"ended": func(rt *rapid.T) {
				channel := w.channel(rt)
				delete(w.up, channel)
				if rapid.Bool().Draw(rt, "told") {
					w.tell(callback.LegEnded{Channel: channel, Cause: callback.CauseNormal})
				}
			},
			"joined": func(*rapid.T) { w.goOn() },
			"again": func(rt *rapid.T) {
				w.again(rapid.SampledFrom(append(w.late, callback.TimeReached{})).Draw(rt, "late"))
			},
			"time": func(rt *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "s")) * time.Second)
				w.ring()
			},
			"resync": func(*rapid.T) { w.resync() },
		})
		if w.c.Outcome == callback.OutcomeTransferred {
			transferred++
		}
		w.windUp()
		if w.doing != callback.AfterCall {
			rt.Fatalf("in the end the agent is %q", w.doing)
		}
	})
	if transferred == 0 {
		t.Error("no contact was transferred")
	}
}
