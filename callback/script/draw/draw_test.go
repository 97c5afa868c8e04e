package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/callback/script/examples"
)

var update = flag.Bool("update", false, "write the golden files")

func parse(t testing.TB, file string) *script.Script {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, found := script.Parse(file, source)
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

// files are the scripts that are drawn here, with the numbers of their actions.
var files = map[string]int{"../example.yaml": 6, "testdata/five.yaml": 5, "testdata/fifty.yaml": 50}

func viewOf(s *script.Script) view {
	return view{start: s.Start(), events: s.Events(), actions: s.Actions()}
}

func TestEachActionAndBranchIsInTheDrawingOfEachScript(t *testing.T) {
	for file, count := range files {
		s := parse(t, file)
		if got := len(s.Actions()); got != count {
			t.Errorf("%s has %d actions, want %d", file, got, count)
		}
		var drawn bytes.Buffer
		if err := SVG(&drawn, s); err != nil {
			t.Fatal(err)
		}
		texts, titles := read(t, drawn.Bytes())
		whole := strings.Join(texts, " ")
		for _, a := range s.Actions() {
			if !strings.Contains(whole, a.Caption) {
				t.Errorf("%s: the caption %q is not in the drawing", file, a.Caption)
			}
			for _, b := range a.Branches {
				if !anyContains(titles, b.Name, a.Caption) {
					t.Errorf("%s: branch %s of %s has no title", file, b.Name, a.Name)
				}
			}
		}
	}
}

func TestDrawingsOfTheScriptsAreClean(t *testing.T) {
	for file := range files {
		if found := untidy(layOut(newGraph(viewOf(parse(t, file))))); len(found) > 0 {
			t.Errorf("%s: %s", file, strings.Join(found, "\n"))
		}
	}
}

func TestDrawingsOfTheShippedScriptsAreClean(t *testing.T) {
	for _, example := range examples.All() {
		source, _ := examples.Source(example.Name)
		s, found := script.Parse(example.Name+".yaml", source)
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
		if found := untidy(layOut(newGraph(viewOf(s)))); len(found) > 0 {
			t.Errorf("%s: %s", example.Name, strings.Join(found, "\n"))
		}
	}
}

func TestDrawingOfFiveActionsIsAsBefore(t *testing.T) {
	const golden = "testdata/five.svg"
	var drawn bytes.Buffer
	if err := SVG(&drawn, parse(t, "testdata/five.yaml")); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, drawn.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(drawn.Bytes(), want) {
		t.Errorf("the drawing differs from %s; look at it, and write it anew by: go test ./callback/script/draw -update", golden)
	}
}

func TestDrawingIsTheSameEachTime(t *testing.T) {
	s := parse(t, "testdata/fifty.yaml")
	var first bytes.Buffer
	for range 5 {
		var drawn bytes.Buffer
		if err := SVG(&drawn, s); err != nil {
			t.Fatal(err)
		}
		if first.Len() == 0 {
			first = drawn
		}
		if !bytes.Equal(first.Bytes(), drawn.Bytes()) {
			t.Fatal("the same script was drawn in two ways")
		}
	}
}

func TestWriterThatFailsIsReported(t *testing.T) {
	reader, writer := io.Pipe()
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if err := SVG(writer, parse(t, "testdata/five.yaml")); err == nil {
		t.Error("no error, though nobody reads")
	}
}

func TestTextOfAnyKindIsEscaped(t *testing.T) {
	const hostile = "<script>alert(\"&'\")</script> ]]> \x00\x1b \xff 語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語"
	v := view{start: "a", actions: []script.Action{{
		Name: "a", Kind: "Case", Caption: hostile, Branches: []script.Branch{{Name: hostile, To: "a"}, {Name: "OnError", To: "a"}},
	}}}
	texts, titles := read(t, layOut(newGraph(v)).svg(hostile))
	if !anyContains(texts, "<script>alert") || !anyContains(titles, "<script>alert(\"&'\")</script> ]]>") {
		t.Errorf("the text has changed: %q, %q", texts, titles)
	}
}

func TestLongCaptionIsShortenedAndStandsInTheTitle(t *testing.T) {
	long := strings.Repeat("a long way round ", 20) + "the end"
	v := view{start: "a", actions: []script.Action{{Name: "a", Kind: "Play", Caption: long}}}
	texts, titles := read(t, layOut(newGraph(v)).svg("long"))
	if !anyContains(texts, "…") || anyContains(texts, "the end") {
		t.Errorf("not shortened: %q", texts)
	}
	if !anyContains(titles, long) {
		t.Errorf("no title has the whole caption: %q", titles)
	}
}

func TestWrapKeepsToTheWidthAndLosesNothingThatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab WM語.")), 0, 60, -1).Draw(t, "text")
		lines := wrap(text, captionSize, captionWidth, maxLines)
		if len(lines) > maxLines {
			t.Fatalf("%d lines", len(lines))
		}
		for _, line := range lines {
			if textWidth(line, captionSize) > captionWidth {
				t.Fatalf("%q is too wide", line)
			}
		}
		all := strings.Join(lines, "")
		if !strings.HasSuffix(all, "…") && strings.ReplaceAll(all, " ", "") != strings.ReplaceAll(text, " ", "") {
			t.Fatalf("%q became %q", text, lines)
		}
	})
}

