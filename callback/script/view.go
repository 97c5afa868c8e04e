package script

import (
	"maps"
	"slices"
	"time"
)

// Action is an action as people see it.
type Action struct {
	Name     string
	Kind     string   // as in Menu
	Caption  string   // the name where the script gives none (C17)
	Summary  string   // what it does, in a few words of the script: a skill, a condition, a time; may be ""
	Branches []Branch // in the order in which its kind has them, then by name
	// Rests says that something may happen for which it has neither a branch nor Default: the script has
	// nothing more to do then.
	Rests bool
	// Adrift says that it can rest so with a caller on the line who is in no queue, and whom nobody will
	// ever answer.
	Adrift bool
}

// Branch is a way from an action, or from an event, to an action.
type Branch struct {
	Name string // as in Default, or OnAnswer
	To   string // the name of an action
}

// Start is the name of the action at which the script begins.
func (s *Script) Start() string { return s.start.action }

// Zone is the time zone in which the script tells the time; the machine's where it names none.
func (s *Script) Zone() *time.Location {
	if s.zone == nil {
		return time.Local
	}
	return s.zone
}

// Inputs are the variables that another script hands over.
func (s *Script) Inputs() []string { return slices.Clone(s.inputs) }

// Others gives the scripts to which it leads by Runscript. known is false where a variable says to which.
func (s *Script) Others() (names []string, known bool) {
	known = true
	for _, name := range s.order {
		a := s.actions[name]
		if a.kind.name != "Runscript" {
			continue
		}
		other, fixed := a.fixed("Script")
		known = known && fixed
		if fixed && !slices.Contains(names, other) {
			names = append(names, other)
		}
	}
	return names, known
}

// Events are the script's events, by name, with the actions to which they lead.
func (s *Script) Events() []Branch {
	var events []Branch
	for _, kind := range slices.Sorted(maps.Keys(s.events)) {
		events = append(events, Branch{string(kind), s.events[kind].action})
	}
	return events
}

// Actions are the script's actions, in the order of the file.
func (s *Script) Actions() []Action {
	adrift := s.unqueued()
	actions := make([]Action, 0, len(s.order))
	for _, name := range s.order {
		a := s.actions[name]
		_, rests := a.loose()
		actions = append(actions, Action{
			Name: name, Kind: a.kind.name, Caption: a.caption, Summary: a.summary(), Branches: a.ways(),
			Rests: rests, Adrift: rests && adrift[name] && !a.leavesLine(),
		})
	}
	return actions
}

// ways gives the action's branches in the order in which its kind has them; those that are named after
// keys or values follow.
func (a *action) ways() []Branch {
	var ways []Branch
	for _, name := range a.kind.branchNames() {
		if t, ok := a.branches[name]; ok {
			ways = append(ways, Branch{name, t.action})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.branches)) {
		if !slices.Contains(a.kind.branchNames(), name) {
			ways = append(ways, Branch{name, a.branches[name].action})
		}
	}
	return ways
}
