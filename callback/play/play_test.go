package play

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
)

// table plays one contact, in whatever time a test says it is.
type table struct {
	t       *testing.T
	player  Player
	contact *callback.Contact
	state   script.State
}

// newTable seats a contact in front of the example script, in the queue's menu.
func newTable(t *testing.T, ani string) *table {
	t.Helper()
	example, problems := script.Parse("example.yaml", script.Example())
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	ids := 0
	skills := map[string]callback.Skill{"support": callback.DefaultSkill}
	b := &table{t: t, player: Player{
		Script:  example,
		Scripts: func(string) *script.Script { return nil },
		Skills:  skills,
		Env: callback.Env{
			Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Node: "n1",
			Skill:           func(name string) callback.Skill { return skills[name] },
			NewID:           func() string { ids++; return fmt.Sprintf("cb-1-%d", ids) },
			ContactEndpoint: func(number string) string { return "PJSIP/" + number },
		},
	}}
	b.contact = callback.Arrive(callback.LegArrived{Channel: "in", ANI: ani, DNIS: "8005550100"}, callback.ScriptRef{}, "n1", b.player.Env.Now)
	b.contact.ID = 1
	b.play(Begin{})
	b.pass(30 * time.Second)
	return b
}

// play plays an event and goes on from its result.
func (b *table) play(ev callback.Event) Result {
	r := b.player.Play(b.contact, b.state, ev)
	b.contact, b.state = r.Contact, r.Script
	return r
}

func (b *table) pass(d time.Duration) Result {
	b.player.Env.Now = b.player.Env.Now.Add(d)
	return b.play(callback.TimeReached{})
}

// pressed goes on to the end of the thank-you, after which Callback fires.
func (b *table) pressed() callback.Event {
	b.t.Helper()
	b.play(callback.KeyPressed{Channel: "in", Key: "1"})
	if b.contact.Playing == "" {
		b.t.Fatal("no thank-you plays")
	}
	return callback.PlaybackFinished{Channel: "in", Playback: b.contact.Playing}
}

// host gives what a script finds in a turn of the contact.
func (b *table) host() *host {
	return &host{Player: b.player, turn: callback.NewTurn(b.contact.Clone(), b.player.Env), state: b.state}
}

func heard(r Result) []string {
	for _, cmd := range r.Commands {
		if cmd, ok := cmd.(callback.Play); ok {
			return cmd.Media
		}
	}
	return nil
}

func TestC5ARefusedCallbackIsPlayedAgainAndTakesOnError(t *testing.T) {
	b := newTable(t, "2125550123")
	ev := b.pressed()
	first := b.player.Play(b.contact, b.state, ev)
	if first.Contact.State != callback.StateCallback || !first.MustSave || !first.Refusable {
		t.Fatalf("%s, must be saved %v, can be refused %v", first.Contact.State, first.MustSave, first.Refusable)
	}
	b.player.Refused.Callback = errors.New("the place could not be saved")
	again := b.play(ev)
	if again.Contact.State != callback.StateLive || again.Contact.Place == nil || again.MustSave || again.Refusable {
		t.Errorf("refused: %s, place %v, must be saved %v", again.Contact.State, again.Contact.Place, again.MustSave)
	}
	if again.Script.Vars["_ERR"] != "the place could not be saved" || !slices.Equal(heard(again), []string{"sound:callbackd/sorry-no-callback"}) {
		t.Errorf("_ERR is %q, the caller hears %v", again.Script.Vars["_ERR"], heard(again))
	}
}

func TestPlayLeavesItsContactAndStateAsTheyWere(t *testing.T) {
	b := newTable(t, "2125550123")
	ev := b.pressed()
	contact, state := b.contact.Clone(), b.state
	b.player.Play(b.contact, b.state, ev)
	if fmt.Sprintf("%+v", *contact.Place) != fmt.Sprintf("%+v", *b.contact.Place) || contact.State != b.contact.State || state.Action != b.state.Action {
		t.Error("playing a turn has changed what it was played from")
	}
}

func TestACallerWhoseNumberCanNotBeDialledTakesOnErrorAndKeepsThePlace(t *testing.T) {
	b := newTable(t, "anonymous")
	r := b.play(b.pressed())
	if want := []string{"sound:callbackd/sorry-no-callback"}; !slices.Equal(heard(r), want) {
		t.Errorf("the caller hears %v, want %v", heard(r), want)
	}
	if r.Contact.State != callback.StateLive || r.Contact.Place == nil || r.Refusable {
		t.Errorf("the contact is %s with the place %v", r.Contact.State, r.Contact.Place)
	}
}

