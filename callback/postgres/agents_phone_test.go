package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// notePhones notes that these endpoints, and no others, are in a call of their own in the lease's node.
func notePhones(t *testing.T, store *postgres.Store, lease dispatch.Lease, endpoints ...string) {
	t.Helper()
	if err := store.NotePhones(t.Context(), lease, dispatch.Phones{InCall: endpoints, OwnCalls: endpoints}); err != nil {
		t.Fatal(err)
	}
}

func wantState(t *testing.T, store *postgres.Store, when, want string) {
	t.Helper()
	if got := agent(t, store, "1001").State; got != want {
		t.Errorf("%s: the agent is %s, want %s", when, got, want)
	}
}

// wantHistory wants the last records of the agent to be these.
func wantHistory(t *testing.T, db *sqlx.DB, want ...string) {
	t.Helper()
	var lines []string
	err := db.Select(&lines, `
		SELECT concat_ws(' / ', presence, activity, nullif(reason, ''), asked_by, contact_id IS NOT NULL) FROM agent_history WHERE agent = '1001' ORDER BY id`)
	if err != nil || len(lines) < len(want) || !slices.Equal(lines[len(lines)-len(want):], want) {
		t.Errorf("the history is %q, want %q at its end (%v)", lines, want, err)
	}
}

// floorOf gives a store with one agent, 1001, who is available, and the leases of two nodes.
func floorOf(t *testing.T) (*postgres.Store, *sqlx.DB, dispatch.Lease, dispatch.Lease) {
	t.Helper()
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	addAgent(t, store, "1001", support)
	return store, db, acquire(t, store, node), acquire(t, store, pbx2)
}

func TestACallOfTheirOwnIsKeptFromItsBeginningToItsEnd(t *testing.T) {
	store, db, lease, _ := floorOf(t)
	idleSince := func() (at time.Time) {
		t.Helper()
		if err := db.Get(&at, "SELECT idle_since FROM agent WHERE extension = '1001'"); err != nil {
			t.Fatal(err)
		}
		return at
	}
	idle := idleSince()
	notePhones(t, store, lease, "PJSIP/1001")
	began := agent(t, store, "1001")
	if began.State != "working_outbound" || !began.Until.IsZero() || !idleSince().Equal(idle) {
		t.Errorf("the agent is %+v, idle since %v, was %v", began, idleSince(), idle)
	}
	notePhones(t, store, lease, "PJSIP/1001")
	if err := store.SetPresence(t.Context(), "1001", callback.Unavailable, "lunch", "a test"); err != nil {
		t.Fatal(err)
	}
	if talks := agent(t, store, "1001"); talks.State != "working_outbound" || !talks.Since.Equal(began.Since) {
		t.Errorf("paused in the call, the agent is %+v, was %+v", talks, began)
	}
	asked := idleSince()
	notePhones(t, store, lease)
	if a := agent(t, store, "1001"); a.State != "unavailable" || a.Reason != "lunch" || !idleSince().After(asked) {
		t.Errorf("after the call the agent is %+v, idle since %v", a, idleSince())
	}
	notePhones(t, store, lease)
	wantHistory(t, db,
		"available / free / a test / f",
		"available / working_outbound / a call of their own / callbackd / f",
		"unavailable / working_outbound / lunch / a test / f",
		"unavailable / free / the call of their own is over / callbackd / f",
	)
}

func TestWhoIsLoggedOutOrAtWorkHasNoCallOfTheirOwn(t *testing.T) {
	store, _, lease, _ := floorOf(t)
	record := save(t, store, lease, caller())
	for _, change := range []callback.AgentChange{
		{Activity: callback.Offered}, {Activity: callback.WorkingInbound}, {Activity: callback.WorkingCallback},
		{Activity: callback.AfterCall, Until: time.Now().Add(time.Hour)}, {Activity: callback.Refused, Until: time.Now().Add(time.Hour)},
	} {
		change.Agent = "1001"
		if err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{change}}); err != nil {
			t.Fatal(err)
		}
		record.Rev++
		notePhones(t, store, lease, "PJSIP/1001")
		wantState(t, store, "in a call", string(change.Activity))
	}
	for _, presence := range []callback.Presence{callback.Available, callback.LoggedOut} { // available ends Refused
		if err := store.SetPresence(t.Context(), "1001", presence, "", "a test"); err != nil {
			t.Fatal(err)
		}
	}
	notePhones(t, store, lease, "PJSIP/1001")
	wantState(t, store, "in a call", "logged_out")
}

