package phone

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

var (
	errNotReceived = errors.New("the phone placed this call: only a received one can be answered or refused")
	errTooLate     = errors.New("the call is answered, refused or over already")
)

// reasons are the words that go with the statuses that a phone gives.
var reasons = map[int]string{
	sip.StatusRinging:                "Ringing",
	sip.StatusSessionInProgress:      "Session Progress",
	sip.StatusOK:                     "OK",
	sip.StatusMovedTemporarily:       "Moved Temporarily",
	sip.StatusForbidden:              "Forbidden",
	sip.StatusNotFound:               "Not Found",
	sip.StatusTemporarilyUnavailable: "Temporarily Unavailable",
	sip.StatusBusyHere:               "Busy Here",
	sip.StatusNotAcceptableHere:      "Not Acceptable Here",
	sip.StatusServiceUnavailable:     "Service Unavailable",
	sip.StatusGlobalDecline:          "Decline",
}

// serve tells sipgo what to do with requests.
func (p *Phone) serve(s *sipgo.Server) {
	s.OnInvite(p.guarded(p.onInvite))
	s.OnAck(p.guarded(p.onAck))
	s.OnBye(p.guarded(p.onBye))
	s.OnUpdate(p.guarded(p.onUpdate))
	s.OnCancel(p.guarded(p.answerWith(sip.StatusCallTransactionDoesNotExists, "Call Does Not Exist")))
	s.OnRequest(sip.NOTIFY, p.guarded(p.onNotify))
	for _, method := range []sip.RequestMethod{sip.OPTIONS, sip.INFO} {
		s.OnRequest(method, p.guarded(p.answerWith(sip.StatusOK, "OK")))
	}
}

// guarded keeps Close waiting while a request is served, and serves none after
// it.
func (p *Phone) guarded(serve sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		p.mu.Lock()
		if p.stopped {
			p.mu.Unlock()
			return
		}
		p.tasks.Add(1)
		p.mu.Unlock()
		defer p.tasks.Done()
		serve(req, tx)
	}
}

// answerWith answers every request alike.
func (p *Phone) answerWith(status int, reason string) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		p.reply(tx, sip.NewResponseFromRequest(req, status, reason, nil))
	}
}

func (p *Phone) reply(tx sip.ServerTransaction, res *sip.Response) {
	if err := tx.Respond(res); err != nil {
		p.log.Warn("answering a request", "status", res.StatusCode, "error", err)
	}
}

// onInvite serves a new call until its final response is acknowledged, as
// sipgo drops the transaction when its handler returns.
func (p *Phone) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if req.To().Params.Has("tag") {
		p.onChange(req, tx)
		return
	}
	c := p.newReceived(req, tx)
	if err := p.admit(c); err != nil {
		p.reply(tx, sip.NewResponseFromRequest(req, sip.StatusServiceUnavailable, "Service Unavailable", nil))
		return
	}
	defer close(c.settled)
	c.note(Event{Kind: EventOffered, Detail: c.to})
	waits := tx.OnCancel(func(r *sip.Request) {
		c.end(Ended{By: Them, How: Cancelled, Cause: causeOf(r)})
	})
	if !waits {
		c.end(Ended{By: Them, How: Cancelled})
		return
	}
	p.deliver(c)
	c.settle()
}

func (p *Phone) newReceived(req *sip.Request, tx sip.ServerTransaction) *Call {
	c := newCall(p, req.CallID().Value())
	c.incoming = true
	c.invite = req
	c.serverTx = tx
	c.to = req.Recipient.User
	c.from = Party{Number: req.From().Address.User, Name: strings.Trim(req.From().DisplayName, `"`)}
	c.headers = headersOf(req)
	us := req.To().AsFrom()
	us.Params = us.Params.Clone()
	us.Params.Add("tag", sip.GenerateTagN(16))
	c.dialog = dialog{
		from:        us,
		to:          req.From().AsTo(),
		target:      req.From().Address,
		destination: req.Source(),
	}
	if contact := req.Contact(); contact != nil {
		c.dialog.target = contact.Address
	}
	return c
}

