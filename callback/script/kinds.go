package script

import (
	"slices"
)

// kind is a kind of action: what an administrator may write, and what it does.
type kind struct {
	name       string
	doc        string
	example    string // an action of the kind, as in a file
	voice      bool   // the contact has to be on the line (C11)
	waits      bool   // it stands still until the contact does something or time passes, so a loop through it does not spin
	properties []property
	branches   []branch

	// check reports what the table can't say; nil: nothing.
	check func(*checker, *action)
	// named says what is wrong with a branch that is not in branches; nil: there are no others.
	named func(a *action, branch string) error
	// enter begins the action. It gives the branch that it ends with, or stays; an error takes
	// OnError.
	enter func(*run) (branch string, err error)
	// on is what happens while it waits; it answers as enter does.
	on func(*run, Input) (branch string, err error)
}

// branch is a way on.
type branch struct{ name, doc string }

// The branches that several kinds know.
const (
	branchDefault  = "Default"
	branchOnError  = "OnError"
	branchComplete = "OnComplete"
	branchFound    = "Found"
	branchNotFound = "NotFound"
	branchThen     = "Then"
	branchElse     = "Else"
	branchAgain    = "Again"
	branchNoInput  = "NoInput"
	branchWrongKey = "WrongKey"
	branchNoNumber = "NoNumber"
)

var (
	takesDefault = branch{branchDefault, "where no other branch is defined for what happened"}
	takesOnError = branch{branchOnError, "the action failed; _ERR holds a condensed reason"}
	hasCaption   = property{name: "Caption", kind: caption, doc: "a short phrase, unique in the script; the action's name when absent"}
)

// kinds is the language: all kinds of action, in the order in which people look for them.
var kinds = slices.Concat(queueKinds, voiceKinds, flowKinds, outsideKinds)

func findKind(name string) *kind {
	i := slices.IndexFunc(kinds, func(k *kind) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return kinds[i]
}

func (k *kind) property(name string) (property, bool) {
	i := slices.IndexFunc(k.properties, func(p property) bool { return p.name == name })
	if i < 0 {
		return property{}, false
	}
	return k.properties[i], true
}

func (k *kind) propertyNames() []string {
	names := make([]string, len(k.properties))
	for i, p := range k.properties {
		names[i] = p.name
	}
	return names
}

func (k *kind) branchNames() []string {
	names := make([]string, len(k.branches))
	for i, b := range k.branches {
		names[i] = b.name
	}
	return names
}
