package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/queue"
	"github.com/callbackd/callbackd/callback/script"
)

// Record is a contact as it stands in the store.
type Record struct {
	Contact *callback.Contact
	Script  script.State
	Rev     int64 // raised by each save; a save of an older one is refused
}

// Lease is the right to hold a node. Its epoch is raised whenever the holder changes.
type Lease struct {
	Node   string
	Holder string
	Epoch  int64
}

// Change is what one turn brings; it is saved whole or not at all.
type Change struct {
	Record Record          // as it is to be; Rev is the one that it replaces, 0 for a new contact
	Facts  []callback.Fact // of the record's contact, or of Taken where they name it
	Agents []callback.AgentChange
	// Taken is the contact whose place the record's contact has taken over, as it is to be: ended, and
	// its script at rest, without a deadline; nil for none. Rev is the one that it replaces.
	Taken *Record
	// Request is what a person has asked for and this turn has decided; nil for none. It is marked done in
	// the same transaction; ErrRequestDone where that had been done before.
	Request *callback.RequestDone
}

// QueueStatus says how a skill's queue stands at one moment.
type QueueStatus struct {
	Waiting   int           // places in the queue, the contact's own among them
	Longest   time.Duration // since the moment of queueing of the one who waits longest; 0 for an empty queue
	LoggedIn  int           // agents with the skill who are logged in, whatever they do
	Available int           // those of them who could be offered a contact now
	Position  int           // the contact's, from 1; 0: it is not in this queue
}

// Estimate says how long a contact is likely to wait.
type Estimate struct {
	Wait       time.Duration // whole seconds; 0 when nobody is logged in
	Confidence queue.Confidence
	LoggedIn   int // agents with the skill who are logged in; 0: there is no estimate, Wait and Confidence say nothing
	Position   int // the contact's in the queue, or the one that a contact queued now would get, from 1
}

// Standing is where the script of a contact stands.
type Standing struct {
	Script callback.ScriptRef
	Action string
}

// Due is a contact whose script has something to do by itself.
type Due struct {
	Contact callback.ContactID
	Standing
}

// MatchRequest says who can be offered a contact in a node.
type MatchRequest struct {
	Lease   Lease
	Devices []string // the endpoints that can be rung there now, as in PJSIP/1001
	Ports   int      // how many channels the offers may come to use there, as queue.Ports says; at least 1
	// Offer makes the offer for a pair that was found. It does no I/O.
	Offer func(contact callback.ContactID, place callback.Place, agent Agent) callback.OfferMade
}

// Agent is an agent as the match sees one.
type Agent struct {
	Extension string
	Endpoint  string // what Asterisk dials, as in PJSIP/1001
}

// Match is a contact and an agent who were brought together, with the offer that was committed.
type Match struct {
	Contact callback.ContactID
	Made    callback.OfferMade
}

// The errors of a store. An error that is none of these means that nothing was saved.
var (
	// ErrUnsure means that the commit was sent and no answer came: ask for the revision.
	ErrUnsure = errors.New("the database did not say whether it has saved")
	// ErrConflict means that another daemon has changed the contact since it was loaded.
	ErrConflict = errors.New("the contact was changed by another daemon")
	// ErrLeaseHeld means that another daemon holds the node.
	ErrLeaseHeld = errors.New("another daemon holds this node")
	// ErrLeaseLost means that the lease has run out or that another daemon has taken the node over:
	// nothing was saved. RenewLease tells which.
	ErrLeaseLost = errors.New("the lease of this node was lost")
	// ErrCallbackOpen means that an open callback for this number and skill exists: nothing was saved.
	ErrCallbackOpen = errors.New("a callback for this number is already waiting")
	// ErrTakenChanged means that the contact whose place was to be taken over has changed since it was
	// loaded: nothing was saved.
	ErrTakenChanged = errors.New("the callback has just been changed")
	// ErrRequestDone means that what a person has asked for was done or refused before: nothing was saved.
	ErrRequestDone = errors.New("the request was done before")
	// ErrNotFound means that there is no such row.
	ErrNotFound = errors.New("not found")
)

