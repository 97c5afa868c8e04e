package script

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Script is a script that the checker has passed. It does not change, so contacts share it.
type Script struct {
	name    string
	version string
	source  []byte
	file    string
	start   target
	events  map[EventKind]target
	actions map[string]*action
	order   []string // the actions' names, in the order of the file
}

// action is one step of a script.
type action struct {
	name       string
	at         position
	kind       *kind // nil: unknown, and reported
	kindAt     position
	caption    string
	captionAt  position
	properties map[string][]template // what the file gives; a list has several
	branches   map[string]target
}

// fixed gives a property's text where the script gives it one that is the same for every contact.
func (a *action) fixed(name string) (string, bool) {
	t, ok := a.properties[name]
	if !ok {
		return "", false
	}
	return t[0].fixed()
}

// target is where a branch leads.
type target struct {
	action string
	at     position
}

// Name is the file's base name without its extension: what Stasis(callback,NAME) names.
func (s *Script) Name() string { return s.name }

// Version is the content's hash, in hexadecimal: two sources with one version are the same.
func (s *Script) Version() string { return s.version }

// Source is the text that was parsed. The caller must not change it.
func (s *Script) Source() []byte { return s.source }

// checker reads a script and gathers what is wrong with it.
type checker struct {
	script      *Script
	diagnostics Diagnostics
}

func (p *checker) errorf(at position, format string, args ...any) {
	p.report(at, false, fmt.Sprintf(format, args...))
}

func (p *checker) warnf(at position, format string, args ...any) {
	p.report(at, true, fmt.Sprintf(format, args...))
}

func (p *checker) report(at position, warning bool, message string) {
	p.diagnostics = append(p.diagnostics, Diagnostic{
		File: p.script.file, Line: at.line, Column: at.column, Warning: warning, Message: message,
	})
}

var (
	scriptName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)
	actionName = scriptName
)

// Parse reads and checks a script and reports every mistake at once. The script is nil where there
// is a mistake; warnings alone leave it fit to run. The source is kept and must not be changed.
func Parse(file string, source []byte) (*Script, Diagnostics) {
	hash := sha256.Sum256(source)
	base := filepath.Base(file)
	p := &checker{script: &Script{
		name:    strings.TrimSuffix(base, filepath.Ext(base)),
		version: hex.EncodeToString(hash[:]),
		source:  source,
		file:    file,
		events:  make(map[EventKind]target),
		actions: make(map[string]*action),
	}}
	if !scriptName.MatchString(p.script.name) {
		p.errorf(position{1, 1}, "the script is called %q, after its file; a name that the dialplan can give has letters, digits, - and _ only", p.script.name)
	}
	root := p.read(source)
	if root.shape != broken && p.readScript(root) {
		p.checkFlow()
	}
	p.diagnostics.sort()
	if p.diagnostics.Err() != nil {
		return nil, p.diagnostics
	}
	return p.script, p.diagnostics
}

// readScript reads the top of the file. It says whether there are actions to check further.
func (p *checker) readScript(root node) bool {
	if root.shape != mapping {
		p.errorf(root.at, "%s; a script begins with type: Phone", root.want("a script"))
		return false
	}
	known := []string{"type", "start", "events", "actions"}
	given := make(map[string]entry)
	for _, e := range root.entries {
		if !slices.Contains(known, e.key) {
			p.errorf(e.at, "unknown key %q%s; a script has type, start, events and actions", e.key, didYouMean(e.key, known))
			continue
		}
		given[e.key] = e
	}
	for _, key := range []string{"type", "start", "actions"} {
		if _, ok := given[key]; !ok {
			p.errorf(root.at, "%s is missing; a script has type, start, actions and, where it wants them, events", key)
		}
	}
	if e, ok := given["type"]; ok {
		p.readType(e.value)
	}
	if e, ok := given["events"]; ok {
		p.readEvents(e.value)
	}
	if e, ok := given["actions"]; ok {
		p.readActions(e.value)
	}
	if e, ok := given["start"]; ok {
		p.script.start, _ = p.readTarget(e.value, "start")
	}
	return len(p.script.actions) > 0
}

// readType holds C16.
func (p *checker) readType(n node) {
	if n.shape == broken || n.shape == scalar && n.text == "Phone" {
		return
	}
	p.errorf(n.at, "type: %s; Phone is the only type of script", n.want("Phone"))
}

