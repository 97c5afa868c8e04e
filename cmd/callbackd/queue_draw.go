package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/callbackd/callbackd/callback/postgres"
)

// queueView is what there is to be drawn.
type queueView struct {
	queue    postgres.Queue // the last that was read
	skill    string         // the only one that was asked for; "": all
	watching bool           // it is drawn again and again, until a key is pressed

	awaySince time.Time // from when the database has not answered; zero: it answers
	trouble   string    // why
}

// block is one of the tables of the drawing.
type block struct {
	columns []column
	rows    [][]cell
	total   int    // rows that there are, with those that are not given
	empty   string // what to say where there are none
}

// need is how many lines the block takes below its headings.
func (s block) need() int {
	if s.total > len(s.rows) {
		return len(s.rows) + 1
	}
	return len(s.rows)
}

// nobodyServes is said while there is no node for which a callbackd runs.
const nobodyServes = "no callbackd runs, and nobody is offered a contact: callbackd serve"

// drawQueue draws what is to be seen at that moment, in no more lines than the paper has.
func drawQueue(v queueView, p paper, now time.Time) []line {
	lines := []line{p.write(queueHeadline(v, now))}
	if len(v.queue.Nodes) == 0 && v.awaySince.IsZero() {
		lines = append(lines, p.write(cell{nobodyServes, red}))
	}
	blocks := []block{skillsBlock(v), contactsBlock(v), agentsBlock(v)}
	rooms := p.rooms(blocks, len(lines))
	for i, s := range blocks {
		lines = append(lines, line{})
		lines = append(lines, p.block(s, rooms[i])...)
	}
	if p.height > 0 && len(lines) > p.height {
		lines = lines[:p.height]
	}
	return lines
}

// rooms shares the lines of the paper among the blocks: all get the same, and what one does not need
// the others have.
func (p paper) rooms(blocks []block, used int) []int {
	rooms := make([]int, len(blocks))
	left := p.height - used - 2*len(blocks) // an empty line and the headings
	for p.height == 0 || left > 0 {
		least := -1
		for i, s := range blocks {
			if rooms[i] < s.need() && (least < 0 || rooms[i] < rooms[least]) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		rooms[least]++
		left--
	}
	return rooms
}

// block draws a table in so many lines below its headings.
func (p paper) block(s block, room int) []line {
	if s.total == 0 {
		return []line{p.write(cell{s.empty, faint})}
	}
	rows := s.rows
	if room < s.need() {
		rows = rows[:max(room-1, 0)]
	}
	lines := p.table(s.columns, rows)
	if more := s.total - len(rows); more > 0 {
		lines = append(lines, p.write(cell{fmt.Sprintf("and %d more", more), faint}))
	}
	return lines
}

func queueHeadline(v queueView, now time.Time) cell {
	text := moment(v.queue.At)
	if v.watching {
		text = v.queue.At.Local().Format(time.TimeOnly)
	}
	if v.skill != "" {
		text = v.skill + "  " + text
	}
	if !v.awaySince.IsZero() {
		return cell{fmt.Sprintf("%s  Postgres away since %s (%s): %s",
			text, clock(v.awaySince, now), waited(now.Sub(v.awaySince).Seconds()), v.trouble), red}
	}
	live, callbacks := 0, 0
	for _, skill := range v.queue.Skills {
		live += skill.Live
		callbacks += skill.Callbacks
	}
	text += fmt.Sprintf("  %d waiting: %d live, %d callback  agents: %d of %d available",
		live+callbacks, live, callbacks, v.queue.Counted.Available, v.queue.Counted.LoggedIn)
	if v.watching {
		text += "  q: quit"
	}
	return cell{text, bold}
}

func skillsBlock(v queueView) block {
	s := block{
		columns: []column{
			{title: "SKILL", least: 8}, {title: "WAITING", right: true}, {title: "LIVE", right: true},
			{title: "CALLBACK", right: true}, {title: "LONGEST", right: true, room: 8},
			{title: "LOGGED IN", right: true}, {title: "AVAILABLE", right: true},
		},
		total: len(v.queue.Skills),
		empty: "no agents and no contacts",
	}
	for _, skill := range v.queue.Skills {
		longest := ""
		if skill.Live+skill.Callbacks > 0 {
			longest = waited(skill.LongestSec)
		}
		s.rows = append(s.rows, plainCells(skill.Skill, strconv.Itoa(skill.Live+skill.Callbacks), strconv.Itoa(skill.Live),
			strconv.Itoa(skill.Callbacks), longest, strconv.Itoa(skill.LoggedIn), strconv.Itoa(skill.Available)))
	}
	return s
}

func contactsBlock(v queueView) block {
	s := block{
		columns: []column{
			{title: "POS", right: true}, {title: "CONTACT", right: true}, {title: "SKILL", least: 4, spare: 2},
			{title: "KIND"}, {title: "NUMBER", spare: 1}, {title: "WAITED", right: true, room: 7},
			{title: "PRIORITY", right: true, spare: 3}, {title: "WAITS FOR", least: 22, room: 26},
			{title: "AGENT", spare: 4}, {title: "NODE", least: 4, spare: 5}, {title: "SCRIPT", least: 10, spare: 6},
		},
		empty: "nobody waits",
	}
	for _, skill := range v.queue.Skills {
		s.total += skill.Live + skill.Callbacks
	}
	for _, c := range v.queue.Contacts {
		at := c.Script
		if c.Action != "" {
			at += ": " + c.Action
		}
		row := plainCells(strconv.Itoa(c.Position), c.ID.String(), c.Skill, string(c.Kind), c.Number, waited(c.WaitedSec),
			strconv.FormatFloat(c.Priority, 'f', 2, 64), "", c.TargetAgent, c.Node, at)
		row[slices.IndexFunc(s.columns, func(c column) bool { return c.title == "WAITS FOR" })] = waitsFor(c, v.queue.At)
		s.rows = append(s.rows, row)
	}
	return s
}

func agentsBlock(v queueView) block {
	s := block{
		columns: []column{
			{title: "AGENT"}, {title: "NAME", least: 6, spare: 1}, {title: "STATE", least: 20, room: 26},
			{title: "SINCE"}, {title: "SKILLS", least: 10, spare: 2},
		},
		total: v.queue.Counted.All,
		empty: "no agents",
	}
	for _, a := range v.queue.Agents {
		s.rows = append(s.rows, []cell{
			{a.Extension, plainStyle}, {a.Name, plainStyle}, agentDoes(a, v.queue.At),
			{clock(a.Since, v.queue.At), plainStyle}, {skillList(a.Skills), plainStyle},
		})
	}
	return s
}
