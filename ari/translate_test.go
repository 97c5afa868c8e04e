package ari

import (
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/ari/aritest"
	"github.com/callbackd/callbackd/callback"
)

func TestC8AnArrivalTellsWhatWasDialled(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.Arrive(aritest.Call{Channel: "caller-1", ANI: "2025550123", Name: "Ann", DNIS: "8005550100", Dialled: "8885550111"})
	n.awaitEvent(callback.LegArrived{
		Channel: "caller-1", Script: "example", ANI: "2025550123", DNIS: "8005550100", Dialled: "8885550111",
		CallerName: "Ann", Application: DefaultApplication, Language: "en",
	})
}

func TestC8WithoutTheDialplansVariablesTheExtensionIsWhatWasDialled(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.Emit(DefaultApplication, `{"type":"StasisStart","timestamp":"2030-01-31T09:00:00.000+0000","args":["sales"],
		"channel":{"id":"caller-1","state":"Ring","caller":{"name":"","number":"2025550123"},"connected":{"name":"","number":""},
		"dialplan":{"context":"site","exten":"8005550100","priority":3,"app_name":"Stasis","app_data":"callback,sales"},
		"creationtime":"2030-01-31T09:00:00.000+0000"}}`)
	n.awaitEvent(callback.LegArrived{
		Channel: "caller-1", Script: "sales", ANI: "2025550123", DNIS: "8005550100", Dialled: "8005550100", Application: DefaultApplication,
	})
}

func TestAnInboundCallIsSubscribedToBeforeItIsDelivered(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.inbound(server, "caller-1")
	server.Hangup("caller-1", 17)
	n.awaitEvent(callback.LegLeft{Channel: "caller-1"})
	n.awaitEvent(callback.LegEnded{Channel: "caller-1", Cause: callback.CauseBusy})
}

func TestASlowSubscriptionKeepsACallsOrderAndHoldsUpNobodyElse(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.leg("cb-1", answers)
	server.HoldSubscriptions()
	server.Arrive(aritest.Call{Channel: "caller-1", ANI: "2025550123", DNIS: "8005550100"})
	server.Press("caller-1", "1")
	server.Hangup("cb-1", 16)
	n.await("the end of the other leg", func(e callback.Event) bool {
		switch e := e.(type) {
		case callback.LegArrived, callback.KeyPressed:
			t.Errorf("%T%+v was delivered before the subscription", e, e)
		case callback.LegEnded:
			return true
		}
		return false
	})
	server.ReleaseSubscriptions()
	awaitA[callback.LegArrived](n)
	n.awaitEvent(callback.KeyPressed{Channel: "caller-1", Key: "1"})
}

func TestACallThatEndsBeforeItsSubscriptionIsToldAsAbsent(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.HoldSubscriptions()
	server.Arrive(aritest.Call{Channel: "caller-1", ANI: "2025550123", DNIS: "8005550100"})
	server.Hangup("caller-1", 16)
	server.ReleaseSubscriptions()
	awaitA[callback.LegArrived](n)
	n.awaitEvent(callback.LegLeft{Channel: "caller-1"})
	n.awaitEvent(callback.LegEnded{Channel: "caller-1", Cause: callback.CauseNormal, Absent: true})
}

func TestAFailingSubscriptionBreaksTheStreamAndTheResyncMendsIt(t *testing.T) {
	server := startServer(t)
	n := impatient(t, server)
	server.LoseOnce("POST /ari/applications/callback/subscription", aritest.LoseRequest)
	server.Arrive(aritest.Call{Channel: "caller-1", ANI: "2025550123", DNIS: "8005550100"})
	n.awaitLost()
	if arrived := n.awaitConnected().Channels["caller-1"].Arrived; arrived == nil || arrived.ANI != "2025550123" {
		t.Errorf("the snapshot's arrival is %+v, want the call", arrived)
	}
	server.Hangup("caller-1", 16)
	n.awaitEvent(callback.LegEnded{Channel: "caller-1", Cause: callback.CauseNormal})
}

