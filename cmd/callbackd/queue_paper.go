package main

import (
	"math"
	"slices"
	"strings"
	"unicode"
)

// paper is what a drawing is made on. Its lines never get longer than it is wide.
type paper struct {
	width, height int // in cells; 0: as much as it takes
	colour        bool
}

// style is how a text looks, as the parameter of a terminal's SGR sequence.
type style string

const (
	plainStyle style = ""
	bold       style = "1"
	faint      style = "2"
	red        style = "31"
	green      style = "32"
	yellow     style = "33"
	cyan       style = "36"
)

// cell is a text with its look.
type cell struct {
	text  string
	style style
}

func plainCells(texts ...string) []cell {
	cells := make([]cell, len(texts))
	for i, text := range texts {
		cells[i] = cell{text, plainStyle}
	}
	return cells
}

// line is a line of a drawing, with its width on the screen.
type line struct {
	text  string
	width int
}

// column is a column of a table. One that does not fit is cut, the widest first; then the one with the
// highest spare is left out.
type column struct {
	title string
	right bool // adjusted
	room  int  // its width where there is enough, so that the columns stay where they are
	least int  // it is cut to no less; 0: not at all
	spare int  // 0: never left out
}

// gap is how many cells stand between two columns.
const gap = 2

// write draws a line of text.
func (p paper) write(c cell) line {
	text := cut(printable(c.text), p.left(0))
	return line{p.paint(text, c.style), textWidth(text)}
}

// table draws rows below the headings of their columns. An empty cell is a dash.
func (p paper) table(columns []column, rows [][]cell) []line {
	headings := make([]cell, len(columns))
	natural := make([]int, len(columns))
	for i, column := range columns {
		headings[i] = cell{column.title, faint}
		natural[i] = max(len(column.title), column.room)
		for _, row := range rows {
			natural[i] = max(natural[i], textWidth(printable(row[i].text)))
		}
	}
	widths := p.fit(columns, natural)
	lines := []line{p.row(columns, widths, headings)}
	for _, row := range rows {
		lines = append(lines, p.row(columns, widths, row))
	}
	return lines
}

// fit gives the widths of the columns on this paper; 0 for one that is left out.
func (p paper) fit(columns []column, natural []int) []int {
	natural = slices.Clone(natural)
	widths := slices.Clone(natural)
	for p.width > 0 && tableWidth(widths) > p.width {
		cut, out := -1, -1
		for i, column := range columns {
			if column.least > 0 && widths[i] > column.least && (cut < 0 || widths[i] > widths[cut]) {
				cut = i
			}
			if column.spare > 0 && widths[i] > 0 && (out < 0 || column.spare > columns[out].spare) {
				out = i
			}
		}
		switch {
		case cut >= 0:
			widths[cut]--
		case out >= 0:
			natural[out] = 0
			widths = slices.Clone(natural)
		default:
			return widths // the rows are cut
		}
	}
	return widths
}

func tableWidth(widths []int) int {
	total := -gap
	for _, width := range widths {
		if width > 0 {
			total += width + gap
		}
	}
	return total
}

func (p paper) row(columns []column, widths []int, row []cell) line {
	var out strings.Builder
	used, blanks := 0, 0
	for i, c := range row {
		if widths[i] == 0 {
			continue
		}
		text := printable(c.text)
		if text == "" {
			text = "-"
		}
		text = cut(text, widths[i])
		pad := widths[i] - textWidth(text)
		if columns[i].right {
			blanks += pad
			pad = 0
		}
		text = cut(text, p.left(used+blanks))
		if text == "" {
			break
		}
		out.WriteString(strings.Repeat(" ", blanks) + p.paint(text, c.style))
		used += blanks + textWidth(text)
		blanks = pad + gap
	}
	return line{out.String(), used}
}

// left is how much of a line is left when so much of it is used.
func (p paper) left(used int) int {
	if p.width == 0 {
		return math.MaxInt
	}
	return max(p.width-used, 0)
}

func (p paper) paint(text string, s style) string {
	if !p.colour || s == plainStyle {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// printable takes away what would do something to a terminal instead of being shown: numbers and names
// come from outside.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// textWidth is how many cells a text takes.
func textWidth(text string) int {
	width := 0
	for _, r := range text {
		width += runeWidth(r)
	}
	return width
}

// runeWidth is how many cells a character takes: the names of people are written in many scripts.
func runeWidth(r rune) int {
	switch {
	case r < 0x300: // most of what is written here
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana):
		return 2
	case r >= 0x3000 && r <= 0x303f, r >= 0xff01 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff: // full-width forms, pictures
		return 2
	}
	return 1
}

// cut gives as much of a text as the width takes, with a mark where something is missing.
func cut(text string, width int) string {
	if textWidth(text) <= width {
		return text
	}
	used := 1 // the mark
	for i, r := range text {
		if used += runeWidth(r); used > width {
			if width == 0 {
				return ""
			}
			return text[:i] + "…"
		}
	}
	return text
}
