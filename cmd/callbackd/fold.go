package main

import "strings"

// helpWidth is how wide help is written: the least that terminals have.
const helpWidth = 80

// fold breaks the paragraphs of a text at a width. Lines that are indented, or have columns, stay as they are.
func fold(text string, width int) string {
	var out, paragraph []string
	flush := func() {
		out = append(out, foldWords(paragraph, width)...)
		paragraph = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || strings.HasPrefix(line, " ") || strings.Contains(line, "  ") {
			flush()
			out = append(out, line)
			continue
		}
		paragraph = append(paragraph, strings.Fields(line)...)
	}
	flush()
	return strings.Join(out, "\n")
}

// foldWords gives the lines that words take. A word that is longer than a line has one of its own.
func foldWords(words []string, width int) []string {
	var lines []string
	for _, word := range words {
		last := len(lines) - 1
		if last >= 0 && textWidth(lines[last])+1+textWidth(word) <= width {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}
