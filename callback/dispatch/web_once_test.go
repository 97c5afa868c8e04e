package dispatch

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

// On a connection that was used before, the client would send a request again whose server has closed the
// connection without an answer, perhaps after it has taken the request.
func TestEachWebRequestHasAConnectionOfItsOwnAndSoIsSentOnce(t *testing.T) {
	var mu sync.Mutex
	used := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		used[request.RemoteAddr]++
		_, _ = answer.Write([]byte("{}"))
	}))
	defer server.Close()
	w := newWeb()
	defer w.close()
	const requests = 20
	for range requests {
		if _, err := w.request(t.Context(), script.WebRequest{Method: "GET", URL: server.URL, Timeout: 5 * time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	if len(used) != requests {
		t.Errorf("%d requests came on %d connections", requests, len(used))
	}
}
