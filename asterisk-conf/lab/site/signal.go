package site

import (
	"fmt"
	"os"
)

// Signal sends callbackd a signal, as an administrator or a service manager does.
func (s *Site) Signal(signal os.Signal) error {
	if err := s.daemon.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("send callbackd the signal %s: %w", signal, err)
	}
	return nil
}
