package dispatch

import (
	"context"
	"errors"
	"maps"
	"time"
)

// Phones is what a node has seen of its phones, by their endpoints, as in PJSIP/1001.
type Phones struct {
	InCall []string // those that are in a call now
	// OwnCalls are those of them that were so at the look before, too, and not to dial a code of ours. Whether
	// the call is ours the store knows.
	OwnCalls []string
	For      time.Duration // since the look before
}

// codeTime is how long a call to a code of ours takes at most, with its prompt.
const codeTime = 10 * time.Second

// watch looks which phones are in a call. Once is not enough: when one of our own calls has ended, Asterisk
// says a little later that the phone is free.
type watch struct {
	d        *Dispatcher
	before   map[string]bool // in a call at the last look
	lookedAt time.Time       // when that was; or when the watch began
}

// look notes what has become of the phones since the look before. What could not be noted is noted the next
// time. While the event stream is away calls go on, but not for ever: after leaseTime what a node has last
// seen counts for no more than if nobody held it.
func (w *watch) look(ctx context.Context) {
	now := time.Now()
	seen := w.d.connected.Load()
	if !seen && now.Sub(w.lookedAt) < leaseTime {
		w.before = nil
		return
	}
	phones, inCall := w.phones(seen, now)
	phones.For = now.Sub(w.lookedAt)
	if seen {
		w.before, w.lookedAt = inCall, now
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	err := w.d.o.Store.NotePhones(ctx, w.d.lease(), phones)
	switch {
	case errors.Is(err, ErrLeaseLost):
		w.d.askLease()
	case err != nil && ctx.Err() == nil:
		w.d.log.Debug("the agents' own calls wait for the database", "error", err)
	}
}

// phones gives what there is to say of the phones, and which are in a call; nothing where they are not seen.
func (w *watch) phones(seen bool, now time.Time) (phones Phones, inCall map[string]bool) {
	inCall = map[string]bool{}
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	for device, state := range w.d.devices {
		if seen && state.InCall() {
			inCall[device] = true
			phones.InCall = append(phones.InCall, device)
		}
	}
	maps.DeleteFunc(w.d.coding, func(_ string, until time.Time) bool { return until.Before(now) })
	for _, device := range phones.InCall {
		if _, codes := w.d.coding[device]; w.before[device] && !codes {
			phones.OwnCalls = append(phones.OwnCalls, device)
		}
	}
	return phones, inCall
}
