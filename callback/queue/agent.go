package queue

import (
	"cmp"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// Agent is what decides on whether an agent is offered a contact, and which.
type Agent struct {
	Extension string
	Skills    map[string]int // the proficiency in each, from 1 (best) to 20
	Presence  callback.Presence
	Activity  callback.Activity
	Until     time.Time // when the activity is over and the agent free; zero: it does not end by itself
	IdleSince time.Time
}

// FreeAt says whether the agent can be offered a contact at that moment, as far as the agent goes: the
// phone is another matter.
func (a Agent) FreeAt(now time.Time) bool {
	if a.Presence != callback.Available {
		return false
	}
	return a.Activity == callback.Free || !a.Until.IsZero() && a.Until.UnixMicro() <= now.UnixMicro()
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
