package postgres_test

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/callback/script"
)

func TestARandomContactIsLoadedAsItWasSaved(t *testing.T) {
	store := postgrestest.New(t)
	lease := acquire(t, store, node)
	rapid.Check(t, func(rt *rapid.T) {
		agent := drawAgent(rt)
		if err := store.AddAgent(t.Context(), agent, "", "PJSIP/"+agent, nil); err != nil {
			rt.Fatal(err)
		}
		record := drawRecord(rt, agent)
		id, err := store.Create(t.Context(), lease, dispatch.Change{Record: record, Facts: drawFacts(rt)})
		if err != nil {
			rt.Fatalf("creating %+v: %v", record.Contact, err)
		}
		record.Contact.ID, record.Rev = id, 1
		compare(t, rt, store, record)

		next := drawRecord(rt, agent)
		c := next.Contact
		goOn(c, record.Contact)
		closeOpen(record.Contact)
		if err := store.Save(t.Context(), lease, dispatch.Change{Record: record}); err != nil {
			rt.Fatalf("closing what is open: %v", err)
		}
		next.Rev = 2
		if err := store.Save(t.Context(), lease, dispatch.Change{Record: next, Facts: drawFacts(rt)}); err != nil {
			rt.Fatalf("saving %+v: %v", c, err)
		}
		next.Rev = 3
		compare(t, rt, store, next)
		closeOpen(c)
		if err := store.Save(t.Context(), lease, dispatch.Change{Record: next}); err != nil {
			rt.Fatalf("closing what is open: %v", err)
		}
	})
}

type loader interface {
	Load(ctx context.Context, id callback.ContactID) (dispatch.Record, error)
}

func compare(t *testing.T, rt *rapid.T, store loader, saved dispatch.Record) {
	got, err := store.Load(t.Context(), saved.Contact.ID)
	if err != nil {
		rt.Fatal(err)
	}
	want := dispatch.Record{Contact: saved.Contact.Clone(), Script: saved.Script, Rev: saved.Rev}
	want.Contact.Prune() // what has ended is in the database only
	slices.SortFunc(want.Contact.Legs, func(a, b callback.Leg) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Channel, b.Channel))
	})
	if len(want.Contact.Legs) == 0 {
		want.Contact.Legs = nil
	}
	if !reflect.DeepEqual(got, want) {
		rt.Fatalf("loaded\n%s\nsaved\n%s", describe(got), describe(want))
	}
}

func describe(r dispatch.Record) string {
	c := r.Contact
	return fmt.Sprintf("%+v\nplace %+v\npromise %+v\noffer %+v\nattempt %+v\nscript %#v\nrev %d",
		c, c.Place, c.Promise, c.Offer, c.Attempt, r.Script, r.Rev)
}

// closeOpen ends what would be in the way of the next contact's.
func closeOpen(c *callback.Contact) {
	if c.Offer.Open() {
		c.Offer.EndedAt, c.Offer.Result = epoch, callback.OfferWithdrawn
	}
	if c.Attempt.Open() {
		c.Attempt.EndedAt, c.Attempt.Outcome = epoch, callback.AttemptUnknown
	}
	for i := range c.Legs {
		c.Legs[i].EndedAt = epoch
	}
}

// goOn makes c a later state of the contact was: what never changes is as it was.
func goOn(c, was *callback.Contact) {
	c.ID, c.ArrivedAt, c.Language = was.ID, was.ArrivedAt, was.Language
	if c.Offer != nil && was.Offer != nil {
		o := was.Offer
		c.Offer.Channel, c.Offer.Agent, c.Offer.Endpoint, c.Offer.Skill, c.Offer.OfferedAt = o.Channel, o.Agent, o.Endpoint, o.Skill, o.OfferedAt
	}
	if c.Attempt != nil && was.Attempt != nil {
		a := was.Attempt
		c.Attempt.Number, c.Attempt.Agent, c.Attempt.PhoneNumber, c.Attempt.CallerID, c.Attempt.StartedAt = a.Number, a.Agent, a.PhoneNumber, a.CallerID, a.StartedAt
	}
	for i := range min(len(c.Legs), len(was.Legs)) {
		now := c.Legs[i]
		c.Legs[i] = was.Legs[i]
		l := &c.Legs[i]
		l.DiallingAt, l.AnsweredAt, l.HangupAt, l.LeftAt, l.EndedAt, l.Cause = now.DiallingAt, now.AnsweredAt, now.HangupAt, now.LeftAt, now.EndedAt, now.Cause
	}
}

var numbers atomic.Int64

// drawAgent gives an agent whom no other contact has.
func drawAgent(*rapid.T) string { return fmt.Sprintf("a%d", numbers.Add(1)) }

