package dispatch

import (
	"slices"
	"testing"

	"github.com/callbackd/callbackd/callback"
)

// phone has Asterisk say that of the agent's phone.
func (s *stage) phone(state callback.DeviceState) {
	s.event(callback.DeviceChanged{Device: "PJSIP/1001", State: state})
}

// wantActivity wants the agent to do that now.
func (s *stage) wantActivity(when string, want callback.Activity) {
	s.t.Helper()
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if s.store.agent != want {
		s.t.Errorf("%s: the agent is %s, want %s", when, s.store.agent, want)
	}
}

func TestAPhoneInACallAtTwoLooksInARowMakesItsAgentWorkOutbound(t *testing.T) {
	for _, state := range []callback.DeviceState{
		callback.DeviceInUse, callback.DeviceBusy, callback.DeviceOnHold, callback.DeviceRingInUse,
	} {
		inBubble(t, func(s *stage) {
			s.pass(pollPause / 2) // between two looks
			s.phone(state)
			s.pass(pollPause)
			s.wantActivity(string(state)+" at one look", callback.Free)
			s.pass(pollPause)
			s.wantActivity(string(state)+" at two", callback.WorkingOutbound)
			s.pass(10 * pollPause)
			s.wantActivity(string(state)+" for long", callback.WorkingOutbound)
			s.phone(callback.DeviceNotInUse)
			s.pass(pollPause)
			s.wantActivity("hung up", callback.Free)
		})
	}
}

func TestAPhoneThatIsInNoCallForLongMakesNobodyWork(t *testing.T) {
	for _, state := range []callback.DeviceState{callback.DeviceNotInUse, callback.DeviceRinging, "UNAVAILABLE", "INVALID", "UNKNOWN"} {
		inBubble(t, func(s *stage) {
			s.phone(state)
			s.pass(5 * pollPause)
			s.wantActivity(string(state), callback.Free)
		})
	}
}

func TestAFlickerOfThePhoneIsNoCall(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.pass(pollPause / 2)
		for range 5 { // in use at every other look
			s.phone(callback.DeviceInUse)
			s.pass(pollPause)
			s.phone(callback.DeviceNotInUse)
			s.pass(pollPause)
			s.wantActivity("in use at one look", callback.Free)
		}
	})
}

// An agent who is offered a contact, and talks with it, is at work with that, as long as the phone is in use.
func TestOurOwnCallsAreNoCallsOfTheAgents(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.arrive()
		s.free()
		offer, _ := last[callback.CreateLeg](s.sw)
		s.phone(callback.DeviceRinging)
		s.event(callback.LegCreated{Channel: offer.Channel})
		s.event(callback.LegAnswered{Channel: offer.Channel})
		s.phone(callback.DeviceInUse)
		s.pass(10 * pollPause)
		s.wantActivity("with a contact", callback.WorkingInbound)
	})
}

func TestWhoCallsTheirOwnWayIsOfferedAContactInTheInstantInWhichThePhoneIsFree(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.phone(callback.DeviceInUse)
		s.pass(3 * pollPause)
		s.wantActivity("talking", callback.WorkingOutbound)
		s.arrive()
		s.pass(2*pollPause + pollPause/2)
		if _, n := last[callback.CreateLeg](s.sw); n != 0 {
			t.Fatal("a phone in use was rung")
		}
		s.phone(callback.DeviceNotInUse) // half a pause before the next look
		if _, n := last[callback.CreateLeg](s.sw); n != 1 {
			t.Error("the agent waits for the next look at the phones")
		}
		s.wantActivity("hung up", callback.Offered)
	})
}

func TestTheLampOfWhoIsInACallOfTheirOwnIsLit(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.wantLamps("at first", "agent-1001 INUSE", "pause-1001 NOT_INUSE", "queue-support NOT_INUSE")
		s.phone(callback.DeviceInUse)
		s.pass(pollPause)
		s.wantLamps("in a call", "agent-1001 BUSY")
		s.code("PJSIP/1001", "pause", "") // on the second line
		s.wantLamps("paused in the call", "pause-1001 INUSE")
		s.phone(callback.DeviceNotInUse)
		s.wantLamps("hung up", "agent-1001 ONHOLD")
	})
}

