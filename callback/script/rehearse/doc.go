// Package rehearse is in charge of playing a script without Asterisk and without Postgres, in virtual
// time: what callers, agents and the world do is given, and each step of the script comes out.
//
//	Rehearsal ──▶ what happens ──▶ play.Player (the contact and its script) ──▶ commands, questions
//	                  ▲                                                              │
//	                  └───── the events of an Asterisk that is made of a few maps ◀──┘
//
// A contact is taken through its script by package play, as in the daemon, so that what a rehearsal
// shows is what the daemon would do. Asterisk, the agents, the database and the web servers are stand-ins
// that do at once what they are told, and take as long as real ones would: a sound lasts as long as its
// file, a phone rings until its time is over. A day passes in the time that its steps take.
//
// How agents accept, what their phones show and what they hear are those of the skill, as the daemon plays
// them. What keeps an agent from the next offer is not played: who is said to be free is available from then
// on, whatever is left of after-call work or of the time after a refusal, and so is one who is unavailable
// after too many refusals in a row, which is told.
//
// The same rehearsal gives the same steps each time. One that is kept in a file, with its expected end,
// is a test: [Parse] reads it, [Run] plays it, [Result.Check] says what differs. Who writes that something
// happens means that it does: a hang-up by who is not on the line, or a phone that nobody calls, differs, too.
//
//	script: example.yaml            # relative to this file
//	start: 2026-03-02 09:00         # when the call comes in, in the script's time zone
//	caller: {ANI: "2125550100", DNIS: "8005550100"}
//	happens:                        # times are counted from the start
//	  - {at: 33s, keys: "1"}
//	  - {at: 10m, agent: 1001 answers}
//	  - {at: 10m5s, contact: answers}
//	  - {at: 12m, agent: 1001 hangs up}
//	expect:
//	  outcome: served
//	  actions: [request, music, offer, thanks, callback]
//	  saved: {PhoneNumber: "2125550100", CallerID: "8005550100"}
package rehearse
