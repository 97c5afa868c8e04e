package asteriskconf

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Values are the settings of one site: template section of site.conf, without
// brackets ("site-http"), to its keys and values.
type Values map[string]map[string]string

// Site returns the shipped site.conf with the given values put in place of the
// sample's. A section that the sample does not have is an error, since no file
// would read it. Keys are written as "key = value", which Asterisk takes for
// "key => value" too.
func Site(values Values) (string, error) {
	sample, err := Files.ReadFile("site.conf")
	if err != nil {
		return "", fmt.Errorf("reading the sample site.conf: %w", err)
	}
	var out strings.Builder
	done := make(map[string]bool)
	section := ""
	for line := range strings.Lines(string(sample)) {
		if name, ok := templateName(line); ok {
			section = name
			done[section] = true
			out.WriteString(line)
			writeSorted(&out, values[section])
			continue
		}
		if _, replaced := values[section][keyOf(line)]; replaced {
			continue
		}
		out.WriteString(line)
	}
	for section := range values {
		if !done[section] {
			return "", fmt.Errorf("site.conf has no section [%s](!)", section)
		}
	}
	return out.String(), nil
}

// templateName returns NAME of a line "[NAME](!)".
func templateName(line string) (string, bool) {
	name, found := strings.CutSuffix(strings.TrimSpace(line), "](!)")
	if !found {
		return "", false
	}
	return strings.CutPrefix(name, "[")
}

// keyOf returns what stands before "=" or "=>", "" for a comment or anything
// else.
func keyOf(line string) string {
	key, _, found := strings.Cut(line, "=")
	if !found || strings.HasPrefix(line, ";") {
		return ""
	}
	return strings.TrimSpace(key)
}

func writeSorted(out *strings.Builder, values map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(out, "%s = %s\n", key, values[key])
	}
}
