// Package postgres is the store: the one place that writes to the database. It implements
// [dispatch.Store], makes and checks the schema, answers what the command line asks, and counts what
// administrators watch ([Figures]).
//
// A contact is one row, which its daemon saves as a whole, one transaction a turn, under a revision
// that a second daemon's save would break. What a contact has had several of (legs, offers, attempts)
// has rows of its own, and facts are only ever added.
//
// The queue is the table place, apart from the contact, because the match locks it and a contact's
// ordinary turns must not. Places that share all that decides their order, but for the moment of
// queueing, point to one row of the table class. Inside a class the earlier is always ahead, so a
// match looks at the heads of the classes that can come first and no further, however long the queue is.
//
// A match looks first and takes then ([Store.Match]). find.sql gives all that could be brought together at one
// moment, in all nodes, and locks nothing; [queue.Pairs] brings it together in Go; take.sql makes the offers of
// the own node in one transaction, where nobody has changed or locked the rows meanwhile. The nodes know each
// other's phones by the table reach, so that each leaves to the others what is for their agents; where two take
// the same all the same, SKIP LOCKED decides, and they go on with locks on what they can have. Random tests
// hold the matches against those of [queue.Queue].
//
//	agent free, place offerable          the agent's leg has ended
//	          │ Match                               │ Save
//	          ▼                                     ▼
//	offer open, place.offer set ───────────▶ offer ended, place.offer empty (or no place any more)
//
// How many stand ahead of a contact is counted in the same way: in each class they are those who were
// queued before a moment that follows from the class and the contact's priority ([Store.QueueStatus],
// [Store.Estimate]).
//
// A takeover is the one change of two contacts in one transaction; the offer of an agent who has accepted
// moves from the one to the other with it.
//
// Who decides on a call checks its lease of the node in the same transaction, and keeps the lease's
// row locked until that transaction is over, so that a daemon that takes the node over sees all that
// the other has committed.
//
// What the domain promises the database enforces again, with checks and partial unique indexes; the
// migrations say which. Each table and column has a comment that psql's \d+ shows.
//
// Times are exact to the microsecond and come back in UTC.
package postgres
