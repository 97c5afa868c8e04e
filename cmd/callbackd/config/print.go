package config

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/callbackd/callbackd/callback/setting"
)

// masked stands for a password.
const masked = "********"

// Effective gives the configuration as it holds: the keys' names, as in the file, to their values,
// with passwords masked; skills by name under "skills".
func (c Config) Effective() map[string]any {
	values := map[string]any{
		"database.url": maskURL(c.DatabaseURL), "ari.url": c.ARIURL, "ari.user": c.ARIUser,
		"ari.password": maskPassword(c.ARIPassword), "ari.application": c.ARIApplication,
		"ari.ca_file": c.ARICAFile, "node.name": c.NodeName, "node.ports": ports(c.NodePorts), "http.listen": c.HTTPListen,
		"log.level": c.LogLevel, "log.format": c.LogFormat,
		"dial.contact": c.DialContact, "dial.agent": c.DialAgent, "scripts": c.Scripts,
	}
	skills := make(map[string]map[string]string)
	for name, skill := range c.Skills {
		skills[name] = make(map[string]string)
		for _, known := range setting.All() {
			skills[name][known.Name] = known.Get(skill)
		}
	}
	values["skills"] = skills
	return values
}

// ports is the limit as the file has it; "" where there is none.
func ports(limit int) string {
	if limit == 0 {
		return ""
	}
	return strconv.Itoa(limit)
}

// Print writes the configuration as it holds, in the form of a configuration file. A key without a
// value, or with a password that is masked, is a comment.
func (c Config) Print(w io.Writer) error {
	var out strings.Builder
	values := c.Effective()
	section := ""
	for _, key := range keys {
		first, rest, found := strings.Cut(key.Name, ".")
		if !found {
			fmt.Fprintf(&out, "%s: [%s]\n", key.Name, strings.Join(quoteAll(c.Scripts), ", "))
			continue
		}
		if first != section {
			section = first
			fmt.Fprintf(&out, "%s:\n", section)
		}
		value, _ := values[key.Name].(string)
		switch {
		case value == "":
			fmt.Fprintf(&out, "  # %s: not set\n", rest)
		case strings.Contains(value, masked): // must not be read as a password
			fmt.Fprintf(&out, "  # %s: %s\n", rest, setting.Quote(value))
		default:
			fmt.Fprintf(&out, "  %s: %s\n", rest, setting.Quote(value))
		}
	}
	out.WriteString("skills:\n")
	for _, name := range slices.Sorted(maps.Keys(c.Skills)) {
		fmt.Fprintf(&out, "  %s:\n", name)
		for _, known := range setting.All() {
			fmt.Fprintf(&out, "    %s: %s\n", known.Name, known.Get(c.Skills[name]))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func quoteAll(texts []string) []string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = setting.Quote(text)
	}
	return quoted
}

func maskPassword(password string) string {
	if password == "" {
		return ""
	}
	return masked
}

// maskURL hides the password of a database URL, which may stand before the host or as a parameter.
func maskURL(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return masked
	}
	if _, set := parsed.User.Password(); set {
		parsed.User = url.UserPassword(parsed.User.Username(), masked)
	}
	query := parsed.Query()
	if query.Has("password") {
		query.Set("password", masked)
		parsed.RawQuery = query.Encode()
	}
	return strings.ReplaceAll(parsed.String(), url.QueryEscape(masked), masked)
}
