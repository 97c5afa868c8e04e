package ari

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	sip "github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/callback"
)

// The sounds of these tests.
var (
	beep   = lab.Sound{Hz: 900, Lasts: 400 * time.Millisecond}
	rising = lab.Sound{Hz: 500, Rise: 100, Lasts: 15 * time.Second} // its pitch tells the place in it
)

// voices are a caller and an agent of a real Asterisk, answered, each sending their tone.
type voices struct {
	t        *testing.T
	ctx      context.Context
	asterisk *lab.Asterisk
	n        *testNode
	caller   *sip.Call
	agent    *sip.Call
	in, leg  string // their channels
}

func newVoices(t *testing.T) *voices {
	t.Helper()
	ctx, asterisk, options := realAsterisk(t)
	v := &voices{t: t, ctx: ctx, asterisk: asterisk, leg: "cb-agent"}
	must(t, asterisk.AddSound("beep", beep))
	must(t, asterisk.AddSound("rising", rising))
	must(t, asterisk.SetMusic(rising))
	v.n, _ = connected(t, options)
	carrier := carrierOf(t, ctx, asterisk)
	agent, device := agentOf(t, ctx, asterisk)

	var err error
	v.caller, err = carrier.Call(ctx, "2025550123", asterisk.DID)
	must(t, err)
	v.in = awaitA[callback.LegArrived](v.n).Channel
	v.n.do(callback.Answer{Channel: v.in})
	must(t, v.caller.AwaitAnswered(ctx))
	must(t, v.caller.SendTone(callersTone))

	v.n.do(callback.CreateLeg{Channel: v.leg, Endpoint: device, Party: callback.PartyAgent, Contact: aContact})
	v.n.awaitEvent(callback.LegCreated{Channel: v.leg})
	v.n.do(callback.DialLeg{Channel: v.leg, Timeout: 20 * time.Second})
	v.agent, err = agent.AwaitCall(ctx)
	must(t, err)
	must(t, v.agent.SendTone(agentsTone))
	must(t, v.agent.Answer(ctx))
	v.n.awaitEvent(callback.LegAnswered{Channel: v.leg})
	return v
}

// join brings the two together and returns when they hear each other.
func (v *voices) join(bridge string, keys bool) {
	v.t.Helper()
	v.n.do(callback.CreateBridge{Bridge: bridge, Keys: keys})
	v.n.do(callback.Join{Bridge: bridge, Channels: []string{v.in, v.leg}})
	v.hear()
}

func (v *voices) hear() {
	v.t.Helper()
	v.awaitTone(v.caller, agentsTone)
	v.awaitTone(v.agent, callersTone)
}

// awaitTone waits for a packet with the tone among those that come in from now on.
func (v *voices) awaitTone(call *sip.Call, hz float64) sip.Packet {
	v.t.Helper()
	_, p, err := call.AwaitPacket(v.ctx, "the tone", len(call.Packets()), func(p sip.Packet) bool { return p.Is(hz, 5) })
	must(v.t, err)
	return p
}

// awaitRising waits for a packet of the rising sound among those that come in from now on, and gives the
// place in it.
func (v *voices) awaitRising() (sip.Packet, time.Duration) {
	v.t.Helper()
	_, p, err := v.caller.AwaitPacket(v.ctx, "the rising sound", len(v.caller.Packets()), isRising)
	must(v.t, err)
	return p, rising.At(p.Hz)
}

// isRising leaves out the other tones of these tests, so it misses a moment of the sound at each.
func isRising(p sip.Packet) bool {
	for _, hz := range []float64{beep.Hz, callersTone, agentsTone} {
		if p.Is(hz, 3) {
			return false
		}
	}
	return p.Hz >= rising.Hz
}

// between counts the packets of a call that fit, from one moment to another.
func between(call *sip.Call, from, to time.Time, fits func(sip.Packet) bool) int {
	n := 0
	for _, p := range call.Packets() {
		if p.At.After(from) && p.At.Before(to) && fits(p) {
			n++
		}
	}
	return n
}

func tone(hz float64) func(sip.Packet) bool { return func(p sip.Packet) bool { return p.Is(hz, 5) } }

func TestC11RealAsteriskPlaysToTheContactAloneInABridge(t *testing.T) {
	v := newVoices(t)
	for bridge, keys := range map[string]bool{"cb-plain": false, "cb-keys": true} {
		v.join(bridge, keys)
		v.n.do(callback.Play{Channel: v.in, Playback: bridge + "-p", Media: []string{"sound:callbackd/beep", "sound:callbackd/beep"}})
		began := v.awaitTone(v.caller, beep.Hz).At
		v.n.awaitEvent(callback.PlaybackFinished{Channel: v.in, Playback: bridge + "-p"})
		ended := time.Now()
		v.hear() // each other, once it is over
		const edge = 60 * time.Millisecond
		if heard := between(v.caller, began.Add(edge), ended.Add(-edge), tone(agentsTone)); heard > 0 {
			t.Errorf("%s: the contact hears the agent in %d packets beside what is played", bridge, heard)
		}
		if heard := between(v.agent, began.Add(edge), ended.Add(-edge), func(p sip.Packet) bool { return p.Sound() }); heard > 0 {
			t.Errorf("%s: the agent hears %d packets of what is played to the contact", bridge, heard)
		}
		v.n.do(callback.DestroyBridge{Bridge: bridge})
	}
}

