package rehearse

import (
	"cmp"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/play"
	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/callback/script/say"
)

const (
	day = 24 * time.Hour
	// maxTurns bounds a rehearsal, whatever goes round in it.
	maxTurns = 100_000
	// node is the one Asterisk of a rehearsal.
	node = "rehearsal"
	// contactID is that of the contact whose call it is.
	contactID callback.ContactID = 1
)

// defaultStart is when a rehearsal starts that does not say when: a Monday.
var defaultStart = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Options are what a rehearsal finds around its script.
type Options struct {
	// Scripts gives the scripts to which Runscript leads, nil for a name that is unknown; nil: there is
	// none but the one that is rehearsed.
	Scripts func(name string) *script.Script
	// Skills are the configured ones. The rehearsal's own come before them, and a skill that a script
	// names and that is in neither has the default settings.
	Skills map[string]callback.Skill
	// Sounds are those that Asterisk has, beside the rehearsal's own; nil: all.
	Sounds Sounds
}

// Sounds knows the sounds that Asterisk has and how long they last.
type Sounds interface {
	Has(name string) bool
	Length(name string) (length time.Duration, known bool)
}

// Run plays a rehearsal to its end: nothing more comes, or the time or the number of turns is over.
func Run(s *script.Script, r Rehearsal, o Options) Result {
	st := newStage(s, r, o)
	st.arrive()
	why := st.play()
	st.missLate()
	st.result.End = st.end(why)
	return st.result
}

// stage is one rehearsal while it is played.
type stage struct {
	rehearsal Rehearsal
	sounds    Sounds
	player    play.Player
	result    Result

	start, until, now time.Time
	pending           schedule
	turns             int
	first             int // the first step of the present turn
	last              int // the last that tells of the contact in it; before the first: there is none
	ids               int

	contact *callback.Contact
	state   script.State
	// saved is what the database holds.
	saved struct {
		contact *callback.Contact
		state   script.State
	}
	away    bool // the database is
	blocked bool // what is due could not be saved, and waits for the database
	down    bool // callbackd waits for the database before it looks after the contact again

	asterisk asterisk
	agents   []freeAgent
	// agentStates is how each agent stands who has been free, by the extension.
	agentStates map[string]callback.AgentState
	// waiting is what the contact's phone does when it rings: answers, busy ...; "": it rings.
	waiting     string
	waitingFrom time.Time // when that was given

	asked map[string]bool // the questions whose answers are waited for
	used  map[string]int  // by action: how many of its answers were given
	kept  []reply         // answers that wait until the script goes on
	// queued counts the callbacks without a call.
	queued callback.ContactID
}

func newStage(s *script.Script, r Rehearsal, o Options) *stage {
	clock := cmp.Or(r.Start, defaultStart)
	start := time.Date(clock.Year(), clock.Month(), clock.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, s.Zone())
	st := &stage{
		rehearsal: r, sounds: o.Sounds, start: start, now: start.UTC(),
		asterisk: asterisk{lines: make(map[string]*line), playing: make(map[string]*playback)},
		asked:    make(map[string]bool), used: make(map[string]int), agentStates: make(map[string]callback.AgentState),
	}
	st.until = st.now.Add(r.limit())
	skills := maps.Clone(o.Skills)
	if skills == nil {
		skills = make(map[string]callback.Skill)
	}
	maps.Copy(skills, r.Skills)
	noteSkills(s, skills)
	st.player = play.Player{
		Script: s,
		Scripts: func(name string) *script.Script {
			if name == s.Name() {
				return s
			}
			if o.Scripts == nil {
				return nil
			}
			other := o.Scripts(name)
			if other != nil {
				noteSkills(other, skills)
			}
			return other
		},
		Skills: skills,
		Env: callback.Env{
			Node:            node,
			Skill:           func(name string) callback.Skill { return skillOf(skills, name) },
			NewID:           st.newID,
			ContactEndpoint: func(number string) string { return "PJSIP/" + number },
			WaitSounds:      func(waited time.Duration) []string { return say.Wait(int(waited / time.Second)) },
		},
	}
	for _, h := range r.Happens {
		st.at(st.start.UTC().Add(h.At), func() { st.happen(h) })
	}
	return st
}

// limit is how long the rehearsal lasts at the most.
func (r Rehearsal) limit() time.Duration {
	if r.Limit > 0 {
		return r.Limit
	}
	var last time.Duration
	for _, h := range r.Happens {
		last = max(last, h.At)
	}
	return last + day
}

// noteSkills adds the skills that a script names, with the default settings, where they are not known.
func noteSkills(s *script.Script, skills map[string]callback.Skill) {
	s.Check(script.Known{Skills: func(name string) bool {
		if _, known := skills[name]; !known {
			skills[name] = skillOf(nil, name)
		}
		return true
	}})
}

func skillOf(skills map[string]callback.Skill, name string) callback.Skill {
	if skill, ok := skills[name]; ok {
		return skill
	}
	skill := callback.DefaultSkill
	skill.Name = name
	return skill
}

func (s *stage) newID() string {
	s.ids++
	return callback.ChannelPrefix + contactID.String() + "-" + strconv.Itoa(s.ids)
}

