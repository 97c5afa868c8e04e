package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

// asRow is the state of an agent as the tables have it.
func asRow(s callback.AgentState) string {
	return fmt.Sprintf("%s|%s|%s|%v", s.Presence, s.Reason, s.Activity, s.Until.UTC().Format(time.RFC3339Nano))
}

// What agents ask for is decided in Go; what calls and time bring is written by SQL, and must come to the same.
func TestTheTablesHoldWhatTheTransitionsOfAgentsGive(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	record := save(t, store, lease, caller())
	model := callback.AgentState{Presence: callback.Available, Activity: callback.Free}
	changes := 1
	until := func(rt *rapid.T) time.Time {
		// So far away that the clock of the database stands on the same side.
		return rapid.SampledFrom([]time.Time{epoch, epoch.Add(time.Hour)}).Draw(rt, "until")
	}
	rapid.Check(t, func(rt *rapid.T) {
		apply := func(ev callback.AgentEvent) error {
			next, err := model.After(ev, time.Now())
			if next != model {
				changes++
			}
			model = next
			return err
		}
		var told callback.AgentState
		switch rapid.SampledFrom([]string{"ask", "call", "phone", "time"}).Draw(rt, "what") {
		case "ask":
			ask := callback.AgentAsk{
				Kind: rapid.SampledFrom([]callback.AskKind{
					callback.AskLoggedOut, callback.AskAvailable, callback.AskUnavailable,
					callback.AskReady, callback.AskToggleLogin, callback.AskTogglePause,
				}).Draw(rt, "kind"),
				Reason: rapid.SampledFrom([]string{"", "1", "lunch"}).Draw(rt, "reason"),
			}
			before := model
			wanted := apply(ask)
			state, err := store.AskAgentAt(t.Context(), "PJSIP/1001", ask, "a test")
			if !errors.Is(err, wanted) || wanted == nil && err != nil {
				rt.Fatalf("%+v of %+v: %v, want %v", ask, before, err, wanted)
			}
			if told = state; err == nil && asRow(told) != asRow(model) {
				rt.Fatalf("%+v of %+v gives %s, want %s", ask, before, asRow(told), asRow(model))
			}
			if err == nil && before == model {
				changes++ // it was asked for all the same
			}
		case "call":
			change := callback.AgentChange{Agent: "1001", Activity: rapid.SampledFrom([]callback.Activity{
				callback.Free, callback.Offered, callback.WorkingInbound, callback.WorkingCallback, callback.AfterCall, callback.Refused,
				// WorkingOutbound is not brought by a call of ours.
			}).Draw(rt, "activity"), MostRefusals: rapid.SampledFrom([]int{0, 2}).Draw(rt, "most refusals")}
			if change.Activity == callback.AfterCall || change.Activity == callback.Refused {
				change.Until = until(rt)
			}
			before := model
			_ = apply(change)
			if before == model {
				changes++
			}
			if err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{change}}); err != nil {
				rt.Fatal(err)
			}
			record.Rev++
		case "phone":
			phones := dispatch.Phones{}
			if rapid.Bool().Draw(rt, "in use") {
				phones.InCall = []string{"PJSIP/1001"}
				phones.OwnCalls = phones.InCall
			}
			before := model
			_ = apply(callback.AgentPhone{InUse: len(phones.InCall) > 0})
			if !before.Until.IsZero() && model.Activity == callback.WorkingOutbound {
				changes++ // the end of the time, which nobody had noted
			}
			if err := store.NotePhones(t.Context(), lease, phones); err != nil {
				rt.Fatal(err)
			}
		case "time":
			_ = apply(callback.AgentTime{})
			if err := store.EndAgentTimes(t.Context()); err != nil {
				rt.Fatal(err)
			}
		}
		var row, word string
		var noted int
		err := errors.Join(
			db.Get(&row, `SELECT concat_ws('|', presence, presence_reason, activity,
				coalesce(to_char(activity_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '0001-01-01T00:00:00Z'))
				FROM agent WHERE extension = '1001'`),
			db.Get(&word, `SELECT agent_state(presence, activity, activity_until, now()) FROM agent WHERE extension = '1001'`),
			db.Get(&noted, `SELECT count(*) FROM agent_history WHERE agent = '1001'`),
		)
		want := fmt.Sprintf("%s|%s|%s|%s", model.Presence, model.Reason, model.Activity, "0001-01-01T00:00:00Z")
		if !model.Until.IsZero() {
			want = fmt.Sprintf("%s|%s|%s|%s", model.Presence, model.Reason, model.Activity, model.Until.UTC().Format("2006-01-02T15:04:05.000000Z"))
		}
		if err != nil || row != want || word != model.Word(time.Now()) {
			rt.Fatalf("the tables have %s, %s; want %s, %s (%v)", row, word, want, model.Word(time.Now()), err)
		}
		if noted != changes {
			rt.Fatalf("%d changes stand in the history, want %d", noted, changes)
		}
	})
}

