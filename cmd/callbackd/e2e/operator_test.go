package e2e

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
)

// order gives a contact an order from the command line, which must succeed, and what it prints.
func (s *stage) order(contact int64, what string, more ...string) string {
	s.t.Helper()
	args := append([]string{"contact", what, strconv.FormatInt(contact, 10)}, more...)
	out, err := s.Command(s.within(20*time.Second), args...)
	s.must("give an order", err)
	return out
}

func TestACancelFromTheCommandLineStopsTheContactsPhoneAndTellsTheAgent(t *testing.T) {
	s := newStage(t, nil)
	said := lab.Sound{Hz: 1800, Lasts: time.Second} // so that the ear knows it for this prompt
	s.must("make a sound", s.Asterisk.AddSound("callback-cancelled", said))
	contact := s.promised()
	agent := s.agent("1001")
	agentCall := s.ringing(agent)
	s.answer(agentCall, agentHz)
	contactCall := s.calledBack()
	for _, hz := range []float64{440, 480} {
		_, err := agentCall.AwaitTone(s.within(5*time.Second), hz)
		s.must("hear the contact's phone ring", err)
	}

	if out := s.order(contact, "cancel"); !strings.Contains(out, "is cancelled") {
		t.Errorf("the command says %q", out)
	}
	s.endedByThem(contactCall, 5*time.Second)
	s.endedByThem(agentCall, 10*time.Second)
	heard := 0
	for _, p := range agentCall.Packets() {
		if tone(said.Hz)(p) {
			heard++
		}
	}
	if heard < 40 {
		t.Errorf("the agent has heard %d packets of the prompt, which has 50", heard)
	}
	s.ended(contact, "cancelled")
	if fact := s.await(contact, "attempt_ended", time.Second); fact.Data["outcome"] != "cancelled" || fact.Data["counts"] != "false" {
		t.Errorf("the attempt ended with %v", fact.Data)
	}
	if fact := s.await(contact, "cancelled", time.Second); !strings.HasPrefix(fact.Data["by"], "command line, ") {
		t.Errorf("the history says %v", fact.Data)
	}

	_, err := s.Command(s.within(20*time.Second), "contact", "cancel", strconv.FormatInt(contact, 10))
	if err == nil || !strings.Contains(err.Error(), "it has ended: cancelled") {
		t.Errorf("a second cancel gives %v", err)
	}

	// The agent is free for the next caller.
	live := s.call()
	offered := s.ringing(agent)
	if from := offered.From(); from.Name != "support live" {
		t.Errorf("the agent's phone shows %v, want the live call", from)
	}
	s.hangup(live, offered)
}

func TestC7AHeldContactIsReleasedFromTheCommandLineAndCalledBack(t *testing.T) {
	s := newStage(t, shipped(t, "example", "CallDelaySec: 0 ", "CallDelaySec: 60 "))
	contact := s.promised()
	agent := s.agent("1001")
	refused := s.ringing(agent)
	s.answer(refused, agentHz)
	s.endedByThem(refused, 10*time.Second)
	s.await(contact, "held", 5*time.Second)

	listed, err := s.Command(s.within(20*time.Second), "contact", "list", "--held", "--json")
	s.must("list those who are held back", err)
	var held []struct{ ID int64 }
	s.must("read the list", json.Unmarshal([]byte(listed), &held))
	if len(held) != 1 || held[0].ID != contact {
		t.Fatalf("held back are %v, want the contact %d", held, contact)
	}
	id := strconv.FormatInt(contact, 10)
	_, err = s.Command(s.within(20*time.Second), "contact", "release", id)
	if err == nil || !strings.Contains(err.Error(), "would refuse the next agent") {
		t.Fatalf("a release with the delay that has refused the agent gives %v", err)
	}

	s.order(contact, "release", "--call-delay-sec", "1")
	agentCall := s.ringing(agent)
	s.answer(agentCall, agentHz)
	contactCall := s.calledBack()
	s.answer(contactCall, callerHz)
	s.hear(agentCall, agentHz, contactCall, callerHz)
	_, err = s.Command(s.within(20*time.Second), "contact", "cancel", id)
	if err == nil || !strings.Contains(err.Error(), "they are talking") {
		t.Errorf("a cancel while they talk gives %v", err)
	}
	s.hangup(contactCall, agentCall)
	s.ended(contact, "served")
	lifted, err := s.AwaitFact(s.within(5*time.Second), contact, "hold_lifted", func(f site.Fact) bool { return f.Data["call_delay"] == "1s" })
	s.must("find who has lifted the hold", err)
	if !strings.HasPrefix(lifted.Data["by"], "command line, ") {
		t.Errorf("the history says %v", lifted.Data)
	}
}
