package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres"
)

// writeContact writes a contact for people: what it is at this moment, then its offers, attempts, legs
// and history, each in the order of time.
func writeContact(w io.Writer, c postgres.ContactDetail, now time.Time) error {
	var out strings.Builder
	fmt.Fprintf(&out, "contact %s: %s\n\n", c.ID, headline(c))
	if err := writeAbout(&out, c, now); err != nil {
		return err
	}
	if err := writeRequests(&out, c); err != nil {
		return err
	}
	if err := writeOffers(&out, c); err != nil {
		return err
	}
	if err := writeAttempts(&out, c); err != nil {
		return err
	}
	if err := writeLegs(&out, c); err != nil {
		return err
	}
	if err := writeHistory(&out, c.History); err != nil {
		return err
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func headline(c postgres.ContactDetail) string {
	switch {
	case c.Outcome != "":
		return fmt.Sprintf("%s, %s", c.State, c.Outcome)
	case c.Agent != "":
		return fmt.Sprintf("%s, agent %s", c.State, c.Agent)
	case c.State == callback.StateStuck:
		return "stuck, for a person to look at" + because(c.History, callback.FactStuck)
	case c.Held:
		return string(c.State) + ", held back from offers" + because(c.History, callback.FactHeld)
	}
	return string(c.State)
}

// because gives the reason in the last fact of that kind, as the end of a sentence.
func because(history []postgres.HistoryLine, kind callback.FactKind) string {
	for _, line := range slices.Backward(history) {
		if line.Kind == kind && line.Data["reason"] != "" {
			return ": " + line.Data["reason"]
		}
	}
	return ""
}

func writeAbout(w io.Writer, c postgres.ContactDetail, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  from\t%s\n  to\t%s\n", cmp.Or(c.ANI, "unknown"), dialledNumber(c))
	fmt.Fprintf(table, "  arrived\t%s\n", moment(c.ArrivedAt))
	if !c.EndedAt.IsZero() {
		fmt.Fprintf(table, "  ended\t%s\n", moment(c.EndedAt))
	}
	if c.Language != "" {
		fmt.Fprintf(table, "  language\t%s\n", c.Language)
	}
	fmt.Fprintf(table, "  script\t%s\n", c.Script)
	if c.Skill != "" {
		fmt.Fprintf(table, "  skill\t%s\n", c.Skill)
	}
	if c.Place != nil {
		fmt.Fprintf(table, "  place\t%s\n", placeText(*c.Place, now))
	}
	if c.Promise != nil {
		fmt.Fprintf(table, "  callback\t%s\n", promiseText(*c.Promise))
	}
	return table.Flush()
}

func dialledNumber(c postgres.ContactDetail) string {
	if c.Dialled != "" && c.Dialled != c.DNIS {
		return fmt.Sprintf("%s, dialled as %s", c.DNIS, c.Dialled)
	}
	return c.DNIS
}

func placeText(p postgres.PlaceDetail, now time.Time) string {
	text := fmt.Sprintf("%d of %d, priority %.3f (%d + %d a minute, at most %d), queued %s",
		p.Position, p.Waiting, p.Current, p.Initial, p.Acceleration, p.Maximum, moment(p.QueuedAt))
	if p.TargetAgent != "" {
		text += ", for agent " + p.TargetAgent
	}
	if p.Held {
		text += ", held back"
	}
	if p.ReadyAt.After(now) {
		text += ", not offered before " + moment(p.ReadyAt)
	}
	return text
}

func promiseText(p postgres.PromiseDetail) string {
	text := fmt.Sprintf("to %s, showing %s, promised %s", p.PhoneNumber, cmp.Or(p.CallerID, "no number"), moment(p.PromisedAt))
	if p.Extension != "" {
		text += ", extension " + p.Extension
	}
	if p.CallDelaySec > 0 {
		text += fmt.Sprintf(", %d s after the agent's accepting", p.CallDelaySec)
	}
	return text
}

// writeRequests writes what people have asked for and no callbackd has done yet.
func writeRequests(w io.Writer, c postgres.ContactDetail) error {
	rows := make([][]string, len(c.Requests))
	for i, request := range c.Requests {
		rows[i] = []string{"  " + string(request.Kind), changesText(request.Changes), moment(request.AskedAt), request.AskedBy}
	}
	return writeSection(w, "requests that wait until a callbackd takes them", []string{"  REQUEST", "CHANGES", "ASKED", "BY"}, rows)
}

// changesText writes what a request changes, in the order of the names.
func changesText(changes map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		value := fmt.Sprint(changes[name])
		if name == "target_agent" {
			value = cmp.Or(value, anyAgent)
		}
		parts = append(parts, name+"="+value)
	}
	return strings.Join(parts, "  ")
}

func writeOffers(w io.Writer, c postgres.ContactDetail) error {
	rows := make([][]string, len(c.Offers))
	for i, offer := range c.Offers {
		rows[i] = []string{
			"  " + offer.Agent, string(offer.Kind), cmp.Or(string(offer.Result), "ringing"),
			timeOfDay(offer.OfferedAt, c), timeOfDay(offer.AcceptedAt, c), timeOfDay(offer.EndedAt, c), offer.Channel,
		}
	}
	return writeSection(w, "offers", []string{"  AGENT", "KIND", "RESULT", "OFFERED", "ACCEPTED", "ENDED", "CHANNEL"}, rows)
}

func writeAttempts(w io.Writer, c postgres.ContactDetail) error {
	rows := make([][]string, len(c.Attempts))
	for i, attempt := range c.Attempts {
		counts := ""
		if attempt.Outcome != "" {
			counts = "no"
		}
		if attempt.Counts {
			counts = "yes"
		}
		rows[i] = []string{
			fmt.Sprintf("  %d", attempt.Number), attempt.Agent, attempt.PhoneNumber,
			cmp.Or(string(attempt.Outcome), "under way"), causeText(attempt.Cause), counts,
			timeOfDay(attempt.StartedAt, c), timeOfDay(attempt.DiallingAt, c), timeOfDay(attempt.AnsweredAt, c),
			timeOfDay(attempt.EndedAt, c), attempt.Channel,
		}
	}
	return writeSection(w, "attempts",
		[]string{"  NUMBER", "AGENT", "TO", "OUTCOME", "CAUSE", "COUNTS", "STARTED", "DIALLED", "ANSWERED", "ENDED", "CHANNEL"}, rows)
}

func writeLegs(w io.Writer, c postgres.ContactDetail) error {
	rows := make([][]string, len(c.Legs))
	for i, leg := range c.Legs {
		rows[i] = []string{
			"  " + string(leg.Party), string(leg.Direction), leg.From, leg.To,
			timeOfDay(leg.CreatedAt, c), timeOfDay(leg.AnsweredAt, c), timeOfDay(leg.EndedAt, c), causeText(leg.Cause), leg.Node, leg.Channel,
		}
	}
	return writeSection(w, "legs", []string{"  PARTY", "DIRECTION", "FROM", "TO", "CREATED", "ANSWERED", "ENDED", "CAUSE", "NODE", "CHANNEL"}, rows)
}

// writeSection writes a table below its title, and nothing where it would be empty.
func writeSection(w io.Writer, title string, headings []string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\n%s\n", title)
	return writeTable(w, headings, rows)
}

// timeOfDay writes a time as the history has it, with its day where the contact arrived on another one.
func timeOfDay(t time.Time, c postgres.ContactDetail) string {
	if t.IsZero() {
		return ""
	}
	at := t.Local()
	if at.Format(time.DateOnly) != c.ArrivedAt.Local().Format(time.DateOnly) {
		return at.Format(time.DateOnly + " " + clockTime)
	}
	return at.Format(clockTime)
}

// clockTime is how a time of day is written, to the millisecond.
const clockTime = "15:04:05.000"

// causes are the hang-up causes that decide something, in words.
var causes = map[callback.Cause]string{
	callback.CauseUnallocated: "unallocated",
	callback.CauseNormal:      "normal",
	callback.CauseBusy:        "busy",
	callback.CauseNoResponse:  "no response",
	callback.CauseNoAnswer:    "no answer",
	callback.CauseAbsent:      "absent",
	callback.CauseRejected:    "rejected",
	callback.CauseInvalid:     "invalid number",
	callback.CauseNoCircuit:   "no circuit",
	callback.CauseNetwork:     "network",
	callback.CauseTemporary:   "temporary",
	callback.CauseCongestion:  "congestion",
	callback.CauseUnavailable: "unavailable",
	callback.CauseNoResource:  "no resource",
	callback.CauseTakenOver:   "taken over",
}

func causeText(cause callback.Cause) string {
	if cause == callback.CauseUnknown {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", cause, causes[cause]))
}

func writeHistory(w io.Writer, history []postgres.HistoryLine) error {
	fmt.Fprintln(w, "\nhistory")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	day := ""
	for _, line := range history {
		at := line.At.Local()
		if today := at.Format(time.DateOnly); today != day {
			day = today
			fmt.Fprintf(table, "  %s\n", day)
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", at.Format(clockTime), strings.ReplaceAll(string(line.Kind), "_", " "), dataText(line.Data))
	}
	return table.Flush()
}

// dataText writes what there is to say about a fact, in the order of its names.
func dataText(data map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(data)) {
		value := data[name]
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			value = moment(at)
		}
		if cause, err := strconv.Atoi(value); name == "cause" && err == nil {
			value = causeText(callback.Cause(cause))
		}
		if value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	return strings.Join(parts, "  ")
}
