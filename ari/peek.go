package ari

import (
	"bytes"
	"encoding/json"
)

// peek returns the type of an event without decoding the rest. Asterisk writes it first or after a few
// short fields, so little of the event is read. "" means that there is none.
func peek(event []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(event))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return ""
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return ""
		}
		if name == "type" {
			kind, _ := decoder.Token() // what is no string is no type either
			text, _ := kind.(string)
			return text
		}
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return ""
		}
	}
	return ""
}