// Asterisk says a little later than we that a phone is free after a call of ours.
func TestTheEndOfOurOwnCallIsNoCallOfTheirOwn(t *testing.T) {
	store, db, lease, _ := floorOf(t)
	c := caller()
	c.Legs = []callback.Leg{{
		Channel: newChannel(), Node: node, Party: callback.PartyAgent, Direction: callback.Outbound,
		To: "1001", Endpoint: "PJSIP/1001", CreatedAt: epoch,
	}}
	record := save(t, store, lease, c)
	note := func(after time.Duration) {
		t.Helper()
		calls := []string{"PJSIP/1001"}
		if err := store.NotePhones(t.Context(), lease, dispatch.Phones{InCall: calls, OwnCalls: calls, For: after}); err != nil {
			t.Fatal(err)
		}
	}
	note(0)
	wantState(t, store, "a leg of ours is open on the phone", "available")
	c.Legs[0].EndedAt = time.Now()
	err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{{Agent: "1001", Activity: callback.Free}}})
	if err != nil {
		t.Fatal(err)
	}
	note(time.Minute)
	wantState(t, store, "a minute ago our leg was open", "available")
	if _, err := db.Exec("UPDATE agent SET activity_since = activity_since - interval '1 minute'"); err != nil {
		t.Fatal(err)
	}
	note(time.Minute)
	wantState(t, store, "the agent has been free for a minute", "working_outbound")
}

// A leg that somebody has sent elsewhere in Asterisk is none of ours any more, and the agent talks on.
func TestALegThatWasSentElsewhereIsACallOfTheirOwn(t *testing.T) {
	store, _, lease, _ := floorOf(t)
	c := caller()
	c.Legs = []callback.Leg{{
		Channel: newChannel(), Node: node, Party: callback.PartyAgent, Direction: callback.Outbound,
		To: "1001", Endpoint: "PJSIP/1001", CreatedAt: epoch, LeftAt: epoch,
	}}
	save(t, store, lease, c)
	notePhones(t, store, lease, "PJSIP/1001")
	wantState(t, store, "in a call that was ours", "working_outbound")
}

func TestATimeThatIsOverIsNotedBeforeACallOfTheirOwn(t *testing.T) {
	store, db, lease, _ := floorOf(t)
	record := save(t, store, lease, caller())
	err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{
		{Agent: "1001", Activity: callback.AfterCall, Until: epoch},
	}})
	if err != nil {
		t.Fatal(err)
	}
	notePhones(t, store, lease, "PJSIP/1001")
	wantHistory(t, db,
		"available / after_call / callbackd / t",
		"available / free / the time of after_call is over / callbackd / f",
		"available / working_outbound / a call of their own / callbackd / f",
	)
}

func TestOnlyTheNodeThatHasSeenACallOfTheirOwnEndsIt(t *testing.T) {
	store, db, lease, other := floorOf(t)
	notePhones(t, store, lease, "PJSIP/1001")
	notePhones(t, store, other) // where the same phone is known, and free
	wantState(t, store, "another node sees a free phone", "working_outbound")
	notePhones(t, store, other, "PJSIP/1001")
	notePhones(t, store, lease)
	wantState(t, store, "the node that saw it sees it no more", "available")
	notePhones(t, store, other, "PJSIP/1001")
	wantState(t, store, "the other node still sees one", "working_outbound")

	next, err := store.AcquireLease(t.Context(), pbx2, other.Holder, time.Minute) // the daemon has been started again
	if err != nil {
		t.Fatal(err)
	}
	notePhones(t, store, next, "PJSIP/1001")
	wantState(t, store, "the next holder of the node sees it", "working_outbound")
	notePhones(t, store, next)
	wantState(t, store, "the next holder of the node does not see it", "available")
	wantHistory(t, db,
		"available / working_outbound / a call of their own / callbackd / f",
		"available / free / the call of their own is over / callbackd / f",
	)
}