func (p *checker) readEvents(n node) {
	if n.shape == broken || n.shape == empty {
		return
	}
	if n.shape != mapping {
		p.errorf(n.at, "%s, as in OnRelease: goodbye", n.want("a mapping of events to actions"))
		return
	}
	names := []string{string(OnAnswer), string(OnAgentRelease), string(OnRelease)}
	for _, e := range n.entries {
		if !slices.Contains(names, e.key) {
			p.errorf(e.at, "unknown event %q%s; the events are %s", e.key, didYouMean(e.key, names), listed(names))
			continue
		}
		if t, ok := p.readTarget(e.value, e.key); ok {
			p.script.events[EventKind(e.key)] = t
		}
	}
}

// readTarget reads the name of an action; whether it exists is seen when all are read.
func (p *checker) readTarget(n node, from string) (target, bool) {
	if n.shape == broken {
		return target{}, false
	}
	if n.shape != scalar || n.text == "" {
		p.errorf(n.at, "%s: %s", from, n.want("the name of an action"))
		return target{}, false
	}
	return target{n.text, n.at}, true
}

func (p *checker) readActions(n node) {
	if n.shape == broken {
		return
	}
	if n.shape != mapping || len(n.entries) == 0 {
		p.errorf(n.at, "actions: %s", n.want("a mapping of names to actions"))
		return
	}
	for _, e := range n.entries {
		if !actionName.MatchString(e.key) {
			p.errorf(e.at, "an action is called %q; a name has letters, digits, - and _ only", e.key)
		}
		a := &action{
			name: e.key, at: e.at, kindAt: e.at, caption: e.key, captionAt: e.at,
			properties: make(map[string][]template), branches: make(map[string]target),
		}
		p.script.actions[e.key] = a
		p.script.order = append(p.script.order, e.key)
		p.readAction(a, e.value)
	}
}

// readAction reads what stands under an action's name: one kind and its branches.
func (p *checker) readAction(a *action, n node) {
	if n.shape == broken {
		return
	}
	if n.shape != mapping {
		p.errorf(n.at, "%s: %s; the kinds are %s", a.name, n.want("a kind of action"), listed(kindNames()))
		return
	}
	var branches *entry
	var found bool
	for _, e := range n.entries {
		if e.key == "branches" {
			branches = &e
			continue
		}
		k := findKind(e.key)
		if k == nil {
			p.unknownKind(a, e)
			found = true
			continue
		}
		if found {
			p.errorf(e.at, "%s has a second kind, %s; an action has one", a.name, e.key)
			continue
		}
		found = true
		a.kind, a.kindAt = k, e.at
		p.readProperties(a, e.value)
	}
	if !found {
		p.errorf(a.at, "%s has no kind; the kinds are %s", a.name, listed(kindNames()))
	}
	if branches != nil {
		p.readBranches(a, branches.value)
	}
	if a.kind != nil && a.kind.check != nil {
		a.kind.check(p, a)
	}
}

func (p *checker) unknownKind(a *action, e entry) {
	if suggestion := didYouMean(e.key, append(kindNames(), "branches")); suggestion != "" {
		p.errorf(e.at, "unknown action kind %q%s", e.key, suggestion)
		return
	}
	p.errorf(e.at, "unknown action kind %q of %s; the kinds are %s", e.key, a.name, listed(kindNames()))
}

func (p *checker) readProperties(a *action, n node) {
	if n.shape != mapping && n.shape != empty && n.shape != broken {
		p.errorf(n.at, "%s: %s", a.kind.name, n.want("a mapping of properties"))
		return
	}
	for _, e := range n.entries {
		given, ok := a.kind.property(e.key)
		if !ok {
			p.unknownProperty(a, e)
			continue
		}
		p.readProperty(a, given, e)
	}
	for _, wanted := range a.kind.properties {
		_, ok := a.properties[wanted.name]
		written := slices.ContainsFunc(n.entries, func(e entry) bool { return e.key == wanted.name })
		if wanted.required && !ok && !written && n.shape != broken {
			p.errorf(a.kindAt, "%s of %s is missing: %s", wanted.name, a.name, wanted.doc)
		}
	}
}

