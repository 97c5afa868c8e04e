package ari

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbackd/callbackd/ari/aritest"
	"github.com/callbackd/callbackd/callback"
)

// leg makes a channel of ours and waits until it is told.
func (n *testNode) leg(id, endpoint string) {
	n.t.Helper()
	n.do(callback.CreateLeg{Channel: id, Endpoint: endpoint, Party: callback.PartyContact, Contact: aContact, CallerNumber: "8005550100", CallerName: "Acme"})
	n.awaitEvent(callback.LegCreated{Channel: id})
}

func TestC10ALegOfOursCarriesTheContactIDAndTheCallerID(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.leg("cb-1", answers)
	got := server.Variables("cb-1")
	for name, want := range map[string]string{
		"CALLBACKD_CONTACT": "4711", "CDR(userfield)": "4711", "CHANNEL(userfield)": "4711",
		"CONNECTEDLINE(num)": "8005550100", "CONNECTEDLINE(name)": "Acme",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestC10MarkSetsTheContactIDOnAnInboundCall(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.inbound(server, "caller-1")
	n.do(callback.Mark{Channel: "caller-1", Contact: aContact})
	got := server.Variables("caller-1")
	for _, name := range []string{"CALLBACKD_CONTACT", "CDR(userfield)", "CHANNEL(userfield)"} {
		if got[name] != "4711" {
			t.Errorf("%s is %q, want 4711", name, got[name])
		}
	}
}

func TestALegRingsIsAnsweredAndEnds(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.leg("cb-1", answers)
	n.do(callback.DialLeg{Channel: "cb-1", Timeout: 20 * time.Second})
	n.awaitEvent(callback.LegRinging{Channel: "cb-1"})
	n.awaitEvent(callback.LegAnswered{Channel: "cb-1"})
	n.do(callback.Hangup{Channel: "cb-1", Reason: "normal"})
	n.awaitEvent(callback.LegHangup{Channel: "cb-1"})
	n.awaitEvent(callback.LegLeft{Channel: "cb-1"})
	n.awaitEvent(callback.LegEnded{Channel: "cb-1", Cause: callback.CauseNormal})
}

func TestALegThatIsBusyEndsWithTheCause(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.leg("cb-1", busy)
	n.do(callback.DialLeg{Channel: "cb-1", Timeout: 20 * time.Second})
	n.awaitEvent(callback.LegEnded{Channel: "cb-1", Cause: callback.CauseBusy})
}

func TestALegRingsNoLongerThanItsTime(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.leg("cb-1", rings)
	began := time.Now()
	n.do(callback.DialLeg{Channel: "cb-1", Timeout: time.Millisecond}) // Asterisk knows whole seconds only
	n.awaitEvent(callback.LegEnded{Channel: "cb-1", Cause: callback.CauseNoAnswer})
	if took := time.Since(began); took < 900*time.Millisecond || took > 3*time.Second {
		t.Errorf("it rang for %s, want 1s", took)
	}
}

func TestVoiceOnACall(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.inbound(server, "caller-1")
	n.do(callback.Answer{Channel: "caller-1"})
	n.awaitEvent(callback.LegAnswered{Channel: "caller-1"})
	n.do(callback.StartMusic{Channel: "caller-1", Class: "default"})
	n.do(callback.StopMusic{Channel: "caller-1"})
	n.do(callback.Play{Channel: "caller-1", Playback: "p-1", Media: []string{"sound:" + aSound, "sound:" + aSound}})
	n.awaitEvent(callback.PlaybackFinished{Channel: "caller-1", Playback: "p-1"})
	n.do(callback.Play{Channel: "caller-1", Playback: "p-2", Media: []string{"tone:ring"}}) // never ends by itself
	server.Press("caller-1", "5")
	n.awaitEvent(callback.KeyPressed{Channel: "caller-1", Key: "5"})
	n.do(callback.StopPlayback{Channel: "caller-1", Playback: "p-2"})
	n.awaitEvent(callback.PlaybackFinished{Channel: "caller-1", Playback: "p-2"})
}

func TestTwoLegsAreJoinedInOneRequestAndPartedOneByOne(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.leg("cb-1", answers)
	n.inbound(server, "caller-1")
	n.do(callback.CreateBridge{Bridge: "cb-b"})
	n.do(callback.Join{Bridge: "cb-b", Channels: []string{"cb-1", "caller-1"}})
	n.awaitEvent(callback.LegJoined{Channel: "cb-1", Bridge: "cb-b"})
	n.awaitEvent(callback.LegJoined{Channel: "caller-1", Bridge: "cb-b"})
	n.do(callback.DestroyBridge{Bridge: "cb-b"})
	n.awaitEvent(callback.LegParted{Channel: "cb-1", Bridge: "cb-b"})
	n.awaitEvent(callback.LegParted{Channel: "caller-1", Bridge: "cb-b"})
	if got := server.Requests("POST /ari/bridges/cb-b/addChannel"); len(got) != 1 {
		t.Errorf("%d joins were sent, want 1", len(got))
	}
	if got := server.Requests("POST /ari/bridges/cb-b/removeChannel"); len(got) != 2 {
		t.Errorf("%d channels were taken out before the bridge was deleted, want both", len(got))
	}
}

func TestACallThatIsGivenBackGoesOnWithItsStatus(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.inbound(server, "caller-1")
	n.do(callback.GiveBack{Channel: "caller-1", Status: "UNAVAILABLE"})
	n.awaitEvent(callback.LegLeft{Channel: "caller-1"})
	n.awaitEvent(callback.LegEnded{Channel: "caller-1", Cause: callback.CauseTemporary}) // the dialplan's word of regret
}

func TestACreateThatWasCarriedOutBeforeIsDone(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.leg("cb-1", answers)
	n.do(callback.CreateLeg{Channel: "cb-1", Endpoint: answers, Contact: aContact})
	n.do(callback.CreateBridge{Bridge: "cb-b"})
	n.do(callback.CreateBridge{Bridge: "cb-b"})
}

func TestALostAnswerToACreateIsAskedForAndNotSentAgain(t *testing.T) {
	server := startServer(t)
	n := impatient(t, server)
	for request, cmd := range map[string]callback.Command{
		"POST /ari/channels/create":            callback.CreateLeg{Channel: "cb-1", Endpoint: answers},
		"POST /ari/bridges/cb-b":               callback.CreateBridge{Bridge: "cb-b"},
		"POST /ari/channels/caller-1/play/p-1": callback.Play{Channel: "caller-1", Playback: "p-1", Media: []string{"tone:ring"}},
	} {
		t.Run(request, func(t *testing.T) {
			n.t = t
			n.inbound(server, "caller-1")
			server.LoseOnce(request, aritest.LoseAnswer)
			n.do(cmd)
			if sent := server.Requests(request); len(sent) != 1 {
				t.Errorf("it was sent %d times, want once", len(sent))
			}
			server.Hangup("caller-1", 16)
		})
	}
}

func TestACommandWithoutAnAnswerIsUnsure(t *testing.T) {
	server := startServer(t)
	n := impatient(t, server)
	for request, cmd := range map[string]callback.Command{
		"POST /ari/channels/create":     callback.CreateLeg{Channel: "cb-1", Endpoint: answers},
		"POST /ari/channels/cb-2/dial":  callback.DialLeg{Channel: "cb-2", Timeout: 20 * time.Second},
		"DELETE /ari/channels/caller-1": callback.Hangup{Channel: "caller-1"},
	} {
		server.LoseOnce(request, aritest.LoseRequest)
		failure := n.refused(cmd)
		if failure.Kind != callback.CommandUnsure || failure.Status != 0 || !strings.Contains(failure.Message, "no answer from Asterisk within 100ms") {
			t.Errorf("%s fails with %+v, want an unsure one with the time that it waited", request, failure)
		}
		if sent := server.Requests(request); len(sent) != 1 {
			t.Errorf("%s was sent %d times, want once", request, len(sent))
		}
	}
}

func TestACommandEndsWithItsContext(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.SetSlow(time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := n.Do(ctx, callback.Answer{Channel: "caller-1"}); err == nil {
		t.Error("a command without an answer has succeeded")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s, want 50ms", took)
	}
}

func TestWhatIsAbsentIsNotFound(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.leg("cb-1", answers)
	n.do(callback.CreateBridge{Bridge: "cb-b"})
	for message, commands := range map[string][]callback.Command{
		"Channel not found": {
			callback.Answer{Channel: "nobody"},
			callback.Play{Channel: "nobody", Playback: "p", Media: []string{"sound:" + aSound}},
			callback.StartMusic{Channel: "nobody", Class: "default"},
			callback.StopMusic{Channel: "nobody"},
			callback.DialLeg{Channel: "nobody", Timeout: time.Second},
			callback.Hangup{Channel: "nobody", Reason: "normal"},
			callback.GiveBack{Channel: "nobody", Status: "UNAVAILABLE"},
			callback.Mark{Channel: "nobody", Contact: aContact},
			callback.Join{Bridge: "cb-b", Channels: []string{"cb-1", "nobody"}},
		},
		"Playback not found": {callback.StopPlayback{Channel: "cb-1", Playback: "nothing"}},
		"Bridge not found":   {callback.DestroyBridge{Bridge: "nothing"}, callback.Join{Bridge: "nothing", Channels: []string{"cb-1"}}},
	} {
		for _, cmd := range commands {
			failure := n.refused(cmd)
			if failure.Kind != callback.CommandNotFound || failure.Message != message {
				t.Errorf("%T fails with %+v, want not found: %s", cmd, failure, message)
			}
		}
	}
}

func TestARefusalKeepsAsterisksWords(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.leg("cb-1", answers)
	for want, cmd := range map[callback.CommandError]callback.Command{
		{Kind: callback.CommandRejected, Status: http.StatusInternalServerError, Message: "Allocation failed"}:                callback.CreateLeg{Channel: "cb-2", Endpoint: "PJSIP/nobody"},
		{Kind: callback.CommandRejected, Status: http.StatusBadRequest, Message: "Invalid reason for hangup reason provided"}: callback.Hangup{Channel: "cb-1", Reason: "whim"},
	} {
		if got := n.refused(cmd); *got != want {
			t.Errorf("%T fails with %+v, want %+v", cmd, *got, want)
		}
	}
}

func TestManyCommandsAtOnceShareAFewConnections(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	var work sync.WaitGroup
	for range 500 {
		work.Go(func() {
			if err := n.Do(t.Context(), callback.CreateBridge{Bridge: "cb-b"}); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if used := server.Connections(); used > connections+2 { // and the event stream
		t.Errorf("%d connections were opened, want at most %d", used, connections)
	}
}

func TestNothingOfTheProgramsOwnHTTPGoesThroughUs(t *testing.T) {
	server := startServer(t)
	connected(t, optionsFor(server))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+"/asterisk/info", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a request without a login was answered with %s", resp.Status)
	}
}
