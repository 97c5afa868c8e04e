package script

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

func enterWait(r *run) (string, error) {
	if r.duration("For") <= 0 {
		return stays, errors.New("For is missing")
	}
	if r.state.Deadline = r.left; r.left.IsZero() {
		r.wake(r.duration("For"))
	}
	r.keepCompany()
	return stays, nil
}

func onWait(r *run, in Input) (string, error) {
	switch in.(type) {
	case TimeReached:
		return branchDefault, nil
	case PlaybackFinished:
		r.keepCompany() // of what the action before has left playing
	}
	return stays, nil
}

// duration gives a duration that evaluate has found right.
func (r *run) duration(name string) time.Duration {
	p, _ := r.action.kind.property(name)
	d, _ := p.duration(r.state.Properties[name])
	return d
}

func enterAssign(r *run) (string, error) {
	for _, v := range r.action.properties["Set"] {
		text := v.evaluate(r.variable)
		if err := settable(text); err != nil {
			return stays, fmt.Errorf("%s %w", v.key, err)
		}
		r.set(v.key, text)
	}
	return branchDefault, nil
}

// settable says what is wrong with the value of a variable.
func settable(text string) error {
	if utf8.RuneCountInString(text) > maxText {
		return fmt.Errorf("has more than %d characters", maxText)
	}
	if control.MatchString(text) {
		return errors.New("has control characters")
	}
	return nil
}

// checkIf finds comparisons with what a variable never holds.
func checkIf(p *checker, a *action) {
	for _, c := range a.condition.Equalities() {
		if err := neverHolds(c.Variable, c.Value); err != nil {
			p.errorf(a.properties["When"][0].at, "When: %v", err)
		}
	}
}

// neverHolds says why a variable never has a value; nil: it may.
func neverHolds(name, value string) error {
	v, ok := findVariable(name)
	if !ok || value == "" {
		return nil
	}
	if len(v.values) > 0 && !slices.Contains(v.values, value) {
		return fmt.Errorf("{%s} is never %q; it is %s%s", name, value, orList(v.values), didYouMean(value, v.values))
	}
	if v.form != "" {
		if at, err := time.Parse(v.form, value); err != nil || at.Format(v.form) != value {
			return fmt.Errorf("{%s} is never %q; it is written as in %s", name, value, v.like)
		}
	}
	return nil
}

func enterIf(r *run) (string, error) {
	holds, err := r.action.condition.Holds(r.variable)
	if err != nil {
		return stays, fmt.Errorf("When: %w", err)
	}
	if holds {
		return branchThen, nil
	}
	return branchElse, nil
}

// checkCaseBranch takes the branches that are named after values.
func checkCaseBranch(_ *action, branch string) error {
	if branch == "" || control.MatchString(branch) {
		return errors.New("it is empty or has control characters; a Case has Default, OnError and a branch for each value")
	}
	return nil
}

func checkCase(p *checker, a *action) {
	if v := a.properties["Value"]; len(v) > 0 {
		if text, fixed := v[0].fixed(); fixed {
			p.errorf(v[0].at, "Value is %q, the same for every contact%s", text, asVariable(text))
		}
		p.checkCaseValues(a, v[0])
	}
	if len(a.ways()) == 0 || len(a.branches) == 1 && a.branches[branchDefault].action != "" {
		p.errorf(a.kindAt, "%s has no branch for a value, as in {Sat: closed, Default: open}", a.name)
	}
}

// checkCaseValues finds branches for what a variable never holds.
func (p *checker) checkCaseValues(a *action, v value) {
	if len(v.parts) != 1 || !v.parts[0].variable {
		return
	}
	for _, way := range a.ways() {
		if slices.Contains(a.kind.branchNames(), way.Name) {
			continue
		}
		if err := neverHolds(v.parts[0].text, way.Name); err != nil {
			p.errorf(a.branches[way.Name].at, "branch %q of %s is never taken: %v", way.Name, a.name, err)
		}
	}
}

// enterCase goes the way of the value. What a variable holds never chooses OnError.
func enterCase(r *run) (string, error) {
	value := r.state.Properties["Value"]
	if _, ok := r.action.branches[value]; !ok || value == branchOnError {
		return branchDefault, nil
	}
	return value, nil
}

func checkLoop(p *checker, a *action) {
	if _, ok := a.branches[branchAgain]; !ok {
		p.errorf(a.kindAt, "%s has no branch Again, which leads into the loop", a.name)
	}
}

func enterLoop(r *run) (string, error) {
	if r.state.Rounds == nil {
		r.state.Rounds = make(map[string]int)
	}
	round := r.state.Rounds[r.action.name] + 1
	if round > r.whole("Times") {
		delete(r.state.Rounds, r.action.name)
		return branchComplete, nil
	}
	r.state.Rounds[r.action.name] = round
	r.set("LOOP", strconv.Itoa(round))
	return branchAgain, nil
}

func enterLog(r *run) (string, error) {
	r.host.Log(r.state.Properties["Text"])
	return branchDefault, nil
}

// enterRunscript goes on at the start of another script.
func enterRunscript(r *run) (string, error) {
	other, err := r.host.Runscript(r.state.Properties["Script"])
	if err != nil {
		return stays, err
	}
	r.script, r.jump = other, other.start.action
	r.state.Rounds = nil
	return branchDefault, nil
}
