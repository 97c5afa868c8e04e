package dispatch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/callbackd/callbackd/callback/script"
)

const (
	// webAtOnce is how many requests may be under way to one server. Others wait for their turn, in the
	// time that their scripts give them.
	webAtOnce = 8
	// maxBody is the longest answer that is read, in bytes.
	maxBody = 64 << 10
	// maxValue is the longest value that is taken from an answer, in characters.
	maxValue = 1000
	// maxReason is the longest reason for _ERR, in characters.
	maxReason = 200
)

// web makes the web requests of scripts.
type web struct{ client *http.Client }

func newWeb() *web {
	// HTTP/1.1 has one request on a connection, so that the connections bound the requests.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &web{client: &http.Client{
		Transport: &http.Transport{
			Proxy:     http.ProxyFromEnvironment,
			Protocols: &protocols,
			// On a connection that was used before, a request that is cut short would be sent a second time.
			DisableKeepAlives:      true,
			MaxConnsPerHost:        webAtOnce,
			MaxResponseHeaderBytes: maxBody,
		},
		// A server that was not named in the script is told nothing.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// close ends the connections that no request uses.
func (w *web) close() { w.client.CloseIdleConnections() }

// request makes a request and gives the variables that its answer sets. HTTPSTATUS is among them even
// where the answer is an error.
func (w *web) request(ctx context.Context, q script.WebRequest) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, q.Timeout)
	defer cancel()
	status, body, err := w.exchange(ctx, q)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("no answer within %s", q.Timeout)
	}
	if err != nil {
		return nil, webReason(err)
	}
	values := map[string]string{"HTTPSTATUS": strconv.Itoa(status)}
	found, err := readAnswer(status, body, q.Values)
	if err != nil {
		return values, err
	}
	maps.Copy(values, found)
	return values, nil
}

// exchange sends the request and reads the answer, one byte more than is allowed at the most.
func (w *web) exchange(ctx context.Context, q script.WebRequest) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, q.Method, q.URL, bytes.NewReader(q.Body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("User-Agent", "callbackd")
	request.Header.Set("Accept", "application/json")
	if q.Body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range q.Headers {
		request.Header.Set(name, value)
	}
	request.Host = request.Header.Get("Host")
	response, err := w.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	_ = response.Body.Close() // all that counts has been read
	return response.StatusCode, body, err
}

// webReason makes of a failed request what a script reads of it: without the URL, which the history must
// not keep.
func webReason(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return errors.New(bounded(err.Error(), maxReason))
}

// readAnswer takes the values out of an answer.
func readAnswer(status int, body []byte, wanted map[string]string) (map[string]string, error) {
	switch {
	case status >= 300 && status <= 399:
		return nil, fmt.Errorf("the server answered %d; a redirect is not followed", status)
	case status < 200 || status > 299:
		return nil, fmt.Errorf("the server answered %d", status)
	case len(wanted) == 0:
		return nil, nil
	case len(body) > maxBody:
		return nil, fmt.Errorf("the answer is longer than %d KiB", maxBody>>10)
	}
	document, err := parseJSON(body)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string, len(wanted))
	for _, variable := range slices.Sorted(maps.Keys(wanted)) {
		value, err := valueText(walk(document, wanted[variable]))
		if err != nil {
			return nil, fmt.Errorf("%s: %w at %s of the answer", variable, err, wanted[variable])
		}
		values[variable] = value
	}
	return values, nil
}

// parseJSON reads one JSON document, with its numbers as they are written.
func parseJSON(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, errors.New("the answer is not JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the answer is not JSON: something follows it")
	}
	return document, nil
}

// walk gives what stands at a path, as in customer.name or items.0.id; nil where there is nothing.
func walk(document any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch here := document.(type) {
		case map[string]any:
			document = here[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(here) {
				return nil
			}
			document = here[i]
		default:
			return nil
		}
	}
	return document
}

// valueText gives the text of a value. Objects and lists have none.
func valueText(value any) (string, error) {
	switch value := value.(type) {
	case nil:
		return "", nil
	case string:
		return bounded(value, maxValue), nil
	case json.Number:
		return bounded(value.String(), maxValue), nil
	case bool:
		return strconv.FormatBool(value), nil
	case []any:
		return "", errors.New("there is a list")
	}
	return "", errors.New("there is an object")
}

// bounded gives the text without control characters, cut to that many characters.
func bounded(text string, limit int) string {
	kept := make([]rune, 0, min(len(text), limit))
	for _, r := range text {
		if len(kept) == limit {
			break
		}
		if !unicode.IsControl(r) {
			kept = append(kept, r)
		}
	}
	return string(kept)
}
