package script_test

import (
	"os"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

// drawn are scripts of five and of fifty actions, which the drawings are looked at with.
var drawn = map[string]string{"5": "draw/testdata/five.yaml", "50": "draw/testdata/fifty.yaml"}

func readDrawn(b *testing.B, actions string) []byte {
	b.Helper()
	source, err := os.ReadFile(drawn[actions])
	if err != nil {
		b.Fatal(err)
	}
	return source
}

// Reading a script checks all that it holds.
func BenchmarkParse(b *testing.B) {
	for _, actions := range []string{"5", "50"} {
		source := readDrawn(b, actions)
		b.Run(actions, func(b *testing.B) {
			for b.Loop() {
				if s, found := script.Parse("a.yaml", source); s == nil {
					b.Fatal(found)
				}
			}
		})
	}
}

// Checking holds a script that was read against what exists outside it.
func BenchmarkCheck(b *testing.B) {
	all := func(string) bool { return true }
	known := script.Known{
		Skills: all, Scripts: all, Sounds: all, Music: all,
		Length: func(string) (time.Duration, bool) { return time.Second, true },
	}
	for _, actions := range []string{"5", "50"} {
		s, found := script.Parse("a.yaml", readDrawn(b, actions))
		if s == nil {
			b.Fatal(found)
		}
		b.Run(actions, func(b *testing.B) {
			for b.Loop() {
				if err := s.Check(known).Err(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// deaf is a host that keeps nothing.
type deaf struct{ script.Host }

func (deaf) Variable(string) (string, bool)      { return "", false }
func (deaf) Voice() bool                         { return true }
func (deaf) Reqagent(script.Reqagent) error      { return nil }
func (deaf) Music(string)                        {}
func (deaf) Play([]string, time.Duration) string { return "playback" }
func (deaf) Silence()                            {}
func (deaf) Entered(_, _, _ string)              {}

// A key of a menu, and the prompt that it leads to.
func BenchmarkStepOfAKey(b *testing.B) {
	s, found := script.Parse("example.yaml", script.Example())
	if s == nil {
		b.Fatal(found)
	}
	now := time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC)
	offered := s.Step(s.Step(script.State{}, script.Start{}, now, deaf{}), script.TimeReached{}, now.Add(30*time.Second), deaf{})
	for b.Loop() {
		if st := s.Step(offered, script.KeyPressed{Key: "1"}, now, deaf{}); st.Action != "thanks" {
			b.Fatalf("came to %+v", st)
		}
	}
}
