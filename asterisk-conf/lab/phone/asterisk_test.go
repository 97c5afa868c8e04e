package phone_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
)

// asteriskLimit bounds one test; the first build of the lab is not in it.
const asteriskLimit = time.Minute

// realAsterisk starts a real Asterisk for one test.
func realAsterisk(t *testing.T) (context.Context, *lab.Asterisk) {
	t.Helper()
	root, err := lab.Prepare(t.Context(), t.Output())
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), asteriskLimit)
	t.Cleanup(cancel)
	a, err := lab.StartAsterisk(ctx, root, lab.AsteriskOptions{})
	must(t, err)
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return ctx, a
}

func options(t *testing.T, a *lab.Asterisk) phone.Options {
	return phone.Options{
		Listen: "127.0.0.1:0",
		Server: a.SIP,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// agent makes the phone of the lab's n-th agent, from 0.
func agent(t *testing.T, ctx context.Context, a *lab.Asterisk, n int) *phone.Phone {
	t.Helper()
	p, err := phone.NewAgent(ctx, options(t, a), a.Agents[n].Number, a.Agents[n].Password)
	must(t, err)
	closeAfter(t, p)
	return p
}

func trunk(t *testing.T, ctx context.Context, a *lab.Asterisk) *phone.Phone {
	t.Helper()
	o := options(t, a)
	o.Listen = a.Trunk
	p, err := phone.NewCarrier(ctx, o)
	must(t, err)
	closeAfter(t, p)
	return p
}

func closeAfter(t *testing.T, p *phone.Phone) {
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ended awaits a call's end and holds it against what is expected.
func ended(t *testing.T, ctx context.Context, c *phone.Call, want phone.Ended) {
	t.Helper()
	got, err := c.AwaitEnded(ctx)
	must(t, err)
	got.At, got.Why = time.Time{}, ""
	if got != want {
		t.Errorf("the call to %s ended: %s; want %s", c.To(), got, want)
	}
}

// cli runs a command on Asterisk's console.
func cli(t *testing.T, ctx context.Context, a *lab.Asterisk, command string) string {
	t.Helper()
	out, err := a.CLI(ctx, command)
	must(t, err)
	return out
}

func TestAgentsOnAsteriskRegisterTalkPressKeysAndLeave(t *testing.T) {
	ctx, a := realAsterisk(t)
	ada, bob := agent(t, ctx, a, 0), agent(t, ctx, a, 1)
	if contacts := cli(t, ctx, a, "pjsip show contacts"); !strings.Contains(contacts, ada.Address()) {
		t.Errorf("Asterisk has no contact at %s:\n%s", ada.Address(), contacts)
	}

	out, err := ada.Call(ctx, "", a.Agents[1].Number)
	must(t, err)
	in, err := bob.AwaitCall(ctx)
	must(t, err)
	if got, want := in.From().Number, a.Agents[0].Number; got != want {
		t.Errorf("the caller ID is %s; want %s", got, want)
	}
	must(t, in.Ring())
	must(t, out.AwaitRinging(ctx))
	must(t, in.Answer(ctx))
	must(t, out.AwaitAnswered(ctx))

	must(t, out.SendTone(800))
	must(t, in.SendTone(1000))
	_, err = in.AwaitTone(ctx, 800)
	must(t, err)
	_, err = out.AwaitTone(ctx, 1000)
	must(t, err)
	must(t, out.Press(ctx, "1#"))
	keys, err := in.AwaitKeys(ctx, 2)
	must(t, err)
	if keys != "1#" {
		t.Errorf("the keys that came through are %q", keys)
	}
	must(t, out.Hangup(ctx))
	ended(t, ctx, out, phone.Ended{By: phone.Us, How: phone.HungUp})
	ended(t, ctx, in, phone.Ended{By: phone.Them, How: phone.HungUp, Cause: 16})

	must(t, ada.Close())
	if contacts := cli(t, ctx, a, "pjsip show contacts"); strings.Contains(contacts, ada.Address()) {
		t.Errorf("Asterisk still has a contact at %s:\n%s", ada.Address(), contacts)
	}
}

func TestAnAgentWithAWrongPasswordIsToldSo(t *testing.T) {
	ctx, a := realAsterisk(t)
	_, err := phone.NewAgent(ctx, options(t, a), a.Agents[0].Number, "wrong")
	if err == nil || !strings.Contains(err.Error(), "the server says 401") {
		t.Errorf("registering with a wrong password: %v", err)
	}
}

func TestTheCarrierHearsAsterisksMusicAndItsOwnEcho(t *testing.T) {
	ctx, a := realAsterisk(t)
	carrier := trunk(t, ctx, a)

	cli(t, ctx, a, "channel originate PJSIP/15550123@trunk application MusicOnHold default")
	music, err := carrier.AwaitCallTo(ctx, "15550123")
	must(t, err)
	cli(t, ctx, a, "channel originate PJSIP/15550124@trunk application Echo")
	echo, err := carrier.AwaitCallTo(ctx, "15550124")
	must(t, err)
	must(t, music.Ring())
	must(t, music.Answer(ctx))
	must(t, echo.Answer(ctx))
	must(t, echo.SendTone(800))
	_, err = music.AwaitTone(ctx, lab.MusicHz)
	must(t, err)
	_, err = echo.AwaitTone(ctx, 800)
	must(t, err)
	if music.Heard(800) || echo.Heard(lab.MusicHz) {
		t.Error("one call hears the other")
	}
	must(t, echo.Silence())
	_, err = echo.AwaitNoTone(ctx, 800)
	must(t, err)

	cli(t, ctx, a, "channel request hangup all")
	ended(t, ctx, music, phone.Ended{By: phone.Them, How: phone.HungUp})
	ended(t, ctx, echo, phone.Ended{By: phone.Them, How: phone.HungUp})
}

func TestACallerFromTheTrunkHearsThatTheServiceIsAway(t *testing.T) {
	ctx, a := realAsterisk(t)
	carrier := trunk(t, ctx, a)
	// Nothing runs the application, so the dialplan says a word of regret.
	call, err := carrier.Call(ctx, "15550100", a.DID, phone.WithName("Ada"))
	must(t, err)
	must(t, call.AwaitAnswered(ctx))
	_, err = call.AwaitSound(ctx)
	must(t, err)
	if _, err := call.AwaitEnded(ctx); err != nil {
		t.Error(err)
	}
	if tones := call.Tones(); len(tones) != 0 {
		t.Errorf("speech was taken for tones: %+v", tones)
	}
}

func TestRefusingRingingOutAndRedirectingReachAsterisk(t *testing.T) {
	ctx, a := realAsterisk(t)
	carrier, bob := trunk(t, ctx, a), agent(t, ctx, a, 1)
	ada := agent(t, ctx, a, 0)

	out, err := ada.Call(ctx, "", a.Agents[1].Number)
	must(t, err)
	in, err := bob.AwaitCall(ctx)
	must(t, err)
	must(t, in.Decline(ctx, 486))
	ended(t, ctx, in, phone.Ended{By: phone.Us, How: phone.Refused, Code: 486})
	if e, err := out.AwaitEnded(ctx); err != nil || e.By != phone.Them {
		t.Errorf("calling someone busy ended: %v, %v", e, err)
	}

	out, err = ada.Call(ctx, "", a.Agents[1].Number)
	must(t, err)
	in, err = bob.AwaitCall(ctx)
	must(t, err)
	must(t, in.Ring())
	must(t, out.AwaitRinging(ctx))
	must(t, out.Hangup(ctx))
	ended(t, ctx, out, phone.Ended{By: phone.Us, How: phone.Cancelled})
	e, err := in.AwaitEnded(ctx)
	must(t, err)
	if e.By != phone.Them || e.How != phone.Cancelled {
		t.Errorf("a call that the caller gave up ended: %s", e)
	}

	out, err = ada.Call(ctx, "", a.Agents[1].Number)
	must(t, err)
	in, err = bob.AwaitCall(ctx)
	must(t, err)
	must(t, in.Redirect(ctx, "sip:1003@"+a.SIP))
	ended(t, ctx, in, phone.Ended{By: phone.Us, How: phone.Redirected, Code: 302})
	if _, err := out.AwaitEnded(ctx); err != nil {
		t.Error(err)
	}

	cli(t, ctx, a, "channel originate PJSIP/15550125@trunk application Echo")
	in, err = carrier.AwaitCall(ctx)
	must(t, err)
	must(t, in.Ring())
	cli(t, ctx, a, "channel request hangup all")
	e, err = in.AwaitEnded(ctx)
	must(t, err)
	if e.By != phone.Them || e.How != phone.Cancelled {
		t.Errorf("a call that Asterisk gave up ended: %s", e)
	}
}

func TestTwelveAgentsTalkAtOnce(t *testing.T) {
	ctx, a := realAsterisk(t)
	tones := []float64{700, 800, 900, 1000, 1100, 1200}
	var talking sync.WaitGroup
	for pair := range tones {
		caller, called := agent(t, ctx, a, 2*pair), agent(t, ctx, a, 2*pair+1)
		talking.Go(func() {
			if err := speak(ctx, caller, called, a.Agents[2*pair+1].Number, tones[pair]); err != nil {
				t.Error(err)
			}
		})
	}
	talking.Wait()
	if channels := cli(t, ctx, a, "core show channels count"); !strings.Contains(channels, "0 active channels") {
		t.Errorf("channels are left:\n%s", channels)
	}
}

// speak has two agents talk, and a tone heard both ways.
func speak(ctx context.Context, caller, called *phone.Phone, number string, hz float64) error {
	out, err := caller.Call(ctx, "", number)
	if err != nil {
		return err
	}
	in, err := called.AwaitCall(ctx)
	if err != nil {
		return err
	}
	if err := in.Answer(ctx); err != nil {
		return err
	}
	if err := out.AwaitAnswered(ctx); err != nil {
		return err
	}
	if err := out.SendTone(hz); err != nil {
		return err
	}
	if _, err := in.AwaitTone(ctx, hz); err != nil {
		return err
	}
	if err := out.Silence(); err != nil {
		return err
	}
	if err := in.SendTone(hz); err != nil {
		return err
	}
	if _, err := out.AwaitTone(ctx, hz); err != nil {
		return err
	}
	if err := in.Hangup(ctx); err != nil {
		return err
	}
	if _, err := out.AwaitEnded(ctx); err != nil {
		return err
	}
	_, err = in.AwaitEnded(ctx)
	return err
}
