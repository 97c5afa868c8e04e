package examples

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/callback/script/rehearse"
	"github.com/callbackd/callbackd/callback/script/sounds"
)

// Each rehearsal ends as it says, and together those of a script come through all of its actions.
func TestTheExamplesDoWhatTheirRehearsalsExpect(t *testing.T) {
	passed := map[string]map[string]bool{}
	for _, e := range All() {
		passed[e.Name] = map[string]bool{}
	}
	for _, file := range rehearsals(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, found := rehearse.Parse(file, source)
			if err := found.Err(); err != nil || !r.Expect.Given {
				t.Fatalf("what is expected is given %v: %v", r.Expect.Given, err)
			}
			s := readBeside(t, file, r.Script)
			if found := r.Check(s, rehearse.Options{}); found.Err() != nil {
				t.Fatal(found.Err())
			}
			result := rehearse.Run(s, r, rehearse.Options{Sounds: shippedSounds(t)})
			for _, line := range result.Check(r.Expect) {
				t.Error(line)
			}
			for _, action := range result.End.Actions {
				passed[s.Name()][action] = true
			}
		})
	}
	for _, e := range All() {
		for _, a := range parsed(t, e.Name).Actions() {
			if !passed[e.Name][a.Name] {
				t.Errorf("no rehearsal of %s comes to %s", e.Name, a.Name)
			}
		}
	}
}

func rehearsals(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("rehearsals/*.yaml")
	if err != nil || len(list) == 0 {
		t.Fatalf("%d rehearsals: %v", len(list), err)
	}
	return list
}

// readBeside reads the script that a rehearsal names, which has to be one that ships.
func readBeside(t *testing.T, file, name string) *script.Script {
	t.Helper()
	path := filepath.Join(filepath.Dir(file), name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	example := strings.TrimSuffix(filepath.Base(path), ".yaml")
	if shipped, ok := Source(example); !ok || !bytes.Equal(shipped, text) {
		t.Fatalf("%s is not the example %s", path, example)
	}
	return parsed(t, example)
}

// installed are the sounds of a site: those that ship with callbackd, and Asterisk's own for numbers.
type installed struct{ *sounds.Folder }

func shippedSounds(t *testing.T) installed {
	t.Helper()
	folder, err := sounds.Open(promptFolder, "en")
	if err != nil {
		t.Fatal(err)
	}
	return installed{folder}
}

func (i installed) Has(name string) bool {
	return strings.HasPrefix(name, "digits/") || i.Folder.Has(name)
}

func (i installed) Length(name string) (time.Duration, bool) {
	if strings.HasPrefix(name, "digits/") {
		return 600 * time.Millisecond, true
	}
	return i.Folder.Length(name)
}

// The reason for which repeat-caller says that the callback is under way is one of the domain's words.
func TestRepeatCallerKnowsTheReasonOfACallbackThatIsUnderWay(t *testing.T) {
	source, _ := Source("repeat-caller")
	if !bytes.Contains(source, []byte("\n      "+callback.ErrUnderWay.Error()+": under_way\n")) {
		t.Errorf("repeat-caller has no branch for %q", callback.ErrUnderWay)
	}
}