func TestDeafNoDeadlineOfTheContactCountsButThoseOfTheScriptDo(t *testing.T) {
	b := newTable(t, "2125550123")
	offer := callback.NewOffer(*b.contact.Place, "1001", "PJSIP/1001", b.player.Env)
	b.play(offer)
	b.play(b.pressed()) // Callback: the script rests, the offer rings
	b.contact.Offer.RingUntil = b.player.Env.Now
	b.player.Deaf = true
	if r := b.pass(time.Hour); !r.Contact.Offer.Ringing() {
		t.Error("an offer has rung out while nobody knows what the phone did")
	}
	b.player.Deaf = false
	if r := b.pass(0); r.Contact.Offer.Ringing() {
		t.Error("an offer goes on ringing after its time")
	}
	b = newTable(t, "2125550123")
	b.player.Deaf = true
	action := b.state.Action
	b.play(callback.PlaybackFinished{Channel: "in", Playback: b.contact.Playing})
	if b.pass(time.Hour); b.state.Action == action {
		t.Error("the menu waits for a key for ever")
	}
}

func TestAWebRequestMustBeSavedBeforeItIsAskedAndItsQueryStaysOutOfTheHistory(t *testing.T) {
	b := newTable(t, "2125550123")
	h := b.host()
	q := script.WebRequest{Method: "POST", URL: "https://joe:secret@crm.example/calls?ani=2125550123#top"}
	id, err := h.Ask(q)
	if err != nil || id == "" || !h.refusable {
		t.Fatalf("asked %q, %v, can be refused %v", id, err, h.refusable)
	}
	if len(h.questions) != 1 || h.questions[0].ID != id {
		t.Errorf("questions: %+v", h.questions)
	}
	fact := h.turn.Facts[0]
	if fact.Kind != callback.FactAsked || fact.Data["url"] != "https://crm.example/calls" || fact.Data["method"] != "POST" {
		t.Errorf("the history says %v", fact)
	}
	h.Refused.Ask = errors.New("the database is away")
	if _, err := h.Ask(q); err == nil || len(h.questions) != 1 {
		t.Errorf("a refused question is asked: %v", err)
	}
}

func TestQuestionsOfTheQueueAreRefusedAtOnceWhereSkillOrNumberAreWrong(t *testing.T) {
	b := newTable(t, "2125550123")
	for question, want := range map[script.Question]string{
		script.QueueStatus{Skill: "sales"}:                                     `there is no skill "sales"`,
		script.Estimate{Skill: "sales"}:                                        `there is no skill "sales"`,
		script.FindCallback{Skill: "sales", PhoneNumber: "2125550123"}:         `there is no skill "sales"`,
		script.FindTakeover{Skill: "support", PhoneNumber: "anonymous"}:        "PhoneNumber: anonymous: the caller's number is not known",
		script.QueueCallback{PhoneNumber: "2125550123", CallerID: "800555010"}: `there is no skill ""`,
	} {
		h := b.host()
		if id, err := h.Ask(question); err == nil || err.Error() != want || id != "" || len(h.questions) != 0 {
			t.Errorf("%T: %q, %v; want %s", question, id, err, want)
		}
	}
	h := b.host()
	if _, err := h.Ask(script.FindCallback{Skill: "support", PhoneNumber: "(212) 555-0123"}); err != nil {
		t.Fatal(err)
	}
	if q := h.questions[0].Question.(script.FindCallback); q.PhoneNumber != "2125550123" {
		t.Errorf("asks for %q, which nobody dials", q.PhoneNumber)
	}
	if h.refusable {
		t.Error("a question that changes nothing waits for the database")
	}
}

func TestRunscriptGoesOnInTheCurrentVersionOfTheOther(t *testing.T) {
	b := newTable(t, "2125550123")
	other, problems := script.Parse("evening.yaml", script.Example())
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	b.player.Scripts = func(name string) *script.Script {
		if name == "evening" {
			return other
		}
		return nil
	}
	h := b.host()
	if _, err := h.Runscript("morning"); err == nil {
		t.Error("an unknown script runs")
	}
	next, err := h.Runscript("evening")
	if err != nil || next != other || h.Script != other {
		t.Fatalf("runs %v, %v", next, err)
	}
	if want := (callback.ScriptRef{Name: "evening", Version: other.Version()}); h.turn.Contact.Script != want {
		t.Errorf("the contact is noted to run %+v, want %+v", h.turn.Contact.Script, want)
	}
}
