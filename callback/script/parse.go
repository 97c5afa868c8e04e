package script

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a container may have no time zones of its own

	"github.com/callbackd/callbackd/callback/script/condition"
)

// Script is a script that the checker has passed. It does not change, so contacts share it. The zero
// Script has no action: a contact in it rests.
type Script struct {
	name    string
	version string
	source  []byte
	file    string
	start   target
	zone    *time.Location // nil: the daemon's
	inputs  []string       // the variables that another script hands over
	events  map[EventKind]target
	actions map[string]*action
	order   []string // the actions' names, in the order of the file
}

// action is one step of a script.
type action struct {
	name       string
	at         position
	kind       *kind // nil: unknown, and reported
	hasKind    bool
	kindAt     position
	caption    string
	captionAt  position
	properties map[string][]value // what the file gives; a list or a mapping has several
	condition  condition.Condition
	when       string // the condition as it is written
	branches   map[string]target
}

// value is one value of a property.
type value struct {
	template
	item  promptItem // what a prompt does with it
	says  string     // what is spoken into a recording that is missing
	key   string     // the name that it stands behind, of entries
	keyAt position
}

// fixed gives a property's text where it is the same for every contact: the script's, or what holds
// where the script gives none.
func (a *action) fixed(name string) (string, bool) {
	if v, ok := a.properties[name]; ok {
		return v[0].fixed()
	}
	p, _ := a.kind.property(name)
	t, _ := parseTemplate(p.fallback, position{}) // the table is right
	return t.fixed()
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
	// lost says that a way into the script is not known for a mistake, so that what seems to have none
	// may have this one.
	lost bool
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
	p := check(file, source)
	if p.diagnostics.Err() != nil {
		return nil, p.diagnostics
	}
	return p.script, p.diagnostics
}

// Stored reads a version of a script that was loaded once, perhaps by a release whose checker passed what
// this one does not: contacts go on in it all the same, and what can't be done takes OnError. The script is
// nil where there is nothing to go on in.
func Stored(file string, source []byte) (*Script, Diagnostics) {
	p := check(file, source)
	s := p.script
	if s.actions[s.start.action] == nil {
		return nil, p.diagnostics
	}
	for _, a := range s.actions {
		if a.kind == nil {
			return nil, p.diagnostics
		}
	}
	return s, p.diagnostics
}

// check reads a script and gathers what is wrong with it.
func check(file string, source []byte) *checker {
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
	return p
}

// readScript reads the top of the file. It says whether there are actions to check further.
func (p *checker) readScript(root node) bool {
	if root.shape != mapping {
		p.errorf(root.at, "%s; a script begins with type: Phone", root.want("a script"))
		return false
	}
	known := []string{"type", "start", "timezone", "inputs", "events", "actions"}
	given := make(map[string]entry)
	for _, e := range root.entries {
		if key := p.known(e, known, "key", "a script has "+listed(known)); key != "" {
			given[key] = e
		}
	}
	for _, key := range []string{"type", "start", "actions"} {
		if _, ok := given[key]; !ok {
			p.errorf(root.at, "%s is missing; a script has type, start and actions", key)
		}
	}
	if e, ok := given["type"]; ok {
		p.readType(e.value)
	}
	if e, ok := given["timezone"]; ok {
		p.readZone(e.value)
	}
	if e, ok := given["inputs"]; ok {
		p.readInputs(e.value)
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
	if n.shape == scalar {
		p.errorf(n.at, "type is %q; Phone is the only type of script", n.text)
		return
	}
	p.errorf(n.at, "type: %s; Phone is the only type of script", n.want("Phone"))
}

// readZone reads the time zone in which TIME, DATE and WEEKDAY are.
func (p *checker) readZone(n node) {
	if n.shape == broken {
		return
	}
	zone, err := time.LoadLocation(n.text)
	if n.shape != scalar || n.text == "" || err != nil {
		p.errorf(n.at, "timezone: %s, as in Europe/Berlin or America/New_York", n.want("the name of a time zone"))
		return
	}
	p.script.zone = zone
}

// readInputs reads the variables that another script hands over.
func (p *checker) readInputs(n node) {
	items := n.items
	if n.shape == scalar {
		items = []node{n}
	}
	if n.shape == broken {
		return
	}
	if n.shape == sequence && len(items) == 0 {
		p.errorf(n.at, "inputs is empty; leave it out, or name the variables that another script hands over")
		return
	}
	if len(items) == 0 {
		p.errorf(n.at, "inputs: %s", n.want("a list of variables that another script hands over"))
		return
	}
	for _, item := range items {
		if item.shape == broken {
			continue
		}
		if item.shape != scalar {
			p.errorf(item.at, "inputs: %s", item.want("the name of a variable"))
			continue
		}
		if err := validateSetting(item.text); err != nil {
			p.errorf(item.at, "the input %v", err)
			continue
		}
		p.script.inputs = append(p.script.inputs, item.text)
	}
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
		name := p.known(e, names, "event", "the events are "+listed(names))
		t, ok := p.readTarget(e.value, e.key)
		if ok && name != "" {
			p.script.events[EventKind(name)] = t
		}
		p.lost = p.lost || name == ""
	}
}

