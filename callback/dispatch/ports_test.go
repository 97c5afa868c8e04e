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

// statuses gives why calls were given back.
func (s *stage) statuses() (given []string) {
	s.sw.mu.Lock()
	defer s.sw.mu.Unlock()
	for _, c := range s.sw.commands {
		if back, ok := c.(callback.GiveBack); ok {
			given = append(given, back.Status)
		}
	}
	return given
}

func TestCallsLeaveTwoPortsToThoseWhoServeThem(t *testing.T) {
	withPorts(t, 4, func(s *stage) {
		s.free()
		s.phone(callback.DeviceInUse)
		s.calls("in-1", "2125550101")
		s.calls("in-2", "2125550102")
		s.calls("in-3", "2125550103")
		if got := s.statuses(); !slices.Equal(got, []string{"NO_PORTS"}) || s.d.portCount() != 2 {
			t.Fatalf("given back are %v, and %v ports are used", got, s.d.portCount())
		}
		s.phone(callback.DeviceNotInUse)
		agent, n := s.rung()
		if n != 1 || agent.Party != callback.PartyAgent || s.d.portCount() != 3 {
			t.Fatalf("%d agents are rung, and %v ports are used", n, s.d.portCount())
		}
		s.event(callback.LegCreated{Channel: agent.Channel})
		for _, channel := range []string{"in-2", "in-1", agent.Channel} {
			s.event(callback.LegEnded{Channel: channel, Cause: 16})
		}
		s.pass(pollPause)
		if n := len(s.d.ports.used) + len(s.d.ports.reserved); s.d.portCount() != 0 || n != 0 {
			t.Errorf("%v ports are used when all have gone, by %d contacts", s.d.portCount(), n)
		}
	})
}

func TestABurstOfCallsLeavesTwoPorts(t *testing.T) {
	withPorts(t, 5, func(s *stage) {
		s.store.mu.Lock()
		s.store.creating = make(chan struct{})
		s.store.mu.Unlock()
		for _, n := range []string{"1", "2", "3", "4", "5"} {
			s.calls("in-"+n, "212555010"+n)
		}
		close(s.store.creating)
		synctest.Wait()
		if got := s.statuses(); len(got) != 2 || s.d.portCount() != 3 {
			t.Errorf("given back are %v, and %v ports are used", got, s.d.portCount())
		}
	})
}

func TestACallThatCouldNotBeSavedUsesNoPort(t *testing.T) {
	withPorts(t, 5, func(s *stage) {
		s.store.setAway(true)
		s.calls("in-1", "2125550101")
		s.pass(2 * saveLimit)
		if got := s.statuses(); !slices.Equal(got, []string{"UNAVAILABLE"}) || s.d.portCount() != 0 {
			t.Errorf("given back are %v, and %v ports are used", got, s.d.portCount())
		}
	})
}

func TestACallbackThatIsOfferedKeepsAPortForTheContact(t *testing.T) {
	withPorts(t, 4, func(s *stage) {
		s.crowd(1)
		s.free()
		agent, n := s.rung()
		if n != 1 || agent.Party != callback.PartyAgent || s.d.portCount() != 2 {
			t.Fatalf("%d agents are rung, and %v ports are used", n, s.d.portCount())
		}
		s.calls("in-1", "2125550101")
		if got := s.statuses(); !slices.Equal(got, []string{"NO_PORTS"}) {
			t.Errorf("given back are %v beside an offered callback", got)
		}
	})
}

// Nobody comes to wait for a phone that this node would not ring.
func TestTheOtherNodesAreToldOfNoPhonesWithoutPortsForACallback(t *testing.T) {
	withPorts(t, 4, func(s *stage) {
		s.free()
		if len(s.reachable()) != 1 {
			t.Fatalf("at first %v can be rung", s.reachable())
		}
		s.phone(callback.DeviceInUse)
		s.crowd(1)
		s.calls("in-1", "2125550101")
		s.phone(callback.DeviceNotInUse) // the callback comes first
		if s.d.portCount() != 3 || len(s.reachable()) != 0 {
			t.Errorf("with %v of 4 ports used %v can be rung", s.d.portCount(), s.reachable())
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

// An Asterisk that is down may stay so for long, and the node be held all the while.
func TestWhatAnEarlierHolderHasSaidOfThePhonesIsTakenBackWithoutAsterisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.store.reached["n1"] = []string{"PJSIP/1001"}
		s.sw.refuse = errors.New("a test")
		s.run()
		defer func() { s.stop() }()
		s.pass(2 * pollPause)
		if len(s.reachable()) != 0 {
			t.Errorf("%v can be rung", s.reachable())
		}
	})
}
