package script

import (
	"strings"
)

// summary says what an action does in a few words of the script.
func (a *action) summary() string {
	switch a.kind.name {
	case "If":
		return a.when
	case "Assign":
		return strings.Join(a.keys("Set"), ", ")
	case "Loop":
		return strings.Join(a.texts("Times"), "") + " times"
	case "Music":
		return a.musicSummary()
	case "UpdateContact":
		return a.changes()
	}
	for _, name := range []string{"Skill", "For", "Value", "Script", "Text", "URL", "PhoneNumber", "Sounds", "Prompt"} {
		if texts := a.texts(name); len(texts) > 0 {
			return strings.Join(texts, ", ")
		}
	}
	return ""
}

func (a *action) musicSummary() string {
	what := "default"
	for _, name := range []string{"Class", "File"} {
		if texts := a.texts(name); len(texts) > 0 {
			what = texts[0]
		}
	}
	if seconds := a.texts("Seconds"); len(seconds) > 0 {
		return what + ", " + seconds[0] + " s"
	}
	return what
}

// changes are the settings of a contact's priority that are given.
func (a *action) changes() string {
	var changes []string
	for _, name := range custom {
		if texts := a.texts(name); len(texts) > 0 {
			changes = append(changes, name+" "+texts[0])
		}
	}
	return strings.Join(changes, ", ")
}

// texts are a property's values as they are written.
func (a *action) texts(name string) []string {
	var texts []string
	for _, v := range a.properties[name] {
		texts = append(texts, v.String())
	}
	return texts
}

// keys are the names of entries.
func (a *action) keys(name string) []string {
	var keys []string
	for _, v := range a.properties[name] {
		keys = append(keys, v.key)
	}
	return keys
}

// String gives the text as it is written.
func (t template) String() string {
	var text strings.Builder
	for _, p := range t.parts {
		if p.variable {
			text.WriteString("{" + p.text + "}")
			continue
		}
		text.WriteString(p.text)
	}
	return text.String()
}