// readTarget reads the name of an action; whether it exists is seen when all are read.
func (p *checker) readTarget(n node, from string) (target, bool) {
	if n.shape == broken {
		return target{}, false
	}
	if n.shape == scalar && n.text == "" {
		p.errorf(n.at, "%s is empty; it is the name of an action", from)
		return target{}, false
	}
	if n.shape != scalar {
		p.errorf(n.at, "%s: %s", from, n.want("the name of an action"))
		return target{}, false
	}
	return target{n.text, n.at}, true
}

func (p *checker) readActions(n node) {
	if n.shape == broken {
		return
	}
	if n.shape == mapping && len(n.entries) == 0 {
		p.errorf(n.at, "actions is empty; a script has at least one")
		return
	}
	if n.shape != mapping {
		p.errorf(n.at, "actions: %s", n.want("a mapping of names to actions"))
		return
	}
	for _, e := range n.entries {
		if !actionName.MatchString(e.key) {
			p.errorf(e.at, "an action is called %q; a name has letters, digits, - and _ only", e.key)
		}
		a := &action{
			name: e.key, at: e.at, kindAt: e.at, caption: e.key, captionAt: e.at,
			properties: make(map[string][]value), branches: make(map[string]target),
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
	var branches node
	for _, e := range n.entries {
		name := p.known(e, append(kindNames(), "branches"), "action kind", "the kinds are "+listed(kindNames()))
		switch name {
		case "":
			a.hasKind = true // unknown, and reported
		case "branches":
			branches = e.value
		default:
			p.recordKind(a, e, findKind(name))
		}
	}
	if !a.hasKind {
		p.errorf(a.at, "%s has no kind; the kinds are %s", a.name, listed(kindNames()))
	}
	p.readBranches(a, branches)
	if a.kind != nil && a.kind.check != nil {
		a.kind.check(p, a)
	}
}

// recordKind gives an action its one kind.
func (p *checker) recordKind(a *action, e entry, k *kind) {
	if a.hasKind {
		p.errorf(e.at, "%s has a second kind, %s; an action has one", a.name, e.key)
		return
	}
	a.hasKind, a.kind, a.kindAt = true, k, e.at
	p.readProperties(a, e.value)
}

func (p *checker) readProperties(a *action, n node) {
	if n.shape != mapping && n.shape != empty && n.shape != broken {
		p.errorf(n.at, "%s: %s", a.kind.name, n.want("a mapping of properties"))
		return
	}
	written := make(map[string]bool)
	for _, e := range n.entries {
		if slices.Contains(a.kind.branchNames(), e.key) {
			p.errorf(e.at, "%s is a branch; it stands under branches, beside %s", e.key, a.kind.name)
			continue
		}
		names := a.kind.propertyNames()
		name := p.known(e, names, "property", a.kind.name+" has "+listed(names))
		if given, ok := a.kind.property(name); ok {
			written[name] = true
			p.readProperty(a, given, e)
		}
	}
	for _, wanted := range a.kind.properties {
		if wanted.required && !written[wanted.name] && n.shape != broken {
			p.errorf(a.kindAt, "%s of %s is missing: %s", wanted.name, a.name, wanted.doc)
		}
	}
}

// readCaption holds the first half of C17; the other is in checkCaptions.
func (p *checker) readCaption(a *action, given property, n node) {
	if n.shape != scalar {
		p.errorf(n.at, "%s: %s", given.name, n.want("one value"))
		return
	}
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
	if a.kind != nil && len(a.kind.branches) == 0 {
		p.errorf(n.at, "%s has no branches: the script ends there", a.kind.name)
		return
	}
	for _, e := range n.entries {
		name := p.branchName(a, e)
		if t, ok := p.readTarget(e.value, e.key); ok {
			a.branches[name] = t
		}
	}
}

// branchName gives the branch that a key names or was meant to name, and reports one that the kind
// does not have.
func (p *checker) branchName(a *action, e entry) string {
	if a.kind == nil {
		return e.key
	}
	names := a.kind.branchNames()
	if a.kind.named == nil || slices.Contains(names, e.key) || closest(e.key, names) != "" {
		return cmp.Or(p.known(e, names, "branch", a.kind.name+" has "+listed(names)), e.key)
	}
	if err := a.kind.named(a, e.key); err != nil {
		p.errorf(e.at, "branch %q of %s: %v", e.key, a.name, err)
	}
	return e.key
}

// known gives the name that a key is, or that it was probably meant to be, so that the mistakes
// behind a misspelt key are found too. It is "" for a key that is like none of the names.
func (p *checker) known(e entry, names []string, what, hint string) string {
	if slices.Contains(names, e.key) {
		return e.key
	}
	if like := asInDialplan(e.key); like != "" && what == "action kind" {
		p.errorf(e.at, "unknown %s %q%s", what, e.key, like)
		return ""
	}
	if name := closest(e.key, names); name != "" {
		p.errorf(e.at, "unknown %s %q; did you mean %s?", what, e.key, name)
		return name
	}
	p.errorf(e.at, "unknown %s %q; %s", what, e.key, hint)
	return ""
}

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}
