package script

import (
	"errors"
	"fmt"
	"time"
)

const (
	// maxActions bounds the actions of one Step, whatever the checker has passed.
	maxActions = 1000
	// maxFailures bounds the actions that fail in a row: a script whose sounds are all missing would
	// go round as fast as Asterisk can say so.
	maxFailures = 20
	// soundLimit is the longest that one sound may play. One that is missing may never end.
	soundLimit = time.Minute
	// spokenLimit is the same for one of the sounds of a number.
	spokenLimit = 5 * time.Second
	// fileLimit is the same for a whole file of music.
	fileLimit = time.Hour
)

// stays is what an action answers that goes on waiting, or that ends the script.
const stays = ""

// restMusic is the class that a caller in the queue hears when the script has nothing more to do.
const restMusic = "default"

var errNoVoice = errors.New("no voice: the contact is not on the line")

// run is one Step.
type run struct {
	script *Script
	state  State
	now    time.Time
	host   Host
	action *action // the one that runs
	jump   string  // where Runscript goes on

	// Of the action that is resumed: its deadline, and the tries that it has used up.
	left  time.Time
	tries int
}

// Step takes a contact at a position through what happened, and gives the position that it has come
// to. It changes nothing that the given State holds: where the result can't be saved it is thrown
// away, and Step called again with a host whose Callback answers with an error (C5).
func (s *Script) Step(st State, in Input, now time.Time, h Host) State {
	r := &run{script: s, state: st.clone(), now: now, host: h, action: s.actions[st.Action]}
	switch in := in.(type) {
	case Start:
		r.start()
	case Event:
		r.event(in.Kind)
	case Resume:
		r.resume()
	default:
		r.deliver(in)
	}
	return r.state
}

func (r *run) start() {
	if r.state.Action != "" || r.state.Stage != StageArrived {
		return
	}
	r.walk(r.script.start.action)
}

// event ends the running action and goes on from the event's own branch.
func (r *run) event(kind EventKind) {
	stage, ok := eventStages[kind]
	if !ok || r.state.Stage == stage || r.state.Stage == StageReleased {
		return
	}
	r.silence()
	r.state.Stage = stage
	r.state.HungUp = false
	r.walk(r.script.events[kind].action)
}

// resume enters the action again in which the contact stands.
func (r *run) resume() {
	if r.state.Action == "" {
		return
	}
	music := r.state.Music
	r.silence()
	if r.state.Resting || r.action == nil {
		r.goOn(music)
		r.rest()
		return
	}
	if r.state.Asked != "" || r.state.Taken { // at most once: the answer comes, or the deadline
		r.goOn(music)
		r.keepCompany()
		return
	}
	r.left, r.tries = r.state.Deadline, r.state.Tries
	branch, err := r.begin()
	r.goOn(music)
	r.follow(branch, err)
}

// goOn plays the class again that played before, where nothing has taken its place.
func (r *run) goOn(class string) {
	if class != "" && r.state.Music == "" && r.state.Playback == "" && r.voice() {
		r.playMusic(class)
	}
}

// deliver hands the running action what happened, where it is for it.
func (r *run) deliver(in Input) {
	switch in := in.(type) {
	case PlaybackFinished:
		if in.ID == "" || in.ID != r.state.Playback {
			return
		}
		r.state.Playback = ""
		r.fileOver()
	case Answered:
		if in.ID == "" || in.ID != r.state.Asked {
			return
		}
		r.state.Asked = ""
	case KeyPressed:
		if len(in.Key) != 1 || !phoneKeys.MatchString(in.Key) {
			return
		}
	case TimeReached:
		if r.state.Deadline.IsZero() || r.now.Before(r.state.Deadline) {
			return
		}
		if r.action == nil { // of a version that can't be read any more
			r.rest()
			return
		}
	}
	if r.state.Resting || r.action == nil || r.action.kind.on == nil {
		return
	}
	branch, err := r.action.kind.on(r, in)
	if err == nil && branch == stays {
		return
	}
	if err == nil {
		r.state.Failures = 0
	}
	r.follow(branch, err)
}