func TestChainIsDrawnStraightDown(t *testing.T) {
	v := view{start: "a0"}
	for i := range 6 {
		v.actions = append(v.actions, script.Action{
			Name: fmt.Sprintf("a%d", i), Kind: "Play", Caption: strings.Repeat("wide ", i+1),
			Branches: []script.Branch{{Name: "Default", To: fmt.Sprintf("a%d", i+1)}, {Name: "OnError", To: "sorry"}},
		})
	}
	v.actions[5].Branches = nil
	v.actions = append(v.actions, script.Action{Name: "sorry", Kind: "Hangup", Caption: "sorry"})
	p := layOut(newGraph(v))
	for _, n := range p.parts[0].nets {
		if !n.failure && (len(n.lines) != 1 || len(n.lines[0]) != 2) {
			t.Errorf("the line to %s is %v, want one straight piece", n.to.name, n.lines)
		}
	}
}

func TestWaysBackGoUpBesideTheBoxes(t *testing.T) {
	p := layOut(newGraph(viewOf(parse(t, "testdata/five.yaml"))))
	for _, n := range p.parts[0].nets {
		if n.to.name != "music" || len(n.up) != 4 {
			continue
		}
		for _, bend := range n.up {
			side := p.parts[0].layers[bend.layer]
			if bend.position != 0 && bend.position != len(side)-1 {
				t.Errorf("the way back passes layer %d between boxes", bend.layer)
			}
		}
		return
	}
	t.Error("there is no way back to the music over four layers")
}

func TestShapesTellWhatAnActionIs(t *testing.T) {
	for kind, want := range map[string]shape{"Callback": promise, "Hangup": end, "Runscript": handover, "Play": plain, "If": plain} {
		b := newGraph(view{start: "a", actions: []script.Action{{Name: "a", Kind: kind}}}).boxes[1]
		if b.shape != want {
			t.Errorf("%s has the shape %v, want %v", kind, b.shape, want)
		}
	}
}

func TestSummariesStandBelowTheCaptionsShortenedAndInFullInTheTitle(t *testing.T) {
	long := strings.Repeat("{EWT} > 300 and ", 9) + "{WEEKDAY} != Sun"
	v := view{start: "a", actions: []script.Action{
		{Name: "a", Kind: "Reqagent", Caption: "Ask for somebody", Summary: "support", Branches: []script.Branch{{Name: "Default", To: "b"}}},
		{Name: "b", Kind: "If", Caption: "Long?", Summary: long},
	}}
	texts, titles := read(t, layOut(newGraph(v)).svg("summaries"))
	if at := slices.Index(texts, "support"); at < 2 || texts[at-1] != "Reqagent" || texts[at-2] != "Ask for somebody" {
		t.Errorf("the skill does not stand below the caption and the kind: %q", texts)
	}
	if anyContains(texts, "{WEEKDAY}") || !anyContains(texts, "{EWT} > 300", "…") {
		t.Errorf("the long condition is not shortened: %q", texts)
	}
	if !anyContains(titles, "If b: Long? ("+long+")") {
		t.Errorf("no title has the whole condition: %q", titles)
	}
}

// Where a caller can be left on the line in no queue, the drawing warns.
func TestRestWithACallerInNoQueueIsAWarning(t *testing.T) {
	const text = `type: Phone
start: hello
actions:
  hello: {Play: {Sounds: [callbackd/regret]}, branches: {OnError: request}}
  request: {Reqagent: {Skill: support}}
`
	s, found := script.Parse("adrift.yaml", []byte(text))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	var drawn bytes.Buffer
	if err := SVG(&drawn, s); err != nil {
		t.Fatal(err)
	}
	texts, titles := read(t, drawn.Bytes())
	if !slices.Contains(texts, "no queue") || !slices.Contains(texts, "rests") || !anyContains(titles, "in no queue") {
		t.Errorf("the texts are %q, the titles %q", texts, titles)
	}
	if n := strings.Count(drawn.String(), warning); n != 2 {
		t.Errorf("%d parts have the colour of a warning, want the sign and the word of one rest", n)
	}
}

// read parses a drawing as XML and gives its texts and its titles.
func read(t testing.TB, document []byte) (texts, titles []string) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(document))
	element, titled := "", false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return texts, titles
		}
		if err != nil {
			t.Fatalf("the drawing is no XML: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			element, titled = token.Name.Local, false
		case xml.CharData:
			switch {
			case element == "text":
				texts = append(texts, string(token))
			case element == "title" && !titled:
				titles = append(titles, string(token))
				titled = true
			}
		case xml.EndElement:
			element = ""
		}
	}
}

func anyContains(texts []string, parts ...string) bool {
	for _, text := range texts {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(text, part)
		}
		if all {
			return true
		}
	}
	return false
}
