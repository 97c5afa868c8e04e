package script_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callbackd/callbackd/callback/script"
)

var update = flag.Bool("update", false, "write the expected messages of testdata/mistakes anew")

// expects marks the comments at the end of a fixture that hold its expected messages.
const expects = "#= "

// Each file in testdata/mistakes has one mistake, or one thing to warn of, and its expected messages.
func TestEachMistakeHasItsMessage(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			body, want := splitFixture(string(source))
			s, found := script.Parse("script.yaml", []byte(body))
			var got strings.Builder
			for _, d := range found {
				got.WriteString(expects + d.String() + "\n")
			}
			if *update {
				if err := os.WriteFile(file, []byte(body+got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want == "" {
				t.Fatal("the fixture expects nothing")
			}
			if got.String() != want {
				t.Errorf("got:\n%swant:\n%s", got.String(), want)
			}
			if (s == nil) != (found.Err() != nil) {
				t.Errorf("a script is given: %v; mistakes: %v", s != nil, found.Err())
			}
		})
	}
}

func splitFixture(source string) (body, want string) {
	if strings.HasPrefix(source, expects) {
		return "", source
	}
	body, want, found := strings.Cut(source, "\n"+expects)
	if !found {
		return source, ""
	}
	return body + "\n", expects + want
}
