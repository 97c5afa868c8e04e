package say

import (
	"fmt"
	"strconv"
	"strings"
)

// most is the largest number that is spoken as one.
const most = 999_999_999

// Number gives the sounds of a whole number. It is spoken as a number from -999,999,999 to 999,999,999
// in en, es and fr; other numbers, and other languages, are spoken digit by digit, which is understood
// everywhere. A dialect, as in fr_CA, is spoken as its language; no language is en, as in Asterisk.
func Number(language string, n int64) []string {
	words := wordsOf(language)
	if words == nil || n < -most || n > most {
		return Digits(language, strconv.FormatInt(n, 10))
	}
	if n == 0 {
		return []string{digit(0)}
	}
	if n < 0 {
		return append([]string{"digits/minus"}, words(int(-n))...)
	}
	return words(int(n))
}

// wordsOf gives a language's way of saying a number from 1 to most, or nil.
func wordsOf(language string) func(n int) []string {
	language, _, _ = strings.Cut(language, "_")
	switch language {
	case "", "en":
		return english
	case "es":
		return spanish
	case "fr":
		return french
	}
	return nil
}

// Digits gives the sounds of a text that is spoken digit by digit: 0 to 9, *, #, + and -, the minus only
// at the beginning. Everything else is passed over, as in "+49 (30) 1234". The sounds have the same
// names in every language.
func Digits(_, text string) []string {
	var sounds []string
	for i, r := range text {
		switch {
		case '0' <= r && r <= '9':
			sounds = append(sounds, digit(int(r-'0')))
		case r == '*':
			sounds = append(sounds, "digits/star")
		case r == '#':
			sounds = append(sounds, "digits/pound")
		case r == '+':
			sounds = append(sounds, "letters/plus")
		case r == '-' && i == 0:
			sounds = append(sounds, "digits/minus")
		}
	}
	return sounds
}

// digit gives the sound of a number that has one of its own.
func digit(n int) string { return fmt.Sprintf("digits/%d", n) }

// boxes are the limits of the boxes of Wait, in minutes.
var boxes = []int{1, 2, 5, 10, 15, 20, 30, 45, 60}

// Wait gives the sound of a wait in seconds, as a box: a whole phrase, so that it can be translated.
//
//	less than    60 s: callbackd/wait-under-1  ("less than one minute")
//	less than   120 s: callbackd/wait-under-2
//	less than   300 s: callbackd/wait-under-5
//	less than   600 s: callbackd/wait-under-10
//	less than   900 s: callbackd/wait-under-15
//	less than 1,200 s: callbackd/wait-under-20
//	less than 1,800 s: callbackd/wait-under-30
//	less than 2,700 s: callbackd/wait-under-45
//	less than 3,600 s: callbackd/wait-under-60
//	and all above:     callbackd/wait-over-60  ("more than one hour")
//
// A wait that is exactly a limit belongs to the next box, so no contact is told less than was estimated.
func Wait(seconds int) []string {
	for _, minutes := range boxes {
		if seconds < minutes*60 {
			return []string{fmt.Sprintf("callbackd/wait-under-%d", minutes)}
		}
	}
	return []string{waitOver}
}

// waitOver is the sound of a wait that is in no box.
const waitOver = "callbackd/wait-over-60"

// Waits gives all sounds that Wait may give.
func Waits() []string {
	var all []string
	for _, minutes := range boxes {
		all = append(all, Wait(minutes*60-1)...)
	}
	return append(all, waitOver)
}
