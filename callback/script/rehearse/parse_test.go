package rehearse_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script/rehearse"
)

func TestEachMistakeHasItsPlaceAndSaysWhatWouldBeRight(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"", `r.yaml:1:1: the file is empty; a rehearsal names its script and says what happens`},
		{"- a", `r.yaml:1:1: a rehearsal: a mapping belongs here, as in {key: value}`},
		{"limit: [", `r.yaml:1:8: not readable as YAML: sequence end token ']' not found`},
		{"limit: 1d\nhapens: []", `r.yaml:2:1: a rehearsal has no "hapens"; it has answers, caller, expect, happens, limit, missing, script, skills, sounds, start, variables`},
		{"limit: 1d\nlimit: 2d", `r.yaml:2:1: "limit" stands here a second time; the first is in line 1`},
		{"limit: 1d\n---\nlimit: 2d", `r.yaml:3:6: a second document begins; a file holds one rehearsal`},
		{"limit: soon", `r.yaml:1:8: "soon" is no time; it is written 35s, 10m, 1h30m or 2d`},
		{"limit: -1s", `r.yaml:1:8: "-1s" is no time; it is written 35s, 10m, 1h30m or 2d`},
		{"limit: 999d", `r.yaml:1:8: 999d is longer than a year`},
		{"limit: {a: b}", `r.yaml:1:8: one value belongs here; a text that is none of letters and digits stands in quotes`},
		{"start: monday", `r.yaml:1:8: "monday" is no date and time, as in 2026-03-02 09:00`},
		{"caller: {Ani: 1}", `r.yaml:1:10: caller has no "Ani"; it has ANI, DIALLED, DNIS, LANGUAGE`},
		{"skills: {support: {attempts: many}}", `r.yaml:1:30: attempts: "many" is not a whole number`},
		{"skills: {support: {ringtime: 3s}}", `r.yaml:1:20: a skill has no "ringtime"; it has acceleration, accept, accept_time, after_call_work, attempts, caller_name, contact_ring_time, initial_priority, max_priority, pause_time, refusals, refused_time, region, retry_time, ring_time, whisper`},
		{"skills: {support: {ring_time: 20}}", `r.yaml:1:31: ring_time: "20" is not a time, as in 20s, 10m or 1h30m`},
		{"skills: {support: {region: ''}}", `r.yaml:1:28: region: a value belongs here`},
		{"skills: {support: {initial_priority: 5, max_priority: 4}}", `r.yaml:1:10: skill support: initial_priority 5 is above max_priority 4`},
		{"skills: {Support: {}}", `r.yaml:1:10: skill "Support": a skill's name is a lower-case word of letters, digits, - and _`},
		{"answers: {crm: {state: 200}}", `r.yaml:1:17: an answer has no "state"; it has after, error, found, status, values, waited`},
		{"answers: {crm: {found: maybe}}", `r.yaml:1:24: "maybe" is neither true nor false`},
		{"happens: {at: 3s}", `r.yaml:1:10: happens: a list belongs here, as in - {at: 35s, keys: "1"}`},
		{"happens: [{at: 3s}]", `r.yaml:1:11: a time and what happens belong here, as in {at: 35s, keys: "1"}`},
		{"happens: [{keys: 1}]", `r.yaml:1:11: a time and what happens belong here, as in {at: 35s, keys: "1"}`},
		{"happens: [{at: 3s, keys: 1, agent: 1001}]", `r.yaml:1:36: one thing happens in a line; give agent a line of its own`},
		{"happens: [{at: 3s, key: 1}]", `r.yaml:1:20: what happens has no "key"; it has agent, at, callbackd, caller, contact, database, keys`},
		{"happens: [{at: 3s, keys: one}]", `r.yaml:1:26: keys are 0 to 9, *, # and A to D, as in keys 1, and not "one"`},
		{"happens: [{at: 3s, agent: Ann answers}]", `r.yaml:1:27: "Ann answers" names no agent; an extension belongs here, as in agent 1001 answers`},
		{"happens: [{at: 3s, agent: 1001 sleeps}]", `r.yaml:1:27: agent: "sleeps" is none of accepts, answers, declines, rings, presses 1, presses 2, hangs up`},
		{"happens: [{at: 3s, caller: answers}]", `r.yaml:1:28: caller: "answers" is none of hangs up`},
		{"expect: {state: gone}", `r.yaml:1:17: "gone" is none of live, callback, calling, connected, released, stuck, ended`},
		{"expect: {outcome: fine}", `r.yaml:1:19: "fine" is none of served, abandoned, not_reached, hung_up`},
		{"expect: {saved: {Number: 1}}", `r.yaml:1:18: saved has no "Number"; it has CallDelaySec, CallerID, Extension, PhoneNumber`},
		{"expect: {priority: high}", `r.yaml:1:20: a priority is a number, as in 12 or 12.5`},
	} {
		_, found := rehearse.Parse("r.yaml", []byte(c.source))
		if len(found) != 1 || found[0].String() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.source, found, c.want)
		}
	}
}

