package ari

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	sip "github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/callback"
)

// These tests run against a real Asterisk with SIP phones.

// realAsterisk starts a real Asterisk for one test.
func realAsterisk(t *testing.T) (context.Context, *lab.Asterisk, Options) {
	t.Helper()
	root, err := lab.Prepare(t.Context(), t.Output())
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	asterisk, err := lab.StartAsterisk(ctx, root, lab.AsteriskOptions{})
	must(t, err)
	t.Cleanup(func() { check(t, asterisk.Close()) })
	return ctx, asterisk, Options{URL: asterisk.ARIURL, User: asterisk.ARIUser, Password: asterisk.ARIPassword}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func carrierOf(t *testing.T, ctx context.Context, asterisk *lab.Asterisk) *sip.Phone {
	t.Helper()
	carrier, err := sip.NewCarrier(ctx, sip.Options{Listen: asterisk.Trunk, Server: asterisk.SIP, Packets: true})
	must(t, err)
	t.Cleanup(func() { check(t, carrier.Close()) })
	return carrier
}

func agentOf(t *testing.T, ctx context.Context, asterisk *lab.Asterisk) (*sip.Phone, string) {
	t.Helper()
	extension := asterisk.Agents[0]
	agent, err := sip.NewAgent(ctx, sip.Options{Listen: "127.0.0.1:0", Server: asterisk.SIP, Packets: true}, extension.Number, extension.Password)
	must(t, err)
	t.Cleanup(func() { check(t, agent.Close()) })
	return agent, "PJSIP/" + extension.Number
}

func secondAgentOf(t *testing.T, ctx context.Context, asterisk *lab.Asterisk) *sip.Phone {
	t.Helper()
	extension := asterisk.Agents[1]
	agent, err := sip.NewAgent(ctx, sip.Options{Listen: "127.0.0.1:0", Server: asterisk.SIP}, extension.Number, extension.Password)
	must(t, err)
	t.Cleanup(func() { check(t, agent.Close()) })
	return agent
}

func TestRealAsteriskConnectsACallerAndAnAgent(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	n, _ := connected(t, options)
	carrier := carrierOf(t, ctx, asterisk)
	agent, device := agentOf(t, ctx, asterisk)
	n.awaitEvent(callback.DeviceChanged{Device: device, State: callback.DeviceNotInUse})

	caller, err := carrier.Call(ctx, "2025550123", asterisk.DID, sip.WithName("Ann"), sip.WithDiversion("8885550111", "unconditional"))
	must(t, err)
	arrived := awaitA[callback.LegArrived](n)
	in := arrived.Channel
	if want := (callback.LegArrived{
		Channel: in, Script: "example", ANI: "2025550123", DNIS: asterisk.DID, Dialled: "8885550111", CallerName: "Ann", Application: DefaultApplication, Language: "en",
	}); arrived != want {
		t.Errorf("C8: arrived %+v, want %+v", arrived, want)
	}
	n.do(callback.Mark{Channel: in, Contact: aContact})
	n.do(callback.Answer{Channel: in})
	n.awaitEvent(callback.LegAnswered{Channel: in})
	must(t, caller.AwaitAnswered(ctx))
	hearsAll(t, ctx, n, caller, in)

	leg := "cb-4711-agent"
	n.do(callback.CreateLeg{Channel: leg, Endpoint: device, Party: callback.PartyAgent, Contact: aContact, CallerNumber: "2025550123", CallerName: "support live"})
	n.awaitEvent(callback.LegCreated{Channel: leg})
	n.do(callback.DialLeg{Channel: leg, Timeout: 20 * time.Second})
	offered, err := agent.AwaitCall(ctx)
	must(t, err)
	if want := (sip.Party{Number: "2025550123", Name: "support live"}); offered.From() != want {
		t.Errorf("the agent's phone shows %+v, want %+v", offered.From(), want)
	}
	must(t, offered.Ring())
	n.awaitEvent(callback.LegRinging{Channel: leg})
	must(t, offered.Answer(ctx))
	n.awaitEvent(callback.LegAnswered{Channel: leg})
	n.do(callback.CreateBridge{Bridge: "cb-4711-bridge"})
	n.do(callback.Join{Bridge: "cb-4711-bridge", Channels: []string{in, leg}})
	n.awaitEvent(callback.LegJoined{Channel: in, Bridge: "cb-4711-bridge"})
	n.awaitEvent(callback.LegJoined{Channel: leg, Bridge: "cb-4711-bridge"})
	must(t, caller.SendTone(callersTone))
	must(t, offered.SendTone(agentsTone))
	_, err = offered.AwaitTone(ctx, callersTone)
	check(t, err)
	_, err = caller.AwaitTone(ctx, agentsTone)
	check(t, err)

	must(t, caller.Hangup(ctx))
	n.awaitEvent(callback.LegHangup{Channel: in})
	n.awaitEvent(callback.LegEnded{Channel: in, Cause: callback.CauseNormal})
	n.do(callback.Hangup{Channel: leg, Reason: "normal"})
	n.awaitEvent(callback.LegEnded{Channel: leg, Cause: callback.CauseNormal})
	n.do(callback.DestroyBridge{Bridge: "cb-4711-bridge"})
	carriesContact(t, asterisk, in, leg)
}

// The tones that caller and agent send.
const (
	callersTone = 700.0
	agentsTone  = 1400.0
)

// hearsAll goes through music, a prompt, its stop and a key.
func hearsAll(t *testing.T, ctx context.Context, n *testNode, caller *sip.Call, in string) {
	t.Helper()
	n.do(callback.StartMusic{Channel: in, Class: "default"})
	_, err := caller.AwaitTone(ctx, lab.MusicHz)
	must(t, err)
	n.do(callback.StopMusic{Channel: in})
	_, err = caller.AwaitNoTone(ctx, lab.MusicHz)
	must(t, err)
	n.do(callback.Play{Channel: in, Playback: "cb-4711-p1", Media: []string{"sound:callbackd/offer"}})
	_, err = caller.AwaitSound(ctx)
	must(t, err)
	must(t, caller.Press(ctx, "1"))
	n.awaitEvent(callback.KeyPressed{Channel: in, Key: "1"})
	n.do(callback.StopPlayback{Channel: in, Playback: "cb-4711-p1"})
	n.awaitEvent(callback.PlaybackFinished{Channel: in, Playback: "cb-4711-p1"})
}

// carriesContact looks for the contact ID in CEL, which has each leg, and in the CDR, which has one
// record for both (C10).
func carriesContact(t *testing.T, asterisk *lab.Asterisk, in, leg string) {
	t.Helper()
	id := aContact.String()
	cdr := filepath.Join(asterisk.Dir, "log", "cdr-csv", "Master.csv")
	for _, want := range []struct{ file, channel, userfield string }{
		{asterisk.CEL(), in, id},
		{asterisk.CEL(), leg, id},
		{cdr, in, id},
	} {
		eventually(t, "C10: "+filepath.Base(want.file)+" has the contact ID with "+want.channel, func() bool {
			return slices.ContainsFunc(records(want.file), func(fields []string) bool {
				return slices.Contains(fields, want.channel) && slices.Contains(fields, want.userfield)
			})
		})
	}
}

// records are the lines of a file that is being written.
func records(file string) [][]string {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	lines, _ := csv.NewReader(strings.NewReader(string(content))).ReadAll() // the last line may be half there
	return lines
}

// A leg that was created and dialled ends with cause 23 when its phone answers with a redirect, whatever
// pjsip.conf says of redirects. (A channel that the dialplan dials, or that was originated, follows it.)
func TestRealAsteriskFollowsNoRedirect(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	n, _ := connected(t, options)
	carrier, lured := carrierOf(t, ctx, asterisk), secondAgentOf(t, ctx, asterisk)
	agent, device := agentOf(t, ctx, asterisk)
	for _, method := range []string{"user", "uri_core", "uri_pjsip"} {
		setRedirectMethod(t, ctx, asterisk, method)
		for _, to := range []string{asterisk.Agents[1].Number + "@" + asterisk.SIP, "5550006@" + asterisk.Trunk} {
			leg := "cb-" + method + "-" + to[:4]
			agent.Handle("", func(ctx context.Context, call *sip.Call) { check(t, call.Redirect(ctx, "sip:"+to)) })
			n.leg(leg, device)
			n.do(callback.DialLeg{Channel: leg, Timeout: 20 * time.Second})
			n.awaitEvent(callback.LegEnded{Channel: leg, Cause: 23})
		}
	}
	if left, err := asterisk.CLI(ctx, "core show channels count"); err != nil || !strings.Contains(left, "0 active channels") {
		t.Errorf("left over: %s %v", left, err)
	}
	if n := len(carrier.Calls()) + len(lured.Calls()); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// setRedirectMethod takes the guards against redirects out of pjsip.conf, and names another method.
func setRedirectMethod(t *testing.T, ctx context.Context, asterisk *lab.Asterisk, method string) {
	t.Helper()
	file := filepath.Join(asterisk.Dir, "etc", "pjsip.conf")
	text, err := os.ReadFile(file)
	must(t, err)
	var lines []string
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.Contains(line, "FORWARD_CONTEXT"):
		case strings.HasPrefix(line, "redirect_method = "):
			lines = append(lines, "redirect_method = "+method+"\n")
		default:
			lines = append(lines, line)
		}
	}
	must(t, os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600))
	_, err = asterisk.CLI(ctx, "module reload res_pjsip.so")
	must(t, err)
	eventually(t, "the redirect method is "+method, func() bool {
		endpoint, err := asterisk.CLI(ctx, "pjsip show endpoint 1001")
		return err == nil && regexp.MustCompile(`redirect_method +: `+method+`\n`).MatchString(endpoint)
	})
}

