package script

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

func enterWait(r *run) (string, error) {
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
	if len(a.ways()) == 0 || len(a.branches) == 1 && a.branches[branchDefault].action != "" {
		p.errorf(a.kindAt, "%s has no branch for a value, as in {Sat: closed, Default: open}", a.name)
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
