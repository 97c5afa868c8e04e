package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/callbackd/callbackd/callback/number"
	"github.com/callbackd/callbackd/callback/script/condition"
)

// promptItem says what a prompt does with a value.
type promptItem string

// The items of a prompt.
const (
	itemSound     promptItem = ""          // plays a sound
	itemRecording promptItem = "recording" // plays a sound, of which the script holds the words
	itemNumber    promptItem = "number"    // says a number
	itemDigits    promptItem = "digits"    // says digits one by one
	itemWait      promptItem = "wait"      // says seconds as "less than five minutes"
)

// promptItems are the items that stand behind a word of their own.
var promptItems = []string{string(itemNumber), string(itemDigits), string(itemWait), string(itemRecording)}

// readProperty reads what stands behind a property's name.
func (p *checker) readProperty(a *action, given property, e entry) {
	n := e.value
	if n.shape == broken {
		return
	}
	if n.shape == empty {
		p.errorf(n.at, "%s is empty; leave it out or give it a value", given.name)
		return
	}
	switch given.kind {
	case caption:
		p.readCaption(a, given, n)
	case prompt:
		a.properties[given.name] = p.readPrompt(given, n)
	case entries:
		a.properties[given.name] = p.readEntries(given, n)
	case when:
		p.readCondition(a, given, n)
	default:
		p.readSingle(a, given, n)
	}
	if len(a.properties[given.name]) == 0 {
		delete(a.properties, given.name)
	}
}

// readSingle reads a property of one value.
func (p *checker) readSingle(a *action, given property, n node) {
	if n.shape != scalar {
		p.errorf(n.at, "%s: %s%s", given.name, n.want("one value"), n.unquoted())
		return
	}
	if v, ok := p.readText(given, n); ok {
		a.properties[given.name] = []value{v}
	}
}

// readText reads a text with its variables and holds it against the property where it is fixed.
func (p *checker) readText(given property, n node) (value, bool) {
	t, err := parseTemplate(n.text, n.at)
	if err != nil {
		p.errorf(n.at, "%s: %v", given.name, err)
		return value{}, false
	}
	fixed, ok := t.fixed()
	if given.kind == setting && !ok {
		p.errorf(n.at, "%s is %q; it is the fixed name of a variable, without braces", given.name, n.text)
		return value{}, false
	}
	if given.kind == webURL && !t.fixedHost() {
		p.errorf(n.at, "%s is %q; it begins with https:// and the name of a server, and variables stand behind that only", given.name, n.text)
		return value{}, false
	}
	if !ok && t.hasControl() {
		p.errorf(n.at, "%s is %q; it is one line without control characters", given.name, n.text)
		return value{}, false
	}
	if ok {
		if err := given.validate(fixed); err != nil {
			p.errorf(n.at, "%s %v", given.name, err)
		}
	}
	if ok {
		p.checkFixed(given, fixed, n.at)
	} else {
		p.checkNumber(given, t)
	}
	return value{template: t}, true
}

// checkNumber finds what is no part of a phone number beside a variable.
func (p *checker) checkNumber(given property, t template) {
	if given.name != "PhoneNumber" && given.name != "CallerID" {
		return
	}
	for _, part := range t.parts {
		if !part.variable && strings.ContainsAny(part.text, "/@&,<>;") {
			p.errorf(t.at, "%s is %q; it is a number alone, without technology, trunk or name", given.name, t)
			return
		}
	}
}

// checkFixed finds what is no mistake of form and yet can never work.
func (p *checker) checkFixed(given property, text string, at position) {
	switch given.name {
	case "PhoneNumber", "CallerID":
		if _, err := number.Parse(text, ""); err != nil {
			p.errorf(at, "%s is %q, which can't be dialled: %v%s", given.name, text, err, asVariable(text))
		}
	case "TargetAgent":
		if strings.ContainsAny(text, "/@ ") {
			p.errorf(at, "TargetAgent is %q; it is an agent's extension, as in 1001", text)
		}
	}
}

// asVariable suggests the variable that a text was probably meant to be.
func asVariable(text string) string {
	if _, ok := findVariable(text); ok || settingName.MatchString(text) {
		return fmt.Sprintf("; if %s is a variable, write {%s}", text, text)
	}
	return ""
}

// readPrompt reads one item or a list of them.
func (p *checker) readPrompt(given property, n node) []value {
	items := []node{n}
	if n.shape == sequence {
		items = n.items
	}
	if len(items) == 0 {
		p.errorf(n.at, "%s is an empty list; name a sound, as in [callbackd/offer]", given.name)
		return nil
	}
	var values []value
	for _, item := range items {
		if v, ok := p.readItem(given, item); ok {
			values = append(values, v)
		}
	}
	return values
}

func (p *checker) readItem(given property, n node) (value, bool) {
	switch n.shape {
	case broken:
		return value{}, false
	case scalar:
		return p.readText(given, n)
	case mapping:
		return p.readSpoken(given, n)
	}
	p.errorf(n.at, "%s: %s", given.name, n.want("a sound"))
	return value{}, false
}