func TestAllMistakesAreToldAtOnceInTheOrderOfTheFile(t *testing.T) {
	_, found := rehearse.Parse("r.yaml", []byte("expect: {state: gone}\nlimit: soon\nstart: now\n"))
	if len(found) != 3 || found[0].Line != 1 || found[1].Line != 2 || found[2].Line != 3 {
		t.Errorf("found %v", found)
	}
}

func TestActionsThatTheScriptDoesNotHaveAreMistakes(t *testing.T) {
	r := rehearsed(t, "answers: {crm: {}}\nexpect:\n  actions: [request, ofer]\n  passes: thank\n")
	found := r.Check(example(t), rehearse.Options{})
	var lines []string
	for _, d := range found {
		lines = append(lines, d.String())
	}
	want := `rehearsal.yaml:1:11: the script has no action "crm"
rehearsal.yaml:3:22: the script has no action "ofer"
rehearsal.yaml:4:11: the script has no action "thank"`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
}

func TestAnswersThatAnActionCanNotGetAreMistakes(t *testing.T) {
	r := rehearsed(t, `answers:
  crm: {values: {customer: Ann, colour: red}, waited: 3m, status: 201}
  note: {values: {customer: Ann}}
  again:
    - {after: 1s}
`)
	var lines []string
	for _, d := range r.Check(asking(t), rehearse.Options{}) {
		lines = append(lines, d.String())
	}
	want := `rehearsal.yaml:2:55: crm is answered without "waited"; that is for Contacttakeover
rehearsal.yaml:2:33: crm does not set "colour"; it sets HTTPSTATUS, customer, level
rehearsal.yaml:3:3: note asks nothing, so it gets no answer
rehearsal.yaml:4:3: again asks nothing, so it gets no answer`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
}

func TestAnswersOnTheCommandLineComeInPlaceOfTheFiles(t *testing.T) {
	r := rehearsed(t, `
limit: 3m30s
answers: {crm: {values: {customer: Bob}}}
`)
	if err := r.AddAnswers([]string{
		"crm customer=Ann van Dyck level=gold", "crm status=500", "crm error=connection refused", "crm after=7s",
	}); err != nil {
		t.Fatal(err)
	}
	s := asking(t)
	if err := r.Check(s, rehearse.Options{}).Err(); err != nil {
		t.Error(err)
	}
	want := []string{
		"200 Ann van Dyck/gold", "crm: the server answered 500", "500", "crm: connection refused", "0", "crm: no answer within 5s", "0",
	}
	if got := rehearse.Run(s, r, rehearse.Options{}).End.Log; !slices.Equal(got, want) {
		t.Errorf("it logs %q, want %q", got, want)
	}
}

