package queue

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// Agent is what decides on whether an agent is offered a contact, and which.
type Agent struct {
	callback.AgentState
	Extension string
	Skills    map[string]int // the proficiency in each, from 1 (best) to 20
	IdleSince time.Time
	Nodes     []string // those in which the agent's phone can be rung now
}

// fits says whether the agent can serve a contact of that class.
func (a Agent) fits(c Class) bool {
	_, has := a.Skills[c.Skill]
	return has && len(a.Nodes) > 0 &&
		(c.TargetAgent == "" || c.TargetAgent == a.Extension) &&
		(c.Node == "" || slices.Contains(a.Nodes, c.Node))
}

// node gives the node in which the agent, who fits, is to be offered a contact of that class. Every daemon
// comes to the same.
func (a Agent) node(c Class) string {
	if c.Node != "" {
		return c.Node
	}
	return slices.Min(a.Nodes)
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
