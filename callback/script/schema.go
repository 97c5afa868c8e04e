package script

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Schema gives the JSON Schema (draft 2020-12) of script files, by which editors complete and check
// them. It never refuses a script that [Parse] passes. It passes scripts that Parse refuses, for it
// sees the form of a file and not where its branches lead.
func Schema() []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(fileSchema()) // texts, numbers and maps can always be written
	return out.Bytes()
}

// types are those of JSON, of which a value has one.
type types []string

// MarshalJSON writes one type as it is mostly written.
func (t types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// schema is as much of JSON Schema as scripts need.
type schema struct {
	Dialect     string `json:"$schema,omitempty"`
	Ref         string `json:"$ref,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Default     any    `json:"default,omitempty"`
	Complaint   string `json:"errorMessage,omitempty"` // no part of the standard; editors show it

	Type  types    `json:"type,omitempty"`
	Const string   `json:"const,omitempty"`
	Enum  []string `json:"enum,omitempty"`

	Minimum   *int   `json:"minimum,omitempty"`
	Maximum   *int   `json:"maximum,omitempty"`
	MinLength int    `json:"minLength,omitempty"`
	Pattern   string `json:"pattern,omitempty"`

	Items    *schema `json:"items,omitempty"`
	MinItems int     `json:"minItems,omitempty"`

	Properties    map[string]*schema `json:"properties,omitempty"`
	Patterns      map[string]*schema `json:"patternProperties,omitempty"`
	Others        *bool              `json:"additionalProperties,omitempty"`
	Names         *schema            `json:"propertyNames,omitempty"`
	Required      []string           `json:"required,omitempty"`
	MinProperties int                `json:"minProperties,omitempty"`

	AllOf []*schema `json:"allOf,omitempty"`
	AnyOf []*schema `json:"anyOf,omitempty"`
	OneOf []*schema `json:"oneOf,omitempty"`
	Not   *schema   `json:"not,omitempty"`
	If    *schema   `json:"if,omitempty"`
	Then  *schema   `json:"then,omitempty"`

	Definitions map[string]*schema `json:"$defs,omitempty"`
}

// What stands in a file is a text to a script, whatever YAML takes it for: 5551234, true.
var scalars = types{"string", "number", "boolean"}

// Patterns of texts with variables in braces. Those that begin with another pattern take what is fixed,
// or any text with a variable.
const (
	plain       = `[^{}\x00-\x1f\x7f]`
	anyText     = `^` + plain + `*(\{` + plain + `+\}` + plain + `*)*$`
	orVariables = `|^` + plain + `*(\{` + plain + `+\}` + plain + `*)+$`
)

func fileSchema() *schema {
	return &schema{
		Dialect:     "https://json-schema.org/draft/2020-12/schema",
		Title:       "A script of callbackd",
		Description: "How calls are handled.",
		Type:        types{"object"},
		Properties: map[string]*schema{
			"type":     {Description: meaning(fileKeys, "type"), Const: "Phone"},
			"start":    targetSchema(meaning(fileKeys, "start")),
			"timezone": {Description: meaning(fileKeys, "timezone"), Type: types{"string"}, MinLength: 1},
			"inputs": {Description: meaning(fileKeys, "inputs"), AnyOf: []*schema{
				refer("variable"), {Type: types{"array"}, MinItems: 1, Items: refer("variable")},
			}},
			"events":  eventsSchema(),
			"actions": actionsSchema(),
		},
		Required: []string{"type", "start", "actions"},
		Others:   new(bool),
		Definitions: map[string]*schema{
			"action":   actionSchema(),
			"variable": variableSchema(),
			"target":   {Type: scalars, Pattern: actionName.String(), Complaint: "an action is named by letters, digits, - and _"},
			"prompt": {AnyOf: []*schema{
				refer("item"), {Type: types{"array"}, MinItems: 1, Items: refer("item")},
			}},
			"item": {AnyOf: []*schema{property{name: "an item of a prompt", kind: sound}.schema(), spokenSchema()}},
		},
	}
}

func refer(name string) *schema { return &schema{Ref: "#/$defs/" + name} }

// targetSchema is the name of an action to which something leads.
func targetSchema(doc string) *schema {
	s := refer("target")
	s.Description = doc
	return s
}

func eventsSchema() *schema {
	events := &schema{
		Description: meaning(fileKeys, "events"),
		Type:        types{"object", "null"},
		Properties:  make(map[string]*schema),
		Others:      new(bool),
	}
	for _, e := range eventWords {
		events.Properties[e.name] = targetSchema(e.doc)
	}
	return events
}

func actionsSchema() *schema {
	return &schema{
		Description:   meaning(fileKeys, "actions"),
		Type:          types{"object"},
		MinProperties: 1,
		Patterns:      map[string]*schema{actionName.String(): refer("action")},
		Others:        new(bool),
	}
}

// actionSchema is an action of one kind, with the branches of that kind.
func actionSchema() *schema {
	a := &schema{
		Type:       types{"object"},
		Properties: map[string]*schema{"branches": {Description: branchesDoc}},
		Others:     new(bool),
	}
	for _, k := range kinds {
		one := &schema{Required: []string{k.name}}
		a.Properties[k.name] = k.schema()
		a.OneOf = append(a.OneOf, one)
		a.AllOf = append(a.AllOf, &schema{
			If:   one,
			Then: &schema{Properties: map[string]*schema{"branches": k.branchesSchema()}},
		})
	}
	return a
}

// schema is what stands behind the kind's name.
func (k *kind) schema() *schema {
	s := &schema{
		Title:       k.name,
		Description: k.doc,
		Type:        types{"object"},
		Properties:  make(map[string]*schema),
		Others:      new(bool),
	}
	for _, p := range k.properties {
		s.Properties[p.name] = p.schema()
		if p.required {
			s.Required = append(s.Required, p.name)
		}
	}
	if len(s.Required) == 0 {
		s.Type = types{"object", "null"}
	}
	return s
}

func (k *kind) branchesSchema() *schema {
	if len(k.branches) == 0 {
		return &schema{Description: k.name + " has no branches: the script ends there.", Type: types{"null"}}
	}
	s := &schema{
		Title:      "branches of " + k.name,
		Type:       types{"object", "null"},
		Properties: make(map[string]*schema),
		Others:     new(bool),
	}
	for _, b := range k.branches {
		s.Properties[b.name] = targetSchema(k.meaning(b))
	}
	if own, ok := ownBranches[k.name]; ok {
		s.Patterns = map[string]*schema{own.pattern: targetSchema(own.doc)}
	}
	return s
}

// schema is what may stand behind the property's name.
func (p property) schema() *schema {
	s := p.form()
	s.Description, s.Complaint = p.doc, p.complaint()
	if p.fallback == "" {
		return s
	}
	s.Default = p.fallback
	if n, err := strconv.Atoi(p.fallback); err == nil && p.kind == whole {
		s.Default = n
	}
	if p.kind == yesNo {
		s.Default = p.fallback == "true"
	}
	return s
}

// complaint says what belongs there, where the form alone is hard to read.
func (p property) complaint() string {
	switch p.kind {
	case prompt, when, entries, setting:
		return ""
	case caption:
		return p.name + ": a fixed phrase, without variables"
	case text:
		return p.name + ": one line of text; a variable is written {ANI}"
	case webURL:
		return p.name + ": an https:// or http:// URL; variables stand behind the server's name only"
	}
	return p.name + ": " + unmarked.Replace(p.inWords()) + ", or a {VARIABLE}"
}

// form is what the property's values look like.
func (p property) form() *schema {
	switch p.kind {
	case caption:
		return &schema{Type: scalars, Pattern: `^` + plain + `+$`}
	case whole:
		return p.between(&schema{Type: types{"integer", "string"}, Pattern: `^[+-]?[0-9]+$` + orVariables})
	case duration:
		return p.between(&schema{
			Type: types{"integer", "string"}, MinLength: 1, Pattern: timeParts.String() + `|^[0-9]+$` + orVariables,
		})
	case yesNo:
		return &schema{Type: types{"boolean", "string"}, Pattern: `^(true|false)$` + orVariables}
	case choice:
		return &schema{AnyOf: []*schema{
			{Enum: p.choices},
			{Type: types{"string"}, Pattern: strings.TrimPrefix(orVariables, "|")},
		}}
	case sound:
		misnamed := `^[^{}]*(\.\.[^{}]*$|` + soundFormats.String() + `)`
		return &schema{
			Type:    scalars,
			Pattern: soundName.String() + orVariables,
			Not:     &schema{Type: types{"string"}, Pattern: misnamed},
		}
	case prompt:
		return refer("prompt")
	case keys:
		return property{max: unbounded}.between(&schema{Type: types{"string", "number"}, Pattern: phoneKeys.String() + orVariables})
	case key:
		return property{max: 9}.between(&schema{Type: types{"string", "integer"}, Pattern: `^[0-9*#A-D]$` + orVariables})
	case webURL:
		return &schema{Type: types{"string"}, Pattern: `^https?://[^{}@/?#]+([/?#](` + plain + `|\{` + plain + `+\})*)?$`}
	case setting:
		return refer("variable")
	case when:
		return &schema{Type: types{"string"}, MinLength: 1, Pattern: anyText}
	case entries:
		return p.keys.schema()
	}
	s := &schema{Type: scalars, Pattern: anyText}
	if p.required && !p.blank {
		s.MinLength = 1
	}
	return s
}

// between adds the bounds of the property, where it has them.
func (p property) between(s *schema) *schema {
	s.Minimum = &p.min
	if p.max < unbounded {
		s.Maximum = &p.max
	}
	return s
}

// variableSchema is the name of a variable that a script may set.
func variableSchema() *schema {
	taken := make([]string, len(variables))
	for i, v := range variables {
		taken[i] = v.name
	}
	return &schema{
		Type:      types{"string", "boolean"},
		Pattern:   settingName.String(),
		Not:       &schema{Enum: taken},
		Complaint: "a variable is named by a letter and then letters, digits and _, 40 at most",
	}
}

// schema is names with a text for each.
func (k entryKey) schema() *schema {
	text := &schema{Type: append(types{"null"}, scalars...), Pattern: anyText}
	s := &schema{Type: types{"object"}, MinProperties: 1, Others: new(bool)}
	switch k {
	case settings:
		s.Names = refer("variable")
		s.Patterns = map[string]*schema{settingName.String(): text}
	case pathsOf:
		s.Names = refer("variable")
		s.Patterns = map[string]*schema{settingName.String(): {
			Type:      scalars,
			Pattern:   valuePath.String(),
			Not:       &schema{Type: types{"string"}, Pattern: `[{}]`},
			Complaint: "a path in the answer, as in customer.name or items.0.id",
		}}
	case headerNames:
		s.Patterns = map[string]*schema{headerName.String(): text}
	case freeNames:
		s.Patterns = map[string]*schema{`^[^\x00-\x1f\x7f]+$`: text}
	}
	return s
}

// spokenSchema is an item of a prompt that stands behind a word of its own.
func spokenSchema() *schema {
	s := &schema{
		Type: types{"object"},
		Properties: map[string]*schema{
			"says": {Description: saysDoc, Type: scalars, MinLength: 1},
		},
		Others: new(bool),
		If:     &schema{Required: []string{"says"}},
		Then: &schema{
			Required: []string{string(itemRecording)},
			Properties: map[string]*schema{string(itemRecording): {
				Pattern: `^[^{}]*$`, Complaint: "says gives the words of a recording with a fixed name",
			}},
		},
	}
	for _, item := range itemWords {
		p := promptItem(item.name).property()
		p.doc = item.doc
		s.Properties[p.name] = p.schema()
		s.OneOf = append(s.OneOf, &schema{Required: []string{p.name}})
	}
	return s
}