// arrive lets the call come in.
func (s *stage) arrive() {
	caller := s.rehearsal.Caller
	arrived := callback.LegArrived{
		Channel: "call", Script: s.player.Script.Name(),
		ANI: cmp.Or(caller.ANI, "2125550100"), DNIS: cmp.Or(caller.DNIS, "8005550100"), Language: caller.Language,
	}
	arrived.Dialled = cmp.Or(caller.Dialled, arrived.DNIS)
	ref := callback.ScriptRef{Name: s.player.Script.Name(), Version: s.player.Script.Version()}
	s.contact = callback.Arrive(arrived, ref, node, s.now)
	s.contact.ID = contactID
	s.state = script.State{Vars: maps.Clone(s.rehearsal.Variables)}
	s.saved.contact, s.saved.state = s.contact, s.state
	s.asterisk.lines[arrived.Channel] = &line{party: callback.PartyContact}
	s.turn("a call from "+arrived.ANI+" to "+arrived.DNIS, play.Begin{})
}

// play goes from moment to moment, and says why it ends.
func (s *stage) play() (why string) {
	for s.turns < maxTurns {
		at, deadline := s.next()
		switch {
		case at.IsZero():
			return s.rest()
		case at.After(s.until):
			s.now = s.until
			return "the time of the rehearsal is over"
		}
		if at.After(s.now) {
			s.now = at
		}
		if deadline {
			s.turn("", callback.TimeReached{})
		} else {
			s.pending.take()()
		}
		s.replyKept()
		s.match()
	}
	return "it goes round without an end: " + strconv.Itoa(maxTurns) + " turns"
}

// rest ends a rehearsal in which nothing more comes. A contact that is open waits for as long as was asked
// for.
func (s *stage) rest() (why string) {
	if s.contact.State == callback.StateEnded {
		return "the contact has ended"
	}
	if s.rehearsal.Limit > 0 {
		s.now = s.until
	}
	return "nothing more comes by itself"
}

// next gives the moment of what comes next, and whether it is a deadline; a zero one for nothing. What
// happens at the moment of a deadline comes before it.
func (s *stage) next() (at time.Time, deadline bool) {
	due := s.deadline()
	first, ok := s.pending.first()
	if ok && (due.IsZero() || !due.Before(first)) {
		return first, false
	}
	return due, true
}

// deadline is when the contact, its script or its place has something to do next.
func (s *stage) deadline() time.Time {
	if s.down || s.blocked || s.away && s.contact.Idle() { // such a contact is a row in the database
		return time.Time{}
	}
	at := s.contact.Deadline()
	if !s.contact.ScriptPaused() {
		at = earliest(at, s.state.Deadline)
	}
	if place := s.contact.Place; place != nil && len(s.agents) > 0 && place.ReadyAt.After(s.now) {
		at = earliest(at, place.ReadyAt)
	}
	return at
}

// earliest gives the earlier of two moments, of which a zero one is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// refused is what a script is answered while the database is away, in the daemon's words.
var refused = play.Refused{
	Callback: errors.New("the place could not be saved"),
	Takeover: errors.New("the place could not be saved"),
	Ask:      errors.New("the database is away"),
}

// turn plays one event, as a session of the daemon does: it is saved before its commands are carried out
// and its questions asked. While the database is away, what must be saved is refused, or waits. The head
// says for people what happens; "" where that goes without saying.
func (s *stage) turn(head string, ev callback.Event) {
	s.turns++
	s.player.Env.Now, s.player.Refused = s.now, play.Refused{}
	r := s.player.Play(s.contact, s.state, ev)
	if s.away && r.MustSave && r.Refusable {
		s.player.Refused = refused
		r = s.player.Play(s.contact, s.state, ev)
	}
	if s.away && r.MustSave {
		s.blocked = true
		return
	}
	if unheard(s.state, r, ev) {
		head += ": nobody listens"
	}
	before := s.state.Vars
	s.contact, s.state = r.Contact, r.Script
	s.tell(head, ev, r.Facts, before)
	for _, change := range r.Agents {
		s.changeAgent(change.Agent, change)
	}
	s.save()
	s.loadScript()
	for _, cmd := range r.Commands {
		s.carryOut(cmd)
	}
	for _, q := range r.Questions {
		s.ask(q)
	}
}

// unheard says that an event is a key with which the script does nothing.
func unheard(before script.State, r play.Result, ev callback.Event) bool {
	_, isKey := ev.(callback.KeyPressed)
	return isKey && len(r.Commands) == 0 && reflect.DeepEqual(before, r.Script)
}

// save brings the database up to date, where it is there.
func (s *stage) save() {
	if s.away {
		return
	}
	s.contact.Prune()
	s.saved.contact, s.saved.state = s.contact, s.state
}

// loadScript takes the script that the contact runs by now: Runscript may have led into another.
func (s *stage) loadScript() {
	if name := s.contact.Script.Name; name != s.player.Script.Name() {
		s.player.Script = s.player.Scripts(name)
	}
}

// schedule holds what comes at which moment. Of two at one moment, the one that was added first comes
// first.
type schedule []appointment

type appointment struct {
	at time.Time
	do func()
}

func (s *stage) at(at time.Time, do func()) {
	i, _ := slices.BinarySearchFunc(s.pending, at, func(a appointment, at time.Time) int {
		return cmp.Or(a.at.Compare(at), -1)
	})
	s.pending = slices.Insert(s.pending, i, appointment{at, do})
}

func (s *stage) after(d time.Duration, do func()) { s.at(s.now.Add(d), do) }

func (s schedule) first() (time.Time, bool) {
	if len(s) == 0 {
		return time.Time{}, false
	}
	return s[0].at, true
}

func (s *schedule) take() func() {
	do := (*s)[0].do
	*s = (*s)[1:]
	return do
}
