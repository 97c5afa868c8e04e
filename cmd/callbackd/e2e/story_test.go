package e2e

import (
	"bytes"
	"encoding/csv"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
)

func TestC19TheStory(t *testing.T) {
	s := newStage(t, spoken(t))
	contact := s.promised()
	var queued time.Time
	s.must("read the place", s.DB.GetContext(s.ctx, &queued, `SELECT queued_at FROM place WHERE contact_id = $1`, contact))
	if n := s.count(`SELECT count(*) FROM contact WHERE id = $1 AND state = 'callback'`, contact); n != 1 {
		t.Fatal("the contact is not in the Callback state")
	}
	s.must("use no port while it waits (C14)", s.AwaitEmpty(s.within(5*time.Second)))

	agentCall := s.ringing(s.agent("1001"))
	if from := agentCall.From(); from.Number != callerANI || from.Name != "support callback" {
		t.Errorf("the agent's phone shows %v", from)
	}
	if n := len(s.Carrier.Calls()); n != 1 {
		t.Fatalf("the contact's phone is dialled before the agent accepts (C3): %d calls at the carrier", n)
	}
	s.answer(agentCall, agentHz)
	contactCall := s.calledBack()
	if from := contactCall.From(); from.Number != s.Asterisk.DID {
		t.Errorf("the contact's phone shows %v, want the number that was dialled (C8)", from)
	}
	for _, hz := range []float64{440, 480} {
		_, err := agentCall.AwaitTone(s.within(5*time.Second), hz)
		s.must("hear the contact's phone ring", err)
	}
	s.answer(contactCall, callerHz)
	s.hear(agentCall, agentHz, contactCall, callerHz)
	s.hangup(contactCall, agentCall)
	s.ended(contact, "served")
	s.wantUserfield(contact)
	if n := s.count(`SELECT count(DISTINCT contact_id) FROM leg`); n != 1 {
		t.Errorf("the legs belong to %d contacts, want the one (C10)", n)
	}
	if n := s.count(`SELECT count(*) FROM leg WHERE contact_id = $1 AND answered_at IS NOT NULL AND ended_at IS NOT NULL`, contact); n != 3 {
		t.Errorf("%d legs with an answer and an end, want the inbound one, the agent's and the callback", n)
	}
}

func TestC4AHangupBeforeTheCallbackAbandonsTheContact(t *testing.T) {
	t.Parallel()
	for name, until := range map[string]func(*stage, *phone.Call, int64){
		"in the music": func(*stage, *phone.Call, int64) {},
		"in the menu":  func(s *stage, _ *phone.Call, contact int64) { s.awaitAction(contact, "offer") },
		"in the thank-you": func(s *stage, call *phone.Call, contact int64) {
			s.awaitAction(contact, "offer")
			s.must("press 1", call.Press(s.within(5*time.Second), "1"))
			s.awaitAction(contact, "thanks")
			_, err := call.AwaitNoTone(s.within(5*time.Second), musicHz)
			s.must("hear no music", err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, spoken(t))
			call := s.call()
			contact := s.contact()
			until(s, call, contact)
			s.hangup(call)
			s.ended(contact, "abandoned")
			if n := s.count(`SELECT count(*) FROM fact WHERE contact_id = $1 AND kind = 'promised'`, contact); n != 0 {
				t.Error("a callback was promised")
			}
			// An agent who comes now is not rung: a contact that calls after it is the first they hear of.
			agent := s.agent("1001")
			second := s.call()
			agentCall := s.ringing(agent)
			s.answer(agentCall, agentHz)
			s.must("send a tone", second.SendTone(callerHz))
			s.hear(agentCall, agentHz, second, callerHz)
			s.hangup(agentCall, second)
			s.must("leave nothing in Asterisk", s.AwaitEmpty(s.within(10*time.Second)))
		})
	}
}

func TestAnAgentAnswersWhenNobodyPressesAKey(t *testing.T) {
	s := newStage(t, nil)
	call := s.call()
	contact := s.contact()
	s.must("send a tone", call.SendTone(callerHz))
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	s.hear(agentCall, agentHz, call, callerHz)
	if _, err := call.AwaitNoTone(s.within(5*time.Second), musicHz); err != nil {
		t.Errorf("the music goes on: %v", err)
	}
	s.hangup(call, agentCall)
	s.ended(contact, "served")
	if agentCall.Heard(musicHz) {
		t.Error("the agent heard the caller's music")
	}
}

func TestC6ADecliningAgentCostsNoPlaceAndTheNextTakesTheCallback(t *testing.T) {
	s := newStage(t, nil)
	contact := s.promised()
	var before, after time.Time
	s.must("read the place", s.DB.GetContext(s.ctx, &before, `SELECT queued_at FROM place WHERE contact_id = $1`, contact))
	first := s.ringing(s.agent("1001"))
	s.must("decline", first.Decline(s.ctx, 603))
	_, err := s.AwaitFact(s.within(10*time.Second), contact, "offer_ended", func(f site.Fact) bool {
		return f.Data["agent"] == "1001" && f.Data["result"] == "refused"
	})
	s.must("see the refusal", err)
	s.must("read the place", s.DB.GetContext(s.ctx, &after, `SELECT queued_at FROM place WHERE contact_id = $1`, contact))
	if !before.Equal(after) {
		t.Errorf("the place has moved from %v to %v", before, after)
	}
	second := s.ringing(s.agent("1002"))
	s.answer(second, agent2Hz)
	contactCall := s.calledBack()
	s.answer(contactCall, callerHz)
	s.hear(second, agent2Hz, contactCall, callerHz)
	s.hangup(second, contactCall)
	s.ended(contact, "served")
}

