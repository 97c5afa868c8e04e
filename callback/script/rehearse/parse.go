package rehearse

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/callback/setting"
)

// longest is the longest that a rehearsal, or a part of one, may last.
const longest = 366 * 24 * time.Hour

var (
	phoneKeys = regexp.MustCompile(`^[0-9*#A-D]+$`)
	extension = regexp.MustCompile(`^[0-9]+$`)
)

// Parse reads a rehearsal. The diagnostics are the mistakes in it, all at once; where there is one the
// rehearsal is not to be played.
func Parse(file string, source []byte) (Rehearsal, script.Diagnostics) {
	p := &reader{file: file}
	r := Rehearsal{File: file}
	if top := p.read(source); top != nil {
		p.fields(top, "a rehearsal", p.top(&r))
	}
	slices.SortStableFunc(p.found, func(a, b script.Diagnostic) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column)
	})
	return r, p.found
}

// top are the keys of the file.
func (p *reader) top(r *Rehearsal) map[string]func(ast.Node) {
	return map[string]func(ast.Node){
		"script":    func(n ast.Node) { r.Script, _ = p.text(n) },
		"start":     func(n ast.Node) { r.Start = parsed(p, n, ParseStart) },
		"limit":     func(n ast.Node) { r.Limit = parsed(p, n, ParseDuration) },
		"caller":    func(n ast.Node) { p.readCaller(n, &r.Caller) },
		"variables": func(n ast.Node) { r.Variables = p.pairs(n, "variables") },
		"skills":    func(n ast.Node) { r.Skills = p.readSkills(n) },
		"sounds":    func(n ast.Node) { r.Sounds = p.readSounds(n) },
		"missing":   func(n ast.Node) { r.Missing = p.texts(n) },
		"answers":   func(n ast.Node) { p.readAnswers(n, r) },
		"happens":   func(n ast.Node) { p.readHappens(n, r) },
		"expect":    func(n ast.Node) { p.readExpect(n, r) },
	}
}

func (p *reader) readCaller(n ast.Node, c *Caller) {
	p.fields(n, "caller", map[string]func(ast.Node){
		"ANI":      func(n ast.Node) { c.ANI, _ = p.text(n) },
		"DNIS":     func(n ast.Node) { c.DNIS, _ = p.text(n) },
		"DIALLED":  func(n ast.Node) { c.Dialled, _ = p.text(n) },
		"LANGUAGE": func(n ast.Node) { c.Language, _ = p.text(n) },
	})
}

// readSkills reads skills as the configuration has them.
func (p *reader) readSkills(n ast.Node) map[string]callback.Skill {
	skills := make(map[string]callback.Skill)
	for _, e := range p.entries(n, "skills") {
		if err := setting.CheckName(e.key); err != nil {
			p.errorf(e.at.GetToken(), "%v", err)
			continue
		}
		skills[e.key] = p.readSkill(e)
	}
	return skills
}

func (p *reader) readSkill(e entry) callback.Skill {
	skill := callback.DefaultSkill
	skill.Name = e.key
	if _, defaults := e.value.(*ast.NullNode); defaults {
		return skill
	}
	read := make(map[string]func(ast.Node))
	for _, known := range setting.All() {
		read[known.Name] = func(n ast.Node) {
			if text, ok := p.text(n); !ok {
				return
			} else if err := known.Set(&skill, text); err != nil {
				p.errorf(n.GetToken(), "%s: %v", known.Name, err)
			}
		}
	}
	p.fields(e.value, "a skill", read)
	if err := setting.Check(skill); err != nil {
		p.errorf(e.at.GetToken(), "skill %s: %v", e.key, err)
	}
	return skill
}

func (p *reader) readSounds(n ast.Node) map[string]time.Duration {
	lengths := make(map[string]time.Duration)
	for _, e := range p.entries(n, "sounds") {
		lengths[e.key] = parsed(p, e.value, ParseDuration)
	}
	return lengths
}

