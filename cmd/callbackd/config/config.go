package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/callbackd/callbackd/callback"
)

// DefaultSkillName is the skill that exists where the file configures none; the example script uses it.
const DefaultSkillName = "support"

// DefaultFile is read where no other file is named, if it exists.
const DefaultFile = "/etc/callbackd/callbackd.yaml"

// Config is what the administrator has set, checked and with its defaults.
type Config struct {
	File           string // the file that was read; "" for none
	DatabaseURL    string // "" where none is set: see NeedDatabase
	ARIURL         string // without a slash at its end
	ARIUser        string
	ARIPassword    string
	ARIApplication string
	ARICAFile      string // "": the system's certificate authorities
	NodeName       string
	NodePorts      int // channels; 0: no limit
	HTTPListen     string
	LogLevel       string // debug, info, warn or error
	LogFormat      string // text or json
	DialContact    string // with {NUMBER} once
	DialAgent      string // with {EXTENSION} once
	Scripts        []string
	Skills         map[string]callback.Skill // by name; never empty

	lines map[string]int // in File, of what is set there
}

// Where gives the place at which the file sets a key, as in skills.support.whisper: FILE:LINE; "" where it
// does not.
func (c Config) Where(key string) string {
	line, set := c.lines[key]
	if !set {
		return ""
	}
	return fmt.Sprintf("%s:%d", c.File, line)
}

// notKeys are variables of ours that are no keys: the configuration file's own name, and where the
// lab keeps its downloads.
var notKeys = []string{EnvPrefix + "CONFIG", EnvPrefix + "LAB_CACHE"}

// serviceLinks are variables that a container platform sets by itself for a service that is named
// callbackd.
var serviceLinks = regexp.MustCompile(`^CALLBACKD_(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_(TCP|UDP)\w*)$`)

// Load reads the file that --config or CALLBACKD_CONFIG names, the environment, and the flags that
// [AddFlags] made. Its error is Mistakes.
func Load(flags *pflag.FlagSet) (Config, error) {
	f, err := readFile(flags)
	if err != nil {
		return Config{}, err
	}
	l := &loader{file: f, flags: flags, settings: viper.New(), mistakes: f.mistakes}
	l.refuseUnknownVariables()
	if err := l.layer(); err != nil {
		return Config{}, err
	}
	config := l.config()
	if len(l.mistakes) > 0 {
		return Config{}, l.mistakes
	}
	return config, nil
}

// NeedDatabase is the error of a command that needs the database while none is set.
func (c Config) NeedDatabase() error {
	if c.DatabaseURL != "" {
		return nil
	}
	return Mistake{"database.url", "not set; name the database by CALLBACKD_DATABASE_URL, --database-url or in the configuration file"}
}

// NeedARI is the error of a command that needs Asterisk while its password is not set.
func (c Config) NeedARI() error {
	if c.ARIPassword != "" {
		return nil
	}
	return Mistake{"ari.password", "not set; give the password of Asterisk's ari.conf by CALLBACKD_ARI_PASSWORD or in the configuration file"}
}

// loader brings the three layers together.
type loader struct {
	file     *file
	flags    *pflag.FlagSet
	settings *viper.Viper
	mistakes Mistakes
}

// readFile reads the configuration file that is named, or else the default one if it exists.
func readFile(flags *pflag.FlagSet) (*file, error) {
	flag, err := flags.GetString("config")
	if err != nil {
		return nil, fmt.Errorf("reading --config: %w", err)
	}
	named := cmp.Or(flag, os.Getenv(EnvPrefix+"CONFIG"))
	path := cmp.Or(named, DefaultFile)
	source, err := os.ReadFile(path) //nolint:gosec // the administrator names the file
	switch {
	case err == nil:
		return parseFile(path, source), nil
	case named == "" && errors.Is(err, fs.ErrNotExist):
		return parseFile("", nil), nil
	}
	var reason *fs.PathError
	if errors.As(err, &reason) {
		err = reason.Err
	}
	return nil, Mistakes{{path, "the configuration file can't be read: " + err.Error()}}
}

