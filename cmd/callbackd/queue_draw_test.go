package main

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres"
)

var updateQueue = flag.Bool("update-queue", false, "write the drawings in testdata/queue_draw.txtar anew")

// noon is the moment of the drawings.
var noon = time.Date(2026, 11, 21, 12, 5, 9, 0, time.Local)

func after(d time.Duration) time.Time { return noon.Add(d) }

// aCaller and aCallback are contacts that wait for an agent.
func aCaller(position int, id callback.ContactID, seconds float64) postgres.QueueContact {
	c := aCallback(position, id, seconds)
	c.Kind, c.State, c.Node, c.Action = callback.OfferLive, callback.StateLive, "pbx-1", "music"
	return c
}

func aCallback(position int, id callback.ContactID, seconds float64) postgres.QueueContact {
	return postgres.QueueContact{
		Position: position, ID: id, Skill: "support", Kind: callback.OfferCallback, State: callback.StateCallback,
		Number: "+1555010" + id.String(), WaitedSec: seconds, Priority: seconds / 60, Script: "example", Action: "expire",
	}
}

func anAgent(extension, name, state string, since time.Duration) postgres.QueueAgent {
	return postgres.QueueAgent{
		Agent: postgres.Agent{
			Extension: extension, Name: name, State: state, Presence: callback.Available, Since: after(-since),
			Skills: []postgres.AgentSkill{{Skill: "support", Proficiency: 1}, {Skill: "sales", Proficiency: 12}},
			Nodes:  []string{"pbx-1"},
		},
	}
}

// aQueue has one of each state.
func aQueue() postgres.Queue {
	stuck, held := aCallback(1, 4701, 190_000), aCallback(1, 4702, 3723.4)
	stuck.Skill, stuck.Priority, stuck.State, stuck.Held = "sales", 1000, callback.StateStuck, true
	held.Held = true
	delayed, dialled, answered := aCallback(2, 4703, 900), aCallback(3, 4704, 840), aCallback(4, 4705, 780)
	for _, c := range []*postgres.QueueContact{&delayed, &dialled, &answered} {
		c.State = callback.StateCalling
		c.Offer = &postgres.QueueOffer{Agent: "1003", Result: callback.OfferAccepted, DueAt: noon}
	}
	delayed.Offer.DueAt = after(30 * time.Second)
	dialled.Offer.DiallingAt = noon
	answered.Offer.DiallingAt, answered.Offer.AnsweredAt = noon, noon
	joined, rung, refused := aCaller(5, 4706, 720), aCaller(6, 4707, 660), aCaller(7, 4708, 600)
	joined.Offer = &postgres.QueueOffer{Agent: "1004", Result: callback.OfferAccepted}
	rung.Offer = &postgres.QueueOffer{Agent: "1002"}
	refused.Offer = &postgres.QueueOffer{Agent: "1005", Result: callback.OfferRefused}
	paused, targeted := aCallback(8, 4709, 540), aCallback(9, 4710, 480)
	paused.ReadyAt = after(time.Second)
	targeted.TargetAgent, targeted.ReadyAt = "1001", noon // which has come
	preferred, asked := aCallback(10, 4712, 420), aCaller(11, 4713, 360)
	preferred.TargetAgent, preferred.AnyAgent = "1001", true
	asked.Offer = &postgres.QueueOffer{Agent: "1012", AgentAnsweredAt: noon}
	hostile := aCaller(2, 4711, 9)
	hostile.Skill, hostile.Number, hostile.Action = "sales", "\x1b]0;gotcha\x07", ""

	ringing, lunch := anAgent("1002", "Bob", "offered", 4*time.Second), anAgent("1006", "", "unavailable", time.Hour)
	ringing.Contact = &postgres.QueueServed{ID: 4707, State: callback.StateLive}
	lunch.Presence, lunch.Reason = callback.Unavailable, "lunch"
	calling, joining := anAgent("1003", "Carla", "working_callback", time.Second), anAgent("1004", "Dan", "working_inbound", time.Second)
	calling.Contact = &postgres.QueueServed{ID: 4703, State: callback.StateCalling, Result: callback.OfferAccepted}
	joining.Contact = &postgres.QueueServed{ID: 4706, State: callback.StateLive, Result: callback.OfferAccepted}
	joining.Presence, joining.Reason = callback.Unavailable, "lunch"
	refusing, talking := anAgent("1005", "山田花子", "offered", 2*time.Second), anAgent("1007", "Fay", "working_inbound", time.Minute)
	refusing.Contact = &postgres.QueueServed{ID: 4708, State: callback.StateLive, Result: callback.OfferRefused}
	talking.Contact = &postgres.QueueServed{ID: 4600, State: callback.StateConnected, Result: callback.OfferAccepted}
	leaving, working := anAgent("1008", "Gus", "working_callback", time.Minute), anAgent("1009", "Hal", "after_call", time.Minute)
	leaving.Contact = &postgres.QueueServed{ID: 4601, State: callback.StateEnded, Result: callback.OfferAccepted}
	leaving.Presence = callback.LoggedOut
	working.Until = after(51 * time.Second)
	refused2, away := anAgent("1010", "Ida", "refused", time.Minute), anAgent("1011", "Jo", "logged_out", 30*time.Hour)
	refused2.Until = after(time.Second)
	away.Presence = callback.LoggedOut
	unreached := anAgent("1012", "Kim", "available", time.Minute)
	unreached.Nodes = nil
	return postgres.Queue{
		At:    noon,
		Nodes: []string{"pbx-1"},
		Skills: []postgres.QueueSkill{
			{Skill: "back office"},
			{Skill: "sales", Live: 1, Callbacks: 1, LongestSec: 190_000, LoggedIn: 10, Available: 1},
			{Skill: "support", Live: 4, Callbacks: 7, LongestSec: 3723.4, LoggedIn: 10, Available: 1},
		},
		Contacts: []postgres.QueueContact{stuck, held, delayed, dialled, answered, joined, rung, refused, paused, targeted, preferred, asked, hostile},
		Agents: []postgres.QueueAgent{
			anAgent("1001", "Ann", "available", 95*time.Minute), ringing, calling, joining, refusing, lunch, talking, leaving, working, refused2, unreached, away,
		},
		Counted: postgres.QueueAgents{All: 12, LoggedIn: 11, Available: 1},
	}
}

