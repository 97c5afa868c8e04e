package phone

import (
	"context"
	"fmt"
	"sync"
)

// signal wakes all who wait for a change of what one mutex guards. Its methods
// are called with that mutex held.
type signal struct{ ch chan struct{} }

// wait returns a channel that is closed at the next change.
func (s *signal) wait() <-chan struct{} {
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// raise announces a change.
func (s *signal) raise() {
	if s.ch == nil {
		return
	}
	close(s.ch)
	s.ch = nil
}

// await returns when ready, asked with mu held and again after each change,
// says so or fails, or when ctx ends. what names the thing waited for.
func await(ctx context.Context, mu sync.Locker, s *signal, what string, ready func() (bool, error)) error {
	for {
		mu.Lock()
		ok, err := ready()
		if ok || err != nil {
			mu.Unlock()
			return err
		}
		changed := s.wait()
		mu.Unlock()

		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		}
	}
}
