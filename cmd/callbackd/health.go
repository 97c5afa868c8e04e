package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// healthHandler answers those who watch over the daemon: /healthz says that the process runs, /readyz
// whether calls can be taken (503 and what is missing, if not), /metrics gives the figures. A POST to
// /reload reads scripts and skills again.
func healthHandler(ready func() error, figures prometheus.Gatherer, reload http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			answer(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		answer(w, http.StatusOK, "ok")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(figures, promhttp.HandlerOpts{}))
	mux.Handle("POST /reload", reload)
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // an asker who has gone needs no answer
}

// listen takes the address for the health pages, so that a port in use is found before anything starts.
func listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("http.listen: %w; a second callbackd on this machine needs another %s", err, config.EnvPrefix+"HTTP_LISTEN")
	case err != nil:
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	return listener, nil
}

// serveHealth serves until ctx ends, and returns when the last answer is given.
func serveHealth(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(limited)
	})
	err := server.Serve(listener)
	if stop() {
		return fmt.Errorf("serving the health pages: %w", err)
	}
	return <-stopped
}
