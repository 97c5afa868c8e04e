package ari

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/callbackd/callbackd/callback"
)

func TestTheDevicesAreUnsubscribedFromBeforeTheStreamIsClosedUnlessTheNodeWasLost(t *testing.T) {
	for name, test := range map[string]struct {
		cause error // nil: it is ended
		want  int
	}{
		"ended":       {nil, 1},
		"by a signal": {errors.New("terminated signal received"), 1},
		"lost":        {fmt.Errorf("%w: a test", callback.ErrNodeLost), 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := startServer(t)
			n := newTestNode(t, optionsFor(server))
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() { n.ended <- n.Run(ctx, n.deliver) }()
			n.awaitConnected()
			cancel(test.cause)
			if err := <-n.ended; err != nil {
				t.Error(err)
			}
			if got := server.Requests("DELETE /ari/applications/callback/subscription"); len(got) != test.want {
				t.Errorf("asked %d times, want %d", len(got), test.want)
			}
		})
	}
}
