package phone

import (
	"context"
	"fmt"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/google/uuid"
)

// cancelLimit is how long a cancelled call waits for its final response.
const cancelLimit = 5 * time.Second

// CallOption adds something to the INVITE of a call that is placed.
type CallOption func(*sip.Request)

// WithName sets the caller's display name.
func WithName(name string) CallOption {
	return func(r *sip.Request) { r.From().DisplayName = name }
}

// WithHeader adds a header.
func WithHeader(name, value string) CallOption {
	return func(r *sip.Request) { r.AppendHeader(sip.NewHeader(name, value)) }
}

// WithDiversion says that the call was forwarded, from the number that the
// caller dialled, for a reason such as "unconditional" (RFC 5806).
func WithDiversion(number, reason string) CallOption {
	return func(r *sip.Request) {
		value := fmt.Sprintf("<sip:%s@%s>;reason=%s", number, r.From().Address.Host, reason)
		r.AppendHeader(sip.NewHeader("Diversion", value))
	}
}

// Call places a call and returns once the INVITE is sent; what becomes of it is
// awaited on the call. from is the caller's number, or "" for the phone's own
// extension. ctx is for the sending only: Hangup ends the call.
func (p *Phone) Call(ctx context.Context, from, to string, options ...CallOption) (*Call, error) {
	if from == "" {
		from = p.name
	}
	c := newCall(p, uuid.NewString())
	c.to = to
	body, err := c.offer()
	if err != nil {
		return nil, fmt.Errorf("calling %s: %w", to, err)
	}
	c.invite = p.newInvite(c.id, from, to, body)
	for _, o := range options {
		o(c.invite)
	}
	c.from = Party{Number: from, Name: c.invite.From().DisplayName}
	c.headers = headersOf(c.invite)
	if err := p.admit(c); err != nil {
		c.media.close()
		return nil, fmt.Errorf("calling %s: %w", to, err)
	}
	c.note(Event{Kind: EventCalling, Detail: to})
	tx, err := p.client.TransactionRequest(ctx, c.invite)
	if err != nil {
		err = fmt.Errorf("calling %s: %w", to, err)
		c.end(Ended{By: Us, How: Failed, Why: err.Error()})
		return nil, err
	}
	p.tasks.Go(func() { c.follow(tx) })
	return c, nil
}

func (p *Phone) newInvite(id, from, to string, body []byte) *sip.Request {
	req := sip.NewRequest(sip.INVITE, p.serverURI(to))
	fromHeader := sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: from, Host: p.address.Addr().String()}}
	fromHeader.Params.Add("tag", sip.GenerateTagN(16))
	callID := sip.CallIDHeader(id)
	req.AppendHeader(&fromHeader)
	req.AppendHeader(&sip.ToHeader{Address: p.serverURI(to)})
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: sip.INVITE})
	req.AppendHeader(p.contact(from))
	req.AppendHeader(allowed())
	req.AppendHeader(sdpType())
	req.SetBody(body)
	return req
}

// follow takes a placed call to its answer or its end.
func (c *Call) follow(tx sip.ClientTransaction) {
	var (
		cancel        = c.cancel
		limit         <-chan time.Time
		provisional   bool
		authenticated bool
	)
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
				if !provisional && cancel == nil {
					c.sendCancel()
				}
				provisional = true
				c.progress(res)
			case res.IsSuccess():
				c.establish(tx, res)
				return
			case c.challenged(res) && !authenticated:
				authenticated, provisional = true, false
				tx.Terminate()
				var err error
				if tx, err = c.authenticate(res); err != nil {
					c.end(Ended{By: Us, How: Failed, Why: err.Error()})
					return
				}
			default:
				c.refused(res)
				return
			}
		case <-cancel:
			// A CANCEL may follow only a provisional response.
			cancel = nil
			timer := time.NewTimer(cancelLimit)
			defer timer.Stop()
			limit = timer.C
			if provisional {
				c.sendCancel()
			}
		case <-limit:
			tx.Terminate()
			c.end(Ended{By: Us, How: Cancelled, Why: "the far end gave no final response"})
			return
		case <-tx.Done():
			c.end(Ended{By: Nobody, How: Failed, Why: fmt.Sprint(tx.Err())})
			return
		case <-c.done:
			return
		}
	}
}

// challenged says whether the far end wants a password, and we have one.
func (c *Call) challenged(res *sip.Response) bool {
	wanted := res.StatusCode == sip.StatusUnauthorized || res.StatusCode == sip.StatusProxyAuthRequired
	return wanted && c.phone.password != ""
}

