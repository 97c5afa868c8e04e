package script

import (
	"maps"
	"slices"
	"strings"
)

// checkFlow checks what only the whole script shows.
func (p *checker) checkFlow() {
	meant := p.checkTargets()
	p.checkLoops()
	p.checkRounds()
	p.checkCaptions()
	p.checkVariables()
	if p.script.start.action == "" {
		return
	}
	if !p.lost {
		p.checkReachable(meant)
	}
	p.checkAfterCallback()
	p.checkSaved()
	if p.diagnostics.Err() == nil { // a mistake may be the reason
		p.checkAdrift()
	}
}

// checkTargets finds branches that lead nowhere. It gives the actions that were probably meant.
func (p *checker) checkTargets() (meant []string) {
	check := func(from string, t target) {
		if t.action == "" || p.script.actions[t.action] != nil {
			return
		}
		close := closest(t.action, p.script.order)
		meant = append(meant, close)
		p.lost = p.lost || close == "" && from == "start"
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

// onward gives the actions to which an action leads without a bound: a Loop leads into its rounds so
// often and no more.
func (a *action) onward() []string {
	if a.kind == nil || a.kind.name != "Loop" {
		return a.next()
	}
	var next []string
	for _, way := range a.ways() {
		if way.Name != branchAgain {
			next = append(next, way.To)
		}
	}
	return next
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
			p.errorf(a.at, "the loop %s never waits; put a Wait, Music, Play or Menu into it, or a Loop with a number of rounds", strings.Join(loop, " > "))
			return
		}
		state[name] = walking
		way = append(way, name)
		for _, next := range a.onward() {
			walk(next)
		}
		way = way[:len(way)-1]
		state[name] = done
	}
	for _, name := range p.script.order {
		walk(name)
	}
}

// checkRounds warns of Loops, one in the other perhaps, that go on for longer without a wait than a script may:
// it would rest then, and do nothing more of what comes after.
func (p *checker) checkRounds() {
	w := walk{script: p.script, rounds: make(map[string]int)}
	for _, name := range p.script.order {
		a := p.script.actions[name]
		if a.kind == nil || a.kind.name != "Loop" {
			continue
		}
		if w.loop(a) > maxActions {
			p.warnf(a.kindAt, "%s can run more than %d actions without a wait, after which the script rests; put a Wait into it, or fewer rounds", name, maxActions)
		}
	}
}

// walk counts the actions that a script can run without a wait.
type walk struct {
	script *Script
	rounds map[string]int // of the Loops, by name; 0 while one is being counted
}

// loop gives how many actions a Loop runs when no round of it waits; 0 where each does.
func (w *walk) loop(a *action) int {
	if n, ok := w.rounds[a.name]; ok {
		return n
	}
	w.rounds[a.name] = 0
	n := w.stretch(a.branches[branchAgain].action, a.name, make(map[string]int))
	if n < 0 {
		return 0
	}
	p, _ := a.kind.property("Times")
	times, known := a.fixedNumber("Times")
	if !known || times > p.max {
		times = p.max
	}
	w.rounds[a.name] = min(times*(n+1), 10*maxActions)
	return w.rounds[a.name]
}

// stretch gives the longest row of actions that leads to another without a wait; negative where none does.
func (w *walk) stretch(from, to string, known map[string]int) int {
	if from == to {
		return 0
	}
	a := w.script.actions[from]
	if a == nil || a.kind == nil || a.kind.waits {
		return -1
	}
	if n, ok := known[from]; ok {
		return n
	}
	known[from] = -1
	longest := -1
	for _, next := range a.onward() {
		longest = max(longest, w.stretch(next, to, known))
	}
	if longest < 0 {
		return -1
	}
	if a.kind.name == "Loop" {
		longest += w.loop(a)
	}
	known[from] = longest + 1
	return longest + 1
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