// settle waits for the call's final response and its acknowledgement.
func (c *Call) settle() {
	select {
	case <-c.final:
	case <-c.done:
	}
	c.mu.Lock()
	accepted := c.accepted
	c.mu.Unlock()
	if accepted == nil {
		select {
		case <-c.serverTx.Acks():
		case <-c.serverTx.Done():
		}
		return
	}
	if c.confirm(c.serverTx, accepted) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.state == stateAnswering {
			c.state, c.answered = stateAnswered, true
			c.changed.raise()
		}
		return
	}
	if c.over() {
		return
	}
	c.mu.Lock()
	bye := c.dialog.request(c.id, sip.BYE)
	c.mu.Unlock()
	c.end(Ended{By: Nobody, How: Failed, Why: "our 200 was never acknowledged"})
	ctx, done := context.WithTimeout(context.Background(), closeLimit)
	defer done()
	if err := c.sendBye(ctx, bye); err != nil {
		c.log.Warn("call", "error", err)
	}
}

// expectAck opens a place for the ACK of a 200 that is about to be sent.
func (c *Call) expectAck(res *sip.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acks[res.CSeq().SeqNo] = make(chan *sip.Request, 1)
}

// confirm repeats a 200 until its ACK comes (RFC 3261, 13.3.1.4), and says
// whether it came.
func (c *Call) confirm(tx sip.ServerTransaction, res *sip.Response) bool {
	sequence := res.CSeq().SeqNo
	c.mu.Lock()
	acks := c.acks[sequence]
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.acks, sequence)
	}()

	pause := sip.T1
	again := time.NewTimer(pause)
	defer again.Stop()
	limit := time.NewTimer(64 * sip.T1)
	defer limit.Stop()
	for {
		select {
		case <-acks:
			return true
		case <-again.C:
			c.phone.reply(tx, res)
			pause = min(2*pause, sip.T2)
			again.Reset(pause)
		case <-limit.C:
			return false
		case <-c.done:
			return false
		}
	}
}

func (p *Phone) onAck(req *sip.Request, _ sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		return
	}
	// The answer to an offer that our 200 made comes with the ACK.
	if len(req.Body()) > 0 {
		if err := c.accept(req.Body()); err != nil {
			c.log.Warn("call", "doing", "ACK", "error", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case c.acks[req.CSeq().SeqNo] <- req:
	default:
	}
}

func (p *Phone) onBye(req *sip.Request, tx sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		p.answerWith(sip.StatusCallTransactionDoesNotExists, "Call Does Not Exist")(req, tx)
		return
	}
	p.answerWith(sip.StatusOK, "OK")(req, tx)
	c.mu.Lock()
	// A BYE that is served before the ACK of our 200 says as well that it has come.
	c.answered = c.answered || c.accepted != nil
	c.mu.Unlock()
	c.end(Ended{By: Them, How: HungUp, Cause: causeOf(req)})
}

// onUpdate serves an UPDATE, with or without an offer.
func (p *Phone) onUpdate(req *sip.Request, tx sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		p.answerWith(sip.StatusCallTransactionDoesNotExists, "Call Does Not Exist")(req, tx)
		return
	}
	if len(req.Body()) == 0 {
		p.answerWith(sip.StatusOK, "OK")(req, tx)
		return
	}
	p.reply(tx, c.change(req))
}

// onChange serves an INVITE inside a call.
func (p *Phone) onChange(req *sip.Request, tx sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		p.answerWith(sip.StatusCallTransactionDoesNotExists, "Call Does Not Exist")(req, tx)
		return
	}
	res := c.change(req)
	if !res.IsSuccess() {
		p.reply(tx, res)
		return
	}
	c.expectAck(res)
	p.reply(tx, res)
	if !c.confirm(tx, res) && !c.over() {
		c.log.Warn("call", "doing", "re-INVITE", "error", "our 200 was never acknowledged")
	}
}

// change answers a changed offer, and goes by it.
func (c *Call) change(req *sip.Request) *sip.Response {
	body, err := c.describe(req)
	if err != nil {
		c.log.Warn("call", "doing", "change", "error", err)
		return c.response(req, sip.StatusNotAcceptableHere, nil)
	}
	c.mu.Lock()
	if contact := req.Contact(); contact != nil {
		c.dialog.target = contact.Address
	}
	c.noteLocked(Event{Kind: EventChanged})
	c.mu.Unlock()
	return c.response(req, sip.StatusOK, body)
}

// describe answers the offer of a request, or makes one if it has none.
func (c *Call) describe(req *sip.Request) ([]byte, error) {
	if len(req.Body()) == 0 {
		return c.offer()
	}
	return c.answerTo(req.Body())
}

// response makes a response with our tag, and SDP if there is any.
func (c *Call) response(req *sip.Request, status int, body []byte) *sip.Response {
	reason, ok := reasons[status]
	if !ok {
		reason = "Refused"
	}
	res := sip.NewResponseFromRequest(req, status, reason, body)
	if !req.To().Params.Has("tag") {
		tag, _ := c.dialog.from.Params.Get("tag")
		res.To().Params.Add("tag", tag)
	}
	res.AppendHeader(allowed())
	if len(body) > 0 {
		res.AppendHeader(sdpType())
	}
	if !res.IsRedirection() {
		res.AppendHeader(c.phone.contact(c.to))
	}
	return res
}

