package play

import (
	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
)

// Player takes events through a contact and its script.
type Player struct {
	Script  *script.Script                   // the version that the contact runs
	Scripts func(name string) *script.Script // the current versions; nil for a name that is unknown
	Skills  map[string]callback.Skill
	Env     callback.Env
	Refused Refused
	// Deaf says that what has become of the legs is not known: no deadline of the contact counts, those
	// of its script do.
	Deaf bool
}

// Refused is what the script is answered in place of doing what it asks for, since the turn in which
// it was done could not be saved. A nil refuses nothing.
type Refused struct {
	Callback error
	Move     error // of a callback that waits, by a Reqagent
	Takeover error
	Ask      error // of a web request and of a callback without a live call
	Request  error // what a person asks for, who is told in the place of a script
}

// Result is what one event brings: what is to be saved, and what follows once it is.
type Result struct {
	Contact *callback.Contact
	Script  script.State
	Facts   []callback.Fact
	Agents  []callback.AgentChange
	// Commands are to be sent in this order.
	Commands []callback.Command
	// Questions are to be asked once the turn is saved.
	Questions []Question
	// Taken is the contact whose place was taken over, as it is to be saved in the same transaction; nil
	// for none.
	Taken *callback.Contact
	// Request says what became of what a person has asked for; nil where the event was no Requested. It is
	// to be saved in the same transaction.
	Request *callback.RequestDone
	// MustSave says that nothing may follow before the turn was saved. Without it, and with the database
	// away, it may, and the contact is saved later.
	MustSave bool
	// Refusable says that the script has done something that it can be refused. If the turn can't be
	// saved, play the event again with Refused, so that the script takes OnError.
	Refusable bool
}

// Question is what a script asks of the world outside the contact.
type Question struct {
	ID       string // Answered names it
	Question script.Question
	// NumberKey tells whether the number of a script.FindCallback or script.FindTakeover is that of another
	// callback ([number.Number.Key]).
	NumberKey string
	// Contact is the callback that a script.QueueCallback asks for, as it is to be created, in the state
	// of QueuedScript; Facts begin its history.
	Contact *callback.Contact
	Facts   []callback.Fact
}

// QueuedScript is where a callback without a live call stands in the script of the contact that asked
// for it: at rest, until an event comes.
var QueuedScript = script.State{Stage: script.StageCallback, Saved: true, Resting: true}

// Begin is the first event of a new contact.
type Begin struct{ callback.TimeReached }

// Answered is the answer to a question of the script's. While the script is paused
// ([callback.Contact.ScriptPaused]) it is to be kept back: what the script decides waits for the
// outcome (C12).
type Answered struct {
	callback.TimeReached
	script.Answered
	Question script.Question
	Callback *callback.Contact // what a script.FindTakeover has found; nil for nothing
}

// Requested is what a person asks for the contact by hand.
type Requested struct {
	callback.TimeReached
	callback.Request
}

// Play takes one event through the contact, and then what the contact has to say of it through the
// contact's script. The given contact and state are left as they were.
func (p Player) Play(c *callback.Contact, st script.State, ev callback.Event) Result {
	p.Env.Keys = p.Script.WantsKeys()
	t := callback.NewTurn(c.Clone(), p.Env)
	h := &host{Player: p, turn: t, state: st}
	h.take(ev)
	for i := 0; i < len(t.Signals); i++ {
		h.step(input(t.Signals[i], h.state))
	}
	if _, timed := ev.(callback.TimeReached); timed && !t.Contact.ScriptPaused() {
		h.step(script.TimeReached{})
	}
	if h.endedInVain() {
		h.state = AtRest(h.state)
	}
	return Result{
		Contact:   t.Contact,
		Script:    h.state,
		Facts:     t.Facts,
		Agents:    t.Agents,
		Commands:  t.Commands,
		Questions: h.questions,
		Taken:     h.taken,
		Request:   h.request,
		MustSave:  t.MustSave || h.refusable || h.request != nil,
		Refusable: h.refusable,
	}
}

// endedInVain says whether the contact was called back in vain, for the last time. No event follows, and a
// Wait ends with the contact, as it does when it is cancelled; the answer to a question is still taken.
func (h *host) endedInVain() bool {
	st := h.state
	return h.turn.Contact.State == callback.StateEnded && st.Stage == script.StageCallback && !st.Resting && st.Asked == ""
}

// take hands the event to the contact, or to its script where it is for nobody else.
func (h *host) take(ev callback.Event) {
	switch ev := ev.(type) {
	case Begin:
		h.turn.Begin()
	case Answered:
		h.answered(ev)
	case Requested:
		h.requested(ev.Request)
	case callback.TimeReached:
		if !h.Deaf {
			h.turn.Handle(ev)
		}
	default:
		h.turn.Handle(ev)
	}
}

// input puts a contact's signal into the script's words.
func input(signal callback.Signal, state script.State) script.Input {
	switch signal.Kind {
	case callback.SignalKey:
		return script.KeyPressed{Key: signal.Value}
	case callback.SignalPlayback:
		return script.PlaybackFinished{ID: signal.Value, Failed: signal.Failed, Reason: signal.Reason}
	case callback.SignalAnswered:
		return script.Event{Kind: script.OnAnswer}
	case callback.SignalAgentReleased:
		return script.Event{Kind: script.OnAgentRelease}
	case callback.SignalReleased:
		return script.Event{Kind: script.OnRelease}
	case callback.SignalResume:
		if state.Action == "" {
			return script.Start{}
		}
		return script.Resume{}
	}
	return script.Start{}
}