func text(lines []line) string {
	var out strings.Builder
	for _, line := range lines {
		out.WriteString(line.text + "\n")
	}
	return out.String()
}

func TestTheQueueIsDrawn(t *testing.T) {
	whole := queueView{queue: aQueue(), watching: true}
	away := whole
	away.awaySince, away.trouble = after(3*time.Second), "reading the queue: connection refused"
	long := whole
	long.queue.Skills = []postgres.QueueSkill{{Skill: "support", Live: 3, Callbacks: 1_000_000, LongestSec: 190_000, LoggedIn: 10, Available: 1}}
	unserved := whole
	unserved.queue.Nodes = nil
	drawings := []struct {
		name string
		view queueView
		on   paper
	}{
		{"elsewhere than on a terminal", queueView{queue: aQueue()}, paper{}},
		{"wide", whole, paper{width: 140, height: 40}},
		{"of the usual size", whole, paper{width: 80, height: 24}},
		{"small", whole, paper{width: 50, height: 12}},
		{"tiny", whole, paper{width: 9, height: 5}},
		{"Postgres away", away, paper{width: 100, height: 20}},
		{"a long queue", long, paper{width: 100, height: 30}},
		{"colours", whole, paper{width: 80, height: 24, colour: true}},
		{"no callbackd runs", unserved, paper{width: 80, height: 24, colour: true}},
		{"nothing", queueView{queue: postgres.Queue{At: noon, Nodes: []string{"pbx-1"}}, skill: "support"}, paper{width: 100, height: 24}},
	}
	const file = "testdata/queue_draw.txtar"
	golden := &txtar.Archive{Comment: []byte("The drawings of callbackd queue. In colours ESC stands for the character.\n")}
	for _, d := range drawings {
		drawn := text(drawQueue(d.view, d.on, after(35*time.Second)))
		golden.Files = append(golden.Files, txtar.File{Name: d.name, Data: []byte(strings.ReplaceAll(drawn, "\x1b", "ESC"))})
	}
	if *updateQueue {
		if err := os.WriteFile(file, txtar.Format(golden), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Files) != len(golden.Files) {
		t.Fatalf("%s has %d drawings, want %d", file, len(want.Files), len(golden.Files))
	}
	for i, got := range golden.Files {
		if got.Name != want.Files[i].Name || string(got.Data) != string(want.Files[i].Data) {
			t.Errorf("%s is drawn as\n%s\nwant\n%s", got.Name, got.Data, want.Files[i].Data)
		}
	}
}

func TestADrawingFitsOnItsPaperAndTellsTheTerminalNothing(t *testing.T) {
	view := queueView{queue: aQueue(), watching: true}
	view.queue.Agents[0].Name = "A\x1b[2J\u202e\u0301\tB"
	for width := 1; width <= 160; width++ {
		for _, height := range []int{1, 2, 5, 9, 14, 24, 45} {
			lines := drawQueue(view, paper{width: width, height: height}, noon)
			if len(lines) > height {
				t.Fatalf("%d lines are drawn on %d", len(lines), height)
			}
			for _, line := range lines {
				if line.width > width || line.width != textWidth(line.text) || printable(line.text) != line.text {
					t.Fatalf("on a width of %d stands a line of %d: %q", width, line.width, line.text)
				}
			}
		}
	}
}

func TestTheRoomIsSharedAndNoneIsLeftWhileSomethingIsMissing(t *testing.T) {
	view := queueView{queue: aQueue(), watching: true}
	need := len(drawQueue(view, paper{}, noon))
	for height := 10; height <= need+3; height++ {
		if got := len(drawQueue(view, paper{height: height}, noon)); got != min(height, need) {
			t.Errorf("%d of %d lines are used, and %d are needed", got, height, need)
		}
	}
}

func TestWaitsAreWrittenAsClocksDo(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0:00", 59.9: "0:59", 60: "1:00", 3599: "59:59", 3600: "1:00:00", 86399: "23:59:59", 86400: "1d 00:00:00", 190_000: "2d 04:46:40",
	} {
		if got := waited(seconds); got != want {
			t.Errorf("%s s are %s, want %s", strconv.FormatFloat(seconds, 'f', -1, 64), got, want)
		}
	}
}

func TestATextIsCutToItsWidth(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  string
	}{
		{"support", 7, "support"}, {"support", 6, "suppo…"}, {"support", 1, "…"}, {"support", 0, ""}, {"", 0, ""},
		{"山田花子", 8, "山田花子"}, {"山田花子", 7, "山田花…"}, {"山田花子", 6, "山田…"}, {"e\u0301e\u0301", 2, "e\u0301e\u0301"},
	} {
		if got := cut(test.text, test.width); got != test.want {
			t.Errorf("%q cut to %d is %q, want %q", test.text, test.width, got, test.want)
		}
	}
}