func (p *reader) readHappens(n ast.Node, r *Rehearsal) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		p.errorf(n.GetToken(), `happens: a list belongs here, as in - {at: 35s, keys: "1"}`)
		return
	}
	for _, item := range list.Values {
		r.Happens = append(r.Happens, p.readHappening(item))
	}
}

func (p *reader) readHappening(n ast.Node) Happening {
	var h Happening
	given := 0
	read := map[string]func(ast.Node){"at": func(n ast.Node) {
		h.At = parsed(p, n, ParseDuration)
		given |= 1
	}}
	for _, who := range subjects {
		read[who] = func(n ast.Node) {
			if given&2 != 0 {
				p.errorf(n.GetToken(), "one thing happens in a line; give %s a line of its own", who)
				return
			}
			given |= 2
			does, ok := p.text(n)
			if !ok {
				return
			}
			var err error
			if h.Who, h.Agent, h.Does, err = subject(who, does); err != nil {
				p.errorf(n.GetToken(), "%v", err)
			}
		}
	}
	before := len(p.found)
	p.fields(n, "what happens", read)
	if given != 3 && len(p.found) == before {
		p.errorf(n.GetToken(), `a time and what happens belong here, as in {at: 35s, keys: "1"}`)
	}
	return h
}

// ParseHappening reads what happens as it is given on a command line: "35s keys 1", "10m agent 1001
// declines".
func ParseHappening(text string) (Happening, error) {
	at, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	who, does, _ := strings.Cut(strings.TrimSpace(rest), " ")
	var h Happening
	var err error
	if h.At, err = ParseDuration(at); err != nil {
		return h, err
	}
	h.Who, h.Agent, h.Does, err = subject(who, strings.TrimSpace(does))
	return h, err
}

// subject holds what somebody does against what they can do.
func subject(who, does string) (_, agent, verb string, err error) {
	switch {
	case !slices.Contains(subjects, who):
		return "", "", "", fmt.Errorf("%q is nobody to whom something happens; those are %s", who, strings.Join(subjects, ", "))
	case who == "keys" && !phoneKeys.MatchString(does):
		return "", "", "", fmt.Errorf("keys are 0 to 9, *, # and A to D, as in keys 1, and not %q", does)
	case who == "keys":
		return who, "", does, nil
	}
	verb = does
	if who == "agent" {
		agent, verb, _ = strings.Cut(does, " ")
		if !extension.MatchString(agent) {
			return "", "", "", fmt.Errorf("%q names no agent; an extension belongs here, as in agent 1001 answers", does)
		}
		verb = cmp.Or(strings.TrimSpace(verb), verbs[who][0])
	}
	if !slices.Contains(verbs[who], verb) {
		return "", "", "", fmt.Errorf("%s: %q is none of %s", who, verb, strings.Join(verbs[who], ", "))
	}
	return who, agent, verb, nil
}

// ParseStart reads the time at which a rehearsal starts.
func ParseStart(text string) (time.Time, error) {
	for _, form := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no date and time, as in 2026-03-02 09:00", text)
}

// ParseDuration reads a time: 35s, 1h30m, 2d or whole seconds.
func ParseDuration(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is no time; it is written 35s, 10m, 1h30m or 2d", text)
	rest := text
	var total time.Duration
	if days, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, wrong
		}
		total, rest = time.Duration(n)*24*time.Hour, cmp.Or(after, "0")
	}
	if _, err := strconv.ParseUint(rest, 10, 32); err == nil {
		rest += "s"
	}
	d, err := time.ParseDuration(rest)
	switch total += d; {
	case err != nil, d < 0:
		return 0, wrong
	case total > longest:
		return 0, fmt.Errorf("%s is longer than a year", text)
	}
	return total.Truncate(time.Microsecond), nil
}

func parseWhole(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a whole number", text)
	}
	return n, nil
}

func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, fmt.Errorf("%q is neither true nor false", text)
	}
	return text == "true", nil
}

// parsePriority reads a priority and gives it in the form in which steps have it.
func parsePriority(text string) (string, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n != n || n < -1e9 || n > 1e9 {
		return "", errors.New("a priority is a number, as in 12 or 12.5")
	}
	return decimal(n), nil
}
