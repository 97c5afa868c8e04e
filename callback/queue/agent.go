package queue

import (
	"cmp"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// Agent is what decides on whether an agent is offered a contact, and which.
type Agent struct {
	callback.AgentState
	Extension string
	Skills    map[string]int // the proficiency in each, from 1 (best) to 20
	IdleSince time.Time
}

// fits says whether the agent can serve a contact of that class.
func (a Agent) fits(c Class) bool {
	_, has := a.Skills[c.Skill]
	return has && (c.TargetAgent == "" || c.TargetAgent == a.Extension)
}

// compare says by a negative result that agent a is chosen before agent b for a contact of that skill, which
// both have: the better proficiency, then the longer idle, then the lower extension.
func compare(skill string, a, b Agent) int {
	return cmp.Or(
		cmp.Compare(a.Skills[skill], b.Skills[skill]),
		cmp.Compare(a.IdleSince.UnixMicro(), b.IdleSince.UnixMicro()),
		cmp.Compare(a.Extension, b.Extension),
	)
}
