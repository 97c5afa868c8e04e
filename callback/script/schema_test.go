package script_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback/script"
)

func TestGeneratedSchemaIsNotStale(t *testing.T) { isNotStale(t, "schema.json", script.Schema()) }

func TestGeneratedReferenceIsNotStale(t *testing.T) {
	isNotStale(t, "REFERENCE.md", script.Reference())
}

// isNotStale compares a generated file with what is generated now.
func isNotStale(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: make reference writes it anew", file)
	}
}

// readable reads a script as an editor does.
func readable(source []byte) (document any, err error) {
	err = yaml.Unmarshal(source, &document)
	return document, err
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(script.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("script.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("script.json") // it is held against draft 2020-12 here
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSchemaPassesEachExample(t *testing.T) {
	schema := compiled(t)
	sources := script.ScriptsOfKinds()
	sources["the script that ships"] = script.Example()
	for _, pattern := range []string{"draw/testdata/*.yaml", "examples/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no file, %v", pattern, err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources[file] = source
		}
	}
	for name, source := range sources {
		document, err := readable(source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := schema.Validate(document); err != nil {
			t.Errorf("%s: %v\n%s", name, err, source)
		}
	}
}

// An editor must not mark what the daemon runs.
func TestTheSchemaPassesWhatTheCheckerPasses(t *testing.T) {
	schema := compiled(t)
	right := rapid.Custom(randomScript).Filter(func(source string) bool {
		s, _ := script.Parse("a.yaml", []byte(source))
		return s != nil
	})
	rapid.Check(t, func(t *rapid.T) {
		source := []byte(right.Draw(t, "script"))
		document, err := readable(source)
		if err != nil {
			t.Fatalf("%v\n%s", err, source)
		}
		if err := schema.Validate(document); err != nil {
			t.Fatalf("%v\n%s", err, source)
		}
	})
}

func TestTheSchemaPassesEachValueThatTheCheckerPasses(t *testing.T) {
	schema := compiled(t)
	passed := make(map[string]bool)
	for _, value := range []string{
		"5", `"5"`, "0", "-1", "+5", "0012", "1.5", ".5", "1e3", "0x10", "1_000", "99999999999999999999", "59", "1001", "86401",
		"true", "false", `"true"`, "True", "yes", "on", "null", "~", `""`, "''", `" "`, "a b", "A", "2026-03-01", "17:30",
		`"{ANI}"`, `"a{ANI}b"`, `"{ANI}{DNIS}.wav"`, `"{ANI"`, `"{}"`, `"a\tb"`, "grüezi", "NUMBER", "number_2", "2nd", "ANI",
		"callbackd/offer", "a.wav", "../a", "a..b", "/a", "-a", "a+b", "sound:a", "callbackd/{ANI}",
		"12", `"12*"`, `"#"`, "D", "1,2", "4h", "90s", "1h30m", "2d", "31d", "32d", "0s", `"90"`, "30m1h",
		"https://a.example", "http://a.example:80/b?c=d", "https://a.example/{ANI}", "https://{ANI}", "ftp://a.example/",
		"https://a:b@a.example/", "https://a.example/a@b", `"{TIME} < 12:00"`, "GET", "get", "Custom", "DefaultFromSkill",
		"[a]", "[]", "[a, b, 5, true]", "[[a]]", "{a: b}", "{a: }", "{a: 5}", "{a: [b]}", "{a: b.0.c}", "{a: b..c}", `{a: "{ANI}"}`,
		"{X-Contact: a}", `{"a b": c}`, `{"": a}`, "{ANI: a}", "{5: a}", "{true: a}", "{a: true, b: 1.5, c: x}",
		"{number: 5}", `[{number: "{ANI}"}]`, "[{number: five}]", "[{digits: 0012}]", "[{wait: 90}, {wait: -1}]", "[{wait: 90}]",
		"[{recording: a, says: Hello}]", "[{recording: a}]", "[{recording: a.wav, says: b}]", `[{recording: "{ANI}", says: b}]`,
		"[{says: a}]", "[{number: 5, digits: 5}]", "[{number: 5, says: five}]", "[null]", "[{number: }]", "{recording: a, says: 5}",
	} {
		for name, source := range script.ScriptsWith(value) {
			if s, _ := script.Parse("a.yaml", source); s == nil {
				continue
			}
			passed[name] = true
			document, err := readable(source)
			if err != nil {
				t.Errorf("%s: %s: %v", name, value, err)
				continue
			}
			if err := schema.Validate(document); err != nil {
				t.Errorf("%s: %s: %v", name, value, err)
			}
		}
	}
	for name := range script.ScriptsWith("a") {
		if !passed[name] {
			t.Errorf("no value of %s was right", name)
		}
	}
}

// The mistakes that no schema sees: not in the form of the file, but in what it means.
var unseen = strings.Fields(`
	C11-voice-after-callback C11-voice-after-release C12-hangup-after-callback C17-caption-like-a-name C17-captions-alike
	C18-callback-without-OnError C2-callback-twice C2-callback-without-a-request C7-delay-of-a-minute
	C7-queuecallback-delay C9-ANI-after-callback C9-DNIS-in-OnAnswer anchor branch-dangling
	branch-dangling-and-close capture-digits case-without-branches class-and-file complete-without-file
	directive event-dangling if-AND if-and-sign if-at-the-end if-dollar if-equals-twice if-fixed-texts
	if-hour if-no-and if-no-condition if-no-operator if-not-in-the-middle if-parenthesis if-quote
	if-text-in-order if-two-signs if-unknown-variable loop-onto-itself loop-that-never-waits
	loops-that-are-too-long loop-that-only-begins-anew loop-without-Again menu-branch-not-in-keys menu-branch-too-long merge-key
	priority-without-custom start-dangling tag target-none timezone two-documents unreachable updatecontact-nothing
	variable-in-small-letters variable-misspelt-own variable-of-an-action-that-is-missing
	variable-perhaps-not-set variable-read-too-early variable-that-nothing-sets variable-unknown
	variable-unknown-and-far variable-with-spaces wait-too-long
	adrift-if adrift-menu adrift-web-request case-of-a-text case-weekday if-weekday
	number-as-an-endpoint number-without-braces recording-with-a-variable start-far
	target-agent-an-endpoint web-body-with-GET web-value-JSONPath
	variable-as-in-dialplan music-class-with-Default takeover-without-NotFound
`)

// The mistakes that are none of the schema's: an editor finds them before.
var noYAML = strings.Fields(`
	actions-twice alias-for-a-key all-at-once branch-twice key-a-list key-twice not-quoted-star not-yaml
	property-twice tab dialplan not-quoted-colon not-quoted-variable-first
`)

func TestTheSchemaSeesTheMistakesOfForm(t *testing.T) {
	schema := compiled(t)
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	listed := make(map[string]bool)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		listed[name] = true
		t.Run(name, func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := splitFixture(string(source))
			document, err := readable([]byte(body))
			if (err != nil) != slices.Contains(noYAML, name) {
				t.Fatalf("as YAML: %v; noYAML says otherwise", err)
			}
			if err != nil {
				return
			}
			err = schema.Validate(document)
			if (err == nil) != slices.Contains(unseen, name) {
				t.Errorf("the schema says %v; unseen says otherwise", err)
			}
		})
	}
	for _, name := range slices.Concat(unseen, noYAML) {
		if !listed[name] {
			t.Errorf("there is no fixture %s", name)
		}
	}
}
