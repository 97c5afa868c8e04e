package main

import (
	"regexp"
	"strings"
	"testing"
)

// What the reference tells people to type has to be there.
func TestTheReferenceNamesOnlyCommandsAndFlagsThatExist(t *testing.T) {
	page := readRoot(t, "callback/script/REFERENCE.md")
	typed := regexp.MustCompile("(?m)(?:^    |`)callbackd (script [a-z]+)([^`\n]*)").FindAllStringSubmatch(page, -1)
	if len(typed) == 0 {
		t.Fatal("it names no command")
	}
	for _, found := range typed {
		command, rest, err := newRoot().Find(strings.Fields(found[1]))
		if err != nil || len(rest) > 0 {
			t.Errorf("REFERENCE.md names the command callbackd %s, which does not exist", found[1])
			continue
		}
		for _, flag := range regexp.MustCompile(`(?: |^)-(-?)([a-z]+)`).FindAllStringSubmatch(found[2], -1) {
			exists := command.Flag(flag[2]) != nil
			if flag[1] == "" {
				exists = command.Flags().ShorthandLookup(flag[2]) != nil
			}
			if !exists {
				t.Errorf("REFERENCE.md gives callbackd %s the flag %s, which it does not have", found[1], strings.TrimSpace(flag[0]))
			}
		}
	}
}
