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
	if _, err := h.Ask(script.FindTakeover{Skill: "support", PhoneNumber: "+1 212 555 0123"}); err != nil {
		t.Fatal(err)
	}
	for _, q := range h.questions {
		if q.NumberKey != "+12125550123" {
			t.Errorf("%+v asks for the number of the key %q", q.Question, q.NumberKey)
		}
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

func TestAQueuedCallbackIsNormalisedAsTheActionCallbackDoes(t *testing.T) {
	b := newTable(t, "2125550123")
	h := b.host()
	q := script.QueueCallback{PhoneNumber: "(212) 555-0177 ext 12", CallerID: "800-555-0100", CallDelaySec: 7}
	q.Skill, q.TargetAgent, q.Priority = "support", "1001", &callback.Priority{Initial: 3, Maximum: 9}
	id, err := h.Ask(q)
	if err != nil || !h.refusable {
		t.Fatalf("%v, can be refused %v", err, h.refusable)
	}
	asked := h.questions[0]
	if asked.ID != id || asked.Contact.State != callback.StateCallback || len(asked.Facts) == 0 {
		t.Errorf("asks for %+v", asked)
	}
	want := callback.Promise{
		PhoneNumber: "2125550177", E164: "+12125550177", Extension: "12", CallerID: "8005550100", CallDelay: 7 * time.Second, PromisedAt: b.player.Env.Now,
	}
	if *asked.Contact.Promise != want {
		t.Errorf("promises %+v, want %+v", *asked.Contact.Promise, want)
	}
	if place := asked.Contact.Place; place.Priority != *q.Priority || place.TargetAgent != "1001" || place.Skill != "support" {
		t.Errorf("waits at %+v", place)
	}
	q.CallerID = "anonymous"
	if _, err := h.Ask(q); err == nil || err.Error() != "CallerID: anonymous: the caller's number is not known" {
		t.Errorf("a caller ID that is none: %v", err)
	}
}

func TestC6UpdateContactKeepsTheMomentOfQueueing(t *testing.T) {
	b := newTable(t, "2125550123")
	h := b.host()
	before := *h.turn.Contact.Place
	initial := 50
	if err := h.UpdateContact(script.PriorityChange{Initial: &initial}); err != nil {
		t.Fatal(err)
	}
	want := before
	want.Priority.Initial = 50
	if *h.turn.Contact.Place != want {
		t.Errorf("the place is %+v, want %+v", *h.turn.Contact.Place, want)
	}
	h.turn.Contact.Place = nil
	if err := h.UpdateContact(script.PriorityChange{}); !errors.Is(err, callback.ErrNotQueued) {
		t.Errorf("without a place: %v", err)
	}
}

// takes is a script that takes a callback over.
const takes = `
type: Phone
start: take
actions:
  take: {Contacttakeover: {Skill: support}, branches: {Default: taken, NotFound: none, OnError: failed}}
  taken: {Music: {Class: taken}}
  none: {Music: {Class: none}}
  failed: {Music: {Class: failed}}
`

// promised gives a contact whose callback waits.
func promised(t *testing.T) *callback.Contact {
	t.Helper()
	b := newTable(t, "2125550123")
	b.play(b.pressed())
	b.play(callback.LegEnded{Channel: "in", Cause: callback.CauseNormal})
	if b.contact.State != callback.StateCallback {
		t.Fatalf("the contact is %s", b.contact.State)
	}
	b.contact.ID = 7
	return b.contact
}

// asking gives a contact whose script asks for a callback to take over, and the answer that has found it.
func asking(t *testing.T, old *callback.Contact) (*table, Answered) {
	t.Helper()
	b := newTable(t, "2125550123")
	parsed, problems := script.Parse("takes.yaml", []byte(takes))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	b.player.Script = parsed
	b.contact = callback.Arrive(callback.LegArrived{Channel: "again", ANI: "2125550123"}, callback.ScriptRef{}, "n1", b.player.Env.Now)
	b.contact.ID, b.state = 8, script.State{}
	r := b.play(Begin{})
	if len(r.Questions) != 1 || r.MustSave {
		t.Fatalf("asks %+v, must be saved %v", r.Questions, r.MustSave)
	}
	q := r.Questions[0]
	if want := (script.FindTakeover{PhoneNumber: "2125550123", Skill: "support"}); q.Question != want {
		t.Fatalf("asks %+v, want %+v", q.Question, want)
	}
	return b, Answered{Answered: script.Answered{ID: q.ID, Found: old != nil}, Question: q.Question, Callback: old}
}

func TestATakeoverGivesTheOldContactToBeSavedWithTheTaker(t *testing.T) {
	old := promised(t)
	b, ev := asking(t, old)
	r := b.play(ev)
	if r.Taken == nil || r.Taken.ID != 7 || r.Taken.Outcome != callback.OutcomeTakenOver || !r.MustSave || !r.Refusable {
		t.Fatalf("taken %+v, must be saved %v, can be refused %v", r.Taken, r.MustSave, r.Refusable)
	}
	if r.Script.Action != "taken" || r.Contact.Place == nil || !r.Contact.Place.QueuedAt.Equal(old.Place.QueuedAt) {
		t.Errorf("at %s with the place %+v", r.Script.Action, r.Contact.Place)
	}
	if old.State != callback.StateCallback {
		t.Error("the found contact was changed in place")
	}
}

func TestATakeoverThatIsRefusedOrFindsNothingTakesItsOwnBranch(t *testing.T) {
	b, ev := asking(t, promised(t))
	b.player.Refused.Takeover = errors.New("the callback has just been changed")
	if r := b.play(ev); r.Script.Action != "failed" || r.Taken != nil || r.Refusable || r.Contact.Place != nil {
		t.Errorf("refused: at %s, taken %v, place %v", r.Script.Action, r.Taken, r.Contact.Place)
	}
	b, ev = asking(t, nil)
	if r := b.play(ev); r.Script.Action != "none" || r.Taken != nil {
		t.Errorf("nothing found: at %s", r.Script.Action)
	}
	b, ev = asking(t, promised(t))
	ev.ID = "another"
	if r := b.play(ev); r.Script.Action != "take" || r.Taken != nil {
		t.Errorf("an answer that nobody waits for: at %s", r.Script.Action)
	}
}
