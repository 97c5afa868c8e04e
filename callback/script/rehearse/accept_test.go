package rehearse_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/script/rehearse"
	"github.com/callbackd/callbackd/callback/setting"
)

// unusual gives a value of a setting that is not its default, as it stands in a file.
func unusual(t *testing.T, s setting.Setting) string {
	t.Helper()
	for _, value := range []string{"3", "7s", "press_1", "DE", "acme/hello"} {
		skill := callback.DefaultSkill
		if s.Set(&skill, value) == nil && skill != callback.DefaultSkill {
			return value
		}
	}
	t.Fatalf("the test has no value for %s", s.Name)
	return ""
}

func TestARehearsalsSkillHasEverySettingOfTheConfiguration(t *testing.T) {
	want := callback.DefaultSkill
	want.Name = "sales"
	var source strings.Builder
	source.WriteString("skills:\n  support:\n  sales:\n")
	for _, s := range setting.All() {
		value := unusual(t, s)
		fmt.Fprintf(&source, "    %s: %s\n", s.Name, value)
		if err := s.Set(&want, value); err != nil {
			t.Fatal(err)
		}
	}
	r := rehearsed(t, source.String())
	if got := r.Skills["sales"]; got != want {
		t.Errorf("it has %+v\nwant %+v", got, want)
	}
	want = callback.DefaultSkill
	want.Name = "support"
	if got := r.Skills["support"]; got != want {
		t.Errorf("without settings it has %+v, want the defaults", got)
	}
}

const asksForKey = `
skills: {support: {accept: press_1, accept_time: 10s, whisper: "acme/hello {WAITED}", caller_name: "{SKILL} {KIND} {WAITED}"}}
sounds: {acme/hello: 2s}
`

func TestAnAgentAcceptsByOneWhereTheSkillAsksForIt(t *testing.T) {
	result := holds(t, example(t), asksForKey+`
happens:
  - {at: 33s, keys: "1"}
  - {at: 10m, agent: 1001}              # answers, and presses 1 a second later
  - {at: 10m, contact: answers}
  - {at: 12m, agent: 1001 hangs up}
expect: {outcome: served}
`)
	at(t, result, `the phone of agent 1001 shows "support callback 10 min"`, 10*time.Minute)
	at(t, result, "agent 1001 hears acme/hello, callbackd/wait-under-15, callbackd/press-1", 10*time.Minute)
	at(t, result, "agent 1001 presses 1", 10*time.Minute+time.Second)
	at(t, result, "agent 1001 accepts the callback", 10*time.Minute+time.Second)
	at(t, result, "2125550100 is dialled", 10*time.Minute+time.Second)
}

func TestAnAgentWhoOnlyAnswersHasNotAcceptedByOne(t *testing.T) {
	result := holds(t, example(t), asksForKey+`
happens:
  - {at: 33s, keys: "1"}
  - {at: 10m, agent: 1001 answers}      # as a voicemail does
  - {at: 11m, agent: 1002 answers}
  - {at: 11m4s, agent: 1002 presses 2}
  - {at: 12m, agent: 1003 answers}
  - {at: 12m4s, agent: 1003 presses 1}
  - {at: 12m5s, agent: 1003 presses 2}  # has accepted
limit: 12m20s
expect: {dialled: ["2125550100"], log: []}
`)
	at(t, result, "the offer to agent 1001 has ended: no answer", 10*time.Minute+10*time.Second)
	at(t, result, "the offer to agent 1002 has ended: refused", 11*time.Minute+4*time.Second)
	at(t, result, "agent 1003 accepts the callback", 12*time.Minute+4*time.Second)
	at(t, result, "agent 1003 presses 2: nobody listens", 12*time.Minute+5*time.Second)
}

func TestAnAgentWhoHasAnsweredAcceptsALiveCallerByOne(t *testing.T) {
	result := holds(t, example(t), asksForKey+`
happens:
  - {at: 10s, agent: 1001 answers}
  - {at: 15s, agent: 1001 accepts}
  - {at: 1m, caller: hangs up}
expect: {outcome: served, saved: none}
`)
	at(t, result, "agent 1001 accepts the call", 15*time.Second)
}

func TestAKeyOfAnAgentWhoIsNotOnTheLineIsTold(t *testing.T) {
	r := rehearsed(t, asksForKey+`
limit: 1m
happens:
  - {at: 5s, agent: 1001 presses 1}
  - {at: 6s, agent: 1001 rings}
  - {at: 7s, agent: 1001 presses 1}
expect: {state: live}
`)
	result := rehearse.Run(example(t), r, rehearse.Options{})
	got := strings.Join(result.Check(r.Expect), "\n")
	const want = "happens: at 5s agent 1001 presses 1: is not on the line\nhappens: at 7s agent 1001 presses 1: is not on the line"
	if got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
}

func TestAnAgentIsUnavailableAfterTheSkillsNumberOfRefusals(t *testing.T) {
	result := holds(t, example(t), `
skills: {support: {refusals: 2}}
limit: 20m
happens:
  - {at: 1m, agent: 1001 declines}
  - {at: 2m, agent: 1002 declines}
  - {at: 3m, agent: 1001 rings}
expect: {state: live}
`)
	at(t, result, "agent 1001 is unavailable: offers not accepted", 3*time.Minute+20*time.Second)
	if says(result, "agent 1002 is unavailable").At >= 0 {
		t.Error("agent 1002, who has declined once, is unavailable")
	}
}

func TestASoundThatAnAgentDoesNotHearIsTold(t *testing.T) {
	result := holds(t, example(t), asksForKey+`
missing: acme/hello
happens:
  - {at: 10s, agent: 1001}
  - {at: 1m, agent: 1001 hangs up}
expect: {outcome: served}
`)
	at(t, result, `agent 1001 hears nothing: there is no sound "acme/hello"`, 10*time.Second)
}
