package dispatch

import "sync"

const (
	// dueAtAction is how many contacts that stood at one action may be at work at the same moment because
	// their deadline has come, the answers to what their scripts ask included: a web server is not to be
	// asked by a thousand at once. However long they take, who stood elsewhere does not wait for them.
	dueAtAction = 16
	// dueInFirstTurn is how many of all may be in the first turn that their deadline brings, so that the
	// database is not asked by thousands at once. Such a turn waits for nothing but the database.
	dueInFirstTurn = 256
)

// dueSlots bounds what deadlines have at work.
type dueSlots struct {
	mu    sync.Mutex
	at    map[Standing]int // at work, by where they stood
	first int              // of all, those in their first turn
}

// dueSlot is the right of one contact to be at work.
type dueSlot struct {
	slots *dueSlots
	at    Standing
	first bool // the first turn is not over
}

// take gives a slot to a contact that stands there; nil where there is no room.
func (d *dueSlots) take(at Standing) *dueSlot {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at[at] >= dueAtAction || d.first >= dueInFirstTurn {
		return nil
	}
	d.at[at]++
	d.first++
	return &dueSlot{slots: d, at: at, first: true}
}

// turned says that the first turn is over.
func (s *dueSlot) turned() {
	s.slots.mu.Lock()
	defer s.slots.mu.Unlock()
	s.endFirst()
}

func (s *dueSlot) endFirst() {
	if s.first {
		s.first = false
		s.slots.first--
	}
}

// free gives the slot back.
func (s *dueSlot) free() {
	s.slots.mu.Lock()
	defer s.slots.mu.Unlock()
	s.endFirst()
	s.slots.at[s.at]--
	if s.slots.at[s.at] == 0 {
		delete(s.slots.at, s.at)
	}
}

// freeSlot lets the next contact that is due have its turn.
func (s *session) freeSlot() {
	if s.slot != nil {
		s.slot.free()
		s.slot = nil
	}
}