func (l *loader) refuseUnknownVariables() {
	known := slices.Clone(notKeys)
	for _, key := range keys {
		known = append(known, key.Env())
	}
	for _, variable := range slices.Sorted(slices.Values(os.Environ())) {
		name, value, _ := strings.Cut(variable, "=")
		if value == "" || !strings.HasPrefix(name, EnvPrefix) || slices.Contains(known, name) || serviceLinks.MatchString(name) {
			continue
		}
		l.mistakes = append(l.mistakes, Mistake{name, "callbackd knows no such variable" + suggest(name, known)})
	}
}

// layer hands the layers to viper, which knows which of them wins. A variable without a value counts
// as not set, since that is all that a unit or a compose file can say.
func (l *loader) layer() error {
	if err := l.settings.MergeConfigMap(l.file.nested()); err != nil {
		return fmt.Errorf("reading %s: %w", l.file.path, err)
	}
	for _, key := range keys {
		l.settings.SetDefault(key.Name, key.Default)
		if err := l.settings.BindEnv(key.Name, key.Env()); err != nil {
			return fmt.Errorf("binding %s: %w", key.Env(), err)
		}
		flag := l.flags.Lookup(key.Flag())
		if flag == nil {
			continue
		}
		if err := l.settings.BindPFlag(key.Name, flag); err != nil {
			return fmt.Errorf("binding --%s: %w", flag.Name, err)
		}
	}
	return nil
}

// config takes every key's value, and notes what is wrong with it.
func (l *loader) config() Config {
	config := Config{
		File:           l.file.path,
		DatabaseURL:    l.text("database.url"),
		ARIURL:         strings.TrimSuffix(l.text("ari.url"), "/"),
		ARIUser:        l.text("ari.user"),
		ARIPassword:    l.text("ari.password"),
		ARIApplication: l.text("ari.application"),
		ARICAFile:      l.text("ari.ca_file"),
		NodeName:       l.text("node.name"),
		NodePorts:      l.number("node.ports"),
		HTTPListen:     l.text("http.listen"),
		LogLevel:       l.text("log.level"),
		LogFormat:      l.text("log.format"),
		DialContact:    l.text("dial.contact"),
		DialAgent:      l.text("dial.agent"),
		Scripts:        l.list("scripts"),
		Skills:         l.file.skills,
		lines:          l.file.lines,
	}
	if config.NodeName == "" {
		config.NodeName = hostOf(config.ARIURL)
	}
	if config.Skills == nil {
		support := callback.DefaultSkill
		support.Name = DefaultSkillName
		config.Skills = map[string]callback.Skill{DefaultSkillName: support}
	}
	return config
}

// text gives the value of a key that is not a list, "" where it has none or a wrong one.
func (l *loader) text(name string) string {
	key, _ := keyNamed(name)
	value := l.settings.GetString(name)
	if value == "" || !l.right(key, value) {
		return ""
	}
	return value
}

// number gives the value of a key that is a whole number, 0 where it has none or a wrong one.
func (l *loader) number(name string) int {
	n, _ := strconv.Atoi(l.text(name)) // the key's check has said what is wrong
	return n
}

// list gives the values of a key that is a list.
func (l *loader) list(name string) []string {
	key, _ := keyNamed(name)
	var values []string
	switch value := l.settings.Get(name).(type) {
	case []string:
		values = value
	case string:
		values = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
	}
	for _, value := range values {
		l.right(key, value)
	}
	return values
}

// right says whether the value is one that the key can have, and notes the mistake if not.
func (l *loader) right(key Key, value string) bool {
	err := key.check(value)
	if err == nil {
		return true
	}
	l.mistakes = append(l.mistakes, Mistake{l.whereSet(key), key.Name + ": " + err.Error()})
	return false
}

// whereSet names the place from which the key has its value.
func (l *loader) whereSet(key Key) string {
	if flag := l.flags.Lookup(key.Flag()); flag != nil && flag.Changed {
		return "--" + flag.Name
	}
	if os.Getenv(key.Env()) != "" {
		return key.Env()
	}
	return fmt.Sprintf("%s:%d", l.file.path, l.file.lines[key.Name])
}

func hostOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return parsed.Host
}