func TestC11RealAsteriskPlaysMusicInPlaceOfTheAgentInABridgeWithKeys(t *testing.T) {
	v := newVoices(t)
	for bridge, keys := range map[string]bool{"cb-plain": false, "cb-keys": true} {
		v.join(bridge, keys)
		v.n.do(callback.StartMusic{Channel: v.in, Class: "default"})
		first, _ := v.awaitRising()
		until := first.At.Add(500 * time.Millisecond)
		_, _, err := v.caller.AwaitPacket(v.ctx, "half a second of music", 0, func(p sip.Packet) bool { return p.At.After(until) })
		must(t, err)
		agentHeard := between(v.caller, first.At.Add(40*time.Millisecond), until, tone(agentsTone))
		if keys && agentHeard > 0 {
			t.Errorf("the contact hears the agent in %d packets between those of the music", agentHeard)
		}
		if !keys && agentHeard == 0 {
			t.Error("a plain bridge keeps music and voice apart: the package comment says that it garbles them")
		}
		if between(v.agent, first.At, until, tone(callersTone)) == 0 {
			t.Errorf("%s: the agent does not hear the contact while the contact hears music", bridge)
		}
		v.n.do(callback.StopMusic{Channel: v.in})
		v.hear()
		v.n.do(callback.DestroyBridge{Bridge: bridge})
	}
}

func TestC11RealAsteriskTellsTheKeysInABridgeThatWasAskedTo(t *testing.T) {
	v := newVoices(t)
	v.join("cb-keys", true)
	must(t, v.caller.Press(v.ctx, "5"))
	v.n.awaitEvent(callback.KeyPressed{Channel: v.in, Key: "5"})
	v.n.do(callback.Play{Channel: v.in, Playback: "cb-p", Media: []string{"sound:callbackd/rising"}})
	v.awaitRising()
	must(t, v.caller.Press(v.ctx, "6"))
	v.n.awaitEvent(callback.KeyPressed{Channel: v.in, Key: "6"})
	v.n.do(callback.StopPlayback{Channel: v.in, Playback: "cb-p"})
	v.n.awaitEvent(callback.PlaybackFinished{Channel: v.in, Playback: "cb-p"})
	v.hear()
}

func TestC11RealAsteriskGoesOnPlayingWhenTheBridgeIsGone(t *testing.T) {
	v := newVoices(t)
	v.join("cb-keys", true)
	v.n.do(callback.Play{Channel: v.in, Playback: "cb-p", Media: []string{"sound:callbackd/rising"}})
	v.awaitRising()
	v.n.do(callback.DestroyBridge{Bridge: "cb-keys"})
	v.awaitRising()
	v.n.do(callback.StopPlayback{Channel: v.in, Playback: "cb-p"})
	v.n.awaitEvent(callback.PlaybackFinished{Channel: v.in, Playback: "cb-p"})
}

func TestRealAsteriskGoesOnWithMusicWhereItWas(t *testing.T) {
	v := newVoices(t)
	v.n.do(callback.StartMusic{Channel: v.in, Class: "default"})
	first, place := v.awaitRising()
	v.n.do(callback.StopMusic{Channel: v.in})
	v.n.do(callback.Play{Channel: v.in, Playback: "cb-p1", Media: []string{"sound:callbackd/beep"}})
	v.n.awaitEvent(callback.PlaybackFinished{Channel: v.in, Playback: "cb-p1"})
	v.n.do(callback.StartMusic{Channel: v.in, Class: "default"})
	second, later := v.awaitRising()
	if later <= place || later-place >= second.At.Sub(first.At) {
		t.Errorf("the class was at %s and is at %s %s later, want it to go on where it was", place, later, second.At.Sub(first.At))
	}
	v.n.do(callback.StopMusic{Channel: v.in})

	const offset = 6 * time.Second
	v.n.do(callback.Play{Channel: v.in, Playback: "cb-p2", Media: []string{"sound:callbackd/rising"}, Offset: offset})
	_, _, err := v.caller.AwaitPacket(v.ctx, "the file from its offset on", 0, func(p sip.Packet) bool {
		return isRising(p) && rising.At(p.Hz) >= offset
	})
	must(t, err)
	if _, at := v.awaitRising(); at < offset || at > offset+2*time.Second {
		t.Errorf("the file plays at %s, want soon after %s", at, offset)
	}
}

func TestRealAsteriskFindsSoundsWhereWeLook(t *testing.T) {
	v := newVoices(t)
	// Debian's package has a folder of its own for recordings beside those of the languages, and so
	// it is a language, too.
	must(t, v.asterisk.AddSound("../lib/sounds/custom/own", beep))
	for _, c := range []struct {
		name, language string
		found          bool
	}{
		{"callbackd/beep", "en", true},
		{"callbackd/beep", "fr", true},
		{"callbackd/beep", "", true},
		{"own", "recordings", true},
		{"own", "recordings_XX_yy", true},
		{"own", "fr", false},
		{"recordings/own", "fr", true},
		{"callbackd/there-is-none", "en", false},
	} {
		found, err := v.n.findSound(v.ctx, soundKey{c.name, c.language})
		if err != nil || found != c.found {
			t.Errorf("%s in %q is found: %v %v, want %v", c.name, c.language, found, err, c.found)
		}
		must(t, v.n.request(v.ctx, "POST", "/channels/"+v.in+"/play/"+soundID(c.name, c.language),
			playRequest{Media: []string{"sound:" + c.name}, Language: c.language}, nil))
		v.n.awaitEvent(callback.PlaybackFinished{Channel: v.in, Playback: soundID(c.name, c.language), Failed: !c.found})
	}
	got := v.n.refused(callback.Play{Channel: v.in, Playback: "p", Media: []string{"sound:callbackd/beep", "sound:callbackd/there-is-none"}, Language: "fr"})
	if got.Message != `there is no sound "callbackd/there-is-none"` {
		t.Errorf("it fails with %+v, want the missing sound's name", got)
	}
}

// soundID is fit for a path.
func soundID(name, language string) string { return filepath.Base(name) + "-" + language }