var text = rapid.Custom(func(rt *rapid.T) string {
	return strings.ReplaceAll(rapid.String().Draw(rt, "text"), "\x00", "")
})

var moment = rapid.Custom(func(rt *rapid.T) time.Time {
	return time.UnixMicro(rapid.Int64Range(946684800e6, 4102444800e6).Draw(rt, "microseconds")).UTC()
})

var maybe = rapid.OneOf(rapid.Just(time.Time{}), moment)

var count = rapid.IntRange(0, 1000)

func drawRecord(rt *rapid.T, agent string) dispatch.Record {
	c := &callback.Contact{
		State: rapid.SampledFrom([]callback.State{
			callback.StateLive, callback.StateCallback, callback.StateCalling, callback.StateConnected,
			callback.StateReleased, callback.StateStuck, callback.StateEnded,
		}).Draw(rt, "state"),
		Node:   text.Draw(rt, "node"),
		Script: callback.ScriptRef{Name: text.Draw(rt, "script"), Version: text.Draw(rt, "version")},
		ANI:    text.Draw(rt, "ani"), DNIS: text.Draw(rt, "dnis"), Dialled: text.Draw(rt, "dialled"),
		Language:  text.Draw(rt, "language"),
		ArrivedAt: moment.Draw(rt, "arrived"),
		Channel:   text.Draw(rt, "channel"), Bridge: text.Draw(rt, "bridge"), Playing: text.Draw(rt, "playing"),
		Quieting: text.Draw(rt, "quieting"), Music: text.Draw(rt, "music"),
		Tries: count.Draw(rt, "tries"), Attempts: count.Draw(rt, "attempts"), Faults: count.Draw(rt, "faults"),
		ZipTone:    rapid.Bool().Draw(rt, "zip tone"),
		CalledBack: rapid.Bool().Draw(rt, "called back"), HangupWanted: rapid.Bool().Draw(rt, "hangup wanted"),
	}
	if c.State == callback.StateEnded {
		c.Outcome, c.EndedAt = callback.OutcomeServed, moment.Draw(rt, "ended")
	} else if rapid.Bool().Draw(rt, "queued") {
		c.Place = drawPlace(rt)
	}
	if c.State == callback.StateCallback || c.State == callback.StateCalling || rapid.Bool().Draw(rt, "promised") {
		c.Promise = &callback.Promise{
			PhoneNumber: fmt.Sprintf("+%d", numbers.Add(1)), Extension: text.Draw(rt, "extension"), CallerID: text.Draw(rt, "caller ID"),
			E164:      rapid.SampledFrom([]string{"", fmt.Sprintf("+%d", numbers.Add(1))}).Draw(rt, "E.164"),
			CallDelay: time.Duration(count.Draw(rt, "delay")) * time.Second, PromisedAt: moment.Draw(rt, "promised at"),
		}
	}
	for range rapid.IntRange(0, 3).Draw(rt, "legs") {
		c.Legs = append(c.Legs, drawLeg(rt))
	}
	if rapid.Bool().Draw(rt, "offered") {
		c.Offer = drawOffer(rt, agent)
	}
	if rapid.Bool().Draw(rt, "tried") {
		c.Attempt = drawAttempt(rt, agent)
	}
	if i := slices.IndexFunc(c.Legs, func(l callback.Leg) bool { return l.Open() }); i >= 0 && c.Node == "" {
		c.Node = c.Legs[i].Node // as in every contact that has open legs
		for j := range c.Legs {
			c.Legs[j].Node = c.Node
		}
	}
	return dispatch.Record{Contact: c, Script: drawState(rt)}
}

func drawPlace(rt *rapid.T) *callback.Place {
	return &callback.Place{
		Skill: rapid.SampledFrom([]string{"support", "sales"}).Draw(rt, "skill"),
		Priority: callback.Priority{
			Initial:      rapid.IntRange(-5, 5).Draw(rt, "initial"),
			Acceleration: rapid.IntRange(0, 3).Draw(rt, "acceleration"),
			Maximum:      rapid.IntRange(998, 1000).Draw(rt, "maximum"),
		},
		TargetAgent: rapid.SampledFrom([]string{"", "1001"}).Draw(rt, "target"),
		AnyAgent:    rapid.Bool().Draw(rt, "any agent"),
		Node:        rapid.SampledFrom([]string{"", node}).Draw(rt, "node of the place"),
		QueuedAt:    moment.Draw(rt, "queued"),
		ReadyAt:     maybe.Draw(rt, "ready"),
		Held:        rapid.Bool().Draw(rt, "held"),
	}
}

