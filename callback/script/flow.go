package script

import (
	"maps"
	"slices"
	"strings"
)

// Known is what exists outside the script. A nil function leaves that unchecked.
type Known struct {
	Skills func(name string) bool // in the configuration
	Sounds func(name string) bool // in Asterisk, without extension
	Music  func(name string) bool // classes of music on hold in Asterisk
}

// Check reports what the script names and what does not exist. What stands in variables is known
// only when they are read, so it is not checked here.
func (s *Script) Check(known Known) Diagnostics {
	p := &checker{script: s}
	if known.Music != nil && !known.Music(restMusic) {
		p.errorf(s.start.at, "there is no music class %q, which a caller hears where the script names none or has nothing more to do", restMusic)
	}
	for _, name := range s.order {
		a := s.actions[name]
		for _, given := range a.kind.properties {
			for _, t := range a.properties[given.name] {
				p.checkKnown(given, t, known)
			}
		}
	}
	p.diagnostics.sort()
	return p.diagnostics
}

func (p *checker) checkKnown(given property, t template, known Known) {
	value, fixed := t.fixed()
	if !fixed || value == "" {
		return
	}
	if given.name == "Skill" && known.Skills != nil && !known.Skills(value) {
		p.errorf(t.at, "the configuration has no skill %q", value)
	}
	if (given.kind == sound || given.kind == sounds) && known.Sounds != nil && !known.Sounds(value) {
		p.errorf(t.at, "there is no sound %q", value)
	}
	if given.name == "Class" && known.Music != nil && !known.Music(value) {
		p.errorf(t.at, "there is no music class %q", value)
	}
}

// checkFlow checks what only the whole script shows.
func (p *checker) checkFlow() {
	meant := p.checkTargets()
	p.checkLoops()
	p.checkCaptions()
	p.checkVariables()
	if p.script.start.action != "" {
		p.checkReachable(meant)
		p.checkAfterCallback()
	}
}

// checkTargets finds branches that lead nowhere. It gives the actions that were probably meant.
func (p *checker) checkTargets() (meant []string) {
	check := func(from string, t target) {
		if t.action == "" || p.script.actions[t.action] != nil {
			return
		}
		meant = append(meant, closest(t.action, p.script.order))
		p.errorf(t.at, "%s leads to %q, and there is no such action%s", from, t.action, didYouMean(t.action, p.script.order))
	}
	check("start", p.script.start)
	for kind, t := range p.script.events {
		check(string(kind), t)
	}
	for _, name := range p.script.order {
		for branch, t := range p.script.actions[name].branches {
			check("branch "+branch+" of "+name, t)
		}
	}
	return meant
}

// roots are the actions at which a script can begin.
func (s *Script) roots() []string {
	roots := []string{s.start.action}
	for _, kind := range slices.Sorted(maps.Keys(s.events)) {
		roots = append(roots, s.events[kind].action)
	}
	return roots
}

// next gives the actions to which the branches of an action lead.
func (a *action) next() []string {
	var next []string
	for _, branch := range slices.Sorted(maps.Keys(a.branches)) {
		next = append(next, a.branches[branch].action)
	}
	return next
}

// reach gives the actions that can be come to from some, those included; the way goes through an
// action only where through says so.
func (s *Script) reach(from []string, through func(*action) bool) map[string]bool {
	seen := make(map[string]bool)
	for len(from) > 0 {
		name := from[len(from)-1]
		from = from[:len(from)-1]
		a := s.actions[name]
		if a == nil || seen[name] {
			continue
		}
		seen[name] = true
		if through(a) {
			from = append(from, a.next()...)
		}
	}
	return seen
}

func anyWay(*action) bool { return true }

// checkReachable finds actions that nothing leads to; what a misspelt branch meant counts as a way.
func (p *checker) checkReachable(meant []string) {
	reached := p.script.reach(append(p.script.roots(), meant...), anyWay)
	for _, name := range p.script.order {
		if !reached[name] {
			p.errorf(p.script.actions[name].at, "no way leads to %s; give it a branch, or remove it", name)
		}
	}
}

// checkLoops refuses loops in which nothing ever waits.
func (p *checker) checkLoops() {
	const walking, done = 1, 2
	state := make(map[string]int)
	var way []string
	var walk func(name string)
	walk = func(name string) {
		a := p.script.actions[name]
		if a == nil || a.kind == nil || a.kind.waits || state[name] == done {
			return
		}
		if state[name] == walking {
			loop := append(slices.Clone(way[slices.Index(way, name):]), name)
			p.errorf(a.at, "the loop %s never waits; put a Music, Play or Menu into it", strings.Join(loop, " > "))
			return
		}
		state[name] = walking
		way = append(way, name)
		for _, next := range a.next() {
			walk(next)
		}
		way = way[:len(way)-1]
		state[name] = done
	}
	for _, name := range p.script.order {
		walk(name)
	}
}

// checkCaptions holds the second half of C17: two alike are a warning.
func (p *checker) checkCaptions() {
	first := make(map[string]*action)
	for _, name := range p.script.order {
		a := p.script.actions[name]
		if other := first[a.caption]; other != nil {
			p.warnf(a.captionAt, "%s has the caption %q, and so has %s in line %d; they look alike in the reports", name, a.caption, other.name, other.at.line)
			continue
		}
		first[a.caption] = a
	}
}

// checkVariables finds variables that do not exist, or that nothing in the script sets.
func (p *checker) checkVariables() {
	var names []string
	for _, v := range variables {
		names = append(names, v.name)
	}
	used := make(map[string]bool)
	for _, a := range p.script.actions {
		if a.kind != nil {
			used[a.kind.name] = true
		}
	}
	check := func(name string, at position) {
		v, ok := findVariable(name)
		if suggestion := didYouMean(name, names); !ok && suggestion != "" {
			p.errorf(at, "unknown variable {%s}%s", name, suggestion)
			return
		}
		if !ok {
			p.errorf(at, "unknown variable {%s}; there are %s", name, listed(names))
			return
		}
		if len(v.sets) > 0 && !slices.ContainsFunc(v.sets, func(kind string) bool { return used[kind] }) {
			p.errorf(at, "{%s} is read and nothing sets it; the script has no %s", name, strings.Join(v.sets, " or "))
		}
	}
	for _, a := range p.script.actions {
		for _, templates := range a.properties {
			for _, t := range templates {
				for _, name := range t.reads() {
					check(name, t.at)
				}
			}
		}
	}
}

// checkAfterCallback warns of what will take OnError for the order in which it comes: a Callback
// without a request or after another (C2), and voice actions without a contact to hear them (C11).
func (p *checker) checkAfterCallback() {
	s := p.script
	requests := func(a *action) bool { return a.kind != nil && a.kind.name == "Reqagent" }
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
