package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

func agent(t *testing.T, store *postgres.Store, extension string) postgres.Agent {
	t.Helper()
	agents, err := store.ListAgents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range agents {
		if a.Extension == extension {
			return a
		}
	}
	t.Fatalf("no agent %s among %+v", extension, agents)
	return postgres.Agent{}
}

func TestAnAgentIsAddedLoggedOutAndChangedByASecondAdd(t *testing.T) {
	store := postgrestest.New(t)
	if err := store.AddAgent(t.Context(), "1001", "Ada", "PJSIP/1001", []postgres.AgentSkill{{Skill: "sales", Proficiency: 20}, support}); err != nil {
		t.Fatal(err)
	}
	a := agent(t, store, "1001")
	if a.Name != "Ada" || a.State != "logged_out" || fmt.Sprint(a.Skills) != "[{support 1} {sales 20}]" {
		t.Errorf("added %+v", a)
	}
	if err := store.SetPresence(t.Context(), "1001", callback.Unavailable, "lunch", "a test"); err != nil {
		t.Fatal(err)
	}
	if err := store.AddAgent(t.Context(), "1001", "Ada L.", "PJSIP/ada", []postgres.AgentSkill{support}); err != nil {
		t.Fatal(err)
	}
	a = agent(t, store, "1001")
	if a.Name != "Ada L." || a.Endpoint != "PJSIP/ada" || a.State != "unavailable" || a.Reason != "lunch" || fmt.Sprint(a.Skills) != "[{support 1}]" {
		t.Errorf("changed to %+v", a)
	}
}

func TestAnAgentThatMakesNoSenseIsRefusedInOneLine(t *testing.T) {
	store := postgrestest.New(t)
	addAgent(t, store, "1001", support)
	for name, test := range map[string]struct {
		endpoint string
		skills   []postgres.AgentSkill
		want     string
	}{
		"proficiency":     {"PJSIP/1002", []postgres.AgentSkill{{Skill: "support", Proficiency: 21}}, "the proficiency of support is 21"},
		"skill twice":     {"PJSIP/1002", []postgres.AgentSkill{support, support}, "the skill support is named twice"},
		"endpoint is had": {"PJSIP/1001", nil, "another agent has the endpoint PJSIP/1001"},
	} {
		err := store.AddAgent(t.Context(), "1002", "", test.endpoint, test.skills)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want %q in it", name, err, test.want)
		}
	}
	if agents, err := store.ListAgents(t.Context()); err != nil || len(agents) != 1 {
		t.Errorf("the agents are %+v (%v)", agents, err)
	}
	if err := store.SetPresence(t.Context(), "1002", callback.Available, "", "a test"); !errors.Is(err, dispatch.ErrNotFound) {
		t.Errorf("an unknown agent gives %v", err)
	}
}

func TestTheStateOfAnAgentIsOneWord(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	record := save(t, store, lease, caller())
	change := func(activity callback.Activity, until time.Time) {
		t.Helper()
		err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{
			{Agent: "1001", Activity: activity, Until: until, Reason: "no_answer"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		record.Rev++
	}
	set := func(presence callback.Presence) {
		t.Helper()
		if err := store.SetPresence(t.Context(), "1001", presence, "", "a test"); err != nil {
			t.Fatal(err)
		}
	}
	is := func(want string) {
		t.Helper()
		if got := agent(t, store, "1001").State; got != want {
			t.Errorf("the state is %s, want %s", got, want)
		}
	}
	later := time.Now().Add(time.Hour)
	is("available")
	change(callback.Offered, time.Time{})
	is("offered")
	change(callback.WorkingCallback, time.Time{})
	is("working_callback")
	set(callback.Unavailable) // in the call: it goes on
	is("working_callback")
	change(callback.AfterCall, later)
	is("unavailable")
	set(callback.Available) // ends the after-call work
	is("available")
	change(callback.WorkingInbound, time.Time{})
	is("working_inbound")
	change(callback.AfterCall, later)
	is("after_call")
	change(callback.Refused, later)
	is("refused")
	change(callback.Refused, time.Now().Add(-time.Microsecond))
	is("available")
	set(callback.LoggedOut)
	is("logged_out")
}

func TestEachChangeOfAnAgentIsKeptWithItsReasonAndWhoAsked(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	record := save(t, store, lease, caller())
	err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{
		{Agent: "1001", Activity: callback.WorkingInbound},
		{Agent: "1001", Activity: callback.Refused, Until: epoch, Reason: "no_answer"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SetPresence(t.Context(), "1001", callback.Unavailable, "lunch", "agent 1001"); err != nil {
		t.Fatal(err)
	}
	var lines []string
	err = db.Select(&lines, `
		SELECT concat_ws(' ', presence, activity, reason, asked_by, contact_id = $1) FROM agent_history WHERE agent = '1001' ORDER BY id`,
		record.Contact.ID)
	want := []string{
		"available free  a test", "available working_inbound  callbackd t", "available refused no_answer callbackd t",
		"unavailable refused lunch agent 1001",
	}
	if err != nil || fmt.Sprintf("%q", lines) != fmt.Sprintf("%q", want) {
		t.Errorf("the history is %q, want %q (%v)", lines, want, err)
	}
}
