package draw

import (
	"fmt"
	"io"
	"testing"

	"github.com/callbackd/callbackd/callback/script"
)

// hotline makes a script's view of so many actions: menus with their keys, queues, callbacks, errors
// that share their apologies, ways back.
func hotline(n int) view {
	name := func(i int) string { return fmt.Sprintf("a%d", i) }
	v := view{start: name(0)}
	for i := range n {
		a := script.Action{Name: name(i), Kind: "Play", Caption: fmt.Sprintf("The action with number %d", i)}
		if i+1 < n {
			a.Branches = append(a.Branches, script.Branch{Name: "Default", To: name(i + 1)})
		}
		switch {
		case i%7 == 3:
			a.Kind = "Menu"
			for key := range 4 {
				a.Branches = append(a.Branches, script.Branch{Name: fmt.Sprint(key), To: name(min(n-1, i+2+3*key))})
			}
			a.Branches = append(a.Branches, script.Branch{Name: "NoInput", To: name(max(0, i-5))})
		case i%11 == 5:
			a.Kind = "Callback"
			fallthrough
		case i%3 == 0:
			a.Branches = append(a.Branches, script.Branch{Name: "OnError", To: name(min(n-1, i+20-i%20))})
		}
		v.actions = append(v.actions, a)
	}
	return v
}

// The goal for a script of 50 actions is 100 ms, here as there.
func BenchmarkParse(b *testing.B) {
	source := parse(b, "testdata/fifty.yaml").Source()
	b.Run("fifty", func(b *testing.B) {
		for b.Loop() {
			if _, found := script.Parse("fifty.yaml", source); found.Err() != nil {
				b.Fatal(found.Err())
			}
		}
	})
}

func BenchmarkSVG(b *testing.B) {
	for _, file := range []string{"testdata/five.yaml", "testdata/fifty.yaml"} {
		s := parse(b, file)
		b.Run(s.Name(), func(b *testing.B) {
			for b.Loop() {
				if err := SVG(io.Discard, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	v := hotline(200)
	b.Run("twohundred", func(b *testing.B) {
		for b.Loop() {
			layOut(newGraph(v)).svg("hotline")
		}
	})
}

func TestDrawingOfTwoHundredActionsIsClean(t *testing.T) {
	if found := untidy(layOut(newGraph(hotline(200)))); len(found) > 0 {
		t.Error(found)
	}
}
