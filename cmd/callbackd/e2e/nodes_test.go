package e2e

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
)

// agentsOfBoth opens two nodes, each with an agent who is not available yet: 1001 in the first, and 1002, who is
// better, in the second.
func agentsOfBoth(t *testing.T) (a, b *stage) {
	t.Helper()
	settings := []string{"ring_time: 8s", "refused_time: 60s", "contact_ring_time: 6s"}
	a = newStage(t, func(o *site.Options) { o.Agents, o.Skill = []string{"1001"}, settings })
	b = a.secondNode(site.Options{Agents: []string{"1002"}, Skill: settings})
	for extension, skill := range map[string]string{"1001": "support=2", "1002": "support=1"} {
		_, err := a.Command(a.ctx, "agent", "add", extension, "--skill", skill)
		a.must("say how good an agent is", err)
		a.setAgent(extension, "unavailable")
	}
	return a, b
}

// allAvailable makes all agents available in one moment.
func (s *stage) allAvailable() {
	s.t.Helper()
	_, err := s.DB.ExecContext(s.ctx, `UPDATE agent SET presence = 'available'`)
	s.must("make all agents available", err)
}

func TestACallbackRingsTheBestAgentOfAllNodesAndThenTheNext(t *testing.T) {
	a, b := agentsOfBoth(t)
	second, best := a.agent("1001"), b.agent("1002")
	contact := a.promised()
	a.allAvailable()
	offer := b.ringing(best)
	if n := len(second.Calls()); n != 0 {
		t.Errorf("the second best agent was rung %d times before", n)
	}
	b.must("decline", offer.Decline(b.within(5*time.Second), 603))
	offer = a.ringing(second)
	a.answer(offer, agentHz)
	call := a.calledBack()
	a.answer(call, callerHz)
	a.hear(offer, agentHz, call, callerHz)
	a.hangup(call, offer)
	a.ended(contact, "served")
	if n := len(best.Calls()); n != 1 {
		t.Errorf("the best agent was rung %d times", n)
	}
}

func TestACallbackDoesNotWaitForAnAgentWhoseNodeIsGone(t *testing.T) {
	a, b := agentsOfBoth(t)
	agent := a.agent("1001")
	b.agent("1002")
	a.awaitCount("the phones of both nodes", 2, `SELECT count(*) FROM reach WHERE endpoint IN ('PJSIP/1001', 'PJSIP/1002')`)
	contact := a.promised()
	b.Kill()
	a.allAvailable()
	offer := a.ringing(agent) // once the other node's lease is over
	a.answer(offer, agentHz)
	call := a.calledBack()
	a.answer(call, callerHz)
	a.hangup(call, offer)
	a.ended(contact, "served")
}
