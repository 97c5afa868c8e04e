package phone

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// EventKind says what happened on a call.
type EventKind string

// The events of a call. Detail holds what is said in brackets.
const (
	EventCalling    EventKind = "calling"     // we sent an INVITE [the number called]
	EventOffered    EventKind = "offered"     // an INVITE came in [the number called]
	EventTrying     EventKind = "trying"      // the far end said 100
	EventRinging    EventKind = "ringing"     // 180, from them or from us
	EventEarlyMedia EventKind = "early media" // 183 with SDP, from them or from us
	EventAnswered   EventKind = "answered"    // 200, from them or from us
	EventChanged    EventKind = "changed"     // a re-INVITE or UPDATE came in [the direction of the audio]
	EventTone       EventKind = "tone"        // we send another tone [Hz, 0 for silence]
	EventKeySent    EventKind = "key sent"    // we began to send a key [the key]
	EventKeyEnded   EventKind = "key ended"   // we said that a key has ended [the key]
	EventKeyHeard   EventKind = "key heard"   // a key began to come in [the key]
	EventReferred   EventKind = "referred"    // the far end said how a transfer goes [the SIP status]
	EventEnded      EventKind = "ended"       // [how]
)

// Event is one thing that happened on a call.
type Event struct {
	At     time.Time
	Kind   EventKind
	Detail string
}

// Side is who did something.
type Side string

// The sides of a call.
const (
	Us     Side = "us"     // this phone
	Them   Side = "them"   // the far end
	Nobody Side = "nobody" // the far end fell silent
)

// How says in which way a call ended.
type How string

// The ways in which a call ends.
const (
	HungUp     How = "hung up"    // after the answer
	Cancelled  How = "cancelled"  // by the calling side, before the answer
	Refused    How = "refused"    // by the called side, with Ended.Code
	Redirected How = "redirected" // by the called side, with a 3xx
	Failed     How = "failed"     // no answer to SIP, or an answer without sense
)

// Ended says when and how a call ended.
type Ended struct {
	At    time.Time
	By    Side
	How   How
	Code  int    // the SIP status of a call that was refused or redirected, else 0
	Cause int    // the Q.850 cause that the far end gave in a Reason header, else 0
	Why   string // in words, where there are any
}

// String returns the end in one line.
func (e Ended) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s by %s", e.How, e.By)
	if e.Code != 0 {
		fmt.Fprintf(&b, ", status %d", e.Code)
	}
	if e.Cause != 0 {
		fmt.Fprintf(&b, ", cause %d", e.Cause)
	}
	if e.Why != "" {
		fmt.Fprintf(&b, " (%s)", e.Why)
	}
	return b.String()
}

// Party is a number and the name that goes with it, as in a caller ID.
type Party struct {
	Number string
	Name   string
}

// Header is one header of a SIP message.
type Header struct{ Name, Value string }

// state is how far a call has come.
type state int

const (
	stateBegun state = iota
	stateRinging
	stateAnswering // our 200 is being made or sent
	stateAnswered
	stateEnded
)

// Call is one call of a phone.
type Call struct {
	phone    *Phone
	log      *slog.Logger
	id       string // Call-ID
	number   int    // how many calls the phone has had, this one included
	incoming bool
	from     Party
	to       string
	headers  []Header // of the INVITE
	ear      *ear

	invite   *sip.Request
	serverTx sip.ServerTransaction // of a received call
	final    chan struct{}         // closed when a received call's final response is sent
	settled  chan struct{}         // closed when that is acknowledged
	cancel   chan struct{}         // closed when a placed call is to be cancelled
	done     chan struct{}         // closed when all of the call has ended

	mu         sync.Mutex
	changed    signal
	state      state
	answered   bool // the answer was acknowledged; it stays when the call has ended
	cancelling bool
	accepted   *sip.Response // our 200 to the INVITE
	events     []Event
	ended      Ended
	media      *media
	started    bool // media runs
	held       bool // we have put the far end on hold
	referred   int  // the SIP status that a transfer has come to, 0 while nothing is known
	sdpVersion int
	dialog     dialog
	acks       map[uint32]chan *sip.Request // by CSeq of our 200s that wait for one
}

func newCall(p *Phone, id string) *Call {
	return &Call{
		phone:   p,
		log:     p.log.With("call", id),
		id:      id,
		acks:    make(map[uint32]chan *sip.Request),
		ear:     newEar(p.tones, p.options.Packets),
		final:   make(chan struct{}),
		settled: make(chan struct{}),
		cancel:  make(chan struct{}),
		done:    make(chan struct{}),
	}
}

// ID returns the call's SIP Call-ID.
func (c *Call) ID() string { return c.id }

// Incoming says whether the phone received the call.
func (c *Call) Incoming() bool { return c.incoming }