// claim takes the right to give a received call its final response.
func (c *Call) claim() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.incoming {
		return errNotReceived
	}
	if c.state >= stateAnswering {
		return errTooLate
	}
	c.state = stateAnswering
	return nil
}

// Ring says that the received call rings (180).
func (c *Call) Ring() error {
	return c.provisional(sip.StatusRinging, nil, EventRinging)
}

// RingFor rings and returns after a while, for the caller to wait. It fails
// when the call ends first.
func (c *Call) RingFor(ctx context.Context, lasts time.Duration) error {
	if err := c.Ring(); err != nil {
		return err
	}
	timer := time.NewTimer(lasts)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.done:
		return fmt.Errorf("ringing for %s: %w", c.from.Number, errCallOver)
	case <-ctx.Done():
		return fmt.Errorf("ringing for %s: %w", c.from.Number, context.Cause(ctx))
	}
}

// Progress sends and receives audio before the received call is answered (183).
func (c *Call) Progress() error {
	body, err := c.describe(c.invite)
	if err != nil {
		return fmt.Errorf("starting early media for %s: %w", c.from.Number, err)
	}
	return c.provisional(sip.StatusSessionInProgress, body, EventEarlyMedia)
}

func (c *Call) provisional(status int, body []byte, kind EventKind) error {
	c.mu.Lock()
	switch {
	case !c.incoming:
		c.mu.Unlock()
		return errNotReceived
	case c.state >= stateAnswering:
		c.mu.Unlock()
		return errTooLate
	}
	if kind == EventRinging {
		c.state = stateRinging
	}
	c.noteLocked(Event{Kind: kind})
	c.mu.Unlock()
	return c.respond(c.response(c.invite, status, body))
}

func (c *Call) respond(res *sip.Response) error {
	if err := c.serverTx.Respond(res); err != nil {
		return fmt.Errorf("answering %s with %d: %w", c.from.Number, res.StatusCode, err)
	}
	return nil
}

// Answer answers a received call (200), and returns when the far end has
// acknowledged it. It fails if the call is over, or ends before that.
func (c *Call) Answer(ctx context.Context) error {
	if err := c.claim(); err != nil {
		return err
	}
	body, err := c.describe(c.invite)
	if err != nil {
		err = fmt.Errorf("answering %s: %w", c.from.Number, err)
		return errors.Join(err, c.refuse(ctx, c.response(c.invite, sip.StatusNotAcceptableHere, nil), Refused))
	}
	res := c.response(c.invite, sip.StatusOK, body)
	c.expectAck(res)
	c.mu.Lock()
	c.accepted = res
	c.noteLocked(Event{Kind: EventAnswered})
	c.mu.Unlock()
	if err := c.respond(res); err != nil {
		c.end(Ended{By: Us, How: Failed, Why: err.Error()})
		return err
	}
	close(c.final)
	return c.AwaitAnswered(ctx)
}

// Decline refuses a received call with a SIP status such as 486 (busy) or 603
// (decline), and returns when the far end has acknowledged it.
func (c *Call) Decline(ctx context.Context, status int) error {
	if err := c.claim(); err != nil {
		return err
	}
	return c.refuse(ctx, c.response(c.invite, status, nil), Refused)
}

// Redirect sends the caller of a received call elsewhere (302), and returns
// when the far end has acknowledged that. contact is a SIP URI.
func (c *Call) Redirect(ctx context.Context, contact string) error {
	var uri sip.Uri
	if err := sip.ParseUri(contact, &uri); err != nil {
		return fmt.Errorf("redirecting to %q: %w", contact, err)
	}
	if err := c.claim(); err != nil {
		return err
	}
	res := c.response(c.invite, sip.StatusMovedTemporarily, nil)
	res.AppendHeader(&sip.ContactHeader{Address: uri})
	return c.refuse(ctx, res, Redirected)
}

// refuse gives the claimed call its final response.
func (c *Call) refuse(ctx context.Context, res *sip.Response, how How) error {
	err := c.respond(res)
	close(c.final)
	c.end(Ended{By: Us, How: how, Code: res.StatusCode})
	if err != nil {
		return err
	}
	select {
	case <-c.settled:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("refusing the call from %s: %w", c.from.Number, context.Cause(ctx))
	}
}