func TestMistakesInAnswersOnTheCommandLineAreTold(t *testing.T) {
	for text, want := range map[string]string{
		"crm":                         `--answer "crm": an action and its answer belong here, as in "estimate EWT=600", "crm status=500", "crm error=refused" or "query found"`,
		"crm status=often":            `--answer "crm status=often": "often" is not a whole number`,
		"crm after=soon":              `--answer "crm after=soon": "soon" is no time; it is written 35s, 10m, 1h30m or 2d`,
		"cmr status=500":              `--answer "cmr status=500":1:1: the script has no action "cmr"`,
		"note customer=Ann":           `--answer "note customer=Ann":1:1: note asks nothing, so it gets no answer`,
		"crm customer=Ann colour=red": `--answer "crm customer=Ann colour=red":1:18: crm does not set "colour"; it sets HTTPSTATUS, customer, level`,
		"crm found":                   `--answer "crm found":1:5: crm is answered without "found"; that is for Querycallback and Contacttakeover`,
	} {
		var r rehearse.Rehearsal
		err := r.AddAnswers([]string{text})
		if err == nil {
			err = r.Check(asking(t), rehearse.Options{}).Err()
		}
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestNoneIsAListWithoutNumbers(t *testing.T) {
	holds(t, example(t), "limit: 1m\nexpect: {dialled: none, saved: none}")
}

func TestWhereAVariableNamesTheNextScriptItsActionsAreNotKnown(t *testing.T) {
	s := scripted(t, "lead", `
type: Phone
start: lead
inputs: [next]
actions:
  lead: {Runscript: {Script: "{next}"}}
`)
	r := rehearsed(t, "expect: {passes: [lead, elsewhere]}")
	if found := r.Check(s, rehearse.Options{}); len(found) > 0 {
		t.Error(found)
	}
}

func TestTheCommandLineSaysTheSameAsTheFile(t *testing.T) {
	file := rehearsed(t, `
happens:
  - {at: 35s, keys: "1"}
  - {at: 1m30s, caller: hangs up}
  - {at: 10m, agent: 1001}
  - {at: 11m, agent: 1001 hangs up}
  - {at: 1d2h, contact: no answer}
  - {at: 90, callbackd: restarts}
  - {at: 1.5s, database: away}
`).Happens
	for i, text := range []string{
		"35s keys 1", "1m30s caller hangs up", "10m agent 1001", "11m agent 1001 hangs up",
		"1d2h contact no answer", "90 callbackd restarts", "1.5s database away",
	} {
		h, err := rehearse.ParseHappening(text)
		if err != nil || h != file[i] {
			t.Errorf("%q is %+v, %v; want %+v", text, h, err, file[i])
		}
	}
	for _, text := range []string{"", "keys 1", "35s", "35s nobody answers", "35s keys"} {
		if h, err := rehearse.ParseHappening(text); err == nil {
			t.Errorf("%q is taken as %+v", text, h)
		}
	}
}

func TestDifferencesAreToldOneALine(t *testing.T) {
	r := rehearsed(t, `
limit: 31s
expect:
  state: callback
  outcome: served
  actions: [request, offer]
  passes: [offer, music]
  plays: [acme/hello]
  log: [anything]
  dialled: ["2125550100"]
  variables: {MRES: "1"}
  saved: {PhoneNumber: "2125550100"}
  skill: sales
  priority: 7
  held: true
`)
	got := strings.Join(rehearse.Run(example(t), r, rehearse.Options{}).Check(r.Expect), "\n")
	want := `outcome: served is expected, and it is none
state: callback is expected, and it is live
actions: offer is expected as number 2, and it is music; all of them: request, music, offer
passes: music is missing, or comes in another order; all of them: request, music, offer
plays: acme/hello is missing, or comes in another order; all of them: callbackd/offer
log: anything is missing, or comes in another order; all of them: none
dialled: 2125550100 is expected as number 1, and it is nothing; all of them: none
variables: MRES: "1" is expected, and it is ""
saved: a callback is expected, and none was promised
skill: sales is expected, and it is support
priority: 7 is expected, and it is 0.517
held: true is expected, and it is false`
	if got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
}

func TestTimesAreWrittenAsTheyAreRead(t *testing.T) {
	for text, d := range map[string]time.Duration{
		"0s": 0, "35s": 35 * time.Second, "1.5s": 1500 * time.Millisecond, "10m5s": 605 * time.Second,
		"2h": 2 * time.Hour, "1d2h": 26 * time.Hour, "1d30s": 24*time.Hour + 30*time.Second,
	} {
		if got := rehearse.InWords(d); got != text {
			t.Errorf("%s is written %s", d, got)
		}
		if h, err := rehearse.ParseHappening(text + " keys 1"); err != nil || h.At != d {
			t.Errorf("%s is read as %s, %v", text, h.At, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("script: a.yaml\nhappens: [{at: 1s, keys: 1}]\nexpect: {saved: none}\n"))
	f.Add([]byte("skills: {a: {attempts: 1}}\nanswers: {b: [{values: {c: d}}]}\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		_, found := rehearse.Parse("r.yaml", source)
		for _, d := range found {
			if d.Line < 1 || d.Column < 1 || d.Message == "" || d.Warning {
				t.Errorf("%+v", d)
			}
		}
	})
}
