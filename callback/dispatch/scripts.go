package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
)

// loaded is what new calls run, and the skills that all contacts wait in. It is replaced as a whole.
type loaded struct {
	scripts map[string]*script.Script // by name
	skills  map[string]callback.Skill
}

func newLoaded(current []*script.Script, skills map[string]callback.Skill) *loaded {
	l := &loaded{scripts: make(map[string]*script.Script, len(current)), skills: maps.Clone(skills)}
	for _, script := range current {
		l.scripts[script.Name()] = script
	}
	return l
}

// script gives the version that new calls run; nil for a script that is not loaded.
func (l *loaded) script(name string) *script.Script { return l.scripts[name] }

// skill gives a skill's settings; the defaults for one that is gone.
func (l *loaded) skill(name string) callback.Skill {
	if skill, ok := l.skills[name]; ok {
		return skill
	}
	skill := callback.DefaultSkill
	skill.Name = name
	return skill
}

// refs names the versions, in the order of the scripts' names.
func (l *loaded) refs() []callback.ScriptRef {
	refs := make([]callback.ScriptRef, 0, len(l.scripts))
	for _, name := range slices.Sorted(maps.Keys(l.scripts)) {
		refs = append(refs, refOf(l.scripts[name]))
	}
	return refs
}

func refOf(s *script.Script) callback.ScriptRef {
	return callback.ScriptRef{Name: s.Name(), Version: s.Version()}
}

// keep keeps the versions in the store, so that contacts can go on with them after a restart.
func (l *loaded) keep(ctx context.Context, store Store) error {
	for _, name := range slices.Sorted(maps.Keys(l.scripts)) {
		script := l.scripts[name]
		if err := store.SaveScript(ctx, refOf(script), script.Source()); err != nil {
			return fmt.Errorf("save the script %s: %w", name, err)
		}
	}
	return nil
}

// Reload makes new calls run these scripts, and all contacts wait under these settings of the skills,
// without a restart. A contact stays on the version with which it began, until a Runscript. The versions
// are saved first: when that fails nothing has changed.
func (d *Dispatcher) Reload(ctx context.Context, scripts []*script.Script, skills map[string]callback.Skill) error {
	next := newLoaded(scripts, skills)
	d.loading.Lock()
	defer d.loading.Unlock()
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	err := next.keep(ctx, d.o.Store)
	if err == nil && d.noted != nil {
		err = d.o.Store.NoteScripts(ctx, *d.noted, next.refs())
	}
	if errors.Is(err, ErrLeaseLost) {
		d.askLease() // it may only have run out
	}
	if err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	d.versions.add(next)
	d.loaded.Store(next)
	d.log.Info("scripts and skills are loaded again", "scripts", len(next.scripts), "skills", len(next.skills))
	d.wake() // a skill's settings may let a contact be matched
	return nil
}

// versions holds every version of a script that a contact of this daemon runs.
type versions struct {
	log *slog.Logger

	mu    sync.Mutex
	byRef map[callback.ScriptRef]*script.Script
}

func newVersions(log *slog.Logger) *versions {
	return &versions{log: log, byRef: map[callback.ScriptRef]*script.Script{}}
}

// add takes note of the versions that new calls run.
func (s *versions) add(l *loaded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, script := range l.scripts {
		s.byRef[refOf(script)] = script
	}
}

// of gives a version that load has made sure of.
func (s *versions) of(ref callback.ScriptRef) *script.Script {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byRef[ref]
}

// load makes sure of a version that a contact from the store runs. Where that can't be read any more, the
// contact rests until an agent serves it: nobody else is held up by it.
func (s *versions) load(ctx context.Context, store Store, ref callback.ScriptRef) error {
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
		parsed, problems = script.Stored(ref.Name+".yaml", source)
		if parsed == nil {
			err = problems.Err()
		}
	}
	if err != nil {
		s.log.Error("a version of a script can't be read any more: its contacts only wait for an agent",
			"script", ref.Name, "version", ref.Version, "error", err)
		parsed = &script.Script{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byRef[ref] = parsed
	return nil
}
