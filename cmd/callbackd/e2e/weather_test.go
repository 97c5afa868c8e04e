package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// promise stands in the transaction that promises a callback, and in no other.
var promise = []byte(`"kind":"promised"`)

// proxied lets callbackd reach its database through a proxy that the test can break.
func proxied(t *testing.T, proxy **postgrestest.Proxy) func(*site.Options) {
	return func(o *site.Options) {
		*proxy = postgrestest.NewProxy(t, o.Database)
		o.DaemonDatabase = (*proxy).URL()
	}
}

func TestC5WhenPostgresRefusesTheCommitTheCallerTakesOnError(t *testing.T) {
	s := newStage(t, nil)
	_, err := s.DB.ExecContext(s.ctx, `
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no commit today'; END $$;
		CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON contact DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW WHEN (NEW.state = 'callback') EXECUTE FUNCTION refuse()`)
	s.must("make Postgres refuse", err)
	call := s.call()
	contact := s.contact()
	s.awaitAction(contact, "offer")
	s.must("press 1", call.Press(s.within(5*time.Second), "1"))
	s.awaitAction(contact, "sorry")
	if n := s.count(`SELECT count(*) FROM place WHERE contact_id = $1`, contact); n != 1 {
		t.Fatal("the caller has lost the place")
	}
	// Still on the line, still in the queue: an agent who comes is connected.
	s.must("send a tone", call.SendTone(callerHz))
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	s.hear(agentCall, agentHz, call, callerHz)
	s.hangup(call, agentCall)
	s.ended(contact, "served")
	if n := s.count(`SELECT count(*) FROM fact WHERE contact_id = $1 AND kind = 'promised'`, contact); n != 0 {
		t.Error("a callback was promised")
	}
}

func TestC5ACommitWithoutAnAnswerIsReadBack(t *testing.T) {
	t.Parallel()
	t.Run("it was saved", func(t *testing.T) {
		var proxy *postgrestest.Proxy
		s := newStage(t, proxied(t, &proxy))
		call := s.call()
		contact := s.contact()
		s.awaitAction(contact, "offer")
		cut := proxy.CutAfterCommit(promise)
		s.must("press 1", call.Press(s.within(5*time.Second), "1"))
		_, err := call.AwaitEnded(s.within(30 * time.Second))
		s.must("be hung up on", err)
		select {
		case <-cut:
		default:
			t.Fatal("the connection was never cut")
		}
		if n := s.count(`SELECT count(*) FROM contact WHERE id = $1 AND state = 'callback'`, contact); n != 1 {
			t.Fatal("hung up without a saved place")
		}
		if n := s.count(`SELECT count(*) FROM fact WHERE contact_id = $1 AND kind = 'action' AND data->>'name' = 'sorry'`, contact); n != 0 {
			t.Error("the script took OnError as well")
		}
		s.takeCallback(contact)
	})
	t.Run("it was not saved", func(t *testing.T) {
		var proxy *postgrestest.Proxy
		s := newStage(t, proxied(t, &proxy))
		call := s.call()
		contact := s.contact()
		s.awaitAction(contact, "offer")
		cut := proxy.CutBeforeCommit(promise)
		s.must("press 1", call.Press(s.within(5*time.Second), "1"))
		s.awaitAction(contact, "sorry")
		select {
		case <-cut:
		default:
			t.Fatal("the connection was never cut")
		}
		if n := s.count(`SELECT count(*) FROM contact WHERE id = $1 AND state = 'live'`, contact); n != 1 {
			t.Error("the contact is not live")
		}
		s.hangup(call)
		s.ended(contact, "abandoned")
	})
}

// takeCallback lets an agent take the callback that waits.
func (s *stage) takeCallback(contact int64) {
	s.t.Helper()
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	contactCall := s.calledBack()
	s.answer(contactCall, callerHz)
	s.hear(agentCall, agentHz, contactCall, callerHz)
	s.hangup(contactCall, agentCall)
	s.ended(contact, "served")
	if n := s.count(`SELECT count(*) FROM attempt WHERE contact_id = $1`, contact); n != 1 {
		s.t.Errorf("%d attempts, want 1", n)
	}
}

func TestACallWhilePostgresIsAwayGoesBackToTheDialplan(t *testing.T) {
	var proxy *postgrestest.Proxy
	s := newStage(t, proxied(t, &proxy))
	s.must("take Postgres away", proxy.Refuse())
	call, err := s.Carrier.Call(s.ctx, callerANI, s.Asterisk.DID)
	s.must("call", err)
	_, err = call.AwaitSound(s.within(15 * time.Second))
	s.must("hear a word of regret", err)
	if call.Heard(musicHz) {
		t.Error("the caller hears the music of a queue that nobody saved")
	}
	_, err = call.AwaitEnded(s.within(20 * time.Second))
	s.must("be let go by the dialplan", err)
	s.must("bring Postgres back", proxy.Restore())
	s.must("get ready again", s.AwaitReady(s.within(20*time.Second)))
	second := s.call()
	s.hangup(second)
	s.ended(s.contact(), "abandoned")
}

