package script

import (
	"fmt"
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// Known is what exists outside the script. A nil function leaves that unchecked.
type Known struct {
	Skills  func(name string) bool // in the configuration
	Scripts func(name string) bool // that are loaded with this one
	Sounds  func(name string) bool // in Asterisk, without extension
	Music   func(name string) bool // classes of music on hold in Asterisk
	// Length is how long a sound is, where that is known.
	Length func(sound string) (length time.Duration, known bool)
}

// longestPrompt is how long the sounds before a Callback may be before the checker warns (C4).
const longestPrompt = 12 * time.Second

// Check reports what the script names and what does not exist. What stands in variables is known
// only when they are read, so it is not checked here.
func (s *Script) Check(known Known) Diagnostics {
	p := &checker{script: s}
	if known.Music != nil && !known.Music(restMusic) {
		p.errorf(s.start.at, "there is no music class %q, which a caller hears where the script names none or has nothing more to do", restMusic)
	}
	s.eachValue(func(_ *action, given property, v value) {
		if text, fixed := v.fixed(); fixed && text != "" {
			p.checkKnown(given, v, text, known)
		}
	})
	if known.Sounds != nil {
		p.checkUsualSounds(known.Sounds)
	}
	if known.Length != nil {
		p.checkLengths(known.Length)
	}
	p.diagnostics.sort()
	return p.diagnostics
}

func (p *checker) checkKnown(given property, v value, text string, known Known) {
	switch {
	case given.name == "Skill" && known.Skills != nil && !known.Skills(text):
		p.errorf(v.at, "the configuration has no skill %q", text)
	case given.name == "Script" && known.Scripts != nil && !known.Scripts(text):
		p.errorf(v.at, "there is no script %q beside this one", text)
	case given.name == "Class" && known.Music != nil && !known.Music(text):
		p.errorf(v.at, "there is no music class %q", text)
	case v.isSound(given) && known.Sounds != nil && !known.Sounds(text) && v.says != "":
		p.errorf(v.at, "the recording %q is missing; callbackd script speak makes it of its words", text)
	case v.isSound(given) && known.Sounds != nil && !known.Sounds(text):
		p.errorf(v.at, "there is no sound %q", text)
	case given.name == "ZipTone" && text == "true" && known.Sounds != nil && !known.Sounds(callback.ZipToneSound):
		p.errorf(v.at, "there is no sound %q, which agents hear as the ZipTone", callback.ZipToneSound)
	}
}

// isSound says whether the value's text is the name of a sound.
func (v value) isSound(given property) bool {
	return given.kind == sound || given.kind == prompt && (v.item == itemSound || v.item == itemRecording)
}

// checkUsualSounds finds the sounds that an action plays where the script names none.
func (p *checker) checkUsualSounds(exists func(string) bool) {
	for _, name := range p.script.order {
		a := p.script.actions[name]
		for _, given := range a.kind.properties {
			_, written := a.properties[given.name]
			if given.kind == prompt && !written && given.fallback != "" && !exists(given.fallback) {
				p.errorf(a.kindAt, "there is no sound %q, which %s plays as its %s", given.fallback, name, given.name)
			}
		}
	}
}

// checkLengths warns of long prompts before a Callback (C4): who hangs up in them gets no callback.
func (p *checker) checkLengths(length func(string) (time.Duration, bool)) {
	for _, name := range p.script.order {
		a := p.script.actions[name]
		if a.kind.name != "Callback" {
			continue
		}
		if total := p.script.promptsBefore(name, length, map[string]bool{name: true}); total > longestPrompt {
			p.warnf(a.kindAt, "the prompts before %s last %s; %s is what callers stay for, and who hangs up before it gets no callback",
				name, inSeconds(total), inSeconds(longestPrompt))
		}
	}
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// promptsBefore gives the length of the longest row of prompts that leads to an action, as far as the
// lengths of their sounds are known.
func (s *Script) promptsBefore(name string, length func(string) (time.Duration, bool), passed map[string]bool) time.Duration {
	var longest time.Duration
	for _, before := range s.order {
		a := s.actions[before]
		if passed[before] || a.kind.name != "Play" || !slices.Contains(a.next(), name) {
			continue
		}
		passed[before] = true
		longest = max(longest, a.promptLength(length)+s.promptsBefore(before, length, passed))
		delete(passed, before)
	}
	return longest
}

// promptLength is how long a prompt's sounds take, as far as that is known.
func (a *action) promptLength(length func(string) (time.Duration, bool)) time.Duration {
	var total time.Duration
	for _, v := range a.properties["Sounds"] {
		text, fixed := v.fixed()
		if !fixed || v.item != itemSound && v.item != itemRecording {
			continue
		}
		if d, known := length(text); known {
			total += d
		}
	}
	return total
}