// From returns who calls: on a received call the caller ID, from the INVITE's
// From header.
func (c *Call) From() Party { return c.from }

// To returns the number called: on a received call the user of the INVITE's
// request URI.
func (c *Call) To() string { return c.to }

// Headers returns the headers of the INVITE, in order.
func (c *Call) Headers() []Header { return slices.Clone(c.headers) }

// Header returns the first value of a header of the INVITE, or "". Case does
// not count.
func (c *Call) Header(name string) string {
	for _, h := range c.headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Events returns what has happened so far, in order.
func (c *Call) Events() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}

// When returns the time of the first event of a kind, or the zero time.
func (c *Call) When(kind EventKind) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.indexOf(kind); i >= 0 {
		return c.events[i].At
	}
	return time.Time{}
}

// note keeps an event; one without a time happened now.
func (c *Call) note(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noteLocked(e)
}

func (c *Call) noteLocked(e Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	c.events = append(c.events, e)
	c.changed.raise()
	c.log.Debug("call", "event", e.Kind, "detail", e.Detail)
}

// AwaitRinging returns when the call rings, or has been answered. It fails
// when the call ends first.
func (c *Call) AwaitRinging(ctx context.Context) error {
	return c.awaitState(ctx, "ringing", func() bool { return c.answered || c.indexOf(EventRinging) >= 0 })
}

// AwaitAnswered returns when the call has been answered, though it may have ended
// since. It fails when the call ends without an answer.
func (c *Call) AwaitAnswered(ctx context.Context) error {
	return c.awaitState(ctx, "the answer", func() bool { return c.answered })
}

// AwaitEvent returns when an event of the kind has happened. It fails when the
// call ends first.
func (c *Call) AwaitEvent(ctx context.Context, kind EventKind) (Event, error) {
	var found Event
	err := c.awaitState(ctx, string(kind), func() bool {
		i := c.indexOf(kind)
		if i >= 0 {
			found = c.events[i]
		}
		return i >= 0
	})
	return found, err
}

// indexOf gives the place of the first event of a kind, or -1. The call's mutex is
// held.
func (c *Call) indexOf(kind EventKind) int {
	return slices.IndexFunc(c.events, func(e Event) bool { return e.Kind == kind })
}

// awaitState waits for reached, which is called with the call's mutex held. What
// was reached before the call ended counts, however late it is asked for.
func (c *Call) awaitState(ctx context.Context, what string, reached func() bool) error {
	what = fmt.Sprintf("%s of the call to %s", what, c.to)
	return await(ctx, &c.mu, &c.changed, what, func() (bool, error) {
		if reached() {
			return true, nil
		}
		if c.state == stateEnded {
			return false, fmt.Errorf("waiting for %s: it ended: %s", what, c.ended)
		}
		return false, nil
	})
}

// AwaitEnded returns when the call has ended and everything that served it has
// stopped, its recording complete.
func (c *Call) AwaitEnded(ctx context.Context) (Ended, error) {
	select {
	case <-c.done:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.ended, nil
	case <-ctx.Done():
		return Ended{}, fmt.Errorf("waiting for the end of the call to %s: %w", c.to, context.Cause(ctx))
	}
}

// over says whether the call has ended.
func (c *Call) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == stateEnded
}

// end ends the call, once. It calls nothing of sipgo's and does not block, so
// it may be called from sipgo's callbacks.
func (c *Call) end(e Ended) {
	e.At = time.Now()
	c.mu.Lock()
	if c.state == stateEnded {
		c.mu.Unlock()
		return
	}
	c.state = stateEnded
	c.ended = e
	c.noteLocked(Event{At: e.At, Kind: EventEnded, Detail: e.String()})
	media := c.media
	c.mu.Unlock()

	// The phone stops after the last call that it has not forgotten is done.
	defer c.phone.forget(c)
	c.phone.tasks.Go(func() {
		if media != nil {
			media.close()
		}
		if err := c.ear.close(); err != nil {
			c.log.Error("call", "error", err)
		}
		close(c.done)
	})
}

// Hangup ends the call, whatever its state: a placed call that is not answered
// is cancelled, a received one is refused with 480, an answered one gets a BYE.
// It returns when the far end has agreed. A call that has ended is left alone.
func (c *Call) Hangup(ctx context.Context) error {
	c.mu.Lock()
	state := c.state
	c.mu.Unlock()
	switch {
	case state == stateEnded:
		return nil
	case state == stateAnswered:
		return c.bye(ctx)
	case c.incoming && state == stateAnswering:
		if err := c.AwaitAnswered(ctx); err != nil {
			return err
		}
		return c.bye(ctx)
	case c.incoming:
		return c.Decline(ctx, sip.StatusTemporarilyUnavailable)
	default:
		return c.cancelInvite(ctx)
	}
}
