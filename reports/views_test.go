package reports_test

import (
	"database/sql"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/reports"
)

// desk plays contacts into a database with the reports' views.
type desk struct {
	t     *testing.T
	store *postgres.Store
	lease dispatch.Lease
	db    *sqlx.DB
	now   time.Time
	ids   int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	url := postgrestest.URL(t)
	views, err := reports.Views()
	if err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.Context(), url, views, io.Discard); err != nil {
		t.Fatal(err)
	}
	db, err := sqlx.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &desk{t: t, store: postgrestest.Open(t, url), db: db, now: time.Now().UTC().Truncate(time.Microsecond).Add(-time.Hour)}
	if d.lease, err = d.store.AcquireLease(t.Context(), "pbx1", "host:1:abc", time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := d.store.AddAgent(t.Context(), "1001", "", "PJSIP/1001", []postgres.AgentSkill{{Skill: "support", Proficiency: 1}}); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) env() callback.Env {
	return callback.Env{
		Now: d.now, Node: "pbx1",
		Skill:           func(string) callback.Skill { return callback.DefaultSkill },
		NewID:           func() string { d.ids++; return fmt.Sprintf("cb-%d", d.ids) },
		ContactEndpoint: func(number string) string { return "PJSIP/" + number + "@trunk" },
	}
}

// call lets a call come in and wait for an agent.
func (d *desk) call(channel string) dispatch.Record {
	d.t.Helper()
	c := callback.Arrive(callback.LegArrived{Channel: channel, ANI: "2125550123", DNIS: "8005550100", Language: "de_AT"},
		callback.ScriptRef{Name: "example", Version: "1"}, "pbx1", d.now)
	id, err := d.store.Create(d.t.Context(), d.lease, dispatch.Change{Record: dispatch.Record{Contact: c}})
	if err != nil {
		d.t.Fatal(err)
	}
	c.ID = id
	record := dispatch.Record{Contact: c, Rev: 1}
	return d.play(record, func(t *callback.Turn) error { return t.Reqagent("support", callback.DefaultPriority, "") })
}

// play plays a turn, a second after the last, saves it and gives the contact as it is loaded.
func (d *desk) play(record dispatch.Record, act func(*callback.Turn) error) dispatch.Record {
	d.t.Helper()
	return d.playTaking(record, nil, act)
}