func TestACallWhilePostgresHangsGoesBackToTheDialplan(t *testing.T) {
	var proxy *postgrestest.Proxy
	s := newStage(t, proxied(t, &proxy))
	proxy.Freeze()
	call, err := s.Carrier.Call(s.ctx, callerANI, s.Asterisk.DID)
	s.must("call", err)
	_, err = call.AwaitSound(s.within(20 * time.Second))
	s.must("hear a word of regret", err)
	s.must("bring Postgres back", proxy.Restore())
	_, err = call.AwaitEnded(s.within(20 * time.Second))
	s.must("be let go by the dialplan", err)
	s.must("get ready again", s.AwaitReady(s.within(20*time.Second)))
	second := s.call()
	s.hangup(second)
	s.must("leave nothing in Asterisk", s.AwaitEmpty(s.within(10*time.Second)))
	var left int
	err = site.Await(s.within(10*time.Second), func() error { return fmt.Errorf("%d contacts are left open", left) }, func() (bool, error) {
		left = s.count(`SELECT count(*) FROM contact WHERE state <> 'ended'`)
		return left == 0, nil
	})
	s.must("leave no contact open", err)
}

func TestACallThatPlaysWhenPostgresGoesAwayPlaysOnAndIsSavedLater(t *testing.T) {
	var proxy *postgrestest.Proxy
	s := newStage(t, proxied(t, &proxy))
	call := s.call()
	contact := s.contact()
	s.awaitAction(contact, "offer")
	s.must("take Postgres away", proxy.Refuse())
	s.must("press 1", call.Press(s.within(5*time.Second), "1"))
	// The callback can't be promised: thanks, the apology, and then the music again.
	_, err := call.AwaitNoTone(s.within(5*time.Second), musicHz)
	s.must("hear no music", err)
	_, err = call.AwaitTone(s.within(30*time.Second), musicHz)
	s.must("hear the music again", err)
	s.must("bring Postgres back", proxy.Restore())
	s.awaitAction(contact, "sorry")
	s.hangup(call)
	s.ended(contact, "abandoned")
}

func TestAKillWhileACallbackWaitsLosesNothing(t *testing.T) {
	s := newStage(t, nil)
	contact := s.promised()
	s.Kill()
	s.must("start again", s.Start(s.within(30*time.Second)))
	s.takeCallback(contact)
}

func TestTwoWhoTalkTalkOnWithoutTheDaemonAndEndWithARightRecord(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*stage){
		"SIGTERM": func(s *stage) { s.must("terminate", s.Terminate(s.within(15*time.Second))) },
		"kill -9": func(s *stage) { s.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			contact := s.promised()
			agentCall := s.ringing(s.agent("1001"))
			s.answer(agentCall, agentHz)
			contactCall := s.calledBack()
			s.answer(contactCall, callerHz)
			s.hear(agentCall, agentHz, contactCall, callerHz)
			s.await(contact, "connected", 5*time.Second)
			end(s)
			// New tones can only be heard if the audio goes on now.
			s.must("send a tone", agentCall.SendTone(900))
			s.must("send a tone", contactCall.SendTone(1400))
			s.hear(agentCall, 900, contactCall, 1400)
			s.must("start again", s.Start(s.within(30*time.Second)))
			s.must("send a tone", agentCall.SendTone(1000))
			s.must("send a tone", contactCall.SendTone(1800))
			s.hear(agentCall, 1000, contactCall, 1800)
			s.hangup(agentCall, contactCall)
			s.ended(contact, "served")
			if n := s.count(`SELECT count(*) FROM fact WHERE contact_id = $1 AND kind = 'connected'`, contact); n != 1 {
				t.Errorf("connected %d times in the record, want once", n)
			}
		})
	}
}

func TestAKillWhileTheContactsPhoneRingsDialsNobodyTwice(t *testing.T) {
	s := newStage(t, func(o *site.Options) { o.Skill = []string{"contact_ring_time: 30s"} })
	contact := s.promised()
	agentCall := s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	contactCall := s.calledBack()
	s.await(contact, "ringing", 5*time.Second)
	s.Kill()
	s.must("start again", s.Start(s.within(30*time.Second)))
	// The phone has rung on, and the daemon has taken the call over.
	s.answer(contactCall, callerHz)
	s.hear(agentCall, agentHz, contactCall, callerHz)
	s.hangup(contactCall, agentCall)
	s.ended(contact, "served")
	if n := len(s.Carrier.Calls()); n != 2 {
		t.Errorf("the carrier saw %d calls, want the caller's and one callback", n)
	}
}

func TestARestartOfAsteriskWhileTheContactRingsIsAnUnknownOutcomeAndIsTriedAgain(t *testing.T) {
	s := newStage(t, nil)
	contact := s.promised()
	agent := s.agent("1001")
	agentCall := s.ringing(agent)
	s.answer(agentCall, agentHz)
	s.calledBack()
	s.await(contact, "ringing", 5*time.Second)
	s.Asterisk.Kill()
	s.must("start Asterisk again", s.Asterisk.Start(s.within(30*time.Second)))
	fact := s.await(contact, "attempt_ended", 30*time.Second)
	if fact.Data["outcome"] != "unknown" || fact.Data["counts"] != "false" {
		t.Errorf("the attempt ended with %v, want unknown, which does not count", fact.Data)
	}
	s.must("register again", agent.Register(s.within(10*time.Second)))
	again := s.ringing(agent)
	s.answer(again, agentHz)
	contactCall := s.calledBack()
	s.answer(contactCall, callerHz)
	s.hear(again, agentHz, contactCall, callerHz)
	s.hangup(contactCall, again)
	s.ended(contact, "served")
}
