package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// AgentStore keeps the agents.
type AgentStore interface {
	// AskAgentAt does what the agent of that endpoint asks for, and gives the state that follows. It fails
	// with ErrNotFound where no agent has the endpoint, and with callback.ErrLoggedOut where only an agent
	// who is logged in can have it. After ErrUnsure nobody knows.
	AskAgentAt(ctx context.Context, endpoint string, ask callback.AgentAsk, askedBy string) (callback.AgentState, error)
	// EndAgentTimes frees the agents whose after-call work, or time as Refused, has run out. A match does
	// not wait for it.
	EndAgentTimes(ctx context.Context) error
	// NotePhones makes agents WorkingOutbound whose phones are in a call of their own, and frees those
	// whose phones the lease's node has seen so and sees so no more, or whose node nobody holds any more.
	// It fails with ErrLeaseLost.
	NotePhones(ctx context.Context, lease Lease, phones Phones) error
	// Lamps says how each agent stands, and in which of these skills somebody waits.
	Lamps(ctx context.Context, skills []string) (Lamps, error)
}

// Lamps is what the lamps of agents and queues are to show.
type Lamps struct {
	Agents  []AgentLamp
	Waiting []string // the skills in which somebody waits
}

// AgentLamp is how one agent stands.
type AgentLamp struct {
	Extension string `db:"extension"`
	Endpoint  string `db:"endpoint"` // as in PJSIP/1001
	Word      string `db:"word"`     // as callback.AgentState.Word says it
	Paused    bool   `db:"paused"`
}

// The codes, as the dialplan names them in Stasis(callback,agent:CODE,ARGUMENT).
var codes = map[string]callback.AskKind{
	"login": callback.AskToggleLogin,
	"pause": callback.AskTogglePause,
	"ready": callback.AskReady,
}

// The words with which an agent's code is given back to the dialplan, which has a prompt for each.
const (
	statusLoggedIn    = "LOGGED_IN"
	statusLoggedOut   = "LOGGED_OUT"
	statusPaused      = "PAUSED"
	statusUnpaused    = "UNPAUSED"
	statusReady       = "READY"
	statusNotLoggedIn = "NOT_LOGGED_IN" // only an agent who is logged in can have it
	statusNoAgent     = "NO_AGENT"      // the phone is no agent's
	statusFailed      = "FAILED"        // it did not work, or nobody knows
)

// codeDialled does what an agent has asked for by a code of the dialplan, and gives the call back with the
// word for what has come of it. No contact is made of it.
func (d *Dispatcher) codeDialled(ctx context.Context, ev callback.CodeDialled) {
	if !d.takeCode(ev) {
		return
	}
	d.spawn(func() {
		status := d.carryOutCode(ctx, ev)
		d.wakeLamps()
		d.giveBack(ctx, ev.Channel, status)
	})
}

// takeCode takes note of a code's channel and phone, and says false where that was done before.
func (d *Dispatcher) takeCode(ev callback.CodeDialled) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := d.codes[ev.Channel]
	d.codes[ev.Channel] = true
	d.coding[ev.Endpoint] = time.Now().Add(codeTime)
	return !taken
}

// codeOver forgets a code whose channel has left the application.
func (d *Dispatcher) codeOver(channel string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.codes, channel)
}

// refuseCodes answers the codes that were dialled while nobody listened. What came of one that an earlier
// daemon may have carried out is not known, and most are toggles: the agent hears that it did not work.
func (d *Dispatcher) refuseCodes(ctx context.Context, snapshot *callback.Snapshot) {
	d.mu.Lock()
	for channel := range d.codes {
		if snapshot.Channels[channel].Code == nil {
			delete(d.codes, channel)
		}
	}
	d.mu.Unlock()
	for channel, found := range snapshot.Channels {
		if found.Code != nil && d.takeCode(*found.Code) {
			d.log.Warn("an agent's code was dialled while nobody listened: refused", "endpoint", found.Code.Endpoint, "code", found.Code.Code)
			d.spawn(func() { d.giveBack(ctx, channel, statusFailed) })
		}
	}
}

func (d *Dispatcher) carryOutCode(ctx context.Context, ev callback.CodeDialled) string {
	log := d.log.With("endpoint", ev.Endpoint, "code", ev.Code, "argument", ev.Argument)
	kind, known := codes[ev.Code]
	if !known {
		log.Error("the dialplan has a code for agents that does not exist")
		return statusFailed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	ask := callback.AgentAsk{Kind: kind, Reason: ev.Argument}
	state, err := d.o.Store.AskAgentAt(ctx, ev.Endpoint, ask, "phone "+ev.Endpoint)
	switch {
	case errors.Is(err, ErrNotFound):
		log.Info("a phone that is no agent's has dialled an agents' code")
		return statusNoAgent
	case errors.Is(err, callback.ErrLoggedOut):
		return statusNotLoggedIn
	case err != nil:
		log.Warn("an agent's code did not work", "error", err)
		return statusFailed
	}
	log.Info("an agent has dialled a code", "presence", state.Presence, "reason", state.Reason, "activity", state.Activity)
	return codeStatus(kind, state.Presence)
}

// codeStatus is the word for what an agent has become by a code.
func codeStatus(kind callback.AskKind, presence callback.Presence) string {
	switch {
	case presence == callback.LoggedOut:
		return statusLoggedOut
	case presence == callback.Unavailable:
		return statusPaused
	case kind == callback.AskToggleLogin:
		return statusLoggedIn
	case kind == callback.AskTogglePause:
		return statusUnpaused
	}
	return statusReady
}

// lampPause is the least time between two looks at what the lamps are to show, however much changes.
const lampPause = 200 * time.Millisecond

// tendAgents ends after-call work and Refused when their time is over, looks which agents are in a call of
// their own, and keeps the lamps right: whenever something may have changed, whoever changed it, and every
// pollPause.
func (d *Dispatcher) tendAgents(ctx context.Context) {
	panel := &panel{d: d, ours: map[string]bool{}}
	watch := &watch{d: d, lookedAt: time.Now()}
	ticker := time.NewTicker(pollPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			d.endAgentTimes(ctx)
			watch.look(ctx)
		case <-d.relamp:
		}
		panel.show(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(lampPause):
		}
	}
}

func (d *Dispatcher) endAgentTimes(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	if err := d.o.Store.EndAgentTimes(ctx); err != nil && ctx.Err() == nil {
		d.log.Debug("after-call work that is over waits for the database", "error", err)
	}
}

// wakeLamps has the lamps looked at soon.
func (d *Dispatcher) wakeLamps() {
	select {
	case d.relamp <- struct{}{}:
	default:
	}
}
