package phone

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// testLimit bounds everything that a test waits for.
const testLimit = 20 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	t.Cleanup(cancel)
	return ctx
}

// pair makes two phones that call each other.
func pair(t *testing.T, o Options) (caller, called *Phone) {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	o.Server = "127.0.0.1:9" // the called phone calls nobody
	called = carrier(t, o)
	o.Server = called.Address()
	return carrier(t, o), called
}

func carrier(t *testing.T, o Options) *Phone {
	t.Helper()
	p, err := NewCarrier(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// place places a call and returns both its ends.
func place(t *testing.T, ctx context.Context, caller, called *Phone, options ...CallOption) (out, in *Call) {
	t.Helper()
	out, err := caller.Call(ctx, "15550100", "8005550199", options...)
	must(t, err)
	in, err = called.AwaitCallTo(ctx, "8005550199")
	must(t, err)
	return out, in
}

// talk places a call that is answered.
func talk(t *testing.T, ctx context.Context, caller, called *Phone) (out, in *Call) {
	t.Helper()
	out, in = place(t, ctx, caller, called)
	must(t, in.Answer(ctx))
	must(t, out.AwaitAnswered(ctx))
	return out, in
}

// ends holds a call's end against what is expected.
func ends(t *testing.T, ctx context.Context, c *Call, want Ended) {
	t.Helper()
	got, err := c.AwaitEnded(ctx)
	must(t, err)
	got.At, got.Why = time.Time{}, ""
	if got != want {
		t.Errorf("the call ended: %s; want %s", got, want)
	}
}

// kinds returns the kinds of a call's events without those of its audio.
func kinds(c *Call) string {
	var b []string
	for _, e := range c.Events() {
		if e.Kind != EventTone && e.Kind != EventKeySent && e.Kind != EventKeyEnded && e.Kind != EventKeyHeard {
			b = append(b, string(e.Kind))
		}
	}
	return strings.Join(b, ", ")
}

func TestBothSidesHearEachOthersToneAndNoOther(t *testing.T) {
	for _, codec := range []Codec{ULaw, ALaw} {
		t.Run(codec.String(), func(t *testing.T) {
			ctx := testContext(t)
			caller, called := pair(t, Options{Codecs: []Codec{codec}})
			out, in := talk(t, ctx, caller, called)

			before := time.Now()
			must(t, out.SendTone(800))
			must(t, in.SendTone(1000))
			at, err := in.AwaitTone(ctx, 800)
			must(t, err)
			if wait := at.Sub(before); wait < -10*time.Millisecond || wait > time.Second {
				t.Errorf("the tone is heard from %v after it was sent on", wait)
			}
			_, err = out.AwaitTone(ctx, 1000)
			must(t, err)
			if in.Hears(1000) || out.Hears(800) {
				t.Error("a phone hears the tone that it sends itself")
			}

			must(t, out.Silence())
			_, err = in.AwaitNoTone(ctx, 800)
			must(t, err)
			if !out.Hears(1000) {
				t.Error("the other tone ended too")
			}
			_, err = in.AwaitQuiet(ctx, 200*time.Millisecond)
			must(t, err)
			if packets, last := in.Received(); packets < 10 || time.Since(last) > time.Second {
				t.Errorf("%d packets came in, the last at %v", packets, last)
			}
			must(t, out.Hangup(ctx))
		})
	}
}

func TestAnAnsweredCallHasItsEventsOnBothSides(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := place(t, ctx, caller, called)
	must(t, in.Ring())
	must(t, out.AwaitRinging(ctx))
	must(t, in.Answer(ctx))
	must(t, out.AwaitAnswered(ctx))
	must(t, in.Hangup(ctx))
	ends(t, ctx, in, Ended{By: Us, How: HungUp})
	ends(t, ctx, out, Ended{By: Them, How: HungUp})

	if got, want := kinds(out), "calling, ringing, answered, ended"; got != want {
		t.Errorf("the caller's events: %s; want %s", got, want)
	}
	if got, want := kinds(in), "offered, ringing, answered, ended"; got != want {
		t.Errorf("the called's events: %s; want %s", got, want)
	}
	if out.When(EventAnswered).Before(out.When(EventRinging)) {
		t.Error("the answer came before the ringing")
	}
}

func TestTheCalledSeesWhoCallsAndWhatTheInviteCarried(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := place(t, ctx, caller, called,
		WithName("Ada Byron"), WithDiversion("8005550111", "unconditional"), WithHeader("X-Test", "yes"))

	if got, want := in.From(), (Party{Number: "15550100", Name: "Ada Byron"}); got != want {
		t.Errorf("the caller ID is %+v; want %+v", got, want)
	}
	if in.To() != "8005550199" {
		t.Errorf("the number called is %s", in.To())
	}
	if got, want := in.Header("diversion"), "<sip:8005550111@127.0.0.1>;reason=unconditional"; got != want {
		t.Errorf("the Diversion header is %q; want %q", got, want)
	}
	if in.Header("X-Test") != "yes" || in.Header("X-Other") != "" {
		t.Errorf("the headers are %v", in.Headers())
	}
	for _, name := range []string{"Via", "Contact"} {
		if !strings.Contains(in.Header(name), caller.Address()) {
			t.Errorf("%s does not carry the bound address %s: %s", name, caller.Address(), in.Header(name))
		}
	}
	must(t, in.Decline(ctx, sip.StatusBusyHere))
	_, err := out.AwaitEnded(ctx)
	must(t, err)
}

func TestKeysComeInAsTheyWerePressed(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := talk(t, ctx, caller, called)
	must(t, out.SendTone(800))
	_, err := in.AwaitTone(ctx, 800)
	must(t, err)
	must(t, out.Press(ctx, "1*9#1"))
	must(t, out.Press(ctx, "1"))
	keys, err := in.AwaitKeys(ctx, 6)
	must(t, err)
	if keys != "1*9#11" || in.Keys() != keys || out.Keys() != "" {
		t.Errorf("the keys are %q, then %q; the caller's %q", keys, in.Keys(), out.Keys())
	}
	if e, err := in.AwaitEvent(ctx, EventKeyHeard); err != nil || e.Detail != "1" {
		t.Errorf("the first key is %+v, %v", e, err)
	}
	if err := out.Press(ctx, "1x"); err == nil || !strings.Contains(err.Error(), "is no key") {
		t.Errorf("pressing x: %v", err)
	}
	_, err = in.AwaitTone(ctx, 800)
	must(t, err)
	must(t, out.Hangup(ctx))
}

func TestAnAnswerIsKnownWhenTheCallHasEndedSince(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	for range 20 {
		out, in := place(t, ctx, caller, called)
		must(t, in.Ring())
		must(t, in.Answer(ctx))
		must(t, in.Hangup(ctx))
		ends(t, ctx, out, Ended{By: Them, How: HungUp})
		for name, c := range map[string]*Call{"placed": out, "received": in} {
			_, event := c.AwaitEvent(ctx, EventAnswered)
			if err := errors.Join(c.AwaitRinging(ctx), c.AwaitAnswered(ctx), event); err != nil {
				t.Errorf("the call that was %s: %v", name, err)
			}
		}
	}
}

func TestARefusalReachesTheCallerWithItsStatus(t *testing.T) {
	for _, status := range []int{sip.StatusBusyHere, sip.StatusGlobalDecline} {
		ctx := testContext(t)
		caller, called := pair(t, Options{})
		out, in := place(t, ctx, caller, called)
		must(t, in.Ring())
		must(t, in.Decline(ctx, status))
		ends(t, ctx, in, Ended{By: Us, How: Refused, Code: status})
		ends(t, ctx, out, Ended{By: Them, How: Refused, Code: status})
		if err := in.Answer(ctx); err == nil {
			t.Error("a refused call could be answered")
		}
		if err := out.AwaitAnswered(ctx); err == nil {
			t.Error("a refused call was answered")
		}
	}
}

func TestARedirectionReachesTheCaller(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := place(t, ctx, caller, called)
	must(t, in.Redirect(ctx, "sip:99@127.0.0.1"))
	ends(t, ctx, in, Ended{By: Us, How: Redirected, Code: 302})
	ends(t, ctx, out, Ended{By: Them, How: Redirected, Code: 302})
}

func TestACallThatIsCancelledStopsRinging(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := place(t, ctx, caller, called)
	must(t, in.Ring())
	must(t, out.AwaitRinging(ctx))
	must(t, out.Hangup(ctx))
	ends(t, ctx, out, Ended{By: Us, How: Cancelled})
	ends(t, ctx, in, Ended{By: Them, How: Cancelled})
	if err := in.Answer(ctx); err == nil {
		t.Error("a cancelled call could be answered")
	}
}

func TestACancelBeforeAnyResponseWaitsForOne(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := place(t, ctx, caller, called)
	// Nothing has been said yet but, soon, the stack's own 100.
	must(t, out.Hangup(ctx))
	ends(t, ctx, out, Ended{By: Us, How: Cancelled})
	ends(t, ctx, in, Ended{By: Them, How: Cancelled})
}

func TestEarlyMediaIsHeardBeforeTheAnswer(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := place(t, ctx, caller, called)
	must(t, in.SendTone(440))
	must(t, in.Progress())
	_, err := out.AwaitTone(ctx, 440)
	must(t, err)
	if !out.When(EventAnswered).IsZero() {
		t.Error("the call is answered already")
	}
	must(t, in.Answer(ctx))
	must(t, out.AwaitAnswered(ctx))
	must(t, out.Hangup(ctx))
	ends(t, ctx, in, Ended{By: Them, How: HungUp})
}

func TestHandlersTakeTheCallsToTheirNumber(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	declined := make(chan error, 3)
	called.Handle("100", func(ctx context.Context, c *Call) { declined <- c.Decline(ctx, sip.StatusBusyHere) })
	called.Handle("", func(ctx context.Context, c *Call) { declined <- c.Decline(ctx, sip.StatusGlobalDecline) })
	for number, want := range map[string]int{"100": sip.StatusBusyHere, "200": sip.StatusGlobalDecline} {
		out, err := caller.Call(ctx, "1", number)
		must(t, err)
		ends(t, ctx, out, Ended{By: Them, How: Refused, Code: want})
		must(t, <-declined)
	}
	called.Handle("", nil)
	out, err := caller.Call(ctx, "1", "300")
	must(t, err)
	in, err := called.AwaitCall(ctx)
	must(t, err)
	must(t, in.Decline(ctx, sip.StatusBusyHere))
	ends(t, ctx, out, Ended{By: Them, How: Refused, Code: sip.StatusBusyHere})
	if got := len(called.Calls()); got != 3 || len(declined) != 0 {
		t.Errorf("%d calls in all, %d too many to handlers", got, len(declined))
	}
}

func TestTheRecordingHoldsWhatWasHeardInItsTime(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{RecordDir: t.TempDir()})
	out, in := talk(t, ctx, caller, called)
	began := time.Now()
	must(t, out.SendTone(800))
	_, err := in.AwaitTone(ctx, 800)
	must(t, err)
	must(t, out.Silence())
	_, err = in.AwaitNoTone(ctx, 800)
	must(t, err)
	must(t, out.Hangup(ctx))
	_, err = in.AwaitEnded(ctx)
	must(t, err)
	lasted := time.Since(began)

	samples := readWAV(t, in.Recording())
	heard := in.Tones()
	if len(heard) != 1 || heard[0].Hz != 800 {
		t.Fatalf("the tones heard: %+v", heard)
	}
	if got := durationOf(int64(len(samples))); got < heard[0].To.Sub(heard[0].From) || got > lasted+time.Second {
		t.Errorf("the recording lasts %v, the call %v", got, lasted)
	}
	place := int(samplesIn(heard[0].From.Sub(in.ear.started)))
	length := int(samplesIn(heard[0].To.Sub(heard[0].From)))
	middle := samples[place : place+length]
	tones, err := newTones([]float64{800})
	must(t, err)
	if part := tones[0].part(middle, energyOf(middle)); part < 0.8 {
		t.Errorf("only %.2f of the recording is the tone where it was heard", part)
	}
}

func readWAV(t *testing.T, path string) []int16 {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	if len(data) < wavHeaderSize || string(data[:wavHeaderSize]) != string(wavHeader(uint32(len(data)-wavHeaderSize)/2)) {
		t.Fatalf("%s has a wrong header", path)
	}
	samples := make([]int16, (len(data)-wavHeaderSize)/2)
	_, err = binary.Decode(data[wavHeaderSize:], binary.LittleEndian, samples)
	must(t, err)
	return samples
}

func TestCloseEndsCallsInEveryState(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	_, answered := talk(t, ctx, caller, called)
	_, ringing := place(t, ctx, caller, called)
	must(t, ringing.Ring())
	_, untouched := place(t, ctx, caller, called)
	must(t, caller.Close())
	ends(t, ctx, answered, Ended{By: Them, How: HungUp})
	ends(t, ctx, ringing, Ended{By: Them, How: Cancelled})
	ends(t, ctx, untouched, Ended{By: Them, How: Cancelled})
	if _, err := caller.Call(ctx, "1", "2"); err == nil {
		t.Error("a closed phone placed a call")
	}
}

func TestWaitingEndsWithTheContextAndWithTheCall(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if _, err := called.AwaitCall(short); err == nil || err.Error() != "waiting for a call to carrier: context deadline exceeded" {
		t.Errorf("awaiting a call: %v", err)
	}
	out, _ := talk(t, ctx, caller, called)
	failed := make(chan error, 1)
	go func() {
		_, err := out.AwaitTone(ctx, 800)
		failed <- err
	}()
	must(t, out.Hangup(ctx))
	if err := <-failed; err == nil || err.Error() != "waiting for a tone of 800 Hz: the call is over" {
		t.Errorf("awaiting a tone: %v", err)
	}
	if _, err := out.AwaitTone(ctx, 801); err == nil || !strings.Contains(err.Error(), "Options.Tones") {
		t.Errorf("awaiting a tone that nobody listens for: %v", err)
	}
}

func TestACallWithoutACommonCodecIsNotAnswered(t *testing.T) {
	ctx := testContext(t)
	called := carrier(t, Options{Listen: "127.0.0.1:0", Server: "127.0.0.1:9", Codecs: []Codec{ALaw}})
	caller := carrier(t, Options{Listen: "127.0.0.1:0", Server: called.Address(), Codecs: []Codec{ULaw}})
	out, in := place(t, ctx, caller, called)
	err := in.Answer(ctx)
	if want := "answering 15550100: no codec in common: they have [PCMU], we have [PCMA]"; err == nil || err.Error() != want {
		t.Errorf("answering: %v; want %s", err, want)
	}
	ends(t, ctx, out, Ended{By: Them, How: Refused, Code: sip.StatusNotAcceptableHere})
}

func TestAnAnswerThatCrossesTheCancelIsHungUp(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := place(t, ctx, caller, called)
	out.mu.Lock()
	out.cancelling = true // the CANCEL is on its way and comes too late
	out.mu.Unlock()
	must(t, in.Answer(ctx)) // the BYE comes at the heels of the ACK, or overtakes it
	ends(t, ctx, out, Ended{By: Us, How: Cancelled})
	ends(t, ctx, in, Ended{By: Them, How: HungUp})
}

func TestRingingForAWhileEndsWithTheCall(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := place(t, ctx, caller, called)
	must(t, in.RingFor(ctx, time.Millisecond))
	failed := make(chan error, 1)
	go func() { failed <- in.RingFor(ctx, testLimit) }()
	must(t, out.Hangup(ctx))
	if err := <-failed; err == nil {
		t.Error("it rang on after the caller had given up")
	}
}

func TestCloseDropsACallWhoseFarEndIsGone(t *testing.T) {
	ctx := testContext(t)
	caller := carrier(t, Options{Listen: "127.0.0.1:0", Server: "127.0.0.1:9"})
	out, err := caller.Call(ctx, "1", "2")
	must(t, err)
	began := time.Now()
	must(t, caller.Close())
	if took := time.Since(began); took > 2*closeLimit {
		t.Errorf("closing took %v", took)
	}
	ends(t, ctx, out, Ended{By: Us, How: HungUp})
}
