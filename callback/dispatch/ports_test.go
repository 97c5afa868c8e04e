package dispatch

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/callbackd/callbackd/callback"
)

// withPorts plays a test with a node of so many ports.
func withPorts(t *testing.T, limit int, play func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, parse(t, "tried", expires("20m", "waited")))
		s.d.o.Ports = limit
		s.d.ports = newPorts(limit)
		s.run()
		defer func() { s.stop() }()
		play(s)
	})
}

func (s *stage) calls(channel, number string) {
	s.event(callback.LegArrived{Channel: channel, Script: "example", ANI: number, DNIS: "8005550100", Dialled: "8005550100"})
}

// rung gives the agent's leg that was made last, and how many were.
func (s *stage) rung() (leg callback.CreateLeg, n int) { return last[callback.CreateLeg](s.sw) }

func (s *stage) reachable() []string {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.store.reached["n1"]
}

func TestNobodyIsOfferedWhileTheNodeHasNotTwoPortsFree(t *testing.T) {
	withPorts(t, 3, func(s *stage) {
		s.calls("in-1", "2125550101")
		s.calls("in-2", "2125550102")
		s.free()
		if _, n := s.rung(); n != 0 || len(s.reachable()) != 0 || s.d.portCount() != 2 {
			t.Fatalf("with 2 of 3 ports used %d agents are rung, %v can be", n, s.reachable())
		}
		s.event(callback.LegEnded{Channel: "in-2", Cause: 16})
		agent, n := s.rung()
		if n != 1 || agent.Party != callback.PartyAgent || s.d.portCount() != 2 {
			t.Fatalf("with 1 of 3 ports used %d agents are rung, and %v ports are used then", n, s.d.portCount())
		}
		s.event(callback.LegCreated{Channel: agent.Channel})
		s.event(callback.LegEnded{Channel: "in-1", Cause: 16})
		s.event(callback.LegEnded{Channel: agent.Channel, Cause: 16})
		s.pass(pollPause)
		if s.d.portCount() != 0 || !slices.Equal(s.reachable(), []string{"PJSIP/1001"}) {
			t.Errorf("%v ports are used when all have gone, and %v can be rung", s.d.portCount(), s.reachable())
		}
	})
}

func TestACallbackThatIsOfferedKeepsAPortForTheContact(t *testing.T) {
	withPorts(t, 2, func(s *stage) {
		s.crowd(1)
		s.free()
		agent, n := s.rung()
		if n != 1 || agent.Party != callback.PartyAgent || s.d.portCount() != 2 {
			t.Fatalf("%d agents are rung, and %v ports are used", n, s.d.portCount())
		}
		s.calls("in-1", "2125550101") // whom nothing turns away
		s.pass(pollPause)
		if got := s.d.portCount(); got != 3 {
			t.Errorf("%v ports are used with a live caller beside", got)
		}
	})
}

func TestTheOtherNodesAreToldWhichPhonesCanBeRung(t *testing.T) {
	inBubble(t, func(s *stage) {
		device := func(state callback.DeviceState) {
			s.event(callback.DeviceChanged{Device: "PJSIP/1001", State: state})
		}
		for _, step := range []struct {
			what string
			do   func()
			want bool
		}{
			{"the phone registers", func() { device(callback.DeviceNotInUse) }, true},
			{"it is used", func() { device(callback.DeviceInUse) }, false},
			{"it is free again", func() { device(callback.DeviceNotInUse) }, true},
			{"the database is away", func() { s.store.setAway(true); device(callback.DeviceInUse) }, true},
			{"it is back", func() { s.store.setAway(false); s.pass(pollPause) }, false},
			{"the phone is free", func() { device(callback.DeviceNotInUse) }, true},
			{"Asterisk is lost", func() { s.event(callback.NodeLost{Err: errors.New("a test")}); s.pass(pollPause) }, false},
		} {
			step.do()
			if got := slices.Equal(s.reachable(), []string{"PJSIP/1001"}); got != step.want {
				t.Fatalf("%s: the phones that can be rung are %v", step.what, s.reachable())
			}
		}
	})
}

// An Asterisk may have thousands of phones that are nobody's here.
func TestOnlyThePhonesOfAgentsAreLookedAt(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.event(callback.DeviceChanged{Device: "PJSIP/door", State: callback.DeviceNotInUse})
		s.free()
		if devices, _ := s.d.freeDevices(); !slices.Equal(devices, []string{"PJSIP/1001"}) || !slices.Equal(s.reachable(), devices) {
			t.Errorf("looked at are %v, and told the other nodes %v", devices, s.reachable())
		}
	})
}
