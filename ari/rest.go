package ari

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/CyCoreSystems/ari/v6/client/native"

	"github.com/callbackd/callbackd/callback"
)

// scheme is the URL scheme that leads the library's requests to us.
const scheme = "callbackd-ari"

// maxBody bounds what is read of an answer. A list of some ten thousand channels fits.
const maxBody = 64 << 20

// libraryCalls finds the context and the node of a request that the library sends.
type libraryCalls struct {
	next atomic.Uint64
	open sync.Map // number as text: *libraryCall
}

type libraryCall struct {
	ctx  context.Context
	node *Node
	err  *callback.CommandError // of the request, as the library would hide it
}

// theLibraryCalls is where all nodes' calls of the library meet: http.DefaultTransport, which the
// library uses, knows one handler a scheme.
var theLibraryCalls = sync.OnceValues(func() (*libraryCalls, error) {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("http.DefaultTransport was replaced by one that takes no further schemes")
	}
	calls := &libraryCalls{}
	transport.RegisterProtocol(scheme, calls)
	return calls, nil
})

// RoundTrip sends a request of the library to the node of its call.
func (l *libraryCalls) RoundTrip(req *http.Request) (*http.Response, error) {
	found, _ := l.open.Load(req.URL.Host)
	call, ok := found.(*libraryCall)
	if !ok {
		return nil, fmt.Errorf("no call of the library has the number %s", req.URL.Host)
	}
	out := req.Clone(call.ctx)
	address := *call.node.url
	out.URL = address.JoinPath(req.URL.EscapedPath())
	out.URL.RawQuery = req.URL.RawQuery
	out.Host = ""
	status, body, failure := call.node.send(out)
	if failure != nil {
		call.err = failure
		return nil, failure
	}
	return &http.Response{
		Status:        http.StatusText(status),
		StatusCode:    status,
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        http.Header{},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       req,
	}, nil
}

// library runs f with a client of the library whose requests end with ctx. Its error is a
// *callback.CommandError.
func (n *Node) library(ctx context.Context, f func(*native.Client) error) error {
	calls, err := theLibraryCalls()
	if err != nil {
		return err
	}
	call := &libraryCall{ctx: ctx, node: n}
	number := strconv.FormatUint(calls.next.Add(1), 10)
	calls.open.Store(number, call)
	defer calls.open.Delete(number)
	err = f(native.New(&native.Options{
		Application:  n.application,
		URL:          scheme + "://" + number,
		WebsocketURL: scheme + "://" + number + "/events",
		Username:     n.user,
		Password:     n.password,
	}))
	if err == nil {
		return nil
	}
	if call.err != nil {
		return call.err
	}
	return &callback.CommandError{Kind: callback.CommandUnsure, Message: "Asterisk's answer can't be read: " + err.Error()}
}

// request sends one request that the library has no words for. in and out are JSON; nil for none. Its
// error is a *callback.CommandError.
func (n *Node) request(ctx context.Context, method, path string, in, out any) error {
	body := []byte{} // Asterisk refuses a null
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("writing the request %s %s: %w", method, path, err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, n.url.String()+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("writing the request %s %s: %w", method, path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(n.user, n.password)
	status, answer, failure := n.send(req)
	if failure != nil {
		return failure
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return &callback.CommandError{Kind: callback.CommandUnsure, Status: status, Message: fmt.Sprintf("the answer to %s %s can't be read: %v", method, path, err)}
	}
	return nil
}

// get fetches and decodes a resource. Parts of the path that may hold a slash are the caller's to
// escape.
func (n *Node) get(ctx context.Context, path string, out any) error {
	return n.request(ctx, http.MethodGet, path, nil, out)
}

// send sends a request once, within the time limit, and returns the answer's status and body. The body
// is read to its end, so that the connection serves the next request.
func (n *Node) send(req *http.Request) (int, []byte, *callback.CommandError) {
	ctx, cancel := context.WithTimeoutCause(req.Context(), n.timing.request,
		fmt.Errorf("no answer from Asterisk within %s", n.timing.request))
	defer cancel()
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}
	begin := time.Now()
	resp, err := n.requests.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		n.metrics.request(0, time.Since(begin))
		return 0, nil, unanswered(ctx, req, sent.Load(), err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	closeErr := resp.Body.Close()
	if err = errors.Join(err, closeErr); err != nil {
		n.metrics.request(0, time.Since(begin))
		return 0, nil, unanswered(ctx, req, true, err)
	}
	n.metrics.request(resp.StatusCode, time.Since(begin))
	if resp.StatusCode >= 300 {
		return 0, nil, refused(resp.StatusCode, body)
	}
	return resp.StatusCode, body, nil
}

// unanswered is the error of a request without an answer. One that never had a connection was surely
// not carried out.
func unanswered(ctx context.Context, req *http.Request, sent bool, err error) *callback.CommandError {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	kind, what := callback.CommandUnsure, "was sent and not answered"
	if !sent {
		kind, what = callback.CommandRejected, "could not be sent"
	}
	return &callback.CommandError{Kind: kind, Message: fmt.Sprintf("%s %s %s: %v", req.Method, req.URL.Path, what, err)}
}

// refused is the error that Asterisk answers with, in its own words.
func refused(status int, body []byte) *callback.CommandError {
	var said struct {
		Message string `json:"message"`
		Error   string `json:"error"` // of a create that finds no way to the endpoint
	}
	message := http.StatusText(status)
	if json.Unmarshal(body, &said) == nil && said.Message+said.Error != "" {
		message = said.Message + said.Error
	}
	kind := callback.CommandRejected
	if status == http.StatusNotFound || status == http.StatusBadRequest && message == "Channel not found" {
		kind = callback.CommandNotFound // a join says 400 for a channel that is gone
	}
	return &callback.CommandError{Kind: kind, Status: status, Message: message}
}

// status is the HTTP status in an error, 0 if there is none.
func status(err error) int {
	var failure *callback.CommandError
	if !errors.As(err, &failure) {
		return 0
	}
	return failure.Status
}

// isNoSound says whether Asterisk has answered that there is no such sound, which is not the 404 of one
// that has no list of sounds.
func isNoSound(err error) bool {
	var failure *callback.CommandError
	return errors.As(err, &failure) && failure.Status == http.StatusNotFound && failure.Message == "Sound not found"
}

// segment makes a name one part of a path: PJSIP/1001 is PJSIP%2F1001 there.
func segment(name string) string { return url.PathEscape(name) }