// walk enters an action and goes on until one waits or the script rests.
func (r *run) walk(name string) {
	r.follow(r.enter(name))
}

// follow takes the way on that an action gives, from action to action, until one stays.
func (r *run) follow(branch string, err error) {
	for range maxActions {
		if err == nil && branch == stays {
			return
		}
		if err != nil && !r.fail(err) {
			r.rest()
			return
		}
		branch, err = r.enter(r.next(branch, err))
	}
	r.blame(fmt.Sprintf("more than %d actions without a wait", maxActions))
	r.rest()
}

// next gives the action to which a branch leads; "" where the script has nothing more to do. Default
// is taken where the branch is not defined (C18).
func (r *run) next(branch string, err error) string {
	if err == nil && r.jump != "" {
		to := r.jump
		r.jump = ""
		return to
	}
	if err != nil {
		branch = branchOnError
	}
	if t, ok := r.action.branches[branch]; ok {
		return t.action
	}
	return r.action.branches[branchDefault].action
}

// enter begins an action, or rests where there is none.
func (r *run) enter(name string) (branch string, err error) {
	a := r.script.actions[name]
	if a == nil {
		r.rest()
		return stays, nil
	}
	r.action = a
	r.state.Action = name
	r.host.Entered(name, a.kind.name, a.caption)
	r.left, r.tries = time.Time{}, 0
	return r.begin()
}

// begin runs the action from its beginning.
func (r *run) begin() (branch string, err error) {
	r.clear()
	r.state.Resting = false
	if r.action.kind.voice && !r.voice() {
		return stays, errNoVoice
	}
	if r.state.Properties, err = r.evaluate(); err != nil {
		return stays, err
	}
	branch, err = r.action.kind.enter(r)
	if err != nil || branch != stays || r.state.Resting {
		r.clear()
	}
	return branch, err
}

// clear forgets what the running action kept.
func (r *run) clear() {
	r.state.Deadline = time.Time{}
	r.state.Properties = nil
	r.state.Keys = ""
	r.state.Asked, r.state.Taken = "", false
	r.state.Confirming, r.state.Captured, r.state.Tries, r.state.Full = false, "", 0, time.Time{}
}

// rest ends the script's work until an event comes. A live caller in the queue hears music; one
// whom the agent has left is hung up.
func (r *run) rest() {
	r.clear()
	r.state.Resting = true
	switch {
	case r.state.HungUp:
	case !r.voice():
		r.state.Music, r.state.Playback, r.state.File = "", "", ""
	case r.state.Stage == StageAnswered:
		r.silence()
	case r.state.Stage == StageLeft:
		r.hangup()
	case r.state.Music == "":
		r.playMusic(restMusic)
	}
}

// keepCompany lets a live caller in the queue hear music where nothing plays.
func (r *run) keepCompany() {
	if r.voice() && r.state.Stage == StageRequested && r.state.Music == "" && r.state.Playback == "" {
		r.playMusic(restMusic)
	}
}

// fail notes why an action failed, and says whether the script may go on.
func (r *run) fail(err error) bool {
	r.blame(err.Error())
	r.state.Failures++
	if r.state.Failures < maxFailures {
		return true
	}
	r.blame(fmt.Sprintf("%d actions have failed in a row; the last: %v", maxFailures, err))
	return false
}

// blame puts the reason into _ERR and into the history.
func (r *run) blame(reason string) {
	r.set("_ERR", reason)
	r.host.Log(r.state.Action + ": " + reason)
}

func (r *run) set(name, value string) {
	if r.state.Vars == nil {
		r.state.Vars = make(map[string]string)
	}
	r.state.Vars[name] = value
}

// variable gives a variable's value; one that nobody has set is empty.
func (r *run) variable(name string) string {
	if value, ok := r.host.Variable(name); ok {
		return value
	}
	if form, ok := clock[name]; ok {
		return r.clock().Format(form)
	}
	return r.state.Vars[name]
}

