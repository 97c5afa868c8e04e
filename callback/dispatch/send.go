package dispatch

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// outgoing is a command with the moment after which it is not sent any more; or, without a command, a
// mark that is closed when all before it is sent.
type outgoing struct {
	cmd     callback.Command
	until   time.Time
	reached chan struct{}
}

// post hands a turn's commands to the sender. The channels and bridges that they make are the
// session's before the first event can come. They are not sent later than commandTime after that moment.
func (s *session) post(commands []callback.Command, from time.Time) {
	until := from.Add(commandTime)
	s.d.own(s)
	for _, cmd := range commands {
		s.outbox.put(outgoing{cmd: cmd, until: until})
	}
}

// moreToSend waits for a command; false means that none will come.
func (s *session) moreToSend(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-s.outbox.ready:
		return true
	case <-s.done:
		return s.outbox.len() > 0
	}
}

// send sends the commands one after the other. A failure comes back as an event.
func (s *session) send(ctx context.Context) {
	for {
		if ctx.Err() != nil {
			return
		}
		out, ok := s.outbox.take()
		if !ok {
			if !s.moreToSend(ctx) {
				return
			}
			continue
		}
		if out.cmd == nil {
			close(out.reached)
			continue
		}
		err := s.do(ctx, out)
		if err == nil {
			continue
		}
		failure := &callback.CommandError{Message: err.Error()}
		if errors.As(err, &failure) && failure.Kind == callback.CommandRejected && failure.Status == 0 {
			s.d.noteUnreached()
		}
		s.log.Debug("command failed", "command", name(out.cmd), "error", err)
		s.d.metrics.failures.WithLabelValues(name(out.cmd)).Inc()
		s.inbox.put(callback.CommandFailed{Command: out.cmd, Err: failure})
	}
}

// do sends one command. What ends something, or answers a caller, is asked for however late it is: nothing
// else would do it, and it is right as long as the channel or bridge is there.
func (s *session) do(ctx context.Context, out outgoing) error {
	switch out.cmd.(type) {
	case callback.Answer, callback.Hangup, callback.DestroyBridge:
		return s.d.insist(ctx, out.cmd)
	}
	if !time.Now().Before(out.until) {
		return &callback.CommandError{Kind: callback.CommandRejected, Message: "too late to be sent"}
	}
	ctx, cancel := context.WithDeadline(ctx, out.until)
	defer cancel()
	return s.d.o.Switch.Do(ctx, out.cmd)
}

// name gives the name of a command or a question for logs and metrics.
func name(of any) string { return reflect.TypeOf(of).Name() }
