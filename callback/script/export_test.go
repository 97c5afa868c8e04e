package script

// ScriptsOfKinds gives a script around the example of each kind, by the kind's name.
func ScriptsOfKinds() map[string][]byte {
	scripts := make(map[string][]byte)
	for _, k := range kinds {
		scripts[k.name] = exampleScript(k)
	}
	return scripts
}