func TestTheEndOfATimeIsKeptWithTheMomentAtWhichItCame(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	record := save(t, store, lease, caller())
	err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{
		{Agent: "1001", Activity: callback.Refused, Until: epoch, Reason: "no_answer"},
	}})
	if err = errors.Join(err, store.EndAgentTimes(t.Context()), store.EndAgentTimes(t.Context())); err != nil {
		t.Fatal(err)
	}
	var lines []string
	err = db.Select(&lines, `
		SELECT concat_ws(' ', activity, reason, asked_by, at = $1) FROM agent_history WHERE agent = '1001' ORDER BY id OFFSET 1`, epoch)
	want := []string{"refused no_answer callbackd f", "free the time of refused is over callbackd t"}
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("the history is %q, want %q (%v)", lines, want, err)
	}
	if a := agent(t, store, "1001"); a.State != "available" || !a.Since.Equal(epoch) && a.Since.Before(epoch) {
		t.Errorf("the agent is %+v", a)
	}
}

// A match does not wait until somebody has noted that a time is over; the history has it all the same.
func TestAMatchNotesWhatHasEndedBeforeIt(t *testing.T) {
	url := postgrestest.URL(t)
	store, db := postgrestest.Open(t, url), open(t, url)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	c := caller()
	c.Place = place("support", callback.DefaultPriority, epoch)
	record := save(t, store, lease, c)
	err := store.Save(t.Context(), lease, dispatch.Change{Record: record, Agents: []callback.AgentChange{
		{Agent: "1001", Activity: callback.AfterCall, Until: epoch},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if match(t, store, request(lease, "1001")) == nil {
		t.Fatal("no match")
	}
	var lines []string
	err = db.Select(&lines, `SELECT concat_ws(' ', activity, reason) FROM agent_history WHERE agent = '1001' ORDER BY id OFFSET 2`)
	want := []string{"free the time of after_call is over", "offered "}
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("the history is %q, want %q (%v)", lines, want, err)
	}
}

func TestALostAnswerToWhatAnAgentAsksForIsReadBack(t *testing.T) {
	url := postgrestest.URL(t)
	direct := postgrestest.Open(t, url)
	addAgent(t, direct, "1001", support)
	proxy := postgrestest.NewProxy(t, url)
	store := postgrestest.Open(t, proxy.URL())
	for _, reaches := range []bool{true, false} {
		cut := proxy.CutBeforeCommit
		if reaches {
			cut = proxy.CutAfterCommit
		}
		cut([]byte("agent_history"))
		state, err := store.AskAgentAt(t.Context(), "PJSIP/1001", callback.AgentAsk{Kind: callback.AskToggleLogin}, "a test")
		got := agent(t, direct, "1001").State
		if reaches && (err != nil || state.Presence != callback.LoggedOut || got != "logged_out") {
			t.Errorf("saved: the agent hears %v (%v) and is %s", state.Presence, err, got)
		}
		if !reaches && (!errors.Is(err, dispatch.ErrUnsure) || got != "logged_out") {
			t.Errorf("not saved: the agent hears %v (%v) and is %s", state.Presence, err, got)
		}
	}
}

func TestLampsSayHowAgentsStandAndWhereSomebodyWaits(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	addAgent(t, store, "1001", support)
	addAgent(t, store, "1002", support)
	if _, err := store.AskAgent(t.Context(), "1002", callback.AgentAsk{Kind: callback.AskUnavailable, Reason: "lunch"}, "a test"); err != nil {
		t.Fatal(err)
	}
	save(t, store, lease, waiting("5550100", place("support", callback.DefaultPriority, epoch)))
	save(t, store, lease, waiting("5550101", place("hidden", callback.DefaultPriority, epoch)))
	lamps, err := store.Lamps(t.Context(), []string{"sales", "support"})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(lamps.Agents, func(a, b dispatch.AgentLamp) int { return len(a.Word) - len(b.Word) })
	want := []dispatch.AgentLamp{{Extension: "1001", Endpoint: "PJSIP/1001", Word: "available"}, {Extension: "1002", Endpoint: "PJSIP/1002", Word: "unavailable", Paused: true}}
	if !slices.Equal(lamps.Agents, want) || !slices.Equal(lamps.Waiting, []string{"support"}) {
		t.Errorf("the lamps are %+v", lamps)
	}
}

var _ dispatch.AgentStore = (*postgres.Store)(nil)
