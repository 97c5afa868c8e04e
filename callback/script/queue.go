package script

import (
	"errors"
	"strconv"

	"github.com/callbackd/callbackd/callback"
)

// custom are the properties that count with PriorityManagement: Custom only.
var custom = []string{"InitialPriority", "Acceleration", "MaxPriority"}

// checkReqagent holds against each other what the request for an agent is made of.
func checkReqagent(p *checker, a *action) {
	checkPriority(p, a)
	if when, ok := a.properties["WhenRefused"]; ok && a.properties["TargetAgent"] == nil {
		p.warnf(when[0].at, "WhenRefused counts only with a TargetAgent; without one the contact goes to any agent with the skill")
	}
}

// checkPriority holds against each other what says where the priority comes from and what it is.
func checkPriority(p *checker, a *action) {
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

// fixedNumber gives a whole number that is the same for every contact.
func (a *action) fixedNumber(name string) (n int, known bool) {
	text, fixed := a.fixed(name)
	n, err := strconv.Atoi(text)
	return n, fixed && err == nil
}

// reqagent gives the request that the action's properties stand for.
func (r *run) reqagent() Reqagent {
	request := Reqagent{
		Skill:       r.state.Properties["Skill"],
		TargetAgent: r.state.Properties["TargetAgent"],
		AnyAgent:    r.state.Properties["WhenRefused"] == "AnyAgent",
		ZipTone:     r.state.Properties["ZipTone"] == "true",
	}
	if r.state.Properties["PriorityManagement"] == "Custom" {
		request.Priority = &callback.Priority{
			Initial:      r.whole("InitialPriority"),
			Acceleration: r.whole("Acceleration"),
			Maximum:      r.whole("MaxPriority"),
		}
	}
	return request
}

func enterReqagent(r *run) (string, error) {
	switch r.state.Stage {
	case StageAnswered:
		return stays, errors.New("an agent has answered already")
	case StageReleased:
		return stays, errors.New("the contact's call has ended")
	}
	if err := r.host.Reqagent(r.reqagent()); err != nil {
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
	checkDelay(p, a)
}

// checkDelay warns of a delay that refuses the agent (C7).
func checkDelay(p *checker, a *action) {
	if n, known := a.fixedNumber("CallDelaySec"); known && n >= refusingDelay {
		p.warnf(a.properties["CallDelaySec"][0].at, "CallDelaySec is %d; from %d on the agent who accepts is refused and nobody is called", n, refusingDelay)
	}
}

func checkQueuecallback(p *checker, a *action) {
	checkReqagent(p, a)
	checkDelay(p, a)
}

func checkUpdateContact(p *checker, a *action) {
	for _, name := range custom {
		if _, ok := a.properties[name]; ok {
			return
		}
	}
	p.errorf(a.kindAt, "%s changes nothing; it has %s", a.name, listed(custom))
}

func enterUpdateContact(r *run) (string, error) {
	var change PriorityChange
	for name, to := range map[string]**int{
		"InitialPriority": &change.Initial, "Acceleration": &change.Acceleration, "MaxPriority": &change.Maximum,
	} {
		if r.given(name) {
			n := r.whole(name)
			*to = &n
		}
	}
	if err := r.host.UpdateContact(change); err != nil {
		return stays, err
	}
	return branchDefault, nil
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
