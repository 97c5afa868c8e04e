package examples

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/callback/script/draw"
	"github.com/callbackd/callbackd/callback/script/sounds"
)

// promptFolder holds the sounds that callbackd ships.
const promptFolder = "../../../asterisk-conf/sounds"

// known is what exists at a site that has installed callbackd and changed nothing.
func known(t *testing.T) script.Known {
	t.Helper()
	folder, err := sounds.Open(promptFolder, "en")
	if err != nil {
		t.Fatal(err)
	}
	return script.Known{
		Skills: func(name string) bool { return name == "support" },
		Scripts: func(name string) bool {
			return slices.ContainsFunc(All(), func(e Example) bool { return e.Name == name })
		},
		Sounds: folder.Has,
		Music:  func(name string) bool { return name == "default" },
		Length: func(name string) (time.Duration, bool) {
			length, ok := folder.Length(name)
			if !ok {
				t.Errorf("the length of the sound %s is not known", name)
			}
			return length, ok
		},
	}
}

// parsed gives a script that ships, which has to be without a mistake or a warning.
func parsed(t *testing.T, name string) *script.Script {
	t.Helper()
	source, ok := Source(name)
	if !ok {
		t.Fatalf("there is no example %s", name)
	}
	s, found := script.Parse(name+".yaml", source)
	for _, d := range found {
		t.Error(d)
	}
	if s == nil {
		t.FailNow()
	}
	return s
}

func TestEachExampleIsCheckedWithoutAWarning(t *testing.T) {
	for _, e := range All() {
		t.Run(e.Name, func(t *testing.T) {
			for _, d := range parsed(t, e.Name).Check(known(t)) {
				t.Error(d)
			}
		})
	}
}

// What ships is what is listed: a file that All forgets would never be found by anyone.
func TestEachFileIsAnExampleThatIsListed(t *testing.T) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, e := range All()[1:] {
		listed[e.Name+".yaml"] = true
	}
	for _, name := range names {
		if !listed[name] {
			t.Errorf("%s is not listed", name)
		}
	}
	if len(names) != len(listed) {
		t.Errorf("%d files for %d names", len(names), len(listed))
	}
}

func TestAnUnknownNameHasNoSource(t *testing.T) {
	for _, name := range []string{"", "none", "../script", "example.yaml"} {
		if _, ok := Source(name); ok {
			t.Errorf("%q has a source", name)
		}
	}
}

// Each file begins by saying what it does, and that is more than the line in the list.
func TestEachExampleExplainsItself(t *testing.T) {
	for _, e := range All() {
		source, _ := Source(e.Name)
		head, _, _ := strings.Cut(string(source), "\ntype: Phone")
		for line := range strings.Lines(head) {
			if line != "\n" && !strings.HasPrefix(line, "#") {
				t.Errorf("%s begins with %q, want a comment", e.Name, line)
			}
		}
		if len(head) < len(e.About) || e.About == "" || strings.HasSuffix(e.About, ".") {
			t.Errorf("%s: %q stands before %q", e.Name, head, e.About)
		}
		for i, line := range strings.Split(string(source), "\n") {
			if len(line) > 105 || strings.TrimRight(line, " \t") != line {
				t.Errorf("%s:%d is longer than a terminal, or ends in blanks: %q", e.Name, i+1, line)
			}
		}
	}
}

// C4: what a caller hears between the key that asks for a callback and the callback itself asks them to
// stay on the line. The checker holds its length.
func TestC4EachCallbackIsPrecededByTheRequestToStayOnTheLine(t *testing.T) {
	for _, e := range All() {
		actions := map[string]script.Action{}
		for _, a := range parsed(t, e.Name).Actions() {
			actions[a.Name] = a
		}
		callbacks := 0
		for _, a := range actions {
			for _, b := range a.Branches {
				if actions[b.To].Kind != "Callback" {
					continue
				}
				callbacks++
				if a.Kind != "Play" || !says(t, e.Name, a.Name, "callbackd/place-saved") {
					t.Errorf("%s: %s leads to a Callback and does not ask to stay on the line", e.Name, a.Name)
				}
			}
		}
		if callbacks == 0 {
			t.Errorf("%s offers no callback", e.Name)
		}
	}
}

// says reports whether an action's part of the file names a sound.
func says(t *testing.T, name, action, sound string) bool {
	t.Helper()
	source, _ := Source(name)
	part := regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(action) + `:\n(?:    .*\n)+`).Find(source)
	return bytes.Contains(part, []byte(sound))
}

func TestEachExampleIsDrawnWithAllItsActions(t *testing.T) {
	for _, e := range All() {
		t.Run(e.Name, func(t *testing.T) {
			s := parsed(t, e.Name)
			var picture bytes.Buffer
			if err := draw.SVG(&picture, s); err != nil {
				t.Fatal(err)
			}
			text := wellFormed(t, picture.Bytes())
			for _, a := range s.Actions() {
				if !strings.Contains(text, a.Caption) {
					t.Errorf("%s is not in the drawing", a.Name)
				}
			}
		})
	}
}

// wellFormed gives the text in an XML document.
func wellFormed(t *testing.T, document []byte) string {
	t.Helper()
	var text strings.Builder
	decoder := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := token.(xml.CharData); ok {
			text.Write(data)
			text.WriteByte('\n')
		}
	}
}
