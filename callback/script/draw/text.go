package draw

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The sizes of the texts, in pixels.
const (
	captionSize = 13
	kindSize    = 11 // and of the summary below it
	labelSize   = 11
	titleSize   = 17

	maxLines     = 3  // of a caption
	lineHeight   = 16 // of a caption
	kindHeight   = 14 // of the kind
	summaryLines = 2
	summaryLine  = 13 // the height of a line of the summary
	summaryWidth = 195
	labelHeight  = 13 // of a line of a label
	captionWidth = 150
	labelWidth   = 110
	labelLines   = 3
)

// textWidth estimates how wide a text is. The fonts of the viewer are not known, so it is on the
// large side.
func textWidth(text string, size int) int {
	thousandths := 0
	for _, r := range text {
		if r < utf8.RuneSelf {
			thousandths += asciiWidths[r]
		} else {
			thousandths += runeWidth(r)
		}
	}
	return (thousandths*size + 999) / 1000
}

// asciiWidths are the widths of the letters that come most often.
var asciiWidths = func() (widths [utf8.RuneSelf]int) {
	for r := range widths {
		widths[r] = runeWidth(rune(r))
	}
	return widths
}()

// runeWidth is the width of a letter in thousandths of its size.
func runeWidth(r rune) int {
	switch {
	case strings.ContainsRune("iljI.,:;'|!", r):
		return 330
	case strings.ContainsRune("ftr()[]{}-/\" ", r):
		return 440
	case strings.ContainsRune("mwMW%@…", r):
		return 980
	case unicode.Is(unicode.Mn, r):
		return 0
	case r >= 0x2E80: // the scripts of East Asia, and pictures
		return 1050
	case unicode.IsUpper(r):
		return 750
	}
	return 640
}

// wrap breaks a text into lines of at most that width; what does not fit into the lines ends in "…".
func wrap(text string, size, width, lines int) []string {
	words := strings.Fields(text)
	var wrapped []string
	for len(words) > 0 {
		if len(wrapped) == lines {
			last := lines - 1
			head, _ := split(words[0], size, width)
			wrapped[last] = shorten(wrapped[last]+" "+head, size, width)
			return wrapped
		}
		n := 1
		for n < len(words) && textWidth(strings.Join(words[:n+1], " "), size) <= width {
			n++
		}
		line := strings.Join(words[:n], " ")
		words = words[n:]
		if head, tail := split(line, size, width); tail != "" {
			line, words = head, append([]string{tail}, words...)
		}
		wrapped = append(wrapped, line)
	}
	return wrapped
}

// split cuts a line that is too wide; the head has one letter at least.
func split(line string, size, width int) (head, tail string) {
	if textWidth(line, size) <= width {
		return line, ""
	}
	_, end := utf8.DecodeRuneInString(line)
	for i, r := range line[end:] {
		if textWidth(line[:end+i]+string(r), size) > width {
			return line[:end+i], line[end+i:]
		}
	}
	return line, ""
}

// shorten cuts a text so that it ends in "…" and is not wider than that.
func shorten(text string, size, width int) string {
	for text != "" && textWidth(text+"…", size) > width {
		_, n := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-n]
	}
	return strings.TrimRight(text, " ") + "…"
}