// clock are the variables of the time, as Go writes them.
var clock = map[string]string{"DATE": "2006-01-02", "TIME": "15:04", "WEEKDAY": "Mon"}

// clock gives the time in the script's time zone.
func (r *run) clock() time.Time { return r.now.In(r.script.Zone()) }

// voice says whether the contact can hear the script. After Callback it can't, even in the Step in
// which the call is about to be ended (C11).
func (r *run) voice() bool {
	return r.state.Stage != StageCallback && r.state.Stage != StageReleased && r.host.Voice()
}

// evaluate gives the action's single properties as they are now (C8).
func (r *run) evaluate() (map[string]string, error) {
	values := make(map[string]string)
	for _, p := range r.action.kind.properties {
		if !p.single() {
			continue
		}
		if _, given := r.action.properties[p.name]; !given && p.fallback == "" {
			continue
		}
		value := r.value(p)
		if err := p.validate(value); err != nil {
			return nil, fmt.Errorf("%s %w", p.name, err)
		}
		values[p.name] = value
	}
	return values, nil
}

// value is a property's text: what the script gives, or what holds where it gives nothing.
func (r *run) value(p property) string {
	read := r.variable
	if p.kind == webURL {
		read = func(name string) string { return inURL(r.variable(name)) }
	}
	if given, ok := r.action.properties[p.name]; ok {
		return given[0].evaluate(read)
	}
	t, _ := parseTemplate(p.fallback, position{}) // the table is right
	return t.evaluate(read)
}

// whole gives a whole number that evaluate has found right.
func (r *run) whole(name string) int {
	p, _ := r.action.kind.property(name)
	n, _ := p.number(r.state.Properties[name])
	return n
}

// given says whether the script gives the property.
func (r *run) given(name string) bool { return len(r.action.properties[name]) > 0 }

// wake sets the deadline, in the microseconds in which it is kept.
func (r *run) wake(after time.Duration) {
	r.state.Deadline = r.now.Add(after).UTC().Truncate(time.Microsecond)
}

// play plays sounds in the place of what plays.
func (r *run) play(list []string, from time.Duration) {
	r.cutFile()
	r.state.Music = ""
	r.state.Playback = r.host.Play(list, from)
}

// playMusic plays a class; one that plays goes on.
func (r *run) playMusic(class string) {
	if r.state.Music == class {
		return
	}
	r.cutFile()
	r.host.Music(class)
	r.state.Music, r.state.Playback = class, ""
}

// playFile plays a file of music from where it was cut the last time.
func (r *run) playFile(file string) {
	r.cutFile()
	from := time.Duration(r.state.Offsets[file]) * time.Millisecond
	r.play([]string{file}, from)
	r.state.File, r.state.FileFrom = file, r.now.Add(-from).UTC().Truncate(time.Microsecond)
}

// cutFile keeps where the file of music is that something is about to take the place of.
func (r *run) cutFile() {
	if r.state.File == "" {
		return
	}
	if r.state.Offsets == nil {
		r.state.Offsets = make(map[string]int64)
	}
	r.state.Offsets[r.state.File] = r.now.Sub(r.state.FileFrom).Milliseconds()
	r.state.File, r.state.FileFrom = "", time.Time{}
}

// fileOver takes note that the file of music has come to its end: the next time it begins anew.
func (r *run) fileOver() {
	delete(r.state.Offsets, r.state.File)
	r.state.File, r.state.FileFrom = "", time.Time{}
}

// silence stops what plays.
func (r *run) silence() {
	r.cutFile()
	if r.state.Music == "" && r.state.Playback == "" {
		return
	}
	r.state.Music, r.state.Playback = "", ""
	if r.voice() {
		r.host.Silence()
	}
}

// hangup ends the script (C12).
func (r *run) hangup() {
	r.host.Hangup()
	r.clear()
	r.state.HungUp, r.state.Resting = true, true
	r.state.Music, r.state.Playback, r.state.File = "", "", ""
}
