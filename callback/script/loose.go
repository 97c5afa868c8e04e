package script

// outcomes are the branches that an action may take when it does not fail.
func (a *action) outcomes() []string {
	switch a.kind.name {
	case "Hangup", "Runscript":
		return nil
	case "If":
		return []string{branchThen, branchElse}
	case "Loop":
		return []string{branchAgain, branchComplete}
	case "Capture":
		return []string{branchDefault, branchNoNumber}
	case "Querycallback":
		return []string{branchFound, branchDefault}
	case "Contacttakeover":
		return []string{branchNotFound, branchDefault}
	case "Music":
		return a.musicOutcomes()
	case "Menu":
		return a.menuOutcomes()
	}
	return []string{branchDefault}
}

func (a *action) musicOutcomes() []string {
	var outcomes []string
	if seconds, known := a.fixedNumber("Seconds"); !known || seconds > 0 {
		outcomes = append(outcomes, branchDefault)
	}
	if _, file := a.properties["File"]; file {
		outcomes = append(outcomes, branchComplete)
	}
	return outcomes
}

// menuOutcomes are those of a Menu: of several digits it is not known which answers come.
func (a *action) menuOutcomes() []string {
	outcomes := []string{branchNoInput, branchWrongKey}
	allowed, fixed := a.fixed("Keys")
	if digits, known := a.fixedNumber("Digits"); !fixed || !known || digits > 1 {
		return append(outcomes, branchDefault)
	}
	for _, key := range allowed {
		outcomes = append(outcomes, string(key))
	}
	return outcomes
}

// loose gives an outcome for which the action has neither a branch nor Default.
func (a *action) loose() (outcome string, ok bool) {
	if _, covered := a.branches[branchDefault]; covered {
		return "", false
	}
	for _, outcome := range a.outcomes() {
		if _, has := a.branches[outcome]; !has {
			return outcome, true
		}
	}
	return "", false
}

// unqueued are the actions that a live caller can come to before being in a queue.
func (s *Script) unqueued() map[string]bool {
	return s.reach([]string{s.start.action}, func(a *action) bool { return a.kind == nil || !requesting[a.kind.name] })
}

// checkAdrift warns where a script leaves a caller on the line whom nobody will ever answer.
func (p *checker) checkAdrift() {
	unqueued := p.script.unqueued()
	for _, name := range p.script.order {
		a := p.script.actions[name]
		if a.kind == nil || !unqueued[name] {
			continue
		}
		if outcome, loose := a.loose(); loose && !a.leavesLine() {
			p.warnf(a.kindAt, "%s can leave the caller on the line in no queue, for ever: it has no branch for %s, and no Default", name, spelled(outcome))
		}
	}
}

// leavesLine says whether the caller is in a queue or off the line once the action has not failed.
func (a *action) leavesLine() bool { return requesting[a.kind.name] || a.kind.name == "Callback" }

// spelled names an outcome in a message.
func spelled(outcome string) string {
	if outcome == branchDefault {
		return "its end"
	}
	if phoneKeys.MatchString(outcome) {
		return "the key " + outcome
	}
	return outcome
}
