package config

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/callbackd/callbackd/callback"
)

// load loads a configuration from a file with that text ("" for no file) and those flags.
func load(t *testing.T, text string, args ...string) (Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(flags)
	if text != "" {
		path := filepath.Join(t.TempDir(), "callbackd.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(flags)
}

func TestFlagWinsOverEnvironmentOverFileOverDefault(t *testing.T) {
	const text = "http: {listen: '127.0.0.1:3'}\nlog: {level: warn}\nari: {url: 'http://file:8088/ari'}\n"
	t.Setenv("CALLBACKD_HTTP_LISTEN", "127.0.0.1:2")
	t.Setenv("CALLBACKD_LOG_LEVEL", "error")
	config, err := load(t, text, "--http-listen", "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct{ what, got, want string }{
		{"http.listen, from the flag", config.HTTPListen, "127.0.0.1:1"},
		{"log.level, from the environment", config.LogLevel, "error"},
		{"ari.url, from the file", config.ARIURL, "http://file:8088/ari"},
		{"ari.user, by default", config.ARIUser, "callbackd"},
		{"node.name, from ari.url", config.NodeName, "file:8088"},
	} {
		if check.got != check.want {
			t.Errorf("%s: got %q, want %q", check.what, check.got, check.want)
		}
	}
}

func TestEachKeyCanBeSetInFileAndEnvironmentAndByFlag(t *testing.T) {
	values := map[string]string{
		"database.url": "postgres://u:p@h/d", "ari.url": "https://pbx:8089/ari", "ari.user": "u1", "ari.password": "p1",
		"ari.application": "queue", "ari.ca_file": "/ca.pem", "node.name": "pbx-1", "node.ports": "60", "http.listen": "127.0.0.1:1234",
		"log.level": "debug", "log.format": "json", "dial.contact": "PJSIP/{NUMBER}@out", "dial.agent": "SIP/{EXTENSION}",
		"scripts": "/a.yaml",
	}
	for _, key := range Keys() {
		value := values[key.Name]
		if value == "" {
			t.Fatalf("the test has no value for %s", key.Name)
		}
		inFile := "'" + value + "'"
		if key.List {
			inFile = "[" + value + "]"
		}
		section, rest, found := strings.Cut(key.Name, ".")
		text := key.Name + ": " + inFile + "\n"
		if found {
			text = section + ":\n  " + rest + ": " + inFile + "\n"
		}
		holds := func(t *testing.T, config Config, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			got := config.ARIPassword // masked when printed
			switch {
			case key.Name == "database.url":
				got = config.DatabaseURL
			case key.List:
				got = strings.Join(config.Scripts, ",")
			case !key.Secret:
				got, _ = config.Effective()[key.Name].(string)
			}
			if got != value {
				t.Errorf("%s is %q, want %q", key.Name, got, value)
			}
		}
		t.Run(key.Name+" in the file", func(t *testing.T) {
			config, err := load(t, text)
			holds(t, config, err)
		})
		t.Run(key.Env(), func(t *testing.T) {
			t.Setenv(key.Env(), value)
			config, err := load(t, "")
			holds(t, config, err)
		})
		if key.Flag() == "" {
			continue
		}
		t.Run("--"+key.Flag(), func(t *testing.T) {
			config, err := load(t, "", "--"+key.Flag(), value)
			holds(t, config, err)
		})
	}
}

func TestMistakesInTheFileAreNamedWithTheirLine(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"unknown key":           {"# callbackd\nari:\n  passwort: x\n", []string{`:3: unknown key ari.passwort; did you mean "ari.password"?`}},
		"unknown section":       {"databse: {url: x}\n", []string{`:1: unknown key databse; did you mean "database"?`}},
		"nothing near":          {"zzzzzz: 1\n", []string{`:1: unknown key zzzzzz`}},
		"capital letters":       {"ARI: {}\n", []string{`:1: unknown key ARI; did you mean "ari"?`}},
		"twice":                 {"log: {level: info}\nlog: {level: warn}\n", []string{`:2: mapping key "log" already defined at [1:1]`}},
		"not YAML":              {"ari: [\n", []string{`:1: sequence end token ']' not found`}},
		"a list":                {"- ari\n", []string{`:1: want keys and their values, as in ari: {url: ...}`}},
		"two documents":         {"log: {level: info}\n---\nlog: {level: warn}\n", []string{`:2: a second document begins here; want one`}},
		"a value for a section": {"ari: http://x\n", []string{`:1: ari wants keys below it: ari.url, ari.user, ari.password, ari.application, ari.ca_file`}},
		"no value":              {"ari:\n  url:\n", []string{`:2: ari.url has no value; leave the line out for the default`}},
		"a list for a value":    {"ari:\n  url: [a]\n", []string{`:2: ari.url wants one value`}},
		"a value for a list":    {"scripts: a.yaml\n", []string{`:1: scripts wants a list, as in [a, b]`}},
		"wrong word":            {"log: {level: loud}\n", []string{`:1: log.level: "loud" is not one of debug, info, warn, error`}},
		"wrong URL":             {"ari:\n  url: pbx:8088\n", []string{`:2: ari.url: "pbx:8088" does not begin with http:// or https://; want http://host:8088/ari`}},
		"URL of another page":   {"ari: {url: 'http://pbx:8088'}\n", []string{`:1: ari.url: "http://pbx:8088" does not end with /ari; want http://host:8088/ari`}},
		"database URL":          {"database: {url: 'mysql://u:secret@h/d'}\n", []string{`:1: database.url: does not begin with postgres://; want postgres://user:password@host/database`}},
		"port":                  {"http: {listen: '9117'}\n", []string{`:1: http.listen: "9117" is not an address and a port, as in 127.0.0.1:9117`}},
		"ports":                 {"node: {ports: many}\n", []string{`:1: node.ports: "many" is not a whole number`}},
		"too few ports":         {"node: {ports: 1}\n", []string{`:1: node.ports: 1 is fewer than 3, of which one is for a caller and two are kept for an agent and a callback`}},
		"dial string":           {"dial: {contact: 'PJSIP/trunk'}\n", []string{`:1: dial.contact: "PJSIP/trunk" must hold {NUMBER} once`}},
		"dialling two":          {"dial: {agent: 'PJSIP/{EXTENSION}&PJSIP/1'}\n", []string{`:1: dial.agent: "PJSIP/{EXTENSION}&PJSIP/1" holds a brace, a space, a comma or an & beside {EXTENSION}`}},
		"no skills":             {"skills: {}\n", []string{`:1: skills wants names with their settings below, as in skills: {support: {}}`}},
		"skill's name":          {"skills: {Sales: {}}\n", []string{`:1: skill "Sales": a skill's name is a lower-case word of letters, digits, - and _`}},
		"skill's setting":       {"skills:\n  sales:\n    ringtime: 20s\n", []string{`:3: unknown key skills.sales.ringtime; did you mean "ring_time"?`}},
		"time without unit":     {"skills:\n  sales:\n    ring_time: 20\n", []string{`:3: skills.sales.ring_time: "20" is not a time, as in 20s, 10m or 1h30m`}},
		"time out of range":     {"skills: {sales: {ring_time: 11m}}\n", []string{`:1: skills.sales.ring_time: 11m is not between 1s and 10m`}},
		"part of a second":      {"skills: {sales: {ring_time: 1500ms}}\n", []string{`:1: skills.sales.ring_time: 1500ms is not in whole seconds`}},
		"not a number":          {"skills: {sales: {attempts: two}}\n", []string{`:1: skills.sales.attempts: "two" is not a whole number`}},
		"number out of range":   {"skills: {sales: {attempts: 0}}\n", []string{`:1: skills.sales.attempts: 0 is not between 1 and 100`}},
		"initial above maximum": {"skills: {sales: {initial_priority: 5, max_priority: 4}}\n", []string{`:1: skills.sales: initial_priority 5 is above max_priority 4`}},
		"region":                {"skills: {sales: {region: us}}\n", []string{`:1: skills.sales.region: "us" is not a region, as in US, GB or DE`}},
		"accept":                {"skills: {sales: {accept: key}}\n", []string{`:1: skills.sales.accept: "key" is neither answer nor press_1`}},
		"caller name":           {"skills: {sales: {caller_name: '{ANI}'}}\n", []string{`:1: skills.sales.caller_name: "{ANI}" has a variable that a caller name does not know; it knows {SKILL}, {KIND}, {WAITED}, {EXTENSION}, {CONTACTID}`}},
		"whisper":               {"skills: {sales: {whisper: 'acme/sales {SKILL}'}}\n", []string{`:1: skills.sales.whisper: "{SKILL}" is no sound and none of {KIND}, {WAITED}`}},
		"several at once": {"log: {level: loud}\nskills: {a: {attempts: x}}\nnode: {nam: y}\n", []string{
			`:2: skills.a.attempts: "x" is not a whole number`,
			`:3: unknown key node.nam; did you mean "node.name"?`,
			`:1: log.level: "loud" is not one of debug, info, warn, error`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, test.text)
			if err == nil {
				t.Fatal("no mistake was found")
			}
			var got []string
			for line := range strings.Lines(err.Error()) {
				_, line, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "callbackd.yaml")
				got = append(got, line)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestMistakesInTheEnvironmentAreNamed(t *testing.T) {
	for name, test := range map[string]struct{ variable, value, want string }{
		"unknown variable": {"CALLBACKD_DATABASE_URI", "x", `CALLBACKD_DATABASE_URI: callbackd knows no such variable; did you mean "CALLBACKD_DATABASE_URL"?`},
		"wrong value":      {"CALLBACKD_LOG_FORMAT", "xml", `CALLBACKD_LOG_FORMAT: log.format: "xml" is not one of text, json`},
		"missing file":     {"CALLBACKD_CONFIG", "/nowhere.yaml", `/nowhere.yaml: the configuration file can't be read: no such file or directory`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			_, err := load(t, "")
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestAWrongFlagIsNamed(t *testing.T) {
	_, err := load(t, "", "--log-level", "loud")
	const want = `--log-level: log.level: "loud" is not one of debug, info, warn, error`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestVariablesOfTheLabAndOfAContainerPlatformAreNoMistakes(t *testing.T) {
	for _, name := range []string{"CALLBACKD_LAB_CACHE", "CALLBACKD_SERVICE_HOST", "CALLBACKD_PORT", "CALLBACKD_PORT_9117_TCP_ADDR"} {
		t.Setenv(name, "x")
	}
	if _, err := load(t, ""); err != nil {
		t.Error(err)
	}
}

func TestAVariableWithoutAValueCountsAsNotSet(t *testing.T) {
	t.Setenv("CALLBACKD_ARI_USER", "")
	config, err := load(t, "ari: {user: desk}\n")
	if err != nil {
		t.Fatal(err)
	}
	if config.ARIUser != "desk" {
		t.Errorf("ari.user is %q, want the file's", config.ARIUser)
	}
}

func TestSkillsHaveTheirSettingsAndOtherwiseTheDefaults(t *testing.T) {
	config, err := load(t, `skills:
  sales: {initial_priority: 3, ring_time: 15s, retry_time: 1h30m, region: DE}
  support:
`)
	if err != nil {
		t.Fatal(err)
	}
	sales := callback.DefaultSkill
	sales.Name, sales.Priority.Initial, sales.Region = "sales", 3, "DE"
	sales.RingTime, sales.RetryTime = 15*time.Second, 90*time.Minute
	support := callback.DefaultSkill
	support.Name = "support"
	want := map[string]callback.Skill{"sales": sales, "support": support}
	if !maps.Equal(config.Skills, want) {
		t.Errorf("got %v, want %v", config.Skills, want)
	}
}

func TestThePlaceOfASettingIsKnown(t *testing.T) {
	config, err := load(t, "ari: {user: u}\nskills:\n  sales:\n    ring_time: 15s\n    whisper: acme/hello\n")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"skills.sales.whisper": config.File + ":5", "ari.user": config.File + ":1", "skills.sales.accept": "", "ari.url": "",
	} {
		if got := config.Where(key); got != want {
			t.Errorf("%s is at %q, want %q", key, got, want)
		}
	}
}

func TestWithoutSkillsThereIsTheExamplesSkill(t *testing.T) {
	config, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want := callback.DefaultSkill
	want.Name = "support"
	if !maps.Equal(config.Skills, map[string]callback.Skill{"support": want}) {
		t.Errorf("got %v", config.Skills)
	}
}

func TestPathsInTheFileAreRelativeToTheFile(t *testing.T) {
	config, err := load(t, "scripts: [a.yaml, sub/b.yaml, /c.yaml]\nari: {ca_file: ca.pem}\n")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(config.File)
	want := []string{filepath.Join(folder, "a.yaml"), filepath.Join(folder, "sub/b.yaml"), "/c.yaml"}
	if !slices.Equal(config.Scripts, want) {
		t.Errorf("got %v, want %v", config.Scripts, want)
	}
	if want := filepath.Join(folder, "ca.pem"); config.ARICAFile != want {
		t.Errorf("got %s, want %s", config.ARICAFile, want)
	}
}

func TestScriptsInTheEnvironmentAreSeparatedByCommas(t *testing.T) {
	t.Setenv("CALLBACKD_SCRIPTS", "a.yaml,/b c.yaml")
	config, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a.yaml", "/b c.yaml"}; !slices.Equal(config.Scripts, want) {
		t.Errorf("got %q, want %q", config.Scripts, want)
	}
}

func TestPrintingReadsBackAsTheSameAndShowsNoPassword(t *testing.T) {
	const text = `database: {url: 'postgres://u:s3cret@h/d?sslmode=require'}
ari: {password: s3cret, url: 'http://pbx:8088/ari'}
dial: {contact: 'PJSIP/{NUMBER}@it''s'}
scripts: [/a.yaml]
skills: {sales: {ring_time: 2m}}
`
	config, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	if err := config.Print(&printed); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(printed.String(), "s3cret") {
		t.Errorf("the password is shown:\n%s", &printed)
	}
	again, err := load(t, printed.String())
	if err != nil {
		t.Fatalf("%v in\n%s", err, &printed)
	}
	if again.ARIPassword != "" || again.DatabaseURL != "" {
		t.Errorf("a mask is read as a value: %q and %q", again.ARIPassword, again.DatabaseURL)
	}
	if !maps.Equal(again.Skills, config.Skills) || again.DialContact != config.DialContact || again.NodeName != config.NodeName || again.NodePorts != config.NodePorts {
		t.Errorf("read back as %v, want %v", again, config)
	}
}

func TestADatabaseURLIsMaskedWhereverItsPasswordStands(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://u:p4ss@h/d":              "postgres://u:********@h/d",
		"postgres://u@/d?host=/run&port=5":   "postgres://u@/d?host=/run&port=5",
		"postgres:///d?password=p4ss&user=u": "postgres:///d?password=********&user=u",
	} {
		if got := maskURL(address); got != want {
			t.Errorf("%s is shown as %s, want %s", address, got, want)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add("ari: {url: x}\nskills:\n  a: {ring_time: 1s}\n")
	f.Add("- [a, {b: c}]\n---\n&x *x")
	f.Fuzz(func(_ *testing.T, text string) {
		parseFile("callbackd.yaml", []byte(text)).nested()
	})
}
