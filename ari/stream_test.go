package ari

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbackd/callbackd/ari/aritest"
	"github.com/callbackd/callbackd/callback"
)

// inbound lets a call arrive and waits until it was delivered.
func (n *testNode) inbound(server *aritest.Server, id string) {
	n.t.Helper()
	server.Arrive(aritest.Call{Channel: id, ANI: "2025550123", DNIS: "8005550100"})
	n.await("LegArrived of "+id, func(e callback.Event) bool {
		arrived, is := e.(callback.LegArrived)
		return is && arrived.Channel == id
	})
}

func TestABurstOf5000EventsLosesNoneToASlowConsumer(t *testing.T) {
	const burst = 5000
	server := startServer(t)
	n := newTestNode(t, optionsFor(server))
	var keys, next atomic.Int64
	slow := func(e callback.Event) {
		key, is := e.(callback.KeyPressed)
		if !is {
			n.deliver(e)
			return
		}
		<-time.After(50 * time.Microsecond)
		var number int64
		if _, err := fmt.Sscanf(key.Channel, "caller-%d", &number); err != nil || number != next.Load() {
			t.Errorf("the key of %s came where that of caller-%d was due", key.Channel, next.Load())
		}
		next.Store(number + 1)
		keys.Add(1)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, slow) }()
	n.awaitConnected()
	for i := range burst {
		server.Emit(DefaultApplication, fmt.Sprintf(`{"type":"ChannelDtmfReceived","timestamp":"2030-01-31T09:00:00.000+0000","digit":"1","channel":{"id":"caller-%d"}}`, i))
	}
	eventually(t, "all keys", func() bool { return keys.Load() == burst })
	eventually(t, "the inbox is empty", func() bool { return n.metric("callbackd_ari_inbox_events", "") == 0 })
	if losses := n.metric("callbackd_ari_losses_total", ""); losses != 0 {
		t.Errorf("the stream has broken %v times", losses)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAHalfOpenLinkIsNoticedWithinTheReadDeadline(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.Freeze()
	began := time.Now()
	reason := n.awaitLost()
	if took := time.Since(began); took > n.timing.silence+500*time.Millisecond {
		t.Errorf("noticed after %s, want about %s", took, n.timing.silence)
	}
	if !strings.Contains(reason, "nothing has come from Asterisk for 1s") {
		t.Errorf("the reason is %q", reason)
	}
	server.Thaw()
	n.awaitConnected()
}

func TestAQuietNodeStaysConnectedByItsPings(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	eventually(t, "pings for three read deadlines", func() bool {
		return len(server.Requests("POST /ari/events/user/callbackd-ping-")) > int(3*n.timing.silence/n.timing.ping/2)
	})
	if losses := n.metric("callbackd_ari_losses_total", ""); losses != 0 {
		t.Errorf("the stream has broken %v times", losses)
	}
}

func TestAReconnectDeliversTheLossTheSnapshotAndTheBufferInOrder(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.inbound(server, "caller-1")
	server.SetSlow(30 * time.Millisecond)
	before := len(server.Requests("GET /ari/asterisk/info"))
	server.Cut()
	n.awaitLost()
	eventually(t, "the resync is under way", func() bool { return len(server.Requests("GET /ari/asterisk/info")) > before })
	for _, key := range []string{"1", "2", "3"} {
		server.Press("caller-1", key)
	}
	server.Hangup("caller-1", 16)
	first := n.await("what follows the loss", func(callback.Event) bool { return true })
	if _, is := first.(callback.NodeConnected); !is {
		t.Errorf("%T%+v follows the loss, want NodeConnected", first, first)
	}
	for _, key := range []string{"1", "2", "3"} {
		n.awaitEvent(callback.KeyPressed{Channel: "caller-1", Key: key})
	}
	n.awaitEvent(callback.LegEnded{Channel: "caller-1", Cause: callback.CauseNormal})
}

func TestWhatComesDuringTheResyncIsDeliveredAfterTheSnapshot(t *testing.T) {
	server := startServer(t)
	server.SetSlow(30 * time.Millisecond)
	n := newTestNode(t, optionsFor(server))
	n.run()
	eventually(t, "the resync is under way", func() bool { return len(server.Requests("GET /ari/asterisk/info")) > 0 })
	server.Arrive(aritest.Call{Channel: "early", ANI: "2025550123", DNIS: "8005550100"})
	server.Press("early", "1")
	server.Hangup("early", 16)
	n.await("the snapshot first", func(e callback.Event) bool {
		if _, is := e.(callback.NodeConnected); !is {
			t.Errorf("%T%+v came before the snapshot", e, e)
		}
		return true
	})
	if arrived := awaitA[callback.LegArrived](n); arrived.Channel != "early" {
		t.Errorf("arrived %+v, want the early one", arrived)
	}
	n.awaitEvent(callback.KeyPressed{Channel: "early", Key: "1"})
	n.awaitEvent(callback.LegLeft{Channel: "early"})
}

func TestABootingAsteriskLeaksNoSocket(t *testing.T) {
	for name, boot := range map[string]aritest.Boot{"everything answers 503": aritest.BootAll, "the socket opens and requests answer 503": aritest.BootRequests} {
		t.Run(name, func(t *testing.T) {
			server := startServer(t)
			server.SetBooting(boot)
			n := newTestNode(t, optionsFor(server))
			n.run()
			eventually(t, "ten attempts", func() bool { return len(server.Requests("GET /ari/events")) > 10 })
			if open := server.Sockets(); open > 1 {
				t.Errorf("%d sockets are open while booting", open)
			}
			server.SetBooting(aritest.BootDone)
			n.awaitConnected()
			eventually(t, "one socket", func() bool { return server.Sockets() == 1 })
			if warnings := n.logged.lines("no events from Asterisk"); len(warnings) != 1 || !strings.Contains(warnings[0], "503") && !strings.Contains(warnings[0], "not booted") {
				t.Errorf("the outage is logged as %q, want one line with the reason", warnings)
			}
		})
	}
}

func TestLossAndRecoveryAreLoggedOnceEach(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.SetBooting(aritest.BootAll)
	server.Cut()
	n.awaitLost()
	before := len(server.Requests("GET /ari/events"))
	eventually(t, "five attempts", func() bool { return len(server.Requests("GET /ari/events")) > before+5 })
	server.SetBooting(aritest.BootDone)
	n.awaitConnected()
	if lost, found := n.logged.lines("no events from Asterisk"), n.logged.lines("receiving Asterisk's events"); len(lost) != 1 || len(found) != 2 {
		t.Errorf("logged %q and %q, want one loss and two connects", lost, found)
	}
}

func TestAnotherProgramWithOurNameIsAnErrorAndNotFoughtOver(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.Replace(DefaultApplication)
	began := time.Now()
	if reason := n.awaitLost(); reason != errReplaced.Error() {
		t.Errorf("the reason is %q, want %q", reason, errReplaced)
	}
	n.awaitConnected()
	if took := time.Since(began); took < n.timing.replaced/2 {
		t.Errorf("the application was taken back after %s, want a long pause", took)
	}
	if lines := n.logged.lines("another program"); len(lines) != 1 || !strings.Contains(lines[0], "level=ERROR") {
		t.Errorf("logged as %q, want one error", lines)
	}
}

func TestARestartOfAsteriskIsToldByItsStart(t *testing.T) {
	server := startServer(t)
	n, before := connected(t, optionsFor(server))
	n.inbound(server, "caller-1")
	server.Restart()
	n.awaitLost()
	after := n.awaitConnected()
	if !after.StartedAt.After(before.StartedAt) || len(after.Channels) != 0 {
		t.Errorf("after the restart %+v, before %+v", after, before)
	}
}

func TestEventsOfUnknownTypesAreCountedAndPassedOver(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	before := n.counted(typeUnused)
	server.Emit(DefaultApplication, `{"type":"ChannelTransfer","whatever":{"deep":[1,2,{"type":"StasisStart"}]}}`)
	server.Emit(DefaultApplication, `{"timestamp":"now"}`)
	server.Emit(DefaultApplication, `this is no JSON`)
	server.Emit(DefaultApplication, `{"type":"StasisStart","channel":17}`)
	n.inbound(server, "caller-1")
	if got := n.counted(typeUnused) - before; got < 3 {
		t.Errorf("%v events without use were counted, want 3 or more", got)
	}
	if got := n.counted(typeInvalid); got != 1 {
		t.Errorf("%v invalid events were counted, want 1", got)
	}
}

func TestAWrongPasswordEndsRunWithUserAndURL(t *testing.T) {
	server := startServer(t)
	o := optionsFor(server)
	o.Password = "not it"
	n := newTestNode(t, o)
	err := n.Run(t.Context(), n.deliver)
	var access *AccessError
	if !errors.As(err, &access) || access.Status != http.StatusUnauthorized {
		t.Fatalf("Run has ended with %v, want an AccessError", err)
	}
	for _, part := range []string{server.URL(), aritest.User} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
	if strings.Contains(err.Error(), "not it") {
		t.Errorf("%q gives the password away", err)
	}
	if _, err := n.Info(t.Context()); !errors.As(err, &access) {
		t.Errorf("Info fails with %v, want an AccessError", err)
	}
}

func TestAUserThatMayOnlyReadEndsRunWithWhatToSet(t *testing.T) {
	o := serverOptions()
	o.ReadOnly = true
	server := aritest.New(o)
	t.Cleanup(server.Close)
	n := newTestNode(t, optionsFor(server))
	err := n.Run(t.Context(), n.deliver)
	var access *AccessError
	if !errors.As(err, &access) || !strings.Contains(err.Error(), "read_only = no") {
		t.Errorf("Run has ended with %v, want an AccessError with the remedy", err)
	}
}

func TestEventsThatComeAfterTheAnswersAreDeliveredInOrder(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.HoldEvents()
	n.do(callback.CreateLeg{Channel: "cb-1", Endpoint: answers, Contact: aContact})
	n.do(callback.DialLeg{Channel: "cb-1", Timeout: 20 * time.Second})
	n.do(callback.Hangup{Channel: "cb-1"})
	server.ReleaseEvents()
	n.awaitEvent(callback.LegCreated{Channel: "cb-1"})
	n.awaitEvent(callback.LegAnswered{Channel: "cb-1"})
	n.awaitEvent(callback.LegEnded{Channel: "cb-1", Cause: callback.CauseNormal})
}

func TestAWrongPasswordLaterOnIsWaitedOut(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.RefuseUser(true)
	server.Cut()
	n.awaitLost()
	before := len(server.Requests("GET /ari/events"))
	eventually(t, "more attempts", func() bool { return len(server.Requests("GET /ari/events")) > before+3 })
	server.RefuseUser(false)
	n.awaitConnected()
}

func TestAnAsteriskThatIsNotThereIsWaitedFor(t *testing.T) {
	server := aritest.New(serverOptions())
	url := server.URL()
	server.Close()
	n := newTestNode(t, Options{URL: url, User: "u", Password: "p"})
	n.run()
	eventually(t, "the outage is logged", func() bool { return len(n.logged.lines("connection refused")) == 1 })
	failure := n.refused(callback.Answer{Channel: "caller-1"})
	if failure.Kind != callback.CommandRejected || failure.Status != 0 {
		t.Errorf("a command fails with %+v, want one that was surely not carried out", failure)
	}
}

func TestTheFilterIsSetAtEachConnect(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.Cut()
	n.awaitLost()
	n.awaitConnected()
	if got := server.Requests("PUT /ari/applications/callback/eventFilter"); len(got) != 2 {
		t.Errorf("the filter was set %d times, want 2", len(got))
	}
}

func TestThePauseGrowsToItsLimitAndIsNeverTheSame(t *testing.T) {
	n := newTestNode(t, Options{URL: "http://127.0.0.1:1/ari", User: "u", Password: "p"})
	r := &runner{node: n.Node}
	pauses := map[time.Duration]bool{}
	for range 200 {
		pause := r.pause(errors.New("refused"))
		if pause > n.timing.backoffLast {
			t.Fatalf("a pause of %s, want at most %s", pause, n.timing.backoffLast)
		}
		pauses[pause] = true
	}
	if len(pauses) < 100 {
		t.Errorf("200 pauses have only %d lengths", len(pauses))
	}
	if last := r.pause(errors.New("refused")); last < n.timing.backoffLast/2 {
		t.Errorf("after 200 attempts a pause of %s, want at least half of %s", last, n.timing.backoffLast)
	}
}