// readSpoken reads an item that stands behind a word: {number: "{POSITION}"}.
func (p *checker) readSpoken(given property, n node) (value, bool) {
	known := append(slices.Clone(promptItems), "says")
	found := make(map[string]entry)
	for _, e := range n.entries {
		if name := p.known(e, known, "item", "a prompt has sounds and "+listed(promptItems)); name != "" {
			found[name] = e
		}
	}
	says, hasWords := found["says"]
	delete(found, "says")
	if len(found) != 1 {
		if len(n.entries) == 0 || len(found) > 1 || hasWords {
			p.errorf(n.at, "%s: an item is one of %s; says goes with recording", given.name, orList(promptItems))
		}
		return value{}, false
	}
	for name, e := range found {
		if e.value.shape != scalar {
			p.errorf(e.value.at, "%s: %s%s", name, e.value.want("one value"), e.value.unquoted())
			return value{}, false
		}
		return p.readItemText(promptItem(name), e.value, says, hasWords)
	}
	return value{}, false
}

// readItemText reads the text of an item, and the words of a recording.
func (p *checker) readItemText(item promptItem, n node, says entry, hasWords bool) (value, bool) {
	v, ok := p.readText(item.property(), n)
	if !ok {
		return v, false
	}
	v.item = item
	if !hasWords {
		return v, true
	}
	if _, fixed := v.fixed(); item != itemRecording || !fixed {
		p.errorf(says.at, "says gives the words of a recording with a fixed name")
		return v, true
	}
	if says.value.shape != scalar || says.value.text == "" {
		p.errorf(says.value.at, "says: %s", says.value.want("what is to be spoken"))
		return v, true
	}
	if strings.ContainsAny(says.value.text, "{}") {
		p.errorf(says.value.at, "says is %q; what is recorded is the same for every contact, so it has no variables: put a number or digits beside it", says.value.text)
	}
	v.says = says.value.text
	return v, true
}

// property is what an item's text has to be.
func (i promptItem) property() property {
	switch i {
	case itemNumber:
		return property{name: string(i), kind: whole, min: -unbounded, max: unbounded - 1}
	case itemWait:
		return property{name: string(i), kind: whole, max: unbounded}
	case itemDigits:
		return property{name: string(i), kind: text, required: true}
	}
	return property{name: string(i), kind: sound}
}

// readEntries reads names with a text for each.
func (p *checker) readEntries(given property, n node) []value {
	if n.shape != mapping {
		p.errorf(n.at, "%s: %s", given.name, n.want("a mapping of names to texts"))
		return nil
	}
	if len(n.entries) == 0 {
		p.errorf(n.at, "%s is empty; it has names with a text for each", given.name)
		return nil
	}
	var values []value
	for _, e := range n.entries {
		if err := given.keys.validate(e.key); err != nil {
			p.errorf(e.at, "a name in %s %v", given.name, err)
			continue
		}
		if v, ok := p.readEntry(given, e); ok {
			v.key, v.keyAt = e.key, e.at
			values = append(values, v)
		}
	}
	return values
}

func (p *checker) readEntry(given property, e entry) (value, bool) {
	n := e.value
	switch {
	case n.shape == broken:
		return value{}, false
	case n.shape == empty:
		n.text = "" // a variable is emptied, or a member of a body is
	case n.shape != scalar:
		p.errorf(n.at, "%s of %s: %s%s", e.key, given.name, n.want("a text"), n.unquoted())
		return value{}, false
	}
	v, ok := p.readText(property{name: e.key, kind: text}, n)
	if !ok || given.keys != pathsOf {
		return v, ok
	}
	path, fixed := v.fixed()
	if !fixed || !valuePath.MatchString(path) || strings.HasPrefix(path, "$") || strings.HasPrefix(path, "/") {
		p.errorf(n.at, "%s is %q; it is a path in the answer, as in customer.name or items.0.id", e.key, n.text)
		return value{}, false
	}
	return v, true
}

func (k entryKey) validate(name string) error {
	switch k {
	case settings, pathsOf:
		return validateSetting(name)
	case headerNames:
		if !headerName.MatchString(name) {
			return errors.New("is no name of an HTTP header")
		}
	case freeNames:
		if name == "" || control.MatchString(name) {
			return errors.New("is empty or has control characters")
		}
	}
	return nil
}

// readCondition reads the condition of an If.
func (p *checker) readCondition(a *action, given property, n node) {
	if n.shape != scalar {
		p.errorf(n.at, "%s: %s", given.name, n.want("a condition in quotes, as in \"{EWT} > 300\""))
		return
	}
	parsed, err := condition.Parse(n.text)
	if err != nil {
		p.errorf(n.at, "%s: %v", given.name, err)
		return
	}
	a.condition, a.when = parsed, n.text
	v := value{template: template{at: n.at}}
	for _, read := range parsed.Variables() {
		v.parts = append(v.parts, part{text: read.Name, variable: true})
	}
	a.properties[given.name] = []value{v}
}
