package e2e

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
)

// callFrom places a call of that number, which is answered, and gives its contact, which is newer than
// another.
func (s *stage) callFrom(ani string, after int64) (*phone.Call, int64) {
	s.t.Helper()
	call, err := s.Carrier.Call(s.ctx, ani, s.Asterisk.DID)
	s.must("call", err)
	s.must("be answered", call.AwaitAnswered(s.within(10*time.Second)))
	arrived, err := s.AwaitFact(s.within(10*time.Second), 0, "arrived", func(f site.Fact) bool { return f.Contact > after })
	s.must("find the contact", err)
	return call, arrived.Contact
}

// takenOver checks that the callback has ended since another contact has its place.
func (s *stage) takenOver(contact int64) {
	s.t.Helper()
	if fact := s.await(contact, "ended", 10*time.Second); fact.Data["outcome"] != "taken_over" {
		s.t.Errorf("the callback ended as %v, want taken_over", fact.Data)
	}
	if fact := s.await(contact, "taken_over", time.Second); fact.Data["cause"] != "242" {
		s.t.Errorf("the callback was taken over with %v, want the cause 242", fact.Data)
	}
}

func TestARepeatCallerTakesThePlaceOfTheCallbackAndIsAnsweredFirst(t *testing.T) {
	s := newStage(t, shipped(t, "repeat-caller"))
	waiting := s.promised()
	var queued time.Time
	s.must("read the place", s.DB.GetContext(s.ctx, &queued, `SELECT queued_at FROM place WHERE contact_id = $1`, waiting))
	// Somebody else calls before the caller calls again.
	other, between := s.callFrom("2125550188", waiting)
	s.awaitAction(between, "music")
	again, taker := s.callFrom(callerANI, between)
	s.awaitAction(taker, "welcome_back")
	s.takenOver(waiting)
	if n := s.count(`SELECT count(*) FROM place WHERE contact_id = $1 AND queued_at = $2`, taker, queued); n != 1 {
		t.Error("the new call does not have the place of the callback")
	}

	offered := s.ringing(s.agent("1001"))
	if from := offered.From(); from.Number != callerANI || from.Name != "support live" {
		t.Errorf("the agent's phone shows %v, want the repeat caller first", from)
	}
	s.must("send a tone", again.SendTone(callerHz))
	s.answer(offered, agentHz)
	s.hear(offered, agentHz, again, callerHz)
	s.hangup(again, offered)
	s.must("hang up", other.Hangup(s.within(5*time.Second)))
	s.ended(taker, "served")
	s.ended(between, "abandoned")
	s.wantCallsOnlyFromCallers()
}

func TestARepeatCallerIsJoinedToTheAgentWhoIsCallingThemBack(t *testing.T) {
	s := newStage(t, shipped(t, "repeat-caller"))
	waiting := s.promised()
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	rung := s.calledBack()
	again, taker := s.callFrom(callerANI, waiting)
	s.must("send a tone", again.SendTone(callerHz))
	s.endedByThem(rung, 10*time.Second)
	s.takenOver(waiting)
	s.hear(agentCall, agentHz, again, callerHz)
	if fact := s.await(waiting, "attempt_ended", time.Second); fact.Data["outcome"] != "taken_over" || fact.Data["counts"] != "false" {
		t.Errorf("the attempt ended with %v, want taken_over, which does not count", fact.Data)
	}
	if fact := s.await(taker, "connected", 5*time.Second); fact.Data["agent"] != "1001" {
		t.Errorf("connected: %v", fact.Data)
	}
	if n := s.count(`SELECT count(*) FROM fact WHERE contact_id = $1 AND kind = 'action' AND data->>'name' = 'welcome_back'`, taker); n != 0 {
		t.Error("the script went on although there was an agent")
	}
	s.hangup(again, agentCall)
	s.ended(taker, "served")
}

// wantCallsOnlyFromCallers proves that no contact's phone was dialled.
func (s *stage) wantCallsOnlyFromCallers() {
	s.t.Helper()
	for _, call := range s.Carrier.Calls() {
		if call.Incoming() {
			s.t.Errorf("the phone of %s was dialled", call.To())
		}
	}
}