func TestRealAsteriskTakesACallBack(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	n, _ := connected(t, options)
	carrier := carrierOf(t, ctx, asterisk)
	caller, err := carrier.Call(ctx, "2025550123", asterisk.DID)
	must(t, err)
	arrived := awaitA[callback.LegArrived](n)
	n.do(callback.GiveBack{Channel: arrived.Channel, Status: "UNAVAILABLE"})
	n.awaitEvent(callback.LegLeft{Channel: arrived.Channel})
	_, err = caller.AwaitSound(ctx) // the dialplan's word of regret
	must(t, err)
	must(t, caller.Hangup(ctx))
	awaitA[callback.LegEnded](n)
}

func TestRealAsteriskThatStartsAgainIsFoundAgain(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	n, before := connected(t, options)
	asterisk.Kill()
	n.awaitLost()
	must(t, asterisk.Start(ctx))
	if after := n.awaitConnected(); !after.StartedAt.After(before.StartedAt) {
		t.Errorf("it has started at %s, before at %s", after.StartedAt, before.StartedAt)
	}
	must(t, asterisk.Stop(ctx))
	n.awaitLost()
	must(t, asterisk.Start(ctx))
	n.awaitConnected()
}

func TestRealAsteriskAnswersTheDoctor(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	doctor := newTestNode(t, options)
	info, err := doctor.Info(ctx)
	if err != nil || !strings.HasPrefix(info.Version, "22.") {
		t.Errorf("Info: %+v %v", info, err)
	}
	endpoints, err := doctor.Endpoints(ctx)
	if err != nil || !slices.ContainsFunc(endpoints, func(e Endpoint) bool { return e.Name == "PJSIP/1001" && e.State == "offline" }) {
		t.Errorf("Endpoints: %+v %v", endpoints, err)
	}
	for name, want := range map[string]bool{"callbackd/offer": true, "callbackd/nothing": false} {
		if got, err := doctor.SoundExists(ctx, name, "en"); err != nil || got != want {
			t.Errorf("SoundExists(%s): %v %v, want %v", name, got, err, want)
		}
	}
	for name, want := range map[string]bool{"default": true, "nothing": false, "default,mode,0)": false} {
		if got, err := doctor.MusicClassExists(ctx, name); err != nil || got != want {
			t.Errorf("MusicClassExists(%s): %v %v, want %v", name, got, err, want)
		}
	}
	for name, want := range map[string]string{"CALLBACKD_SCRIPT": "example", "CALLBACKD_SCRIPT_1": ""} {
		if got, err := doctor.Global(ctx, name); err != nil || got != want {
			t.Errorf("Global(%s): %q %v, want %q", name, got, err, want)
		}
	}
	inUse(t, ctx, doctor, false, DialplanTrial{Reached: true})
	another := options
	another.Application = "another"
	inUse(t, ctx, newTestNode(t, another), false, DialplanTrial{}) // the dialplan goes elsewhere
	daemon, _ := connected(t, options)
	inUse(t, ctx, doctor, true, DialplanTrial{Reached: true, Taken: true})

	carrier := carrierOf(t, ctx, asterisk)
	caller, err := carrier.Call(ctx, "2025550123", asterisk.DID)
	must(t, err)
	awaitA[callback.LegArrived](daemon)
	daemon.stop()
	eventually(t, "the daemon's application is free though a call is left in it", func() bool {
		used, err := doctor.ApplicationInUse(ctx)
		return err == nil && !used
	})
	must(t, caller.Hangup(ctx))
	eventually(t, "no channel is left", func() bool {
		left, err := asterisk.CLI(ctx, "core show channels count")
		return err == nil && strings.Contains(left, "0 active channels")
	})
}