// To log in by phone is no work; but who talks and dials a code on the second line goes on talking.
func TestACallToACodeOfOursIsNoCallOfTheirOwn(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.phone(callback.DeviceInUse)
		s.code("PJSIP/1001", "pause", "")
		s.pass(5 * pollPause) // the prompt
		s.wantActivity("dialling a code", callback.Free)
		s.phone(callback.DeviceNotInUse)
		s.phone(callback.DeviceInUse) // at once, between two looks
		s.pass(3 * pollPause)
		s.wantActivity("in a call", callback.WorkingOutbound)
		s.code("PJSIP/1001", "pause", "")
		s.pass(3 * pollPause)
		s.wantActivity("dialling a code on the second line", callback.WorkingOutbound)
		s.phone(callback.DeviceNotInUse)
		s.pass(2 * pollPause)
		s.wantActivity("hung up", callback.Free)
	})
}

// Asterisk does not always say that a phone was free between two calls.
func TestACodeIsRememberedNoLongerThanItsPrompt(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.phone(callback.DeviceInUse)
		s.code("PJSIP/1001", "pause", "")
		s.pass(codeTime + 2*pollPause)
		s.wantActivity("in use for longer than any prompt", callback.WorkingOutbound)
		if n := len(s.d.coding); n != 0 {
			t.Errorf("%d phones are remembered", n)
		}
	})
}

func TestACallOfTheirOwnStandsThroughAReconnectAndEndsWithIt(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.phone(callback.DeviceInUse)
		s.pass(3 * pollPause)
		for _, again := range []callback.DeviceState{callback.DeviceInUse, callback.DeviceNotInUse} {
			s.event(callback.NodeLost{})
			s.pass(leaseTime - 2*pollPause)
			s.wantActivity("the event stream is away", callback.WorkingOutbound)
			s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{
				Devices: map[string]callback.DeviceState{"PJSIP/1001": again},
			}})
			s.pass(pollPause)
			s.wantActivity("in step again, "+string(again), map[callback.DeviceState]callback.Activity{
				callback.DeviceInUse: callback.WorkingOutbound, callback.DeviceNotInUse: callback.Free,
			}[again])
		}
	})
}

// What nobody sees for long counts for nothing, else the agent would be stuck with an Asterisk that is gone.
func TestACallOfTheirOwnEndsWhereAsteriskStaysAway(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.phone(callback.DeviceInUse)
		s.pass(3 * pollPause)
		s.event(callback.NodeLost{})
		s.pass(leaseTime + pollPause)
		s.wantActivity("Asterisk is away", callback.Free)
		s.event(callback.NodeConnected{Snapshot: &callback.Snapshot{
			Devices: map[string]callback.DeviceState{"PJSIP/1001": callback.DeviceInUse},
		}})
		s.pass(pollPause)
		s.wantActivity("at the first look", callback.Free)
		s.pass(2 * pollPause)
		s.wantActivity("it talks on", callback.WorkingOutbound)
	})
}

// The next holder of the node goes by what Asterisk says at its first look, whoever has set it.
func TestTheNextDaemonEndsACallOfTheirOwnThatItDoesNotSee(t *testing.T) {
	for _, found := range []callback.DeviceState{callback.DeviceInUse, callback.DeviceNotInUse} {
		inBubble(t, func(s *stage) {
			s.phone(callback.DeviceInUse)
			s.pass(3 * pollPause)
			s.stop()
			s.wantActivity("the daemon has ended", callback.WorkingOutbound)
			s.sw.snapshot = callback.Snapshot{Devices: map[string]callback.DeviceState{"PJSIP/1001": found}}
			s.d = newDispatcher(t, s.store, s.sw)
			s.run()
			s.pass(pollPause)
			s.wantActivity("the next daemon sees "+string(found), map[callback.DeviceState]callback.Activity{
				callback.DeviceInUse: callback.WorkingOutbound, callback.DeviceNotInUse: callback.Free,
			}[found])
		})
	}
}

func TestACallOfTheirOwnIsNotedWhenTheDatabaseIsBack(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.store.setAway(true)
		s.phone(callback.DeviceInUse)
		s.pass(5 * pollPause)
		s.wantActivity("the database is away", callback.Free)
		s.store.setAway(false)
		s.pass(pollPause)
		s.wantActivity("the database is back", callback.WorkingOutbound)
	})
}

// The store tells the calls of ours from the others by how long the agent has been free.
func TestThePhonesAreToldWithTheTimeSinceTheLookBefore(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.phone(callback.DeviceInUse)
		s.pass(5 * pollPause)
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		want := Phones{InCall: []string{"PJSIP/1001"}, OwnCalls: []string{"PJSIP/1001"}, For: pollPause}
		if got := s.store.phones; got.For != want.For || !slices.Equal(got.InCall, want.InCall) || !slices.Equal(got.OwnCalls, want.OwnCalls) {
			t.Errorf("told %+v, want %+v", got, want)
		}
	})
}
