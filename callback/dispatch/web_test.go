package dispatch

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

// serveWeb runs a web server on loopback and gives a client for it.
func serveWeb(t *testing.T, handler http.HandlerFunc) (*web, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	w := newWeb()
	t.Cleanup(func() {
		w.close()
		server.Close()
	})
	return w, server.URL
}

// get asks with the values of a script.
func get(w *web, url string, values map[string]string) (map[string]string, error) {
	return w.request(context.Background(), script.WebRequest{Method: http.MethodGet, URL: url, Values: values, Timeout: 5 * time.Second})
}

func TestAWebRequestSaysWhatTheScriptSaysAndWhoWeAre(t *testing.T) {
	var got *http.Request
	var body []byte
	w, url := serveWeb(t, func(rw http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		rw.WriteHeader(http.StatusCreated)
	})
	values, err := w.request(context.Background(), script.WebRequest{
		Method: http.MethodPut, URL: url + "/calls?ani=%2B1212", Headers: map[string]string{"Authorization": "Bearer x", "Host": "crm.example"},
		Body: []byte(`{"ani":"+1212"}`), Timeout: time.Second,
	})
	if err != nil || !maps.Equal(values, map[string]string{"HTTPSTATUS": "201"}) {
		t.Errorf("answered %v, %v", values, err)
	}
	for header, want := range map[string]string{
		"User-Agent": "callbackd", "Accept": "application/json", "Content-Type": "application/json", "Authorization": "Bearer x",
	} {
		if got.Header.Get(header) != want {
			t.Errorf("%s is %q, want %q", header, got.Header.Get(header), want)
		}
	}
	if got.Method != http.MethodPut || got.URL.RawQuery != "ani=%2B1212" || got.Host != "crm.example" || string(body) != `{"ani":"+1212"}` {
		t.Errorf("%s %s to %s with %s", got.Method, got.URL, got.Host, body)
	}
}

func TestTheValuesOfAnAnswerAreTakenAsText(t *testing.T) {
	long := strings.Repeat("é", maxValue+1)
	w, url := serveWeb(t, func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(rw, `{"name":"Ann\u0000\nLee","big":12345678901234567890.50,"yes":true,"none":null,
			"items":[{"id":7},{"id":8}],"long":%q}`, long)
	})
	for path, want := range map[string]string{
		"name": "AnnLee", "big": "12345678901234567890.50", "yes": "true", "none": "", "missing": "", "name.first": "",
		"items.0.id": "7", "items.1.id": "8", "items.2.id": "", "items.-1.id": "", "items.x": "", "long": long[:2*maxValue],
	} {
		values, err := get(w, url, map[string]string{"V": path})
		if err != nil || values["V"] != want || values["HTTPSTATUS"] != "200" {
			t.Errorf("%s: %q, %v", path, values, err)
		}
	}
	for path, want := range map[string]string{
		"items": "V: there is a list at items of the answer", "items.0": "V: there is an object at items.0 of the answer",
	} {
		values, err := get(w, url, map[string]string{"V": path})
		if err == nil || err.Error() != want || !maps.Equal(values, map[string]string{"HTTPSTATUS": "200"}) {
			t.Errorf("%s: %v, %v; want %s", path, values, err, want)
		}
	}
}

func TestAnAnswerThatIsNoneSaysWhyAndGivesItsStatus(t *testing.T) {
	followed := false
	w, url := serveWeb(t, func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			rw.WriteHeader(http.StatusNotFound)
		case "/moved":
			http.Redirect(rw, r, "/elsewhere", http.StatusFound)
		case "/elsewhere":
			followed = true
		case "/page":
			_, _ = io.WriteString(rw, "<html>")
		case "/two":
			_, _ = io.WriteString(rw, `{"a":1} {"a":2}`)
		case "/large":
			_, _ = io.WriteString(rw, `{"a":"`+strings.Repeat("x", maxBody)+`"}`)
		}
	})
	for path, want := range map[string]struct{ status, reason string }{
		"/missing": {"404", "the server answered 404"},
		"/moved":   {"302", "the server answered 302; a redirect is not followed"},
		"/page":    {"200", "the answer is not JSON"},
		"/empty":   {"200", "the answer is not JSON"},
		"/two":     {"200", "the answer is not JSON: something follows it"},
		"/large":   {"200", "the answer is longer than 64 KiB"},
	} {
		values, err := get(w, url+path, map[string]string{"A": "a"})
		if err == nil || err.Error() != want.reason || !maps.Equal(values, map[string]string{"HTTPSTATUS": want.status}) {
			t.Errorf("%s: %v, %v; want %v", path, values, err, want)
		}
	}
	if followed {
		t.Error("a redirect was followed")
	}
	if _, err := get(w, url+"/page", nil); err != nil {
		t.Errorf("an answer of which nothing is wanted is read: %v", err)
	}
}

func TestAServerThatCanNotBeReachedOrIsSlowSaysSoWithoutTheURL(t *testing.T) {
	release := make(chan struct{})
	w, url := serveWeb(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	values, err := w.request(context.Background(), script.WebRequest{Method: http.MethodGet, URL: url, Timeout: 50 * time.Millisecond})
	if err == nil || err.Error() != "no answer within 50ms" || len(values) != 0 {
		t.Errorf("slow: %v, %v", values, err)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	_, err = get(w, gone.URL+"/?ani=2125550123", nil)
	if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "ani=") {
		t.Errorf("unreachable: %v", err)
	}
	for _, bad := range []string{"http://", "ftp://crm.example", "http://[::1"} {
		if _, err := get(w, bad, nil); err == nil {
			t.Errorf("%s is asked", bad)
		}
	}
}

func TestAServerIsAskedByFewAtOnceAndTheOthersWaitForTheirTurn(t *testing.T) {
	var now, most atomic.Int64
	full, release := make(chan struct{}), make(chan struct{})
	w, url := serveWeb(t, func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		most.Store(max(most.Load(), n))
		if n == webAtOnce {
			close(full)
		}
		<-release
		now.Add(-1)
	})
	var asking sync.WaitGroup
	for range 3 * webAtOnce {
		asking.Go(func() {
			if _, err := get(w, url, nil); err != nil {
				t.Error(err)
			}
		})
	}
	<-full
	close(release)
	asking.Wait()
	if n := most.Load(); n > webAtOnce {
		t.Errorf("%d at once, want at most %d", n, webAtOnce)
	}
}
