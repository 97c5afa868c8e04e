package script

import (
	"maps"
	"slices"
	"strings"
)

// checkVariables finds variables that do not exist, that nothing sets, or that may be read before they
// are set.
func (p *checker) checkVariables() {
	setters := p.script.setters()
	p.script.eachValue(func(a *action, _ property, v value) {
		for _, name := range v.reads() {
			p.checkRead(a, name, v.at, setters)
		}
	})
}

// setters gives the actions that set each variable.
func (s *Script) setters() map[string][]string {
	setters := make(map[string][]string)
	for _, name := range s.order {
		for _, variable := range s.actions[name].sets() {
			setters[variable] = append(setters[variable], name)
		}
	}
	return setters
}

// sets gives the variables that the action sets.
func (a *action) sets() []string {
	if a.kind == nil {
		return nil
	}
	var names []string
	for _, v := range variables {
		if slices.Contains(v.sets, a.kind.name) {
			names = append(names, v.name)
		}
	}
	for _, p := range a.kind.properties {
		switch {
		case p.kind == setting:
			name, _ := a.fixed(p.name)
			names = append(names, name)
		case p.keys == settings, p.keys == pathsOf:
			for _, v := range a.properties[p.name] {
				names = append(names, v.key)
			}
		}
	}
	return names
}

func (p *checker) checkRead(a *action, name string, at position, setters map[string][]string) {
	s := p.script
	known, builtIn := findVariable(name)
	if slices.Contains(s.inputs, name) || builtIn && len(known.sets) == 0 {
		return
	}
	if len(setters[name]) == 0 {
		p.unset(known, builtIn, name, at, setters)
		return
	}
	if s.roots()[0] == "" {
		return // the start is missing, and reported
	}
	sets := func(b *action) bool { return slices.Contains(b.sets(), name) }
	var after []string
	for _, setter := range setters[name] {
		after = append(after, s.actions[setter].next()...)
	}
	for _, event := range s.events { // it may come at any time after
		after = append(after, event.action)
	}
	if !s.reach(after, anyWay)[a.name] && !a.setsBefore(name) {
		p.errorf(at, "{%s} is read before %s sets it, and is always empty here", name, orList(setters[name]))
		return
	}
	if s.reach([]string{s.start.action}, func(b *action) bool { return !sets(b) })[a.name] && !a.setsBefore(name) {
		p.warnf(at, "{%s} can be read here before %s sets it, and is empty then", name, orList(setters[name]))
	}
}

// setsBefore says whether the action sets the variable itself before it reads it: an Assign may.
func (a *action) setsBefore(name string) bool {
	for _, v := range a.properties["Set"] {
		if slices.Contains(v.reads(), name) {
			return false
		}
		if v.key == name {
			return true
		}
	}
	return false
}

// unset reports a variable that nothing sets.
func (p *checker) unset(known variable, builtIn bool, name string, at position, setters map[string][]string) {
	if builtIn {
		p.errorf(at, "{%s} is read and nothing sets it; the script has no %s", name, orList(known.sets))
		return
	}
	names := slices.Collect(maps.Keys(setters))
	for _, v := range variables {
		names = append(names, v.name)
	}
	slices.Sort(names)
	suggestion := didYouMean(name, names)
	if suggestion == "" {
		suggestion = "; nothing sets it: an Assign does, or inputs where another script hands it over"
	}
	p.errorf(at, "unknown variable {%s}%s", name, suggestion)
}