func TestARedirectByTheAgentsPhoneIsARefusalAndIsNotFollowed(t *testing.T) {
	s := newStage(t, func(o *site.Options) { o.Agents = []string{"1001"} })
	contact := s.promised()
	other := s.agent("1002")
	phone1 := s.agent("1001")
	first := s.ringing(phone1)
	s.must("redirect", first.Redirect(s.ctx, "sip:1002@"+s.Asterisk.SIP))
	fact := s.await(contact, "offer_ended", 10*time.Second)
	if fact.Data["result"] != "refused" {
		t.Errorf("the offer ended as %v, want refused", fact.Data)
	}
	// The refused agent's phone is the next to ring, once the pause is over; the other never is.
	s.ringing(phone1)
	if n := len(other.Calls()); n != 0 {
		t.Errorf("the phone that the redirect named was rung %d times", n)
	}
}

func TestTheContactDoesNotAnswer(t *testing.T) {
	s := newStage(t, nil)
	contact := s.promised()
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	contactCall := s.calledBack()
	_, err := contactCall.AwaitEnded(s.within(15 * time.Second))
	s.must("ring out", err)
	_, err = agentCall.AwaitEnded(s.within(10 * time.Second))
	s.must("let the agent go", err)
	s.ended(contact, "not_reached")
	fact := s.await(contact, "attempt_ended", time.Second)
	if fact.Data["outcome"] != "no_answer" || fact.Data["counts"] != "true" {
		t.Errorf("the attempt ended with %v, want no_answer, which counts", fact.Data)
	}
	if n := len(s.Carrier.Calls()); n != 2 {
		t.Errorf("the carrier saw %d calls, want the caller's and one attempt", n)
	}
}

// wantUserfield proves that Asterisk's own records of each leg, from its answer on, carry the contact ID
// (C10).
func (s *stage) wantUserfield(contact int64) {
	s.t.Helper()
	file, err := os.Open(s.Asterisk.CEL())
	s.must("open the CEL", err)
	defer func() { _ = file.Close() }()
	rows, err := csv.NewReader(file).ReadAll()
	s.must("read the CEL", err)
	ended := 0
	for _, row := range rows {
		event, channel, userfield := row[0], row[2], row[7]
		if event != "HANGUP" {
			continue
		}
		ended++
		if userfield != strconv.FormatInt(contact, 10) {
			s.t.Errorf("the CEL of channel %s ends with userfield %q, want the contact ID", channel, userfield)
		}
	}
	if ended != 3 {
		s.t.Errorf("the CEL has the end of %d channels, want 3", ended)
	}
}

func TestC8TheNumberThatWasReallyDialledIsKept(t *testing.T) {
	s := newStage(t, func(o *site.Options) {
		o.Script = bytes.Replace(o.Script, []byte(`CallerID: "{DNIS}"`), []byte(`CallerID: "{DIALLED}"`), 1)
	})
	const tollFree = "8885550199"
	call, err := s.Carrier.Call(s.ctx, callerANI, s.Asterisk.DID, phone.WithDiversion(tollFree, "unconditional"))
	s.must("call", err)
	s.must("be answered", call.AwaitAnswered(s.within(10*time.Second)))
	contact := s.contact()
	s.awaitAction(contact, "offer")
	s.must("press 1", call.Press(s.within(5*time.Second), "1"))
	_, err = call.AwaitEnded(s.within(30 * time.Second))
	s.must("be hung up on", err)
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	contactCall := s.calledBack()
	if from := contactCall.From(); from.Number != tollFree {
		t.Errorf("the contact's phone shows %v, want %s, which the caller dialled", from, tollFree)
	}
	s.hangup(agentCall, contactCall)
	// The agent left while the contact's phone rang: that does not count, and the place stands.
	fact := s.await(contact, "attempt_ended", 10*time.Second)
	if fact.Data["outcome"] != "agent_left" || fact.Data["counts"] != "false" {
		t.Errorf("the attempt ended with %v, want agent_left, which does not count", fact.Data)
	}
	if n := s.count(`SELECT count(*) FROM place WHERE contact_id = $1 AND ready_at > now() - interval '1 minute'`, contact); n != 1 {
		t.Error("the place is lost, or offered again without a pause")
	}
	s.must("leave nothing in Asterisk", s.AwaitEmpty(s.within(10*time.Second)))
}

func TestTheAgentHearsWhatTheContactsNetworkSays(t *testing.T) {
	s := newStage(t, nil)
	contact := s.promised()
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	contactCall := s.calledBack()
	s.must("send early media", contactCall.Progress())
	s.must("send a tone", contactCall.SendTone(1800))
	_, err := agentCall.AwaitTone(s.within(5*time.Second), 1800)
	s.must("hear the early media", err)
	s.must("be unreachable", contactCall.Decline(s.ctx, 404))
	s.ended(contact, "not_reached")
}
