package dispatch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
)

// A number waits once in a skill: a callback that would be a second one there stays where it is.
func TestC6ACallbackThatCanNotBeMovedKeepsItsPlaceAndTakesOnError(t *testing.T) {
	const source = `
type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: callback}}
  callback: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: wait, OnError: wait}}
  wait: {Wait: {For: 10m}, branches: {Default: vip}}
  vip: {Reqagent: {Skill: vip}, branches: {Default: moved, OnError: stays}}
  moved: {Log: {Text: moved}}
  stays: {Log: {Text: "stays: {_ERR}"}}
`
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, parse(t, "tried", source))
		s.d.loaded.Load().skills["vip"] = callback.DefaultSkill
		s.run()
		defer func() { s.stop() }()
		s.crowd(1)
		s.store.mu.Lock()
		other := s.store.contacts[1]
		other.Contact = other.Contact.Clone()
		other.Contact.ID, other.Contact.Place.Skill = 2, "vip"
		other.Script = script.State{Resting: true, Stage: script.StageCallback}
		s.store.contacts[2] = other
		s.store.mu.Unlock()
		s.pass(11 * time.Minute)
		if got := s.logged(); len(got) == 0 || got[len(got)-1] != "stays: "+ErrCallbackOpen.Error() {
			t.Errorf("logged %v", got)
		}
		if n, slots := s.d.sessionCount(), s.working(); n != 0 || slots != 0 {
			t.Errorf("%v sessions and %d slots are left", n, slots)
		}
	})
}
