package play

import (
	"errors"
	"testing"

	"github.com/callbackd/callbackd/callback"
)

// promised goes on to the callback that waits.
func (b *table) promised() {
	b.t.Helper()
	b.play(b.pressed())
	b.play(callback.LegEnded{Channel: "in", Cause: 16})
	if b.contact.State != callback.StateCallback {
		b.t.Fatalf("the contact is %s", b.contact.State)
	}
}

func TestC13ANumberThatAPersonGivesIsNormalisedInTheSkillsRegion(t *testing.T) {
	b := newTable(t, "2125550100")
	b.promised()
	text := "+49 (0)30 901820 ext 7"
	r := b.play(Requested{Request: callback.Request{
		ID: 3, Kind: callback.RequestChange, AskedBy: "ann", Changes: callback.Changes{PhoneNumber: &text},
	}})
	if r.Request == nil || *r.Request != (callback.RequestDone{ID: 3}) || !r.MustSave {
		t.Fatalf("the request came to %+v, saved first %v", r.Request, r.MustSave)
	}
	if p := b.contact.Promise; p.PhoneNumber != "+4930901820" || p.E164 != "+4930901820" || p.Extension != "7" {
		t.Errorf("the promise is %+v", p)
	}
	if text != "+49 (0)30 901820 ext 7" {
		t.Errorf("the request itself was changed to %q, and may be played again", text)
	}
}

func TestARefusedRequestIsSavedAsRefusedAndChangesNothing(t *testing.T) {
	b := newTable(t, "2125550100")
	b.promised()
	b.player.Refused.Request = errors.New("a callback for this number is already waiting")
	r := b.play(Requested{Request: callback.Request{ID: 4, Kind: callback.RequestCancel, AskedBy: "ann"}})
	want := callback.RequestDone{ID: 4, Refused: "a callback for this number is already waiting"}
	if r.Request == nil || *r.Request != want || !r.MustSave {
		t.Fatalf("the request came to %+v, saved first %v", r.Request, r.MustSave)
	}
	if b.contact.State != callback.StateCallback || len(r.Facts)+len(r.Commands) > 0 {
		t.Errorf("the contact is %s, facts %v, commands %v", b.contact.State, r.Facts, r.Commands)
	}
}

func TestACancelledContactsScriptIsAtRest(t *testing.T) {
	b := newTable(t, "2125550100")
	b.promised()
	b.state.Deadline, b.state.Asked = b.player.Env.Now, "q"
	r := b.play(Requested{Request: callback.Request{ID: 5, Kind: callback.RequestCancel, AskedBy: "ann"}})
	if !r.Script.Resting || !r.Script.Deadline.IsZero() || r.Script.Asked != "" {
		t.Errorf("the script goes on: %+v", r.Script)
	}
}
