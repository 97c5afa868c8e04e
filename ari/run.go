package ari

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// errReplaced ends a session whose application another program has connected with.
var errReplaced = errors.New("another program has connected with our application name and gets our events now; " +
	"only one callbackd may serve a node")

// runner keeps one session after the other.
type runner struct {
	node      *Node
	deliver   func(callback.Event)
	connected bool // at least once
	down      bool // and logged so
	attempts  int  // in a row that did not hold
}

func (r *runner) run(ctx context.Context) error {
	for ctx.Err() == nil {
		began := time.Now()
		err := r.session(ctx)
		var access *AccessError
		if errors.As(err, &access) && !r.connected {
			return err
		}
		if time.Since(began) > r.node.timing.backoffLast {
			r.attempts = 0 // it had come up and held
		}
		r.logDown(ctx, err)
		sleep(ctx, r.pause(err))
	}
	return nil
}

// session runs until the event stream breaks, and says why it did.
func (r *runner) session(ctx context.Context) error {
	s, err := r.node.connect(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	snapshot, err := r.node.resync(s.ctx)
	if err != nil {
		return s.reason(err)
	}
	r.up(snapshot)
	r.node.metrics.connected.Set(1)
	defer r.node.metrics.connected.Set(0)
	r.deliver(callback.NodeConnected{Snapshot: snapshot})
	err = r.node.translate(s, r.deliver)
	if ctx.Err() == nil {
		r.node.metrics.losses.Inc()
		r.deliver(callback.NodeLost{Err: err})
	}
	return err
}

func (r *runner) up(snapshot *callback.Snapshot) {
	r.node.metrics.connects.Inc()
	r.connected, r.down = true, false
	r.node.log.Info("receiving Asterisk's events", "url", r.node.url.String(), "application", r.node.application,
		"channels", len(snapshot.Channels), "bridges", len(snapshot.Bridges))
}

// logDown logs the loss once, not each attempt. A taken application is worth a line each time: it is
// somebody's mistake.
func (r *runner) logDown(ctx context.Context, err error) {
	level := slog.LevelWarn
	switch {
	case ctx.Err() != nil:
		return // it was ended, not lost
	case errors.Is(err, errReplaced):
		level = slog.LevelError
	case r.down:
		level = slog.LevelDebug
	}
	r.down = true
	r.node.log.Log(ctx, level, "no events from Asterisk; trying on", "url", r.node.url.String(), "error", err)
}

// pause is how long to wait before the next attempt: longer each time, and never the same for all
// daemons that lost the same Asterisk.
func (r *runner) pause(err error) time.Duration {
	if errors.Is(err, errReplaced) {
		return jitter(r.node.timing.replaced)
	}
	pause := r.node.timing.backoffLast
	if doubled := r.node.timing.backoffFirst << min(r.attempts, 16); doubled < pause {
		pause = doubled
	}
	r.attempts++
	return jitter(pause)
}

// jitter returns a time between half of d and d.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
