package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
)

// TestAnAgentInACallOfTheirOwnWorksOutboundAndIsOfferedAContactWhenItIsOver has an agent dial a colleague
// while a caller waits.
func TestAnAgentInACallOfTheirOwnWorksOutboundAndIsOfferedAContactWhenItIsOver(t *testing.T) {
	s := newStage(t, func(o *site.Options) { o.Agents = []string{"1001"} })
	agent, colleague := s.agent("1001"), s.agent("1002")
	s.dial(agent, "*48", "agent-ready")
	own, other := s.talk(agent, colleague)
	s.agentIs("1001", "working_outbound", "")
	listed, err := s.Command(s.ctx, "agent", "list")
	s.must("list the agents", err)
	if !strings.Contains(listed, "in a call of their own") {
		t.Errorf("the list says:\n%s", listed)
	}

	caller := s.call()
	contact := s.contact()
	s.await(contact, "queued", 5*time.Second)
	if n := s.count(`SELECT count(*) FROM offer`); n != 0 {
		t.Errorf("%d contacts were offered to an agent in a call of their own", n)
	}
	s.agentIs("1001", "working_outbound", "")
	s.hangup(own, other)
	offered := s.ringing(agent)
	s.answer(offered, agentHz)
	s.must("send a tone", caller.SendTone(callerHz))
	s.hear(offered, agentHz, caller, callerHz)
	s.hangup(caller, offered)
	s.ended(contact, "served")

	var history []string
	s.must("read the history", s.DB.SelectContext(s.ctx, &history, `
		SELECT concat_ws('/', activity, nullif(reason, '')) FROM agent_history WHERE agent = '1001' AND asked_by = 'callbackd' ORDER BY id`))
	want := []string{
		"working_outbound/a call of their own", "free/the call of their own is over",
		"offered", "working_inbound", "free/accepted",
	}
	if !slices.Equal(history, want) {
		t.Errorf("the history is %q, want %q", history, want)
	}
}

// TestACallOfTheirOwnThatEndsWhileNobodyLooksLeavesNoAgentStuck kills the daemon while an agent, whom a
// colleague has called, talks.
func TestACallOfTheirOwnThatEndsWhileNobodyLooksLeavesNoAgentStuck(t *testing.T) {
	s := newStage(t, func(o *site.Options) { o.Agents = []string{"1001"} })
	agent, colleague := s.agent("1001"), s.agent("1002")
	other, own := s.talk(colleague, agent)
	s.agentIs("1001", "working_outbound", "")
	_, err := s.Command(s.ctx, "agent", "state", "1001", "unavailable", "--reason", "lunch")
	s.must("pause", err)
	s.agentIs("1001", "working_outbound", "lunch")
	s.Kill()
	s.hangup(other, own)
	s.agentIs("1001", "working_outbound", "lunch")
	s.must("start again", s.Start(s.within(30*time.Second)))
	s.agentIs("1001", "unavailable", "lunch")
	s.must("leave nothing in Asterisk", s.AwaitEmpty(s.within(10*time.Second)))
}
