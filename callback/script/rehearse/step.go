package rehearse

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/play"
)

// Result is a rehearsal that was played.
type Result struct {
	Steps []Step `json:"steps"`
	End   End    `json:"end"`
	// Missed is what was given and could not happen, as in a hang-up by who is not on the line.
	Missed []string `json:"missed,omitempty"`

	heard []string // the sounds that the contact has heard
}

// Step is something that has begun or happened. Those of one moment follow each other as cause and
// effect.
type Step struct {
	At        time.Duration     `json:"-"`                   // since the start
	Time      time.Time         `json:"time"`                // in the script's time zone
	What      string            `json:"what"`                // in words; of an action: its name
	Kind      string            `json:"kind,omitempty"`      // of an action that begins, as in Menu
	Caption   string            `json:"caption,omitempty"`   // of such an action
	Plays     []string          `json:"plays,omitempty"`     // the sounds that the contact hears from now on
	Music     string            `json:"music,omitempty"`     // the class of music that the contact hears from now on
	Variables map[string]string `json:"variables,omitempty"` // of the script, that have changed
	Priority  string            `json:"priority,omitempty"`  // afterwards, as in 12.5; "" where the contact is not in a queue
}

// MarshalJSON adds the time since the start, as in 10m5s.
func (s Step) MarshalJSON() ([]byte, error) {
	type plain Step
	return json.Marshal(struct {
		At string `json:"at"`
		plain
	}{InWords(s.At), plain(s)})
}

// End is where everything stands at the end.
type End struct {
	At        time.Duration     `json:"-"`   // since the start
	Why       string            `json:"why"` // the rehearsal ends
	State     callback.State    `json:"state"`
	Outcome   callback.Outcome  `json:"outcome,omitempty"`
	Actions   []string          `json:"actions"`           // all that have begun, in their order
	Plays     []string          `json:"plays"`             // all the sounds that the contact has heard
	Log       []string          `json:"log,omitempty"`     // of Log actions, and the reasons for which actions have failed
	Saved     map[string]string `json:"saved,omitempty"`   // the promise; nil for none
	Dialled   []string          `json:"dialled,omitempty"` // the numbers that were dialled
	Variables map[string]string `json:"variables"`         // the contact's and the script's
	Skill     string            `json:"skill,omitempty"`   // in whose queue the contact stands
	Priority  string            `json:"priority,omitempty"`
	Held      bool              `json:"held,omitempty"` // back from offers (C7)
}

// MarshalJSON adds the time since the start, as in 10m5s.
func (e End) MarshalJSON() ([]byte, error) {
	type plain End
	return json.Marshal(struct {
		At string `json:"at"`
		plain
	}{InWords(e.At), plain(e)})
}

// InWords writes a time since the start as a rehearsal does: 35s, 10m5s, 1d2h.
func InWords(d time.Duration) string {
	d = d.Round(time.Millisecond)
	var text strings.Builder
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if n := d / unit.length; n > 0 {
			text.WriteString(strconv.FormatInt(int64(n), 10) + unit.name)
			d -= n * unit.length
		}
	}
	if d > 0 || text.Len() == 0 {
		text.WriteString(decimal(d.Seconds()) + "s")
	}
	return text.String()
}

