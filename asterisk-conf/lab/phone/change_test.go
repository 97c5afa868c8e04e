package phone

import (
	"context"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// inside sends a request inside a call, and an ACK where one is due.
func inside(t *testing.T, ctx context.Context, c *Call, method sip.RequestMethod, body []byte) *sip.Response {
	t.Helper()
	c.mu.Lock()
	req := c.dialog.request(c.id, method)
	c.mu.Unlock()
	req.AppendHeader(c.phone.contact(c.to))
	if len(body) > 0 {
		req.AppendHeader(sdpType())
		req.SetBody(body)
	}
	res, err := c.phone.client.Do(ctx, req)
	must(t, err)
	if method == sip.INVITE && res.IsSuccess() {
		c.mu.Lock()
		ack := c.dialog.request(c.id, sip.ACK)
		c.mu.Unlock()
		if len(body) == 0 {
			answer, err := c.answerTo(res.Body())
			must(t, err)
			ack.AppendHeader(sdpType())
			ack.SetBody(answer)
		}
		must(t, c.phone.client.WriteRequest(ack))
	}
	return res
}

// changedOffer is our SDP again, in another direction.
func changedOffer(t *testing.T, c *Call, direction string) []byte {
	t.Helper()
	body, err := c.offer()
	must(t, err)
	return []byte(strings.Replace(string(body), "a=sendrecv", "a="+direction, 1))
}

func TestAReinviteHoldsAndResumesTheAudio(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := talk(t, ctx, caller, called)
	must(t, in.SendTone(800))
	_, err := out.AwaitTone(ctx, 800)
	must(t, err)

	res := inside(t, ctx, out, sip.INVITE, changedOffer(t, out, "sendonly"))
	if res.StatusCode != sip.StatusOK || !strings.Contains(string(res.Body()), "a=recvonly") {
		t.Fatalf("putting on hold was answered with %d\n%s", res.StatusCode, res.Body())
	}
	_, err = out.AwaitNoTone(ctx, 800)
	must(t, err)
	res = inside(t, ctx, out, sip.UPDATE, changedOffer(t, out, "sendrecv"))
	if res.StatusCode != sip.StatusOK {
		t.Fatalf("resuming was answered with %d", res.StatusCode)
	}
	_, err = out.AwaitTone(ctx, 800)
	must(t, err)

	res = inside(t, ctx, out, sip.INVITE, []byte("v=0\r\n"))
	if res.StatusCode != sip.StatusNotAcceptableHere {
		t.Errorf("an offer without audio was answered with %d", res.StatusCode)
	}
	if got := inside(t, ctx, out, sip.UPDATE, nil).StatusCode; got != sip.StatusOK {
		t.Errorf("an UPDATE without an offer was answered with %d", got)
	}
	must(t, out.Hangup(ctx))
	ends(t, ctx, in, Ended{By: Them, How: HungUp})
	if got, want := kinds(in), "offered, answered, changed, changed, ended"; got != want {
		t.Errorf("the events: %s; want %s", got, want)
	}
}

func TestAReinviteWithoutAnOfferGetsOurs(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := talk(t, ctx, caller, called)
	res := inside(t, ctx, out, sip.INVITE, nil)
	if d, err := parseSDP(res.Body()); err != nil || d.at != in.media.address {
		t.Errorf("the offer in the 200 is %+v, %v", d, err)
	}
	must(t, in.SendTone(800))
	must(t, out.SendTone(1000))
	_, err := out.AwaitTone(ctx, 800)
	must(t, err)
	_, err = in.AwaitTone(ctx, 1000)
	must(t, err)
	must(t, out.Hangup(ctx))
}

func TestRequestsOutsideAnyCallAreAnswered(t *testing.T) {
	ctx := testContext(t)
	caller, called := pair(t, Options{})
	out, in := talk(t, ctx, caller, called)
	if got := inside(t, ctx, out, sip.OPTIONS, nil).StatusCode; got != sip.StatusOK {
		t.Errorf("OPTIONS was answered with %d", got)
	}
	must(t, out.Hangup(ctx))
	_, err := in.AwaitEnded(ctx)
	must(t, err)
	for _, method := range []sip.RequestMethod{sip.BYE, sip.INVITE, sip.UPDATE} {
		if got := inside(t, ctx, out, method, nil).StatusCode; got != sip.StatusCallTransactionDoesNotExists {
			t.Errorf("%s in a call that is over was answered with %d", method, got)
		}
	}
}

func TestTheCauseComesFromTheReasonHeader(t *testing.T) {
	for value, want := range map[string]int{
		`Q.850;cause=17`:                   17,
		`Q.850 ;text="User busy";cause=17`: 17,
		`SIP;cause=486`:                    0,
		`Q.850;cause=x`:                    0,
	} {
		req := sip.NewRequest(sip.BYE, sip.Uri{})
		req.AppendHeader(sip.NewHeader("Reason", value))
		if got := causeOf(req); got != want {
			t.Errorf("%s is the cause %d; want %d", value, got, want)
		}
	}
}
