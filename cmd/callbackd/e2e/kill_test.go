package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
)

// TestAKillAtAnyStepLosesNoPromiseAndDialsNobodyTwice kills the daemon the moment a step stands in the
// database, starts it again, and lets the people go on as people do.
func TestAKillAtAnyStepLosesNoPromiseAndDialsNobodyTwice(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"promised", "offered", "accepted", "dialling", "answered"} {
		t.Run(step, func(t *testing.T) {
			s := newStage(t, nil)
			s.Carrier.Handle(callerANI, converse)
			call := s.call()
			contact := s.contact()
			s.awaitAction(contact, "offer")
			s.must("press 1", call.Press(s.within(5*time.Second), "1"))
			s.await(contact, "promised", 30*time.Second)
			if step != "promised" {
				s.agent("1001").Handle("", pickUp)
				s.await(contact, step, 30*time.Second)
			}
			s.Kill()
			s.must("start again", s.Start(s.within(30*time.Second)))
			if step == "promised" {
				s.agent("1001").Handle("", pickUp)
			}
			_, err := call.AwaitEnded(s.within(20 * time.Second))
			s.must("be hung up on", err)
			s.await(contact, "ended", 60*time.Second)
			s.ended(contact, "served")
			s.wantOneCallAnAttempt(contact)
		})
	}
}

// pickUp answers as an agent does, and stays until the other side hangs up.
func pickUp(ctx context.Context, call *phone.Call) {
	if call.Ring() != nil || call.SendTone(agentHz) != nil {
		return
	}
	if call.Answer(ctx) == nil {
		_, _ = call.AwaitEnded(ctx)
	}
}

// converse answers as a contact does who is called back, and hangs up when the agent was heard.
func converse(ctx context.Context, call *phone.Call) {
	if call.Ring() != nil || call.SendTone(callerHz) != nil || call.Answer(ctx) != nil {
		return
	}
	if _, err := call.AwaitTone(ctx, agentHz); err == nil {
		_ = call.Hangup(ctx)
	}
}

// wantOneCallAnAttempt proves that the contact's phone was never rung without an attempt that stood in
// the database, never twice for one, and never twice at once.
func (s *stage) wantOneCallAnAttempt(contact int64) {
	s.t.Helper()
	dialled := s.count(`SELECT count(*) FROM attempt WHERE contact_id = $1 AND dialling_at IS NOT NULL`, contact)
	rung := 0
	var ended time.Time
	for _, call := range s.Carrier.Calls() {
		if !call.Incoming() {
			continue
		}
		rung++
		if call.When(phone.EventOffered).Before(ended) {
			s.t.Error("the contact's phone was rung while it was still on the call before")
		}
		ended = call.When(phone.EventEnded)
	}
	if rung > dialled || rung == 0 {
		s.t.Errorf("the contact's phone was rung %d times for %d attempts", rung, dialled)
	}
}
