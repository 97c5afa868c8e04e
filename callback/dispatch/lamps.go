package dispatch

import (
	"context"
	"maps"
	"slices"

	"github.com/callbackd/callbackd/callback"
)

// The names of lamps begin with one of these; an agent's extension or a skill's name follows.
const (
	lampAgent  = "agent-"
	lampPaused = "pause-"
	lampQueue  = "queue-"
)

// agentLamps are what the lamp of an agent shows for each word of callback.AgentState.Word. A phone shows
// NOT_INUSE dark, INUSE and BUSY lit, RINGING flashing, and ONHOLD, where it can, blinking slowly: so dark
// is logged out, lit is at the callers' service or in a call, and blinking is logged in and not to be had.
var agentLamps = map[string]callback.DeviceState{
	string(callback.LoggedOut):       callback.DeviceNotInUse,
	string(callback.Available):       callback.DeviceInUse,
	string(callback.Offered):         callback.DeviceRinging,
	string(callback.WorkingInbound):  callback.DeviceBusy,
	string(callback.WorkingCallback): callback.DeviceBusy,
	string(callback.WorkingOutbound): callback.DeviceBusy,
	string(callback.AfterCall):       callback.DeviceOnHold,
	string(callback.Refused):         callback.DeviceOnHold,
	string(callback.Unavailable):     callback.DeviceOnHold,
}

// panel is the lamps of one Asterisk. They stay as they are when the daemon ends: what they show of the
// agents goes on to hold, and the next daemon sets right what has changed.
type panel struct {
	d     *Dispatcher
	shown map[string]callback.DeviceState // what Asterisk has of them
	ours  map[string]bool                 // the lamps of the last time
}

// show sends Asterisk the lamps that have changed. What can't be sent is sent the next time.
func (p *panel) show(ctx context.Context) {
	p.takeUp()
	if !p.d.connected.Load() {
		return
	}
	wanted, err := p.look(ctx)
	if err != nil {
		p.d.log.Debug("the lamps wait for the database", "error", err)
		return
	}
	for _, lamp := range slices.Sorted(maps.Keys(wanted)) {
		if p.shown[lamp] != wanted[lamp] && p.send(ctx, callback.ShowLamp{Lamp: lamp, State: wanted[lamp]}) {
			p.shown[lamp] = wanted[lamp]
		}
		p.ours[lamp] = true
	}
	for lamp := range p.ours {
		if _, still := wanted[lamp]; !still && p.send(ctx, callback.DropLamp{Lamp: lamp}) {
			delete(p.shown, lamp)
			delete(p.ours, lamp)
		}
	}
}

// takeUp begins from what Asterisk itself says, after a connect: it may have been started anew.
func (p *panel) takeUp() {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.d.lamps != nil {
		p.shown, p.d.lamps = p.d.lamps, nil
	}
}

// look reads what the lamps are to show.
func (p *panel) look(ctx context.Context) (map[string]callback.DeviceState, error) {
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	skills := slices.Sorted(maps.Keys(p.d.loaded.Load().skills))
	lamps, err := p.d.o.Store.Lamps(ctx, skills)
	if err != nil {
		return nil, err
	}
	p.d.setAgentPhones(lamps.Agents)
	return lamps.states(skills), nil
}

// states gives each lamp its state.
func (l Lamps) states(skills []string) map[string]callback.DeviceState {
	states := make(map[string]callback.DeviceState, 2*len(l.Agents)+len(skills))
	for _, agent := range l.Agents {
		states[lampAgent+agent.Extension] = agentLamps[agent.Word]
		states[lampPaused+agent.Extension] = lit(agent.Paused)
	}
	for _, skill := range skills {
		states[lampQueue+skill] = lit(slices.Contains(l.Waiting, skill))
	}
	return states
}

func lit(on bool) callback.DeviceState {
	if on {
		return callback.DeviceInUse
	}
	return callback.DeviceNotInUse
}

// send sends a command for a lamp and says whether Asterisk has carried it out.
func (p *panel) send(ctx context.Context, cmd callback.Command) bool {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	err := p.d.o.Switch.Do(ctx, cmd)
	if err != nil && ctx.Err() == nil {
		p.d.log.Debug("a lamp was not set", "what", cmd, "error", err)
	}
	return err == nil
}
