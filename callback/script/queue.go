package script

import (
	"errors"
	"strconv"

	"github.com/callbackd/callbackd/callback"
)

// custom are the properties that count with PriorityManagement: Custom only.
var custom = []string{"InitialPriority", "Acceleration", "MaxPriority"}

func checkReqagent(p *checker, a *action) {
	management, given := a.properties["PriorityManagement"]
	if given {
		if mode, fixed := management[0].fixed(); !fixed || mode == "Custom" {
			return
		}
	}
	for _, name := range custom {
		if t, ok := a.properties[name]; ok {
			p.errorf(t[0].at, "%s counts only with PriorityManagement: Custom; without it the skill's own priority holds", name)
		}
	}
}

func enterReqagent(r *run) (string, error) {
	switch r.state.Stage {
	case StageAnswered:
		return stays, errors.New("an agent has answered already")
	case StageReleased:
		return stays, errors.New("the contact's call has ended")
	}
	request := Reqagent{Skill: r.state.Properties["Skill"], TargetAgent: r.state.Properties["TargetAgent"]}
	if r.state.Properties["PriorityManagement"] == "Custom" {
		request.Priority = &callback.Priority{
			Initial:      r.whole("InitialPriority"),
			Acceleration: r.whole("Acceleration"),
			Maximum:      r.whole("MaxPriority"),
		}
	}
	if err := r.host.Reqagent(request); err != nil {
		return stays, err
	}
	if r.state.Stage != StageCallback {
		r.state.Stage = StageRequested
	}
	return branchDefault, nil
}

// refusingDelay is the CallDelaySec, in seconds, from which on the agent is refused (C7).
const refusingDelay = 60

func checkCallback(p *checker, a *action) {
	if _, ok := a.branches[branchOnError]; !ok {
		p.warnf(a.kindAt, "%s has no branch OnError; a caller whose place could not be saved would be treated as one whose place is saved", a.name)
	}
	t, ok := a.properties["CallDelaySec"]
	if !ok {
		return
	}
	if value, fixed := t[0].fixed(); fixed {
		if n, err := strconv.Atoi(value); err == nil && n >= refusingDelay {
			p.warnf(t[0].at, "CallDelaySec is %d; from %d on the agent who accepts is refused and nobody is called", n, refusingDelay)
		}
	}
}

func enterCallback(r *run) (string, error) {
	if err := r.refuseCallback(); err != nil {
		return stays, err
	}
	err := r.host.Callback(Callback{
		Action:       r.action.name,
		Caption:      r.action.caption,
		PhoneNumber:  r.state.Properties["PhoneNumber"],
		CallerID:     r.state.Properties["CallerID"],
		CallDelaySec: r.whole("CallDelaySec"),
	})
	if err != nil {
		return stays, err
	}
	r.state.Saved = true
	r.state.Stage = StageCallback
	return branchDefault, nil
}

// refuseCallback holds C2.
func (r *run) refuseCallback() error {
	switch r.state.Stage {
	case StageArrived:
		return errors.New("no agent was requested")
	case StageAnswered, StageLeft:
		return errors.New("an agent has answered already")
	case StageReleased:
		return errors.New("the contact's call has ended")
	}
	if r.state.Saved {
		return errors.New("a callback is saved already")
	}
	return nil
}

func enterHangup(r *run) (string, error) {
	r.hangup()
	return stays, nil
}
