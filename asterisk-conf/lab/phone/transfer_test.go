package phone_test

import (
	"context"
	"testing"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
)

// The tones of three agents.
const (
	firstHz  = 700
	secondHz = 1100
	thirdHz  = 1600
)

// talking has the first agent call the second, and both hear each other.
func talking(t *testing.T, ctx context.Context, a *lab.Asterisk, first, second *phone.Phone) (out, in *phone.Call) {
	t.Helper()
	out, err := first.Call(ctx, "", a.Agents[1].Number)
	must(t, err)
	in = taken(t, ctx, second, secondHz)
	must(t, out.AwaitAnswered(ctx))
	must(t, out.SendTone(firstHz))
	hears(t, ctx, out, secondHz)
	hears(t, ctx, in, firstHz)
	return out, in
}

// taken answers a phone's next call with a tone.
func taken(t *testing.T, ctx context.Context, p *phone.Phone, hz float64) *phone.Call {
	t.Helper()
	call, err := p.AwaitCall(ctx)
	must(t, err)
	must(t, call.Ring())
	must(t, call.SendTone(hz))
	must(t, call.Answer(ctx))
	return call
}

func hears(t *testing.T, ctx context.Context, call *phone.Call, hz float64) {
	t.Helper()
	_, err := call.AwaitTone(ctx, hz)
	must(t, err)
}

func TestHoldGivesTheOtherSideMusicUntilItEnds(t *testing.T) {
	ctx, a := realAsterisk(t)
	out, in := talking(t, ctx, a, agent(t, ctx, a, 0), agent(t, ctx, a, 1))
	must(t, in.Hold(ctx))
	hears(t, ctx, out, lab.MusicHz)
	_, err := out.AwaitNoTone(ctx, secondHz)
	must(t, err)
	_, err = in.AwaitNoTone(ctx, firstHz)
	must(t, err)
	must(t, in.Resume(ctx))
	hears(t, ctx, out, secondHz)
	hears(t, ctx, in, firstHz)
	must(t, in.Hangup(ctx))
	if _, err := out.AwaitEnded(ctx); err != nil {
		t.Error(err)
	}
	if in.Hold(ctx) == nil {
		t.Error("a call that is over is put on hold")
	}
}

func TestABlindTransferJoinsTheOtherSideToTheNumber(t *testing.T) {
	ctx, a := realAsterisk(t)
	third := agent(t, ctx, a, 2)
	out, in := talking(t, ctx, a, agent(t, ctx, a, 0), agent(t, ctx, a, 1))
	must(t, in.Transfer(ctx, "9999"))
	if in.AwaitTransferred(ctx) == nil {
		t.Error("a transfer to a number that does not exist has worked")
	}
	hears(t, ctx, out, secondHz)
	must(t, in.Transfer(ctx, a.Agents[2].Number))
	last := taken(t, ctx, third, thirdHz)
	must(t, in.AwaitTransferred(ctx))
	hears(t, ctx, out, thirdHz)
	hears(t, ctx, last, firstHz)
	must(t, in.Hangup(ctx))
	must(t, out.Hangup(ctx))
	if _, err := last.AwaitEnded(ctx); err != nil {
		t.Error(err)
	}
	if in.Transfer(ctx, a.Agents[2].Number) == nil {
		t.Error("a call that is over is transferred")
	}
}

func TestAnAttendedTransferJoinsTheTwoOtherSides(t *testing.T) {
	ctx, a := realAsterisk(t)
	second, third := agent(t, ctx, a, 1), agent(t, ctx, a, 2)
	out, in := talking(t, ctx, a, agent(t, ctx, a, 0), second)
	must(t, in.Hold(ctx))
	asking, err := second.Call(ctx, "", a.Agents[2].Number)
	must(t, err)
	if in.TransferTo(ctx, asking) == nil {
		t.Error("the call is transferred to one that is not answered")
	}
	last := taken(t, ctx, third, thirdHz)
	hears(t, ctx, asking, thirdHz)
	must(t, in.TransferTo(ctx, asking))
	must(t, in.AwaitTransferred(ctx))
	hears(t, ctx, out, thirdHz)
	hears(t, ctx, last, firstHz)
	must(t, in.Hangup(ctx))
	must(t, asking.Hangup(ctx))
	must(t, out.Hangup(ctx))
	if _, err := last.AwaitEnded(ctx); err != nil {
		t.Error(err)
	}
}
