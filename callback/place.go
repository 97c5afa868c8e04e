package callback

import (
	"cmp"
	"time"
)

// Place is what orders the queue: the priority parameters, the moment the contact was queued, and
// the contact ID. Everything in it stays in effect during the callback (C6).
type Place struct {
	Skill       string
	Priority    Priority
	TargetAgent string // "": any agent with the skill
	AnyAgent    bool   // it goes to any agent with the skill once the TargetAgent has not accepted, or is away
	QueuedAt    time.Time
	Node        string    // the live caller's node, until that call has ended; "" for a callback, which any node can serve
	ReadyAt     time.Time // not offered before; zero: at once
	Held        bool      // held back from offers until someone changes it (C7)
}

// Priority holds the parameters from which a contact's priority follows at each moment. All three
// are whole numbers; Acceleration is per minute.
type Priority struct {
	Initial      int `db:"initial" json:"initial"`
	Acceleration int `db:"acceleration" json:"acceleration"`
	Maximum      int `db:"maximum" json:"maximum"`
}

// DefaultPriority is what Custom priority management begins from.
var DefaultPriority = Priority{Initial: 0, Acceleration: 1, Maximum: 1000}

// Minute is one unit of priority: priorities are counted in exact steps of 1/60,000,000, what an
// acceleration of 1 adds in a microsecond.
const Minute = int64(time.Minute / time.Microsecond)

// At gives the priority, in steps of 1/60,000,000, of a contact that was queued at that moment:
// min(Maximum, Initial + Acceleration x minutes waited), exact to the microsecond. The database
// computes the same.
func (p Priority) At(queued, now time.Time) int64 {
	waited := max(now.UnixMicro()-queued.UnixMicro(), 0)
	maximum := int64(p.Maximum) * Minute
	initial := int64(p.Initial) * Minute
	if p.Acceleration > 0 && waited > (maximum-initial)/int64(p.Acceleration) {
		return maximum
	}
	return min(maximum, initial+int64(p.Acceleration)*waited)
}

// Before says whether place a of contact x stands before place b of contact y at that moment:
// higher priority, then earlier queued, then the lower contact ID.
func Before(x ContactID, a Place, y ContactID, b Place, now time.Time) bool {
	return cmp.Or(
		cmp.Compare(b.Priority.At(b.QueuedAt, now), a.Priority.At(a.QueuedAt, now)),
		cmp.Compare(a.QueuedAt.UnixMicro(), b.QueuedAt.UnixMicro()),
		cmp.Compare(x, y),
	) < 0
}