// Store keeps contacts, places, offers, agents and history. Every method may be called at any time
// from any goroutine, and gives up when its context ends.
type Store interface {
	AgentStore

	// AcquireLease takes the node for ttl, or fails with ErrLeaseHeld while another holder's lease has
	// not been over for long enough that its last commands have surely been sent or dropped.
	AcquireLease(ctx context.Context, node, holder string, ttl time.Duration) (Lease, error)
	// RenewLease extends a lease, even one that has run out, as long as nobody else has taken the node;
	// then it fails with ErrLeaseLost.
	RenewLease(ctx context.Context, lease Lease, ttl time.Duration) error
	// ReleaseLease gives the node back at once.
	ReleaseLease(ctx context.Context, lease Lease) error

	// Create saves a new contact and gives it its ID, which the facts and legs are saved under. With
	// ErrUnsure it gives the ID, too.
	Create(ctx context.Context, lease Lease, change Change) (callback.ContactID, error)
	// Save saves a turn: the contact, its place, promise, offer, attempt and legs, the facts, and the
	// agents' changes. Legs, offer and attempt that the contact no longer holds stay as they are. The
	// contact whose place was taken over is saved before it, in the same transaction; after ErrUnsure
	// the revision of the taker says whether both were saved.
	Save(ctx context.Context, lease Lease, change Change) error
	// Revision gives the contact's revision as committed, or ErrNotFound.
	Revision(ctx context.Context, id callback.ContactID) (int64, error)
	// Load gives a contact, or ErrNotFound.
	Load(ctx context.Context, id callback.ContactID) (Record, error)
	// OpenOn gives every contact that has an open leg on that node.
	OpenOn(ctx context.Context, node string) ([]Record, error)
	// OpenCallback gives the contact whose callback waits in that skill, is under way or is stuck, to the
	// number of that key (number.Number.Key), or ErrNotFound.
	OpenCallback(ctx context.Context, numberKey, skill string) (Record, error)
	// QueueCallback is Create for a contact that begins as a callback, with a place and no leg. It fails
	// with ErrCallbackOpen where one to the same number waits in the same skill.
	QueueCallback(ctx context.Context, lease Lease, change Change) (callback.ContactID, error)
	// Due gives contacts without a leg whose script has a deadline that has come: the earliest first, and of
	// those that stand at one action perhaps not all at once, but some of each.
	Due(ctx context.Context, now time.Time) ([]Due, error)

	// TargetsAway gives the contacts that wait for one agent who is logged out, unavailable or gone, and that
	// may go to any; of the live callers, those on that node. Perhaps not all at once.
	TargetsAway(ctx context.Context, node string) ([]TargetAway, error)

	// OpenRequests gives what people have asked for by hand and nobody has done: of the contacts with an
	// open leg on that node, and of those without any leg; the oldest first, perhaps not all at once.
	OpenRequests(ctx context.Context, node string) ([]callback.Request, error)

	// Match brings contacts and free agents together in the queue's order, each contact with its best agent,
	// and commits the offers: of those that come to the agents of all nodes, the ones of this node, in the
	// order of the queue. It gives nil when there is none. With ErrUnsure it gives the matches of which nobody
	// knows.
	Match(ctx context.Context, request MatchRequest) ([]Match, error)
	// Made says which of the matches stand that were given with ErrUnsure. It waits for a commit that is still
	// under way, so that its answer is final.
	Made(ctx context.Context, matches []Match) ([]Match, error)
	// Reach says which endpoints can be rung in the lease's node, for the matches of the other nodes, in place of
	// what was said before. It fails with ErrLeaseLost.
	Reach(ctx context.Context, lease Lease, devices []string) error
	// Wakes signals that the queue or an agent may have changed, or that there is a request. It is a hint:
	// poll as well.
	Wakes() <-chan struct{}

	// QueueStatus says how a skill's queue stands, and where the contact stands in it.
	QueueStatus(ctx context.Context, skill string, contact callback.ContactID) (QueueStatus, error)
	// Estimate says how long the contact, where it is in the skill's queue, or else one who would be
	// queued there now, is likely to wait.
	Estimate(ctx context.Context, skill callback.Skill, contact callback.ContactID) (Estimate, error)

	// SaveScript keeps a version of a script, so that a contact can go on with the version with which
	// it began.
	SaveScript(ctx context.Context, ref callback.ScriptRef, source []byte) error
	// ScriptSource gives the source of a version, or ErrNotFound.
	ScriptSource(ctx context.Context, ref callback.ScriptRef) ([]byte, error)
	// NoteScripts says which versions new contacts of the lease's node begin with, in place of what was
	// said before.
	NoteScripts(ctx context.Context, lease Lease, current []callback.ScriptRef) error
}