// decimal writes a number with as many of three decimals as it needs.
func decimal(n float64) string {
	text := strconv.FormatFloat(n, 'f', 3, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// say adds a step that is no action.
func (s *stage) say(what string) { s.add(Step{What: what}) }

// miss says that something can't happen that the rehearsal gives.
func (s *stage) miss(what string) {
	s.say(what)
	s.result.Missed = append(s.result.Missed, "at "+s.span(s.now)+" "+what)
}

// missLate notes what the rehearsal gives for later than its end, and a phone that was never called.
func (s *stage) missLate() {
	for _, h := range s.rehearsal.Happens {
		if at := s.start.Add(h.At); at.After(s.until) {
			s.result.Missed = append(s.result.Missed, s.span(at)+" is after the end of the rehearsal")
		}
	}
	s.missCall()
}

// missCall notes that the contact was not called by whom it would have reacted to.
func (s *stage) missCall() {
	if s.waiting != "" {
		s.result.Missed = append(s.result.Missed, "at "+s.span(s.waitingFrom)+" contact "+s.waiting+": the contact is not called back then or later")
		s.waiting = ""
	}
}

func (s *stage) add(step Step) {
	step.At, step.Time, step.Priority = s.now.Sub(s.start), s.now.In(s.start.Location()), s.priority()
	s.result.Steps = append(s.result.Steps, step)
}

func (s *stage) span(at time.Time) string { return InWords(at.Sub(s.start)) }

// priority is the contact's at this moment.
func (s *stage) priority() string {
	place := s.contact.Place
	if place == nil {
		return ""
	}
	return decimal(float64(place.Priority.At(place.QueuedAt, s.now)) / float64(callback.Minute))
}

// tell adds the steps of a turn.
func (s *stage) tell(head string, ev callback.Event, facts []callback.Fact, before map[string]string) {
	s.first = len(s.result.Steps)
	if head != "" {
		s.say(head)
	}
	for _, fact := range facts {
		s.tellFact(fact)
	}
	s.last = len(s.result.Steps) - 1
	for _, name := range sortedKeys(s.state.Vars) {
		value := s.state.Vars[name]
		if value == before[name] {
			continue
		}
		step := s.setBy(name, ev)
		if step.Variables == nil {
			step.Variables = make(map[string]string)
		}
		step.Variables[name] = value
	}
}

// tellFact adds the step of a fact, where people have to be told of it.
func (s *stage) tellFact(f callback.Fact) {
	end := &s.result.End
	switch f.Kind {
	case callback.FactAction:
		end.Actions = append(end.Actions, f.Data["name"])
		s.add(Step{What: f.Data["name"], Kind: f.Data["kind"], Caption: f.Data["caption"]})
		return
	case callback.FactLog:
		end.Log = append(end.Log, f.Data["text"])
	case callback.FactDialling:
		end.Dialled = append(end.Dialled, f.Data["phone_number"])
	}
	if text := words(f); text != "" {
		if f.Contact != 0 && f.Contact != contactID {
			text = "contact " + f.Contact.String() + ": " + text
		}
		s.say(text)
	}
}

// lastStep is the last step of the present turn that tells of the contact: what the contact hears belongs to
// it. What an agent sees and hears follows it.
func (s *stage) lastStep() *Step {
	if s.last < s.first {
		s.say(s.state.Action + " goes on")
		s.last = len(s.result.Steps) - 1
	}
	return &s.result.Steps[s.last]
}

// setters are the kinds of action that set a variable as they begin.
var setters = map[string][]string{
	"MRES": {"Menu"}, "LOOP": {"Loop"}, "HTTPSTATUS": {"WebRequest"}, "CALLBACKID": {"Queuecallback", "Querycallback"},
}

// setBy gives the step of the present turn to which a variable's change belongs.
func (s *stage) setBy(name string, ev callback.Event) *Step {
	s.lastStep() // so that there is one
	steps := s.result.Steps[s.first:]
	switch ev := ev.(type) {
	case play.Answered:
		if _, answered := ev.Values[name]; answered {
			return &steps[0]
		}
	case callback.KeyPressed:
		if name == "MRES" && s.state.Vars[name] != "" {
			return &steps[0]
		}
	}
	kinds, ok := setters[name]
	if !ok {
		kinds = []string{"Assign"}
	}
	for i := range slices.Backward(steps) {
		says := name == "_ERR" && strings.HasSuffix(steps[i].What, s.state.Vars[name])
		if says || slices.Contains(kinds, steps[i].Kind) {
			return &steps[i]
		}
	}
	return &steps[0]
}

// end says where everything stands.
func (s *stage) end(why string) End {
	e := s.result.End
	c := s.contact
	e.At, e.Why, e.State, e.Outcome = s.now.Sub(s.start), why, c.State, c.Outcome
	e.Plays, e.Priority = s.result.heard, s.priority()
	e.Variables = maps.Clone(s.state.Vars)
	if e.Variables == nil {
		e.Variables = make(map[string]string)
	}
	for _, name := range []string{"ANI", "DNIS", "DIALLED", "CONTACTID", "SKILL", "LANGUAGE", "AGENTID", "EXTENSION"} {
		if value, _ := c.Variable(name); value != "" {
			e.Variables[name] = value
		}
	}
	if c.Place != nil {
		e.Skill, e.Held = c.Place.Skill, c.Place.Held
	}
	if c.Promise != nil {
		e.Saved = map[string]string{
			"PhoneNumber":  c.Promise.PhoneNumber,
			"CallerID":     c.Promise.CallerID,
			"CallDelaySec": strconv.Itoa(int(c.Promise.CallDelay / time.Second)),
			"Extension":    c.Promise.Extension,
		}
	}
	e.Actions, e.Plays = orEmpty(e.Actions), orEmpty(e.Plays)
	return e
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
