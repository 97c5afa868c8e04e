package dispatch

import (
	"context"

	"github.com/callbackd/callbackd/callback"
)

// Switch is one Asterisk.
type Switch interface {
	// Run keeps the event stream up until ctx ends. It delivers NodeConnected with a snapshot after each
	// connect, then what came meanwhile in its order, then what comes; and NodeLost when the stream
	// breaks. deliver does not block.
	Run(ctx context.Context, deliver func(callback.Event)) error
	// Do sends one command and waits for the answer. Its error is a *callback.CommandError.
	Do(ctx context.Context, cmd callback.Command) error
}
