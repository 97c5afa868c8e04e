package dispatch

import (
	"context"
	"slices"

	"github.com/callbackd/callbackd/callback"
)

func (f *fakeStore) agentState() callback.AgentState {
	return callback.AgentState{Presence: f.presence, Reason: f.reason, Activity: f.agent, Until: f.until}
}

func (f *fakeStore) changeAgent(ev callback.AgentEvent) error {
	next, err := f.agentState().After(ev, now())
	f.presence, f.reason, f.agent, f.until = next.Presence, next.Reason, next.Activity, next.Until
	return err
}

func (f *fakeStore) AskAgentAt(_ context.Context, endpoint string, ask callback.AgentAsk, _ string) (callback.AgentState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(); err != nil {
		return callback.AgentState{}, err
	}
	if endpoint != "PJSIP/1001" {
		return callback.AgentState{}, ErrNotFound
	}
	err := f.changeAgent(ask)
	if err == nil {
		f.codes++
	}
	return f.agentState(), err
}

func (f *fakeStore) EndAgentTimes(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(); err != nil {
		return err
	}
	return f.changeAgent(callback.AgentTime{})
}

// NotePhones is of the one agent, who has no leg of ours while free.
func (f *fakeStore) NotePhones(_ context.Context, _ Lease, phones Phones) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(); err != nil {
		return err
	}
	f.phones = phones
	switch {
	case slices.Contains(phones.OwnCalls, "PJSIP/1001"):
		was := f.agent
		err := f.changeAgent(callback.AgentPhone{InUse: true})
		if was != f.agent {
			f.ownCalls++
		}
		return err
	case !slices.Contains(phones.InCall, "PJSIP/1001"):
		return f.changeAgent(callback.AgentPhone{})
	}
	return nil
}

func (f *fakeStore) Lamps(_ context.Context, skills []string) (Lamps, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	state := f.agentState()
	lamps := Lamps{Agents: []AgentLamp{{Extension: "1001", Endpoint: "PJSIP/1001", Word: state.Word(now()), Paused: state.Presence == callback.Unavailable}}}
	for _, skill := range skills {
		if f.waitsIn(skill) {
			lamps.Waiting = append(lamps.Waiting, skill)
		}
	}
	return lamps, f.check()
}

func (f *fakeStore) waitsIn(skill string) bool {
	for _, record := range f.contacts {
		if place := record.Contact.Place; place != nil && place.Skill == skill {
			return true
		}
	}
	return false
}