func TestACallOfTheirOwnEndsWithTheNodeThatHasSeenIt(t *testing.T) {
	for name, gone := range map[string]func(*testing.T, *postgres.Store, *sqlx.DB, dispatch.Lease){
		"given back": func(t *testing.T, store *postgres.Store, _ *sqlx.DB, lease dispatch.Lease) {
			if err := store.ReleaseLease(t.Context(), lease); err != nil {
				t.Fatal(err)
			}
		},
		"killed": func(t *testing.T, _ *postgres.Store, db *sqlx.DB, _ dispatch.Lease) {
			if _, err := db.Exec("UPDATE node SET expires_at = clock_timestamp() WHERE name = $1", node); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, db, lease, other := floorOf(t)
			notePhones(t, store, lease, "PJSIP/1001")
			gone(t, store, db, lease)
			if err := store.NotePhones(t.Context(), lease, dispatch.Phones{}); !errors.Is(err, dispatch.ErrLeaseLost) {
				t.Errorf("who has lost the node is told %v", err)
			}
			wantState(t, store, "nobody has looked", "working_outbound")
			notePhones(t, store, other)
			wantState(t, store, "another daemon has looked", "available")
			wantHistory(t, db, "available / free / nobody sees node pbx1 any more / callbackd / f")
		})
	}
}

func TestACallOfTheirOwnEndsWithTheEndpoint(t *testing.T) {
	store, _, lease, _ := floorOf(t)
	notePhones(t, store, lease, "PJSIP/1001")
	if err := store.AddAgent(t.Context(), "1001", "", "PJSIP/desk-2", []postgres.AgentSkill{support}); err != nil {
		t.Fatal(err)
	}
	notePhones(t, store, lease, "PJSIP/1001") // it is still in a call, and nobody's
	wantState(t, store, "the agent has another phone", "available")
}

// A match does not wait until somebody has noted that the call is over; the history has it all the same.
func TestWhoseCallOfTheirOwnIsOverIsMatchedAtOnce(t *testing.T) {
	store, db, lease, other := floorOf(t)
	save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	notePhones(t, store, lease, "PJSIP/1001")
	if match(t, store, request(lease)) != nil {
		t.Fatal("matched with a phone that can't be rung")
	}
	if match(t, store, request(other, "1001")) != nil {
		t.Fatal("matched at another node than the one that sees the phone in use")
	}
	if match(t, store, request(lease, "1001")) == nil {
		t.Fatal("no match with a phone that can be rung")
	}
	wantState(t, store, "matched", "offered")
	wantHistory(t, db,
		"available / working_outbound / a call of their own / callbackd / f",
		"available / free / the call of their own is over / callbackd / f",
		"available / offered / callbackd / t",
	)
	notePhones(t, store, lease, "PJSIP/1001")
	wantState(t, store, "answered", "offered")
}

// Each of two daemons leaves to the other the contacts whose best agent is there: there, too, a phone that can
// be rung has no call any more.
func TestTheNodesAgreeOnWhoseCallOfTheirOwnIsOver(t *testing.T) {
	store, _, lease, other := floorOf(t)
	if err := store.AddAgent(t.Context(), "1002", "", "PJSIP/1002", []postgres.AgentSkill{{Skill: "support", Proficiency: 2}}); err != nil {
		t.Fatal(err)
	}
	if err := store.SetPresence(t.Context(), "1002", callback.Available, "", "a test"); err != nil {
		t.Fatal(err)
	}
	save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	notePhones(t, store, lease, "PJSIP/1001")
	if err := store.Reach(t.Context(), lease, []string{"PJSIP/1001"}); err != nil {
		t.Fatal(err)
	}
	if m := match(t, store, request(other, "1002")); m != nil {
		t.Fatalf("the contact went to agent %s, though its best agent's call is over", m.Made.Offer.Agent)
	}
	if err := store.Reach(t.Context(), lease, nil); err != nil {
		t.Fatal(err)
	}
	if err := store.Reach(t.Context(), other, []string{"PJSIP/1001"}); err != nil { // the same phone, which is free there
		t.Fatal(err)
	}
	if m := match(t, store, request(lease, "1002")); m == nil || m.Made.Offer.Agent != "1002" {
		t.Errorf("matched %+v, want agent 1002, since the other is in a call", m)
	}
}

func TestWhoBeginsACallAtAnotherNodeDuringAMatchIsNotOfferedIt(t *testing.T) {
	store, _, lease, other := floorOf(t)
	save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	r := request(lease, "1001")
	offer, found := r.Offer, 0
	r.Offer = func(contact callback.ContactID, p callback.Place, a dispatch.Agent) callback.OfferMade {
		found++
		notePhones(t, store, other, "PJSIP/1001")
		return offer(contact, p, a)
	}
	if m := match(t, store, r); m != nil || found != 1 {
		t.Errorf("matched %+v, found %d times", m, found)
	}
	wantState(t, store, "in a call", "working_outbound")
}
