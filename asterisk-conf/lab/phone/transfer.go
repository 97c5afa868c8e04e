package phone

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Hold puts the far end of an answered call on hold: it is told that nobody listens here, and hears
// nothing of us. It returns when the far end has agreed.
func (c *Call) Hold(ctx context.Context) error { return c.hold(ctx, true) }

// Resume takes the far end from hold.
func (c *Call) Resume(ctx context.Context) error { return c.hold(ctx, false) }

// hold sends a re-INVITE with the audio's new direction.
func (c *Call) hold(ctx context.Context, on bool) error {
	c.mu.Lock()
	if c.state != stateAnswered {
		c.mu.Unlock()
		return fmt.Errorf("putting the call to %s on hold: it is not answered", c.to)
	}
	c.held = on
	c.mu.Unlock()
	body, err := c.offer()
	if err != nil {
		return fmt.Errorf("putting the call to %s on hold: %w", c.to, err)
	}
	c.mu.Lock()
	req := c.dialog.request(c.id, sip.INVITE)
	ack := c.dialog.request(c.id, sip.ACK)
	c.mu.Unlock()
	req.AppendHeader(c.phone.contact(c.phone.name))
	req.AppendHeader(sdpType())
	req.SetBody(body)
	res, err := c.phone.client.Do(ctx, req)
	if err != nil {
		return fmt.Errorf("putting the call to %s on hold: %w", c.to, err)
	}
	if !res.IsSuccess() {
		return fmt.Errorf("putting the call to %s on hold: the far end says %d %s", c.to, res.StatusCode, res.Reason)
	}
	c.sendAck(ack)
	return c.accept(res.Body())
}

// Transfer asks the far end to send its party to a number: a blind transfer (RFC 3515). It returns when
// the far end has taken the request; AwaitTransferred says what came of it. The call itself goes on until
// either side hangs up.
func (c *Call) Transfer(ctx context.Context, number string) error {
	return c.refer(ctx, number, "")
}

// TransferTo asks the far end to join its party to the one of another call of this phone, both answered:
// an attended transfer (RFC 3891). It returns as Transfer does.
func (c *Call) TransferTo(ctx context.Context, other *Call) error {
	other.mu.Lock()
	answered := other.state == stateAnswered
	ours, _ := other.dialog.from.Params.Get("tag")
	theirs, _ := other.dialog.to.Params.Get("tag")
	other.mu.Unlock()
	if !answered {
		return fmt.Errorf("transferring to %s: that call is not answered", other.to)
	}
	return c.refer(ctx, other.to, other.id+";to-tag="+theirs+";from-tag="+ours)
}

// AwaitTransferred returns when the far end says that the transfer has worked, and fails when it says that it
// has not. It may be said only when the number has answered, and Asterisk now and then never says it of one
// that has worked.
func (c *Call) AwaitTransferred(ctx context.Context) error {
	return await(ctx, &c.mu, &c.changed, "the outcome of the transfer", func() (bool, error) {
		if c.referred/100 > 2 {
			return false, fmt.Errorf("transferring: the far end has got %d", c.referred)
		}
		return c.referred/100 == 2, nil
	})
}

// refer sends a REFER.
func (c *Call) refer(ctx context.Context, number, replaces string) error {
	target := "sip:" + number + "@" + c.phone.server.String()
	if replaces != "" {
		target += "?Replaces=" + url.QueryEscape(replaces)
	}
	c.mu.Lock()
	if c.state != stateAnswered {
		c.mu.Unlock()
		return fmt.Errorf("transferring to %s: the call is not answered", number)
	}
	req := c.dialog.request(c.id, sip.REFER)
	c.referred = 0
	c.mu.Unlock()
	req.AppendHeader(c.phone.contact(c.phone.name))
	req.AppendHeader(sip.NewHeader("Refer-To", "<"+target+">"))
	req.AppendHeader(sip.NewHeader("Referred-By", "<sip:"+c.phone.name+"@"+c.phone.server.String()+">"))
	res, err := c.phone.client.Do(ctx, req)
	if err != nil {
		return fmt.Errorf("transferring to %s: %w", number, err)
	}
	if !res.IsSuccess() {
		return fmt.Errorf("transferring to %s: the far end says %d %s", number, res.StatusCode, res.Reason)
	}
	return nil
}

// onNotify serves a NOTIFY. It may be a lamp's. In a call it may say how a transfer goes, with a line of
// SIP as its body (RFC 3515, 2.4.5).
func (p *Phone) onNotify(req *sip.Request, tx sip.ServerTransaction) {
	p.answerWith(sip.StatusOK, "OK")(req, tx)
	if lamp := p.lamp(req); lamp != nil {
		lamp.take(req.Body())
		return
	}
	c := p.find(req)
	event := req.GetHeader("Event")
	if c == nil || event == nil || !strings.HasPrefix(event.Value(), "refer") {
		return
	}
	words := strings.Fields(string(req.Body()))
	if len(words) < 2 || words[0] != "SIP/2.0" {
		c.log.Warn("call", "doing", "NOTIFY", "error", "no status line", "body", string(req.Body()))
		return
	}
	status, err := strconv.Atoi(words[1])
	if err != nil {
		c.log.Warn("call", "doing", "NOTIFY", "error", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.referred < 200 { // each NOTIFY is served by itself: one that says "trying" may come to us last
		c.referred = status
	}
	c.noteLocked(Event{Kind: EventReferred, Detail: words[1]})
}
