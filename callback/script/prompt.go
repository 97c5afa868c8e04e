package script

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/callbackd/callbackd/callback/script/say"
)

// prompt gives the sounds of an action's prompts, in the contact's language, and the longest that they
// may take.
func (r *run) prompt(names ...string) ([]string, time.Duration, error) {
	var list []string
	var limit time.Duration
	for _, name := range names {
		for _, v := range r.items(name) {
			sounds, each, err := r.spoken(v)
			if err != nil {
				return nil, 0, fmt.Errorf("%s %w", name, err)
			}
			list = append(list, sounds...)
			limit += time.Duration(len(sounds)) * each
		}
	}
	return list, limit, nil
}

// items gives a prompt's items: those of the script, or what holds where it gives none.
func (r *run) items(name string) []value {
	if given, ok := r.action.properties[name]; ok {
		return given
	}
	p, _ := r.action.kind.property(name)
	t, _ := parseTemplate(p.fallback, position{}) // the table is right
	return []value{{template: t}}
}

// spoken gives the sounds of one item and the longest that each may take.
func (r *run) spoken(v value) ([]string, time.Duration, error) {
	text := v.evaluate(r.variable)
	if err := v.item.property().validate(text); err != nil {
		return nil, 0, err
	}
	language, _ := r.host.Variable("LANGUAGE")
	switch v.item {
	case itemNumber:
		n, err := strconv.ParseInt(text, 10, 64)
		return say.Number(language, n), spokenLimit, err
	case itemWait:
		n, err := strconv.Atoi(text)
		return say.Wait(n), spokenLimit, err
	case itemDigits:
		sounds := say.Digits(language, text)
		if len(sounds) == 0 {
			return nil, 0, errors.New("has no digits to say")
		}
		return sounds, spokenLimit, nil
	}
	return []string{text}, soundLimit, nil
}

// Recording is a sound of which the script holds the words.
type Recording struct {
	Name string
	Says string
}

// Recordings are the sounds of which the script holds the words, in the order of the file.
func (s *Script) Recordings() []Recording {
	var list []Recording
	s.eachValue(func(_ *action, _ property, v value) {
		if name, fixed := v.fixed(); fixed && v.says != "" {
			list = append(list, Recording{name, v.says})
		}
	})
	return list
}

// eachValue goes through all the values of the script's actions, in the order of the file.
func (s *Script) eachValue(do func(*action, property, value)) {
	for _, name := range s.order {
		a := s.actions[name]
		if a.kind == nil {
			continue
		}
		for _, p := range a.kind.properties {
			for _, v := range a.properties[p.name] {
				do(a, p, v)
			}
		}
	}
}