func TestRealAsteriskThatCannotReadItsFilesSaysSo(t *testing.T) {
	ctx, asterisk, options := realAsterisk(t)
	_, err := asterisk.CLI(ctx, "module unload "+configReader)
	must(t, err)
	if _, err := newTestNode(t, options).MusicClassExists(ctx, "default"); !errors.Is(err, ErrMusicUnseen) {
		t.Errorf("%v, want ErrMusicUnseen", err)
	}
}

func inUse(t *testing.T, ctx context.Context, doctor *testNode, want bool, trial DialplanTrial) {
	t.Helper()
	if got, err := doctor.ApplicationInUse(ctx); err != nil || got != want {
		t.Errorf("ApplicationInUse: %v %v, want %v", got, err, want)
	}
	if got, err := doctor.DialplanReachesStasis(ctx); err != nil || got != trial {
		t.Errorf("DialplanReachesStasis: %+v %v, want %+v", got, err, trial)
	}
}

func TestRealAsteriskRefusesAWrongPassword(t *testing.T) {
	_, _, options := realAsterisk(t)
	options.Password += "x"
	n := newTestNode(t, options)
	var access *AccessError
	if err := n.Run(t.Context(), n.deliver); !errors.As(err, &access) {
		t.Errorf("Run has ended with %v, want an AccessError", err)
	}
}
