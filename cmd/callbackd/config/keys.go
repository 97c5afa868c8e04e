package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// EnvPrefix begins the name of every environment variable that callbackd reads.
const EnvPrefix = "CALLBACKD_"

// Key is one setting.
type Key struct {
	Name    string // as in the file, "ari.url"
	Default string // "": none
	Usage   string // one line
	Secret  bool   // never printed and not taken from a flag, which every user of the machine can read
	List    bool   // several values: a list in the file, separated by commas elsewhere
	path    bool   // a file's path; in the configuration file it is relative to that file
	check   func(value string) error
}

// Env is the key's environment variable, "CALLBACKD_ARI_URL".
func (k Key) Env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Flag is the key's flag without its dashes, "ari-url"; "" where the key has none.
func (k Key) Flag() string {
	if k.Secret {
		return ""
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(k.Name)
}

// Keys returns every key but the skills', in the order in which an administrator meets them.
func Keys() []Key { return slices.Clone(keys) }

var keys = []Key{
	{Name: "database.url", Usage: "the Postgres database, as postgres://user:password@host/database?sslmode=verify-full", check: checkDatabaseURL},
	{Name: "ari.url", Default: "http://127.0.0.1:8088/ari", Usage: "Asterisk's REST interface", check: checkARIURL},
	{Name: "ari.user", Default: "callbackd", Usage: "the user in Asterisk's ari.conf", check: checkText},
	{Name: "ari.password", Usage: "that user's password; by file or environment only", Secret: true, check: checkText},
	{Name: "ari.application", Default: "callback", Usage: "the name that the dialplan's Stasis() calls", check: checkWord},
	{Name: "ari.ca_file", Usage: "the certificate authority of an https:// ari.url, as a PEM file; the system's by default", path: true, check: checkText},
	{Name: "node.name", Usage: "this Asterisk's name in the database; the host and port of ari.url by default", check: checkText},
	{Name: "node.ports", Usage: "how many channels here contacts and their agents may use, 3 or more; calls that would leave fewer than two go back to the dialplan; no limit by default", check: checkPorts},
	{Name: "http.listen", Default: "127.0.0.1:9117", Usage: "where /healthz, /readyz and /metrics are served", check: checkListen},
	{Name: "log.level", Default: "info", Usage: "debug, info, warn or error", check: oneOf("debug", "info", "warn", "error")},
	{Name: "log.format", Default: "text", Usage: "text or json", check: oneOf("text", "json")},
	{Name: "dial.contact", Default: "PJSIP/{NUMBER}@trunk", Usage: "what Asterisk dials for a contact; {NUMBER} is the contact's", check: checkDial("{NUMBER}")},
	{Name: "dial.agent", Default: "PJSIP/{EXTENSION}", Usage: "what Asterisk dials for an agent without an endpoint of its own; {EXTENSION} is the agent's", check: checkDial("{EXTENSION}")},
	{Name: "scripts", Usage: "the script files; the example that is built in by default", List: true, path: true, check: checkText},
}

// AddFlags gives flags every key that can be set by one, and --config.
func AddFlags(flags *pflag.FlagSet) {
	flags.String("config", "", "the configuration `file`; "+DefaultFile+" by default, where it exists")
	for _, key := range keys {
		switch {
		case key.Flag() == "":
		case key.List:
			flags.StringSlice(key.Flag(), nil, key.Usage)
		default:
			flags.String(key.Flag(), key.Default, key.Usage)
		}
	}
}

func checkText(value string) error {
	if strings.TrimSpace(value) != value {
		return fmt.Errorf("%q begins or ends with a space", value)
	}
	return nil
}

func checkWord(value string) error {
	isWord := func(r rune) bool {
		return r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if strings.ContainsFunc(value, func(r rune) bool { return !isWord(r) }) {
		return fmt.Errorf("%q is not one word of letters, digits, - and _", value)
	}
	return nil
}

func checkDatabaseURL(value string) error {
	// The URL may hold a password, so it is never repeated in a message.
	const want = "want postgres://user:password@host/database"
	parsed, err := url.Parse(value)
	if err != nil {
		return errors.New("is not a URL; " + want)
	}
	if parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" {
		return errors.New("does not begin with postgres://; " + want)
	}
	if strings.Trim(parsed.Path, "/") == "" {
		return errors.New("names no database; " + want)
	}
	return nil
}

func checkARIURL(value string) error {
	const want = "want http://host:8088/ari"
	parsed, err := url.Parse(value)
	if err != nil {
		return errors.New("is not a URL; " + want)
	}
	switch {
	case parsed.Scheme != "http" && parsed.Scheme != "https":
		return fmt.Errorf("%q does not begin with http:// or https://; %s", parsed.Redacted(), want)
	case parsed.Host == "":
		return fmt.Errorf("%q names no host; %s", parsed.Redacted(), want)
	case parsed.User != nil:
		return errors.New("holds a user or password; they belong in ari.user and ari.password")
	case !strings.HasSuffix(strings.TrimSuffix(parsed.Path, "/"), "/ari"):
		return fmt.Errorf("%q does not end with /ari; %s", value, want)
	}
	return nil
}

func checkListen(value string) error {
	if _, _, err := net.SplitHostPort(value); err != nil {
		return fmt.Errorf("%q is not an address and a port, as in 127.0.0.1:9117", value)
	}
	if _, err := net.ResolveTCPAddr("tcp", value); err != nil {
		return fmt.Errorf("%q can't be listened on: %w", value, err)
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(words, value) {
			return nil
		}
		return fmt.Errorf("%q is not one of %s", value, strings.Join(words, ", "))
	}
}

func checkPorts(value string) error {
	ports, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("%q is not a whole number", value)
	}
	if ports < 3 {
		return fmt.Errorf("%d is fewer than 3, of which one is for a caller and two are kept for an agent and a callback", ports)
	}
	return nil
}

func checkDial(variable string) func(string) error {
	return func(value string) error {
		technology, rest, found := strings.Cut(value, "/")
		switch {
		case !found || technology == "" || rest == "":
			return fmt.Errorf("%q does not name what to dial, as in PJSIP/%s", value, variable)
		case strings.Count(value, variable) != 1:
			return fmt.Errorf("%q must hold %s once", value, variable)
		case strings.ContainsAny(strings.ReplaceAll(value, variable, ""), "{}&, "):
			return fmt.Errorf("%q holds a brace, a space, a comma or an & beside %s", value, variable)
		}
		return nil
	}
}
