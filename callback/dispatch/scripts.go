package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
)

// scripts holds the scripts that new calls run, and the older versions that contacts began with.
type scripts struct {
	current map[string]*script.Script // by name
	log     *slog.Logger

	mu       sync.Mutex
	versions map[callback.ScriptRef]*script.Script
}

func newScripts(current []*script.Script, log *slog.Logger) *scripts {
	s := &scripts{
		log:      log,
		current:  make(map[string]*script.Script, len(current)),
		versions: make(map[callback.ScriptRef]*script.Script, len(current)),
	}
	for _, script := range current {
		s.current[script.Name()] = script
		s.versions[refOf(script)] = script
	}
	return s
}

func refOf(s *script.Script) callback.ScriptRef {
	return callback.ScriptRef{Name: s.Name(), Version: s.Version()}
}

// save keeps the current versions in the store.
func (s *scripts) save(ctx context.Context, store Store) error {
	for _, script := range s.current {
		if err := store.SaveScript(ctx, refOf(script), script.Source()); err != nil {
			return fmt.Errorf("save the script %s: %w", script.Name(), err)
		}
	}
	return nil
}

// currentOf gives the version that new calls run; nil for a script that is not loaded.
func (s *scripts) currentOf(name string) *script.Script { return s.current[name] }

// of gives a version that load has made sure of.
func (s *scripts) of(ref callback.ScriptRef) *script.Script {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.versions[ref]
}

// load makes sure of a version that a contact from the store runs. Where that can't be read any more, the
// contact rests until an agent serves it: nobody else is held up by it.
func (s *scripts) load(ctx context.Context, store Store, ref callback.ScriptRef) error {
	if s.of(ref) != nil {
		return nil
	}
	source, err := store.ScriptSource(ctx, ref)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("load the script %s, version %s: %w", ref.Name, ref.Version, err)
	}
	parsed := &script.Script{}
	if err == nil {
		var problems script.Diagnostics
		parsed, problems = script.Parse(ref.Name+".yaml", source)
		err = problems.Err()
	}
	if err != nil {
		s.log.Error("a version of a script can't be read any more: its contacts only wait for an agent",
			"script", ref.Name, "version", ref.Version, "error", err)
		parsed = &script.Script{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[ref] = parsed
	return nil
}
