package setting

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/callbackd/callbackd/callback"
)

// Setting is one setting of a skill.
type Setting struct {
	Name  string // as in a file, "ring_time"
	Usage string // one line
	set   func(skill *callback.Skill, value string) error
	get   func(skill callback.Skill) string
}

// Set takes a value as it stands in a file. Its error says what is wrong with the value.
func (s Setting) Set(skill *callback.Skill, value string) error {
	if value == "" {
		return errors.New("a value belongs here")
	}
	return s.set(skill, value)
}

// Get gives the value as it stands in a file.
func (s Setting) Get(skill callback.Skill) string { return s.get(skill) }

// Named gives the setting of that name.
func Named(name string) (Setting, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return Setting{}, false
}

// Names gives the names of all settings, in the order of [All].
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
}

// Check says what is wrong with settings that are right each for itself; nil for nothing.
func Check(skill callback.Skill) error {
	if p := skill.Priority; p.Initial > p.Maximum {
		return fmt.Errorf("initial_priority %d is above max_priority %d", p.Initial, p.Maximum)
	}
	return nil
}

// CheckName says what is wrong with the name of a skill; nil for nothing.
func CheckName(name string) error {
	wrong := func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLower(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
	}
	if name == "" || strings.ContainsFunc(name, wrong) {
		return fmt.Errorf("skill %q: a skill's name is a lower-case word of letters, digits, - and _", name)
	}
	return nil
}

// Quote writes a text so that YAML reads the same text again.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// maxPriority bounds all three parameters of a priority.
const maxPriority = 1000

// All returns the settings of a skill, in the order in which an administrator meets them.
func All() []Setting {
	const day = 24 * time.Hour
	return []Setting{
		number("initial_priority", "the priority of a contact as it enters the queue",
			func(s *callback.Skill) *int { return &s.Priority.Initial }, 0, maxPriority),
		number("acceleration", "how much the priority rises a minute",
			func(s *callback.Skill) *int { return &s.Priority.Acceleration }, 0, maxPriority),
		number("max_priority", "what the priority never rises above",
			func(s *callback.Skill) *int { return &s.Priority.Maximum }, 0, maxPriority),
		duration("ring_time", "how long an agent's phone rings",
			func(s *callback.Skill) *time.Duration { return &s.RingTime }, time.Second, 10*time.Minute),
		{
			Name: "accept", Usage: "answer, or press_1: an agent who has answered accepts by 1; a voicemail accepts by answering",
			set: setAccept, get: func(s callback.Skill) string { return string(s.Accept) },
		},
		duration("accept_time", "how long an agent who has answered may take to press 1",
			func(s *callback.Skill) *time.Duration { return &s.AcceptTime }, time.Second, time.Minute),
		{
			Name: "caller_name", Usage: "what the agent's phone shows, with {SKILL}, {KIND}, {WAITED}, {EXTENSION} and {CONTACTID}",
			set: setCallerName, get: func(s callback.Skill) string { return Quote(s.CallerName) },
		},
		{
			Name: "whisper", Usage: "what an agent who has answered hears: sounds, {KIND} and {WAITED}; off for nothing",
			set: setWhisper, get: func(s callback.Skill) string { return Quote(cmp.Or(s.Whisper, whisperOff)) },
		},
		duration("refused_time", "how long an agent who did not accept is left alone",
			func(s *callback.Skill) *time.Duration { return &s.RefusedTime }, 0, day),
		number("refusals", "after so many offers in a row that an agent did not accept, the agent is unavailable; 0 for never",
			func(s *callback.Skill) *int { return &s.Refusals }, 0, 100),
		duration("after_call_work", "an agent's time for a contact after the call",
			func(s *callback.Skill) *time.Duration { return &s.AfterCallWork }, 0, day),
		duration("contact_ring_time", "how long the contact's phone rings in an attempt",
			func(s *callback.Skill) *time.Duration { return &s.ContactRingTime }, time.Second, 10*time.Minute),
		number("attempts", "how many attempts count before the contact is not reached",
			func(s *callback.Skill) *int { return &s.Attempts }, 1, 100),
		duration("retry_time", "between an attempt that counted and the next",
			func(s *callback.Skill) *time.Duration { return &s.RetryTime }, time.Second, 7*day),
		duration("pause_time", "before another offer after a fault on the agent's or our side",
			func(s *callback.Skill) *time.Duration { return &s.PauseTime }, time.Second, day),
		{
			Name: "region", Usage: "where callers' numbers are at home, as in ISO 3166",
			set: setRegion, get: func(s callback.Skill) string { return s.Region },
		},
	}
}

func number(name, usage string, field func(*callback.Skill) *int, least, most int) Setting {
	return Setting{
		Name: name, Usage: usage,
		get: func(s callback.Skill) string { return strconv.Itoa(*field(&s)) },
		set: func(s *callback.Skill, value string) error {
			n, err := strconv.Atoi(value)
			if err != nil {
				return fmt.Errorf("%q is not a whole number", value)
			}
			if n < least || n > most {
				return fmt.Errorf("%d is not between %d and %d", n, least, most)
			}
			*field(s) = n
			return nil
		},
	}
}

// duration makes a setting of whole seconds, which is what Asterisk counts ringing in.
func duration(name, usage string, field func(*callback.Skill) *time.Duration, least, most time.Duration) Setting {
	return Setting{
		Name: name, Usage: usage,
		get: func(s callback.Skill) string { return plain(*field(&s)) },
		set: func(s *callback.Skill, value string) error {
			d, err := time.ParseDuration(value)
			if err != nil {
				return fmt.Errorf("%q is not a time, as in 20s, 10m or 1h30m", value)
			}
			if d < least || d > most {
				return fmt.Errorf("%s is not between %s and %s", value, plain(least), plain(most))
			}
			if d%time.Second != 0 {
				return fmt.Errorf("%s is not in whole seconds", value)
			}
			*field(s) = d
			return nil
		},
	}
}

// plain writes a time as people do: 10m, not 10m0s.
func plain(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func setAccept(skill *callback.Skill, value string) error {
	switch accept := callback.Accept(value); accept {
	case callback.AcceptByAnswer, callback.AcceptByKey:
		skill.Accept = accept
		return nil
	}
	return fmt.Errorf("%q is neither %s nor %s", value, callback.AcceptByAnswer, callback.AcceptByKey)
}

func setCallerName(skill *callback.Skill, value string) error {
	skill.CallerName = value
	return callback.CheckCallerName(value)
}

// whisperOff is a whisper of nothing, since a setting has a value.
const whisperOff = "off"

func setWhisper(skill *callback.Skill, value string) error {
	if value == whisperOff {
		value = ""
	}
	skill.Whisper = value
	return callback.CheckWhisper(value)
}

func setRegion(skill *callback.Skill, value string) error {
	if !phonenumbers.GetSupportedRegions()[value] {
		return fmt.Errorf("%q is not a region, as in US, GB or DE", value)
	}
	skill.Region = value
	return nil
}