// checkSaved notes what reads ANI or DNIS when they may be those of the outbound call (C9), where the
// script has not saved them before.
func (p *checker) checkSaved() {
	s := p.script
	var callbacks []string
	for _, name := range s.order {
		if a := s.actions[name]; a.kind != nil && a.kind.name == "Callback" {
			callbacks = append(callbacks, name)
		}
	}
	if len(callbacks) == 0 {
		return
	}
	var later []string
	for _, name := range callbacks {
		later = append(later, s.actions[name].branches[branchDefault].action)
	}
	for _, event := range s.events {
		later = append(later, event.action)
	}
	after := s.reach(later, anyWay)
	before := s.reach([]string{s.start.action}, func(a *action) bool { return !slices.Contains(callbacks, a.name) })
	s.eachValue(func(a *action, _ property, v value) {
		for _, name := range v.reads() {
			if (name == "ANI" || name == "DNIS") && after[a.name] && !before[a.name] && !s.saves(name, before) {
				p.warnf(v.at, "once a callback is dialled {%s} is that of the outbound call; save the original by an Assign before %s", name, strings.Join(callbacks, " and "))
			}
		}
	})
}

// saves says whether an Assign among those actions keeps a variable in another.
func (s *Script) saves(name string, among map[string]bool) bool {
	for _, a := range s.actions {
		for _, v := range a.properties["Set"] {
			if among[a.name] && slices.Contains(v.reads(), name) {
				return true
			}
		}
	}
	return false
}

// checkAfterCallback warns of what will take OnError for the order in which it comes: a Callback
// without a request or after another (C2), and voice actions without a contact to hear them (C11).
func (p *checker) checkAfterCallback() {
	s := p.script
	requests := func(a *action) bool { return a.kind != nil && requesting[a.kind.name] }
	unrequested := s.reach([]string{s.start.action}, func(a *action) bool { return !requests(a) })
	var saved []string
	for _, name := range s.order {
		a := s.actions[name]
		if a.kind == nil || a.kind.name != "Callback" {
			continue
		}
		if unrequested[name] {
			p.warnf(a.kindAt, "%s can be come to without a Reqagent before it, and then takes OnError", name)
		}
		saved = append(saved, a.branches[branchDefault].action)
		p.checkKept(a)
	}
	after := s.reach(saved, anyWay)
	released := s.reach([]string{s.events[OnRelease].action}, anyWay)
	for _, name := range s.order {
		a := s.actions[name]
		switch {
		case a.kind == nil:
		case after[name] && a.kind.name == "Callback":
			p.warnf(a.kindAt, "%s can be come to after a Callback, and a second one takes OnError", name)
		case after[name] && a.kind.voice:
			p.warnf(a.kindAt, "%s can be come to after a Callback; the contact has hung up, and %s takes OnError", name, a.kind.name)
		case released[name] && a.kind.voice:
			p.warnf(a.kindAt, "%s can be come to after OnRelease; the call has ended, and %s takes OnError", name, a.kind.name)
		}
	}
}

// checkKept warns of a Callback after which a Hangup comes without a Wait: it takes the callback out of the
// queue at once (C12). What speaks does not wait there, since it fails (C11).
func (p *checker) checkKept(callback *action) {
	s := p.script
	at := s.reach([]string{callback.branches[branchDefault].action}, func(a *action) bool {
		return a.kind != nil && a.kind.name != "Wait"
	})
	for _, name := range s.order {
		if a := s.actions[name]; at[name] && a.kind != nil && a.kind.name == "Hangup" {
			p.warnf(callback.kindAt, "%s is followed by the Hangup %s without a Wait; a Hangup after Callback ends the callback, and nobody is called back", callback.name, name)
		}
	}
}

// requesting are the kinds that put a contact into a queue.
var requesting = map[string]bool{"Reqagent": true, "Contacttakeover": true}

// WantsKeys says whether the script listens to keys while agent and contact are connected, or plays music
// then: where the bridge does not tell keys, music and voice come in turns, a noise.
func (s *Script) WantsKeys() bool {
	for name := range s.reach([]string{s.events[OnAnswer].action}, anyWay) {
		a := s.actions[name]
		ends, fixed := a.fixed("EndOnKey")
		switch {
		case a.kind.name == "Menu", a.kind.name == "Capture", a.kind.name == "Music", a.kind.name == "Runscript":
			return true
		case a.kind.name == "Play" && (!fixed || ends == "true"):
			return true
		}
	}
	return false
}
