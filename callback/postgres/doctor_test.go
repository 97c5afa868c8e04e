package postgres_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

func TestScriptsOfANodeOutliveItsDaemon(t *testing.T) {
	store := postgrestest.New(t)
	if scripts, held, err := store.NodeScripts(t.Context(), node); len(scripts) != 0 || held || err != nil {
		t.Errorf("a node that was never held has %+v, held %t, %v", scripts, held, err)
	}
	lease := acquire(t, store, node)
	ref := callback.ScriptRef{Name: "sales", Version: "2"}
	if err := store.SaveScript(t.Context(), ref, []byte("type: Phone")); err != nil {
		t.Fatal(err)
	}
	if err := store.NoteScripts(t.Context(), lease, []callback.ScriptRef{ref}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		scripts, held, err := store.NodeScripts(t.Context(), node)
		if err != nil || held != want {
			t.Errorf("held: %t, want %t; %v", held, want, err)
		}
		if len(scripts) != 1 || scripts[0].ScriptRef != ref || string(scripts[0].Source) != "type: Phone" || scripts[0].Since.IsZero() {
			t.Errorf("the scripts are %+v", scripts)
		}
		if want {
			if err := store.ReleaseLease(t.Context(), lease); err != nil {
				t.Fatal(err)
			}
		}
	}
	if scripts, _, err := store.NodeScripts(t.Context(), "another"); len(scripts) != 0 || err != nil {
		t.Errorf("another node has %+v, %v", scripts, err)
	}
}

func TestContactsInSkillsThatAreGoneAreCounted(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	for number, skill := range map[string]string{"2125550101": "support", "2125550102": "service", "2125550103": "service", "2125550104": "billing"} {
		save(t, store, lease, waiting(number, place(skill, callback.DefaultPriority, epoch)))
	}
	got, err := store.WaitingOutside(t.Context(), []string{"support", "sales"})
	if want := []postgres.SkillWaiting{{Skill: "billing", Contacts: 1}, {Skill: "service", Contacts: 2}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
}

func TestAgentsWhoAreNotThereAndForWhomContactsWaitAreNamed(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	number := 2125550100
	wait := func(agent string, anyAgent bool) callback.ContactID {
		number++
		p := place("support", callback.DefaultPriority, epoch)
		p.TargetAgent, p.AnyAgent = agent, anyAgent
		return save(t, store, lease, waiting(strconv.Itoa(number), p)).Contact.ID
	}
	wait("", false)
	wait("1001", false)
	wait("7778", true)
	first := wait("10007", false)
	second := wait("7777", false)
	wait("7777", false)
	got, err := store.MissingTargets(t.Context())
	want := []postgres.MissingTarget{{Agent: "7777", Contacts: 2, First: second}, {Agent: "10007", Contacts: 1, First: first}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
}
