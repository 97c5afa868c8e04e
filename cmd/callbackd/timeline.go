package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres"
)

// writeContact writes a contact for people: what it is now, then its legs and its history in the order
// of time.
func writeContact(w io.Writer, c postgres.ContactDetail) error {
	var out strings.Builder
	fmt.Fprintf(&out, "contact %s: %s\n\n", c.ID, headline(c))
	if err := writeAbout(&out, c); err != nil {
		return err
	}
	if err := writeLegs(&out, c.Legs); err != nil {
		return err
	}
	if err := writeHistory(&out, c.History); err != nil {
		return err
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func headline(c postgres.ContactDetail) string {
	if c.Outcome != "" {
		return fmt.Sprintf("%s, %s", c.State, c.Outcome)
	}
	if c.Agent != "" {
		return fmt.Sprintf("%s, agent %s", c.State, c.Agent)
	}
	return string(c.State)
}

func writeAbout(w io.Writer, c postgres.ContactDetail) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  from\t%s\n  to\t%s\n", cmp.Or(c.ANI, "unknown"), dialledNumber(c))
	fmt.Fprintf(table, "  arrived\t%s\n", moment(c.ArrivedAt))
	if !c.EndedAt.IsZero() {
		fmt.Fprintf(table, "  ended\t%s\n", moment(c.EndedAt))
	}
	fmt.Fprintf(table, "  script\t%s\n", c.Script)
	if c.Skill != "" {
		fmt.Fprintf(table, "  skill\t%s\n", c.Skill)
	}
	if c.Place != nil {
		fmt.Fprintf(table, "  place\t%s\n", placeText(*c.Place))
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

func placeText(p postgres.PlaceDetail) string {
	text := fmt.Sprintf("%d of %d, priority %.3f (%d + %d a minute, at most %d), queued %s",
		p.Position, p.Waiting, p.Current, p.Initial, p.Acceleration, p.Maximum, moment(p.QueuedAt))
	if p.TargetAgent != "" {
		text += ", for agent " + p.TargetAgent
	}
	if p.Held {
		text += ", held back"
	}
	if !p.ReadyAt.IsZero() {
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

func writeLegs(w io.Writer, legs []postgres.LegDetail) error {
	if len(legs) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nlegs")
	rows := make([][]string, len(legs))
	for i, leg := range legs {
		rows[i] = []string{
			"  " + string(leg.Party), string(leg.Direction), leg.From, leg.To,
			moment(leg.CreatedAt), moment(leg.AnsweredAt), moment(leg.EndedAt), causeText(leg), leg.Node, leg.Channel,
		}
	}
	return writeTable(w, []string{"  PARTY", "DIRECTION", "FROM", "TO", "CREATED", "ANSWERED", "ENDED", "CAUSE", "NODE", "CHANNEL"}, rows)
}

func causeText(leg postgres.LegDetail) string {
	if leg.EndedAt.IsZero() || leg.Cause == callback.CauseUnknown {
		return ""
	}
	return fmt.Sprint(int(leg.Cause))
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
		fmt.Fprintf(table, "  %s\t%s\t%s\n", at.Format("15:04:05.000"), strings.ReplaceAll(string(line.Kind), "_", " "), dataText(line.Data))
	}
	return table.Flush()
}

// dataText writes what there is to say about a fact, in the order of its names.
func dataText(data map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if data[name] != "" {
			parts = append(parts, name+"="+data[name])
		}
	}
	return strings.Join(parts, "  ")
}
