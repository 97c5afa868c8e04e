package dispatch

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

// a server that takes a request on a connection that was used before, and closes it without an answer
func TestAWebRequestIsSentOnceThoughItsServerDies(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var seen atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				r := bufio.NewReader(c)
				for i := 0; ; i++ {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					if req.URL.Path == "/order" {
						seen.Add(1)
						if i > 0 {
							return // it has taken the order, and dies
						}
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
				}
			}()
		}
	}()
	w := newWeb()
	defer w.close()
	base := "http://" + l.Addr().String()
	_, _ = w.request(t.Context(), script.WebRequest{Method: "GET", URL: base + "/warm", Timeout: time.Second})
	time.Sleep(50 * time.Millisecond)
	_, err = w.request(t.Context(), script.WebRequest{Method: "GET", URL: base + "/order", Timeout: time.Second})
	if seen.Load() != 1 {
		t.Errorf("the server has taken the request %d times; %v", seen.Load(), err)
	}
}