func drawLeg(rt *rapid.T) callback.Leg {
	return callback.Leg{
		Channel: newChannel(), Node: "n" + text.Draw(rt, "node of the leg"),
		Party:     rapid.SampledFrom([]callback.Party{callback.PartyContact, callback.PartyAgent, callback.PartyTransfer}).Draw(rt, "party"),
		Direction: rapid.SampledFrom([]callback.Direction{callback.Inbound, callback.Outbound}).Draw(rt, "direction"),
		From:      text.Draw(rt, "from"), To: text.Draw(rt, "to"), Endpoint: text.Draw(rt, "endpoint"),
		CreatedAt: moment.Draw(rt, "created"), DiallingAt: maybe.Draw(rt, "dialling"), AnsweredAt: maybe.Draw(rt, "answered"),
		HangupAt: maybe.Draw(rt, "hangup"), LeftAt: maybe.Draw(rt, "left"), EndedAt: maybe.Draw(rt, "ended"), Cause: callback.Cause(count.Draw(rt, "cause")),
	}
}

func drawOffer(rt *rapid.T, agent string) *callback.Offer {
	offer := &callback.Offer{
		Channel: newChannel(), Agent: agent, Endpoint: text.Draw(rt, "endpoint"), Skill: text.Draw(rt, "skill of the offer"),
		Kind:      rapid.SampledFrom([]callback.OfferKind{callback.OfferLive, callback.OfferCallback}).Draw(rt, "kind"),
		OfferedAt: moment.Draw(rt, "offered"), AcceptedAt: maybe.Draw(rt, "accepted"), EndedAt: maybe.Draw(rt, "ended"),
		RingUntil: maybe.Draw(rt, "ring until"), JoinUntil: maybe.Draw(rt, "join until"), Whisper: text.Draw(rt, "whisper"),
		AgentJoined: rapid.Bool().Draw(rt, "agent joined"), ContactJoined: rapid.Bool().Draw(rt, "contact joined"),
	}
	results := []callback.OfferResult{callback.OfferAccepted, callback.OfferRefused, callback.OfferNoAnswer, callback.OfferUnreachable, callback.OfferWithdrawn}
	if offer.Open() {
		results = append(results, "")
	}
	offer.Result = rapid.SampledFrom(results).Draw(rt, "result")
	return offer
}

func drawAttempt(rt *rapid.T, agent string) *callback.Attempt {
	attempt := &callback.Attempt{
		Number: int(numbers.Add(1)), Agent: agent, Channel: newChannel(), PhoneNumber: "5550100", CallerID: text.Draw(rt, "caller ID"),
		Cause: callback.Cause(count.Draw(rt, "cause")), Counts: rapid.Bool().Draw(rt, "counts"),
		Rang: rapid.Bool().Draw(rt, "rang"), Created: rapid.Bool().Draw(rt, "created"),
		DueAt: maybe.Draw(rt, "due"), StartedAt: moment.Draw(rt, "started"), DiallingAt: maybe.Draw(rt, "dialling"),
		AnsweredAt: maybe.Draw(rt, "answered"), EndedAt: maybe.Draw(rt, "ended"), RingUntil: maybe.Draw(rt, "ring until"),
	}
	if attempt.DiallingAt.IsZero() && rapid.Bool().Draw(rt, "no leg yet") {
		attempt.Channel = ""
	}
	outcomes := []callback.AttemptOutcome{callback.AttemptAnswered, callback.AttemptBusy, callback.AttemptUnknown}
	if attempt.Open() {
		outcomes = append(outcomes, "")
	}
	attempt.Outcome = rapid.SampledFrom(outcomes).Draw(rt, "outcome")
	return attempt
}

func drawState(rt *rapid.T) script.State {
	state := script.State{
		Action: text.Draw(rt, "action"), Resting: rapid.Bool().Draw(rt, "resting"), HungUp: rapid.Bool().Draw(rt, "hung up"),
		Saved: rapid.Bool().Draw(rt, "saved"), Deadline: maybe.Draw(rt, "deadline"), Vars: drawVariables(rt),
		Music: text.Draw(rt, "script's music"), Playback: text.Draw(rt, "script's playback"),
		Properties: drawVariables(rt), Keys: text.Draw(rt, "keys"), Failures: count.Draw(rt, "failures"),
	}
	return state
}

func drawVariables(rt *rapid.T) map[string]string {
	vars := rapid.MapOfN(text, text, 0, 4).Draw(rt, "variables")
	if len(vars) == 0 {
		return nil
	}
	return vars
}

func drawFacts(rt *rapid.T) []callback.Fact {
	facts := make([]callback.Fact, rapid.IntRange(0, 3).Draw(rt, "facts"))
	for i := range facts {
		facts[i] = callback.Fact{At: moment.Draw(rt, "at"), Kind: callback.FactLog, Data: drawVariables(rt)}
	}
	return facts
}
