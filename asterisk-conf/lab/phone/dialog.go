package phone

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// dialog is what the requests inside a call have in common.
type dialog struct {
	from        sip.FromHeader // us
	to          sip.ToHeader   // them
	target      sip.Uri
	destination string // "ip:port"
	sequence    uint32 // the CSeq of our last request
}

// request makes a request inside the dialogue, with a CSeq of its own unless
// it is an ACK.
func (d *dialog) request(callID string, method sip.RequestMethod) *sip.Request {
	if method != sip.ACK {
		d.sequence++
	}
	id := sip.CallIDHeader(callID)
	req := sip.NewRequest(method, d.target)
	req.AppendHeader(sip.HeaderClone(&d.from))
	req.AppendHeader(sip.HeaderClone(&d.to))
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: d.sequence, MethodName: method})
	req.SetDestination(d.destination)
	return req
}

// bye hangs an answered call up, and returns when the far end has agreed.
func (c *Call) bye(ctx context.Context) error {
	c.mu.Lock()
	req := c.dialog.request(c.id, sip.BYE)
	c.mu.Unlock()
	c.end(Ended{By: Us, How: HungUp})
	return c.sendBye(ctx, req)
}

func (c *Call) sendBye(ctx context.Context, req *sip.Request) error {
	res, err := c.phone.client.Do(ctx, req)
	if err != nil {
		return fmt.Errorf("hanging up the call to %s: %w", c.to, err)
	}
	if !res.IsSuccess() && res.StatusCode != sip.StatusCallTransactionDoesNotExists {
		return fmt.Errorf("hanging up the call to %s: the far end says %d %s", c.to, res.StatusCode, res.Reason)
	}
	return nil
}

// causeOf returns the Q.850 cause of a message's Reason header, or 0 (RFC 3326).
func causeOf(m sip.Message) int {
	for _, h := range m.GetHeaders("Reason") {
		protocol, parameters, _ := strings.Cut(h.Value(), ";")
		if !strings.EqualFold(strings.TrimSpace(protocol), "Q.850") {
			continue
		}
		for p := range strings.SplitSeq(parameters, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			if !strings.EqualFold(name, "cause") {
				continue
			}
			if cause, err := strconv.Atoi(value); err == nil {
				return cause
			}
		}
	}
	return 0
}

// headersOf returns a request's headers in order.
func headersOf(m *sip.Request) []Header {
	var headers []Header
	for _, h := range m.Headers() {
		headers = append(headers, Header{Name: h.Name(), Value: h.Value()})
	}
	return headers
}

// allowed is the header that lists what the phone understands.
func allowed() sip.Header {
	return sip.NewHeader("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, NOTIFY, INFO")
}

// sdpType is the header of a body with SDP.
func sdpType() sip.Header { return sip.NewHeader("Content-Type", "application/sdp") }
