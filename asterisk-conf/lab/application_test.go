package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
)

// event is what the tests read of ARI's events.
type event struct {
	Type    string   `json:"type"`
	Args    []string `json:"args"`
	Channel channel  `json:"channel"`
	Cause   int      `json:"cause"`
}

type channel struct {
	ID        string            `json:"id"`
	Variables map[string]string `json:"channelvars"`
	Caller    struct {
		Number string `json:"number"`
	} `json:"caller"`
}

// application stands where callbackd stands: connected to ARI under its name.
type application struct {
	t        *testing.T
	asterisk *lab.Asterisk
	socket   *websocket.Conn
}

func connect(t *testing.T, asterisk *lab.Asterisk) *application {
	t.Helper()
	query := url.Values{"app": {"callback"}, "api_key": {asterisk.ARIUser + ":" + asterisk.ARIPassword}}
	address := strings.Replace(asterisk.ARIURL, "http:", "ws:", 1) + "/events?" + query.Encode()
	socket, answer, err := websocket.Dial(within(t), address, nil) //nolint:bodyclose // of a websocket it is empty
	if err != nil {
		t.Fatalf("connecting to ARI: %v (%v)", err, answer)
	}
	t.Cleanup(func() { _ = socket.CloseNow() })
	return &application{t, asterisk, socket}
}

// await returns the next event of a type, for a channel if id is not empty.
func (a *application) await(kind, id string) event {
	a.t.Helper()
	ctx := within(a.t)
	for {
		_, text, err := a.socket.Read(ctx)
		if err != nil {
			a.t.Fatalf("waiting for %s %s: %v", kind, id, err)
		}
		var e event
		if err := json.Unmarshal(text, &e); err != nil {
			a.t.Fatal(err)
		}
		if e.Type == kind && (id == "" || e.Channel.ID == id) {
			return e
		}
	}
}

// post sends a command with a JSON body, or none when body is nil.
func (a *application) post(path string, body any) {
	a.t.Helper()
	if status, text := a.send(within(a.t), http.MethodPost, path, body); status/100 != 2 {
		a.t.Fatalf("POST %s: %d %s", path, status, text)
	}
}

func (a *application) send(ctx context.Context, method, path string, body any) (int, string) {
	a.t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			a.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.asterisk.ARIURL+path, content)
	if err != nil {
		a.t.Fatal(err)
	}
	request.SetBasicAuth(a.asterisk.ARIUser, a.asterisk.ARIPassword)
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// subscribe asks for every event of a channel, its end included.
func (a *application) subscribe(id string) {
	a.t.Helper()
	a.post("/applications/callback/subscription?"+url.Values{"eventSource": {"channel:" + id}}.Encode(), nil)
}

// channels returns how many channels the instance has.
func (a *application) channels() int {
	a.t.Helper()
	status, text := a.send(within(a.t), http.MethodGet, "/channels", nil)
	if status != http.StatusOK {
		a.t.Fatalf("GET /channels: %d %s", status, text)
	}
	var all []channel
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		a.t.Fatal(err)
	}
	return len(all)
}

// awaitNoChannel returns when the last channel is gone.
func (a *application) awaitNoChannel() {
	a.t.Helper()
	await(a.t, "the end of every channel", func() bool { return a.channels() == 0 })
}

func (e event) String() string {
	return fmt.Sprintf("%s %v %+v", e.Type, e.Args, e.Channel)
}
