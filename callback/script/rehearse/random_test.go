package rehearse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script"
)

// randomActions holds actions of each kind, with their branches. The first keeps a script together.
var randomActions = []struct {
	yaml     string
	branches []string
}{
	{`Reqagent: {Skill: support}`, []string{"Default", "OnError"}},
	{`Reqagent: {Skill: sales, TargetAgent: "1002", PriorityManagement: Custom, InitialPriority: 5}`, []string{"Default", "OnError"}},
	{`Music: {Seconds: 30}`, []string{"Default", "OnError"}},
	{`Music: {}`, []string{"OnError"}},
	{`Music: {File: advert, Seconds: 20}`, []string{"OnComplete", "Default", "OnError"}},
	{`Play: {Sounds: [a, {digits: "{ANI}"}]}`, []string{"Default", "OnError"}},
	{`Play: {Sounds: missing, EndOnKey: true}`, []string{"OnError", "Default"}},
	{`Menu: {Prompt: [c], Keys: "12"}`, []string{"Default", "1", "NoInput", "WrongKey", "OnError"}},
	{`Capture: {Prompt: [d], MinDigits: 3, MaxDigits: 4}`, []string{"Default", "NoNumber", "OnError"}},
	{`Callback: {PhoneNumber: "{ANI}"}`, []string{"Default", "OnError"}},
	{`Callback: {PhoneNumber: "2125551234 ext 7", CallDelaySec: 10}`, []string{"OnError", "Default"}},
	{`Callback: {PhoneNumber: "{ANI}", CallDelaySec: 60}`, []string{"Default", "OnError"}},
	{`Hangup: {}`, nil},
	{`Wait: {For: 45s}`, []string{"Default", "OnError"}},
	{`Assign: {Set: {x: "{TIME}{x}"}}`, []string{"Default", "OnError"}},
	{`If: {When: "{TIME} < 09:05"}`, []string{"Then", "Else"}},
	{`Loop: {Times: 3}`, []string{"Again", "OnComplete"}},
	{`Log: {Text: "{_ERR}{LOOP}"}`, []string{"Default", "OnError"}},
	{`WebRequest: {URL: "https://crm.example.com/{ANI}", Values: {y: a.b}}`, []string{"Default", "OnError"}},
	{`Getqueue: {Skill: support}`, []string{"Default", "OnError"}},
	{`EWT: {Skill: support}`, []string{"OnError", "Default"}},
	{`UpdateContact: {InitialPriority: 50}`, []string{"Default", "OnError"}},
	{`Queuecallback: {Skill: support, PhoneNumber: "{ANI}"}`, []string{"Default", "OnError"}},
	{`Querycallback: {Skill: support}`, []string{"Found", "Default", "OnError"}},
	{`Contacttakeover: {Skill: support}`, []string{"Default", "NotFound", "OnError"}},
	{`Runscript: {Script: other}`, []string{"OnError"}},
}

// randomScript draws a script that the checker passes, or none.
func randomScript(t *rapid.T, name string) *script.Script {
	n := rapid.IntRange(1, 8).Draw(t, "actions")
	target := rapid.Map(rapid.IntRange(0, n-1), func(i int) string { return fmt.Sprintf("a%d", i) })
	var b strings.Builder
	b.WriteString("type: Phone\nstart: a0\ninputs: [x, y]\nevents:\n")
	for _, event := range []string{"OnAnswer", "OnAgentRelease", "OnRelease"} {
		if rapid.Bool().Draw(t, event) {
			fmt.Fprintf(&b, "  %s: %s\n", event, target.Draw(t, "target"))
		}
	}
	b.WriteString("actions:\n")
	for i := range n {
		action := rapid.SampledFrom(randomActions).Draw(t, "action")
		fmt.Fprintf(&b, "  a%d:\n    %s\n    branches:\n", i, action.yaml)
		for j, branch := range action.branches {
			switch {
			case j == 0 && i+1 < n:
				fmt.Fprintf(&b, "      %q: a%d\n", branch, i+1)
			case j > 0 && rapid.Bool().Draw(t, branch):
				fmt.Fprintf(&b, "      %q: %s\n", branch, target.Draw(t, "target"))
			}
		}
	}
	s, _ := script.Parse(name+".yaml", []byte(b.String()))
	return s
}

