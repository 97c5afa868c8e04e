package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/script"
)

// withLastVersions gives the scripts to start with: those that were read, and in place of each that is
// broken the version that new calls of the node began with last. Otherwise no promised callback would be
// made until somebody has put the script right. Where there is none, the error has all the mistakes.
func (r reading) withLastVersions(ctx context.Context, store *postgres.Store, node string, log *slog.Logger) ([]*script.Script, error) {
	if len(r.broken) == 0 {
		return r.scripts, nil
	}
	kept, _, err := store.NodeScripts(ctx, node)
	if err != nil {
		return nil, err
	}
	scripts := slices.Clone(r.scripts)
	var instead []*postgres.NodeScript
	for _, broken := range r.broken {
		version := versionNamed(kept, broken.name)
		if version == nil {
			return nil, r.err()
		}
		parsed, _ := script.Stored(broken.name+".yaml", version.Source)
		if parsed == nil { // only an earlier callbackd could read it
			return nil, r.err()
		}
		scripts, instead = append(scripts, parsed), append(instead, version)
	}
	for i, broken := range r.broken {
		for line := range strings.Lines(broken.err.Error()) {
			log.Error("a script is broken: the version with which the node ran last runs instead", "mistake", strings.TrimSpace(line),
				"script", broken.name, "version", shortVersion(instead[i].Version), "since", instead[i].Since)
		}
	}
	return scripts, nil
}

// versionNamed gives the version of a script; nil where there is none.
func versionNamed(kept []postgres.NodeScript, name string) *postgres.NodeScript {
	i := slices.IndexFunc(kept, func(k postgres.NodeScript) bool { return k.Name == name })
	if i < 0 {
		return nil
	}
	return &kept[i]
}

// shortVersion is the beginning of a version's hash, which tells it from the others.
func shortVersion(version string) string {
	const shown = 12
	return version[:min(shown, len(version))]
}