func (d *desk) playTaking(record dispatch.Record, taken func() *dispatch.Record, act func(*callback.Turn) error) dispatch.Record {
	d.t.Helper()
	d.now = d.now.Add(time.Second)
	t := callback.NewTurn(record.Contact, d.env())
	if err := act(t); err != nil {
		d.t.Fatal(err)
	}
	change := dispatch.Change{Record: record, Facts: t.Facts, Agents: t.Agents}
	if taken != nil {
		change.Taken = taken()
	}
	if err := d.store.Save(d.t.Context(), d.lease, change); err != nil {
		d.t.Fatal(err)
	}
	loaded, err := d.store.Load(d.t.Context(), record.Contact.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return loaded
}

// tell plays one event.
func (d *desk) tell(record dispatch.Record, ev callback.Event) dispatch.Record {
	d.t.Helper()
	return d.play(record, func(t *callback.Turn) error { t.Handle(ev); return nil })
}

// promise promises a callback with an extension and lets the call end.
func (d *desk) promise(record dispatch.Record) dispatch.Record {
	d.t.Helper()
	channel := record.Contact.Channel
	record = d.play(record, func(t *callback.Turn) error {
		return t.Callback(callback.Promise{PhoneNumber: "2125550199", Extension: "12", CallerID: "8005550100"})
	})
	return d.tell(record, callback.LegEnded{Channel: channel, Cause: callback.CauseNormal})
}

// dial offers the callback to the agent, who accepts, and dials the contact.
func (d *desk) dial(record dispatch.Record) dispatch.Record {
	d.t.Helper()
	made := callback.NewOffer(*record.Contact.Place, "1001", "PJSIP/1001", d.env())
	record = d.tell(record, made)
	record = d.tell(record, callback.LegCreated{Channel: made.Leg.Channel})
	record = d.tell(record, callback.LegAnswered{Channel: made.Leg.Channel})
	record = d.tell(record, callback.TimeReached{})
	record = d.tell(record, callback.LegCreated{Channel: record.Contact.Attempt.Channel})
	return d.tell(record, callback.TimeReached{})
}

type contactLine struct {
	Outcome     string         `db:"outcome"`
	Extension   sql.NullString `db:"extension"`
	Language    string         `db:"language"`
	TakenOverBy sql.NullInt64  `db:"taken_over_by"`
	TookOver    sql.NullInt64  `db:"took_over"`
	Cause       sql.NullInt64  `db:"cause"`
	Agent       sql.NullString `db:"agent"`
}

func (d *desk) contact(id callback.ContactID) contactLine {
	d.t.Helper()
	var line contactLine
	err := d.db.Get(&line, `
		SELECT outcome, extension, language, taken_over_by, took_over, cause, agent
		FROM report_contact WHERE contact_id = $1`, int64(id))
	if err != nil {
		d.t.Fatalf("contact %s in report_contact: %v", id, err)
	}
	return line
}

func TestC10C15ATakeoverIsTwoContactsThatNameEachOther(t *testing.T) {
	d := newDesk(t)
	old := d.dial(d.promise(d.call("in-1")))
	dialled := old.Contact.Attempt.Channel
	taker := d.call("in-2")
	var ended *callback.Contact
	taker = d.playTaking(taker, func() *dispatch.Record { return &dispatch.Record{Contact: ended, Rev: old.Rev} },
		func(t *callback.Turn) (err error) {
			ended, err = t.TakeOver(old.Contact)
			return err
		})
	after, err := d.store.Load(t.Context(), old.Contact.ID)
	if err != nil {
		t.Fatal(err)
	}
	d.tell(after, callback.LegEnded{Channel: dialled, Cause: callback.CauseNormal})
	taker = d.tell(taker, callback.PlaybackFinished{Channel: taker.Contact.Offer.Channel, Playback: taker.Contact.Offer.Whisper})
	for _, channel := range []string{taker.Contact.Channel, taker.Contact.Offer.Channel} {
		taker = d.tell(taker, callback.LegJoined{Channel: channel, Bridge: taker.Contact.Bridge})
	}
	d.tell(taker, callback.LegEnded{Channel: "in-2", Cause: callback.CauseNormal})

	number := func(id callback.ContactID) sql.NullInt64 { return sql.NullInt64{Int64: int64(id), Valid: true} }
	want := contactLine{
		Outcome: "taken_over", Extension: sql.NullString{String: "12", Valid: true}, Language: "de_AT",
		TakenOverBy: number(taker.Contact.ID), Cause: number(242),
	}
	if got := d.contact(old.Contact.ID); got != want {
		t.Errorf("the callback is reported as %+v, want %+v", got, want)
	}
	want = contactLine{
		Outcome: "served", Language: "de_AT", TookOver: number(old.Contact.ID), Cause: number(16),
		Agent: sql.NullString{String: "1001", Valid: true},
	}
	if got := d.contact(taker.Contact.ID); got != want {
		t.Errorf("the new call is reported as %+v, want %+v", got, want)
	}
}

func TestC13C15ACallThatWasDialledIsBilledAsOutboundWithItsExtensionAndOutcome(t *testing.T) {
	d := newDesk(t)
	record := d.dial(d.promise(d.call("in-1")))
	channel := record.Contact.Attempt.Channel
	record = d.tell(record, callback.LegEnded{Channel: channel, Cause: callback.CauseBusy})
	var line struct {
		Direction   string `db:"direction"`
		PhoneNumber string `db:"phone_number"`
		Extension   string `db:"extension"`
		Outcome     string `db:"outcome"`
		Cause       int    `db:"cause"`
	}
	err := d.db.Get(&line, `
		SELECT direction, phone_number, extension, outcome, cause FROM report_billing WHERE contact_id = $1`, int64(record.Contact.ID))
	if err != nil {
		t.Fatal(err)
	}
	want := line
	want.Direction, want.PhoneNumber, want.Extension, want.Outcome, want.Cause = "outbound", "2125550199", "12", "busy", 17
	if line != want {
		t.Errorf("the call is billed as %+v, want %+v", line, want)
	}
}
