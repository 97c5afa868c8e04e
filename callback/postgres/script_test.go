package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/callback/script"
)

func listScripts(t *testing.T, store *postgres.Store) map[callback.ScriptRef]postgres.ScriptVersion {
	t.Helper()
	listed, err := store.ListScripts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[callback.ScriptRef]postgres.ScriptVersion{}
	for _, v := range listed {
		found[callback.ScriptRef{Name: v.Name, Version: v.Version}] = v
	}
	return found
}

func TestScriptsAreListedWithTheirNodesAndWhereTheirContactsStand(t *testing.T) {
	store := postgrestest.New(t)
	lease, other := acquire(t, store, node), acquire(t, store, "pbx2")
	first, second, survey := callback.ScriptRef{Name: "example", Version: "1"}, callback.ScriptRef{Name: "example", Version: "2"}, callback.ScriptRef{Name: "survey", Version: "7"}
	for _, ref := range []callback.ScriptRef{first, second, survey} {
		if err := store.SaveScript(t.Context(), ref, []byte("type: Phone")); err != nil {
			t.Fatal(err)
		}
	}
	note := func(lease dispatch.Lease, refs ...callback.ScriptRef) {
		t.Helper()
		if err := store.NoteScripts(t.Context(), lease, refs); err != nil {
			t.Fatal(err)
		}
	}
	note(lease, first, survey)
	note(other, first)
	before := listScripts(t, store)
	note(lease, second)
	note(other, first)
	standing := func(c *callback.Contact, state script.State) {
		t.Helper()
		if _, err := store.Create(t.Context(), lease, dispatch.Change{Record: dispatch.Record{Contact: c, Script: state}}); err != nil {
			t.Fatal(err)
		}
	}
	standing(caller(), script.State{})
	standing(caller(), script.State{Action: "music"})
	standing(waiting("5550101", place("support", callback.DefaultPriority, epoch)), script.State{Action: "promise", Resting: true})
	standing(waiting("5550102", place("support", callback.DefaultPriority, epoch)), script.State{Action: "promise"})
	done := caller()
	done.State, done.Outcome, done.EndedAt = callback.StateEnded, callback.OutcomeAbandoned, epoch
	standing(done, script.State{Action: "music"})

	got := listScripts(t, store)
	if len(got) != 2 {
		t.Errorf("listed are %+v, want those that run: a script that nothing runs any more is left out", got)
	}
	old := got[first]
	if len(old.Nodes) != 1 || old.Nodes[0].Node != "pbx2" || !old.Nodes[0].Since.Equal(before[first].Nodes[1].Since) {
		t.Errorf("version 1 runs in %+v, want pbx2 since it was first noted: %+v", old.Nodes, before[first].Nodes)
	}
	want := []postgres.ScriptStanding{{Action: "", Contacts: 1}, {Action: "music", Contacts: 1}, {Action: "promise", Contacts: 2, Resting: 1}}
	if len(old.Standing) != len(want) {
		t.Fatalf("its contacts stand at %+v, want %+v", old.Standing, want)
	}
	for i := range want {
		if old.Standing[i] != want[i] {
			t.Errorf("its contacts stand at %+v, want %+v", old.Standing[i], want[i])
		}
	}
	newer := got[second]
	if len(newer.Nodes) != 1 || newer.Nodes[0].Node != node || newer.Nodes[0].Since.Before(before[first].Nodes[0].Since) || len(newer.Standing) != 0 {
		t.Errorf("version 2 is %+v", newer)
	}
	if time.Since(newer.FirstSeen) > time.Minute {
		t.Errorf("version 2 was first seen at %s", newer.FirstSeen)
	}
}

func TestTheScriptsOfANodeAreNotedUnderItsLeaseOnly(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	ref := callback.ScriptRef{Name: "example", Version: "1"}
	if err := store.SaveScript(t.Context(), ref, nil); err == nil {
		t.Error("a script without a text was saved")
	}
	if err := store.SaveScript(t.Context(), ref, []byte("type: Phone")); err != nil {
		t.Fatal(err)
	}
	if err := store.NoteScripts(t.Context(), lease, []callback.ScriptRef{ref}); err != nil {
		t.Fatal(err)
	}
	stale := lease
	stale.Epoch--
	if err := store.NoteScripts(t.Context(), stale, nil); !errors.Is(err, dispatch.ErrLeaseLost) {
		t.Errorf("under an older lease it gives %v, want %v", err, dispatch.ErrLeaseLost)
	}
	if got := listScripts(t, store)[ref]; len(got.Nodes) != 1 {
		t.Errorf("the script runs in %+v", got.Nodes)
	}
	if err := store.NoteScripts(t.Context(), lease, nil); err != nil {
		t.Fatal(err)
	}
	if got := listScripts(t, store); len(got) != 0 {
		t.Errorf("with no script noted there are %+v", got)
	}
}
