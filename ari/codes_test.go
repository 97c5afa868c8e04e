package ari

import (
	"context"
	"testing"

	"github.com/callbackd/callbackd/ari/aritest"
	"github.com/callbackd/callbackd/asterisk-conf/lab"
	sip "github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/callback"
)

func TestRealAgentsCodesAreToldWithTheEndpointOfThePhoneAndAreInTheSnapshot(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	n, _ := connected(t, options)
	agent, device := agentOf(t, ctx, asterisk)
	n.awaitEvent(callback.DeviceChanged{Device: device, State: callback.DeviceNotInUse})
	// What the phone says of itself is not believed.
	call, err := agent.Call(ctx, "", "*4612", sip.WithName("1002"), sip.WithHeader("P-Asserted-Identity", "<sip:1002@127.0.0.1>"))
	must(t, err)
	dialled := awaitA[callback.CodeDialled](n)
	want := callback.CodeDialled{Channel: dialled.Channel, Endpoint: device, Code: "pause", Argument: "12"}
	if dialled != want {
		t.Errorf("dialled %+v, want %+v", dialled, want)
	}
	again, snapshot := connected(t, options)
	if found := snapshot.Channels[dialled.Channel]; found.Arrived != nil || found.Code == nil || *found.Code != want {
		t.Errorf("the snapshot has %+v, want the code", found)
	}
	again.do(callback.GiveBack{Channel: dialled.Channel, Status: "PAUSED"})
	again.awaitEvent(callback.LegLeft{Channel: dialled.Channel})
	if _, err := call.AwaitSound(ctx); err != nil {
		t.Error(err)
	}
	_, err = call.AwaitEnded(ctx)
	check(t, err)
}

func TestRealLampsAreSetDroppedListedAndNoPhones(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	n, snapshot := connected(t, options)
	if len(snapshot.Lamps) != 0 {
		t.Errorf("lamps at first: %v", snapshot.Lamps)
	}
	watcher, device := agentOf(t, ctx, asterisk)
	n.awaitEvent(callback.DeviceChanged{Device: device, State: callback.DeviceNotInUse})
	lamp, err := watcher.Watch(ctx, "*45*1005")
	must(t, err)
	must(t, lamp.Await(ctx, sip.LampDark))
	for state, shows := range map[callback.DeviceState]sip.LampState{
		callback.DeviceInUse: sip.LampLit, callback.DeviceBusy: sip.LampLit,
		callback.DeviceRinging: sip.LampFlashing, callback.DeviceOnHold: sip.LampHeld, callback.DeviceNotInUse: sip.LampDark,
	} {
		n.do(callback.ShowLamp{Lamp: "agent-1005", State: state})
		if err := lamp.Await(ctx, shows); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
	n.do(callback.ShowLamp{Lamp: "queue-night-shift_2", State: callback.DeviceInUse})
	_, snapshot = connected(t, options)
	if len(snapshot.Lamps) != 2 || snapshot.Lamps["queue-night-shift_2"] != callback.DeviceInUse {
		t.Errorf("the snapshot has the lamps %v", snapshot.Lamps)
	}
	for name := range snapshot.Devices {
		if name != device && !isPhone(asterisk, name) {
			t.Errorf("%s is taken for a phone", name)
		}
	}
	n.do(callback.DropLamp{Lamp: "queue-night-shift_2"})
	_, snapshot = connected(t, options)
	if len(snapshot.Lamps) != 1 {
		t.Errorf("after one was dropped: %v", snapshot.Lamps)
	}
}

func isPhone(asterisk *lab.Asterisk, device string) bool {
	for _, extension := range asterisk.Agents {
		if device == "PJSIP/"+extension.Number {
			return true
		}
	}
	return device == "PJSIP/trunk"
}

// What we set ourselves comes back as a change of a device, and would be taken for a phone that is free.
func TestTheStateOfALampIsNotToldAsThatOfAPhone(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.do(callback.ShowLamp{Lamp: "agent-1001", State: callback.DeviceNotInUse})
	server.SetDevice(phone, "BUSY")
	if first := awaitA[callback.DeviceChanged](n); first.Device != phone {
		t.Errorf("the first change that is told is %+v, want the phone's", first)
	}
}

func TestTheReasonOfACodeMayHoldCommas(t *testing.T) {
	server := aritest.New(aritest.Options{Script: "agent:pause,lunch,long"})
	t.Cleanup(server.Close)
	n, _ := connected(t, optionsFor(server))
	server.Arrive(aritest.Call{Channel: "code-1", ANI: "1001"})
	if got := awaitA[callback.CodeDialled](n); got.Code != "pause" || got.Argument != "lunch,long" {
		t.Errorf("dialled %+v", got)
	}
}

func TestRealAsteriskSaysWhichPhonesHaveTheAgentsCodes(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	n := newTestNode(t, options)
	look := func(ctx context.Context) AgentCodes {
		codes, err := n.AgentCodes(ctx, []string{"PJSIP/1001", "PJSIP/trunk", "PJSIP/nobody", "Local/1001@x"})
		must(t, err)
		return codes
	}
	if codes := look(ctx); !codes.Shipped || len(codes.Without) != 1 || codes.Without["PJSIP/trunk"] != "from-trunk" {
		t.Errorf("codes %+v, want them for all but the trunk", codes)
	}
	_, err := asterisk.CLI(ctx, "dialplan remove context callbackd-agents")
	must(t, err)
	if codes := look(ctx); codes.Shipped {
		t.Errorf("codes %+v of a context that is gone", codes)
	}
}
