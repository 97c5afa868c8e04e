package script

import (
	"fmt"
	"strings"
)

// ScriptsOfKinds gives a script around the example of each kind, by the kind's name.
func ScriptsOfKinds() map[string][]byte {
	scripts := make(map[string][]byte)
	for _, k := range kinds {
		scripts[k.name] = exampleScript(k)
	}
	return scripts
}

// ScriptsWith gives a script for each property of each kind, by their names, in which the property has
// that value, as it is written in a file, and what else is required is right.
func ScriptsWith(value string) map[string][]byte {
	scripts := make(map[string][]byte)
	for _, k := range kinds {
		for _, given := range k.properties {
			scripts[given.name+" of "+k.name] = scriptWith(k, given, value)
		}
	}
	return scripts
}

func scriptWith(k *kind, given property, value string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "type: Phone\nstart: a\nactions:\n  a:\n    %s:\n      %s: %s\n", k.name, given.name, value)
	for _, p := range k.properties {
		right := map[propertyKind]string{
			text: "a", prompt: "beep", whole: "1", keys: `"12"`, duration: "1h", webURL: "https://crm.example.com/",
			when: `"{TIME} < 12:00"`, entries: "{x: y}",
		}[p.kind]
		wanted := p.required
		switch {
		case p.name == "PriorityManagement":
			right, wanted = "Custom", true
		case p.name == "PhoneNumber":
			right = "5551234"
		case k.name == "Case":
			right = `"{ANI}"`
		case k.name == "UpdateContact": // one of them has to be there
			wanted = p.name == "MaxPriority"
		}
		if p.name != given.name && wanted {
			fmt.Fprintf(&b, "      %s: %s\n", p.name, right)
		}
	}
	branch := "Default"
	switch k.name {
	case "Hangup":
		return []byte(b.String())
	case "Loop", "Case":
		branch = "Again" // of a Case it is a value
	case "Runscript":
		branch = branchOnError
	}
	fmt.Fprintf(&b, "    branches: {%s: z}\n  z: {Hangup: {}}\n", branch)
	return []byte(b.String())
}
