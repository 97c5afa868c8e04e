package ari

import (
	"context"
	"strings"
	"testing"
	"time"

	sip "github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/callback"
)

// patientlyConnected is a connected node that bears a long silence: what is told in a gap of the stream these
// tests would miss.
func patientlyConnected(t *testing.T, o Options) (*testNode, *callback.Snapshot) {
	t.Helper()
	n := newTestNode(t, o)
	n.timing.silence = patience
	n.run()
	return n, n.awaitConnected()
}

// conversation brings a caller and an agent's leg cb-1 into the bridge cb-bridge.
func (n *testNode) conversation(ctx context.Context, carrier, agent *sip.Phone, device, did string) (in string, caller, answered *sip.Call) {
	n.t.Helper()
	caller, err := carrier.Call(ctx, "2025550123", did)
	must(n.t, err)
	in = awaitA[callback.LegArrived](n).Channel
	n.do(callback.Mark{Channel: in, Contact: aContact})
	n.do(callback.Answer{Channel: in})
	n.leg("cb-1", device)
	n.do(callback.DialLeg{Channel: "cb-1", Timeout: 20 * time.Second})
	answered, err = agent.AwaitCall(ctx)
	must(n.t, err)
	must(n.t, answered.Answer(ctx))
	n.do(callback.CreateBridge{Bridge: "cb-bridge"})
	n.do(callback.Join{Bridge: "cb-bridge", Channels: []string{in, "cb-1"}})
	n.awaitEvent(callback.LegJoined{Channel: "cb-1", Bridge: "cb-bridge"})
	return in, caller, answered
}

// Asterisk puts a channel of its own into the bridge, in the place of the agent's, and hands our interest in
// the agent's channel over to it. We hear of the end of both all the same.
func TestRealAsteriskPutsAnotherChannelInThePlaceOfOneThatTransfers(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	n, _ := patientlyConnected(t, options)
	carrier := carrierOf(t, ctx, asterisk)
	agent, device := agentOf(t, ctx, asterisk)
	second := secondAgentOf(t, ctx, asterisk)
	in, caller, offer := n.conversation(ctx, carrier, agent, device, asterisk.DID)

	must(t, offer.Transfer(ctx, asterisk.Agents[1].Number))
	replaced := awaitA[callback.LegReplaced](n)
	by := replaced.By
	if want := (callback.LegReplaced{Channel: "cb-1", By: by, To: asterisk.Agents[1].Number}); replaced != want {
		t.Errorf("the transfer: %+v, want %+v", replaced, want)
	}
	n.awaitEvent(callback.LegJoined{Channel: by, Bridge: "cb-bridge"})
	third, err := second.AwaitCall(ctx)
	must(t, err)
	must(t, third.Answer(ctx))
	must(t, offer.Hangup(ctx))
	n.awaitEvent(callback.LegEnded{Channel: "cb-1", Cause: callback.CauseNormal})

	n.stop() // another daemon finds both, and the bridge
	other, snapshot := patientlyConnected(t, options)
	for _, channel := range []string{in, by} {
		if found := snapshot.Channels[channel]; found.State != callback.ChannelUp || found.Left || found.Arrived == nil {
			t.Errorf("found %s: %+v", channel, found)
		}
	}
	must(t, third.Hangup(ctx))
	other.awaitEvent(callback.LegEnded{Channel: by, Cause: callback.CauseNormal})
	must(t, caller.Hangup(ctx))
	other.awaitEvent(callback.LegEnded{Channel: in, Cause: callback.CauseNormal})
	other.do(callback.DestroyBridge{Bridge: "cb-bridge"})
}

func TestRealAsteriskTellsTheEndOfAChannelThatWasSentElsewhere(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	n, _ := patientlyConnected(t, options)
	agent, device := agentOf(t, ctx, asterisk)
	in, caller, offer := n.conversation(ctx, carrierOf(t, ctx, asterisk), agent, device, asterisk.DID)
	channels, err := asterisk.CLI(ctx, "core show channels concise")
	must(t, err)
	for line := range strings.Lines(channels) {
		if name, _, _ := strings.Cut(line, "!"); strings.HasSuffix(strings.TrimSpace(line), "!"+in) {
			_, err := asterisk.CLI(ctx, "channel redirect "+name+" callbackd-away,s,1")
			must(t, err)
		}
	}
	n.awaitEvent(callback.LegLeft{Channel: in})
	for _, event := range n.story() {
		if strings.HasPrefix(event, "callback.LegHangup{Channel:"+in) {
			t.Error("a redirect is told as a hang-up")
		}
	}
	n.stop()
	other, snapshot := patientlyConnected(t, options)
	if found := snapshot.Channels[in]; !found.Left || found.Arrived != nil {
		t.Errorf("found %+v, want a channel that has left", found)
	}
	if found := snapshot.Channels["cb-1"]; found.Left {
		t.Error("the agent's channel has left, too")
	}
	must(t, caller.Hangup(ctx))
	other.await("the end of "+in, func(e callback.Event) bool {
		end, is := e.(callback.LegEnded)
		return is && end.Channel == in
	})
	must(t, offer.Hangup(ctx))
	other.do(callback.DestroyBridge{Bridge: "cb-bridge"})
}