func TestTheCauseOfARequestStandsInForOneThatIsNotTold(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.Emit(DefaultApplication, `{"type":"ChannelHangupRequest","timestamp":"2030-01-31T09:00:00.000+0000","cause":19,"channel":{"id":"cb-1"}}`)
	server.Emit(DefaultApplication, `{"type":"ChannelHangupRequest","timestamp":"2030-01-31T09:00:00.000+0000","cause":32,"soft":true,"channel":{"id":"cb-1"}}`)
	server.Emit(DefaultApplication, `{"type":"ChannelDestroyed","timestamp":"2030-01-31T09:00:00.000+0000","cause":0,"channel":{"id":"cb-1"}}`)
	n.awaitEvent(callback.LegEnded{Channel: "cb-1", Cause: callback.CauseNoAnswer})
}

func TestADeviceIsInTheSnapshotAndItsChangesAreTold(t *testing.T) {
	server := startServer(t)
	n, snapshot := connected(t, optionsFor(server))
	if got := snapshot.Devices[phone]; got != callback.DeviceNotInUse {
		t.Errorf("the device is %q in the snapshot, want %q", got, callback.DeviceNotInUse)
	}
	server.SetDevice(phone, "INUSE")
	n.awaitEvent(callback.DeviceChanged{Device: phone, State: "INUSE"})
}

func TestTheSnapshotTellsOursFromArrivedOnes(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.leg("cb-1", rings)
	n.do(callback.DialLeg{Channel: "cb-1", Timeout: 20 * time.Second})
	n.inbound(server, "caller-1")
	n.do(callback.CreateBridge{Bridge: "cb-b"})
	n.do(callback.Join{Bridge: "cb-b", Channels: []string{"caller-1"}})
	server.Cut()
	n.awaitLost()
	snapshot := n.awaitConnected()
	if got := snapshot.Channels["cb-1"]; got != (callback.SnapshotChannel{State: callback.ChannelRinging}) {
		t.Errorf("our leg is %+v, want it ringing and not arrived", got)
	}
	if got := snapshot.Channels["caller-1"]; got.State != callback.ChannelRinging || got.Arrived == nil || got.Arrived.DNIS != "8005550100" {
		t.Errorf("the caller is %+v, want it unanswered and arrived", got)
	}
	if got := snapshot.Bridges["cb-b"]; len(got) != 1 || got[0] != "caller-1" {
		t.Errorf("the bridge holds %v, want caller-1", got)
	}
	server.Hangup("cb-1", 16)
	n.awaitEvent(callback.LegEnded{Channel: "cb-1", Cause: callback.CauseNormal})
}

func TestTheDoctorsCallIsHungUpAndNoArrival(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.Arrive(aritest.Call{Channel: "doctors", DNIS: "doctor", Script: doctorScript})
	eventually(t, "it is hung up", func() bool { return len(server.Channels()) == 0 })
	n.inbound(server, "caller-1")
	for _, line := range n.story() {
		if strings.Contains(line, "LegArrived{Channel:doctors") {
			t.Errorf("the doctor's call was delivered: %s", line)
		}
	}
}

func TestALegThatATransferPutsInPlaceIsNoArrival(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	server.Emit(DefaultApplication, `{"type":"StasisStart","timestamp":"2030-01-31T09:00:00.000+0000","args":["leg","7"],
		"channel":{"id":"other-1","dialplan":{"context":"from-internal","exten":"1002"}},"replace_channel":{"id":"cb-1"}}`)
	n.awaitEvent(callback.LegReplaced{Channel: "cb-1", By: "other-1", To: "1002"})
	n.inbound(server, "caller-1")
	if got := server.Requests("DELETE /ari/channels/other-1"); len(got) != 0 {
		t.Errorf("the transfer was hung up")
	}
}