func (p *checker) unknownProperty(a *action, e entry) {
	names := a.kind.propertyNames()
	if suggestion := didYouMean(e.key, names); suggestion != "" {
		p.errorf(e.at, "unknown property %q of %s%s", e.key, a.kind.name, suggestion)
		return
	}
	if slices.Contains(a.kind.branchNames(), e.key) {
		p.errorf(e.at, "%s is a branch; it stands under branches, beside %s", e.key, a.kind.name)
		return
	}
	p.errorf(e.at, "unknown property %q of %s; it has %s", e.key, a.kind.name, listed(names))
}

func (p *checker) readProperty(a *action, given property, e entry) {
	if e.value.shape == broken {
		return
	}
	values, ok := p.propertyValues(given, e)
	if !ok {
		return
	}
	if given.kind == caption {
		p.readCaption(a, values[0])
		return
	}
	for _, v := range values {
		t, err := parseTemplate(v.text, v.at)
		if err != nil {
			p.errorf(v.at, "%s: %v", given.name, err)
			continue
		}
		if fixed, ok := t.fixed(); ok {
			if err := given.validate(fixed); err != nil {
				p.errorf(v.at, "%s %v", given.name, err)
			}
		}
		a.properties[given.name] = append(a.properties[given.name], t)
	}
}

// propertyValues gives the texts of a property: those of a list, or the one.
func (p *checker) propertyValues(given property, e entry) ([]node, bool) {
	n := e.value
	if n.shape == empty {
		p.errorf(n.at, "%s is empty; leave it out or give it a value", given.name)
		return nil, false
	}
	if given.kind == sounds && n.shape == sequence {
		return p.soundList(given, n)
	}
	if n.shape != scalar {
		what := "one value"
		if given.kind == sounds {
			what = "a list of sounds"
		}
		p.errorf(n.at, "%s: %s", given.name, n.want(what))
		return nil, false
	}
	return []node{n}, true
}

func (p *checker) soundList(given property, n node) ([]node, bool) {
	if len(n.items) == 0 {
		p.errorf(n.at, "%s is an empty list; name a sound, as in [callbackd/offer]", given.name)
		return nil, false
	}
	ok := true
	for _, item := range n.items {
		if item.shape != scalar {
			ok = false
		}
		if item.shape != scalar && item.shape != broken {
			p.errorf(item.at, "%s: %s", given.name, item.want("the name of a sound"))
		}
	}
	return n.items, ok
}

// readCaption holds the first half of C17; the other is in checkCaptions.
func (p *checker) readCaption(a *action, n node) {
	if strings.ContainsAny(n.text, "{}") {
		p.errorf(n.at, "Caption is %q; it is a fixed phrase, without variables", n.text)
		return
	}
	if err := hasCaption.validate(n.text); err != nil {
		p.errorf(n.at, "Caption %v", err)
		return
	}
	a.caption, a.captionAt = n.text, n.at
}

func (p *checker) readBranches(a *action, n node) {
	if n.shape == broken || n.shape == empty {
		return
	}
	if n.shape != mapping {
		p.errorf(n.at, "branches of %s: %s, as in {Default: music}", a.name, n.want("a mapping of branches to actions"))
		return
	}
	for _, e := range n.entries {
		p.checkBranchName(a, e)
		if t, ok := p.readTarget(e.value, e.key); ok {
			a.branches[e.key] = t
		}
	}
}

func (p *checker) checkBranchName(a *action, e entry) {
	if a.kind == nil {
		return
	}
	names := a.kind.branchNames()
	if slices.Contains(names, e.key) {
		return
	}
	if len(names) == 0 {
		p.errorf(e.at, "%s has no branches: the script ends there", a.kind.name)
		return
	}
	suggestion := didYouMean(e.key, names)
	if suggestion == "" && a.kind.named != nil {
		if err := a.kind.named(a, e.key); err != nil {
			p.errorf(e.at, "branch %q of %s: %v", e.key, a.name, err)
		}
		return
	}
	if suggestion == "" {
		suggestion = "; it has " + listed(names)
	}
	p.errorf(e.at, "unknown branch %q of %s%s", e.key, a.kind.name, suggestion)
}

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// listed joins names as in a sentence.
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// didYouMean gives "; did you mean NAME?" where one of the names is close to what was written.
func didYouMean(written string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		d := distance(strings.ToLower(written), strings.ToLower(name))
		if d < least && d*2 < len(name) {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// distance counts the letters to insert, remove or replace to get from a to b.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