func (c *Call) authenticate(res *sip.Response) (sip.ClientTransaction, error) {
	auth := sipgo.DigestAuth{Username: c.phone.name, Password: c.phone.password}
	return c.phone.client.TransactionDigestAuth(c.phone.ctx, c.invite, res, auth)
}

// progress notes a provisional response, and listens to early media.
func (c *Call) progress(res *sip.Response) {
	switch res.StatusCode {
	case sip.StatusTrying:
		c.note(Event{Kind: EventTrying})
	case sip.StatusRinging:
		c.mu.Lock()
		c.state = max(c.state, stateRinging)
		c.noteLocked(Event{Kind: EventRinging})
		c.mu.Unlock()
	}
	if len(res.Body()) == 0 {
		return
	}
	if err := c.accept(res.Body()); err != nil {
		c.log.Warn("call", "doing", "early media", "error", err)
		return
	}
	c.note(Event{Kind: EventEarlyMedia})
}

// establish starts the audio and acknowledges the far end's 200.
func (c *Call) establish(tx sip.ClientTransaction, res *sip.Response) {
	c.mu.Lock()
	c.dialog = c.placedDialog(res)
	ack := c.dialog.request(c.id, sip.ACK)
	c.mu.Unlock()
	again := ack.Clone()
	tx.OnRetransmission(func(*sip.Response) { c.sendAck(again.Clone()) })

	var err error
	if len(res.Body()) > 0 {
		err = c.accept(res.Body())
	}
	c.mu.Lock()
	cancelling := c.cancelling
	answered := err == nil && c.started && !cancelling && c.state != stateEnded
	if answered {
		c.state, c.answered = stateAnswered, true
		c.noteLocked(Event{Kind: EventAnswered})
	}
	bye := c.dialog.request(c.id, sip.BYE)
	c.mu.Unlock()
	// From the ACK on the far end may hang up, and by then the answer is noted.
	c.sendAck(ack)
	if answered {
		return
	}

	ended := Ended{By: Us, How: Cancelled, Why: "the answer crossed the CANCEL"}
	if !cancelling {
		ended = Ended{By: Us, How: Failed, Why: fmt.Sprintf("the answer has no audio for us: %v", err)}
	}
	ctx, done := context.WithTimeout(context.Background(), closeLimit)
	defer done()
	if err := c.sendBye(ctx, bye); err != nil {
		c.log.Warn("call", "error", err)
	}
	c.end(ended)
}

func (c *Call) placedDialog(res *sip.Response) dialog {
	d := dialog{
		from:        *c.invite.From(),
		to:          *res.To(),
		target:      c.invite.Recipient,
		destination: c.phone.server.String(),
		sequence:    c.invite.CSeq().SeqNo,
	}
	if contact := res.Contact(); contact != nil {
		d.target = contact.Address
	}
	return d
}

func (c *Call) sendAck(ack *sip.Request) {
	if err := c.phone.client.WriteRequest(ack); err != nil {
		c.log.Warn("call", "doing", "ACK", "error", err)
	}
}

// refused ends a placed call by the far end's final response.
func (c *Call) refused(res *sip.Response) {
	e := Ended{By: Them, How: Refused, Code: res.StatusCode, Cause: causeOf(res), Why: res.Reason}
	c.mu.Lock()
	cancelling := c.cancelling
	c.mu.Unlock()
	switch {
	case cancelling && res.StatusCode == sip.StatusRequestTerminated:
		e = Ended{By: Us, How: Cancelled, Cause: e.Cause}
	case res.IsRedirection():
		e.How = Redirected
	}
	c.end(e)
}

// cancelInvite has follow cancel the call, and waits for its end.
func (c *Call) cancelInvite(ctx context.Context) error {
	c.mu.Lock()
	if !c.cancelling {
		c.cancelling = true
		close(c.cancel)
	}
	c.mu.Unlock()
	_, err := c.AwaitEnded(ctx)
	return err
}

// sendCancel sends the CANCEL. Its own response says nothing: the INVITE's
// final response is what counts.
func (c *Call) sendCancel() {
	id := sip.CallIDHeader(c.id)
	req := sip.NewRequest(sip.CANCEL, c.invite.Recipient)
	req.AppendHeader(sip.HeaderClone(c.invite.Via()))
	req.AppendHeader(sip.HeaderClone(c.invite.From()))
	req.AppendHeader(sip.HeaderClone(c.invite.To()))
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: c.invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	c.phone.tasks.Go(func() {
		ctx, done := context.WithTimeout(context.Background(), cancelLimit)
		defer done()
		if _, err := c.phone.client.Do(ctx, req); err != nil {
			c.log.Debug("call", "doing", "CANCEL", "error", err)
		}
	})
}