// randomHappening draws something that happens in the first minutes.
func randomHappening(t *rapid.T) Happening {
	h := Happening{At: time.Duration(rapid.IntRange(0, 600).Draw(t, "at")) * time.Second}
	h.Who = rapid.SampledFrom(subjects).Draw(t, "who")
	switch h.Who {
	case "keys":
		h.Does = rapid.SampledFrom([]string{"1", "2", "12", "5551#", "1234", "#"}).Draw(t, "keys")
	case "agent":
		h.Agent = rapid.SampledFrom([]string{"1001", "1002"}).Draw(t, "agent")
		fallthrough
	default:
		h.Does = rapid.SampledFrom(verbs[h.Who]).Draw(t, "does")
	}
	return h
}

// randomSkills draws how agents accept, and how many offers in a row they may leave unaccepted.
func randomSkills(t *rapid.T) map[string]callback.Skill {
	skill := callback.DefaultSkill
	skill.Name = "support"
	skill.Accept = rapid.SampledFrom([]callback.Accept{callback.AcceptByAnswer, callback.AcceptByKey}).Draw(t, "accept")
	skill.Whisper = rapid.SampledFrom([]string{"", "{KIND} {WAITED}", "missing"}).Draw(t, "whisper")
	skill.Refusals = rapid.IntRange(0, 2).Draw(t, "refusals")
	return map[string]callback.Skill{skill.Name: skill}
}

// Whatever script the checker passes, and whatever happens, a rehearsal comes to its end, and the contact
// is not left where nothing goes on.
func TestRandomRehearsalsNeverPanicStallOrRunForEver(t *testing.T) {
	rehearsed := 0
	rapid.Check(t, func(t *rapid.T) {
		s := randomScript(t, "random")
		if s == nil {
			return
		}
		rehearsed++
		other := randomScript(t, "other")
		r := Rehearsal{
			Limit: time.Hour, Missing: []string{"missing"}, Skills: randomSkills(t),
			Happens: rapid.SliceOfN(rapid.Custom(randomHappening), 0, 12).Draw(t, "happens"),
			Answers: map[string][]Answer{
				"a1": {{Found: true, After: 2 * time.Second}}, "a2": {{Err: "no"}, {Values: map[string]string{"EWT": "60"}}}, "a3": {{Status: 404}, {After: time.Minute}},
			},
		}
		st := newStage(s, r, Options{Scripts: func(string) *script.Script { return other }})
		st.arrive()
		end := st.end(st.play())
		if st.turns >= maxTurns {
			t.Fatalf("%s\n%s", end.Why, s.Source())
		}
		at := time.Duration(0)
		for _, step := range st.result.Steps {
			if step.At < at || step.At > r.limit() || step.What == "" {
				t.Fatalf("after %s: %+v", at, step)
			}
			at = step.At
		}
		st.hang(t, s)
	})
	if rehearsed == 0 {
		t.Error("the checker has passed no script: the generator proves nothing")
	}
}

// hang holds that a contact with whom nothing more happens has a reason for it.
func (s *stage) hang(t *rapid.T, first *script.Script) {
	if at, _ := s.next(); !at.IsZero() || s.blocked || s.away || s.down {
		return
	}
	music := s.state.Music != "" && s.contact.OnLine()
	talks := s.contact.State == callback.StateConnected
	if !s.state.Resting && !music && !talks && s.contact.State != callback.StateEnded {
		t.Fatalf("the contact is %s in %s, and nothing more comes: %+v\n%s", s.contact.State, s.state.Action, s.state, first.Source())
	}
	if s.contact.State == callback.StateEnded && len(s.asterisk.lines) > 0 {
		t.Fatalf("the contact has ended, and there are still %v", sortedKeys(s.asterisk.lines))
	}
}
