package script_test

import (
	"strings"
	"testing"

	"github.com/callbackd/callbackd/callback/script"
)

func TestC12AHangupThatFollowsCallbackAtOnceIsWarnedOf(t *testing.T) {
	const source = `type: Phone
start: request
actions:
  request: {Reqagent: {Skill: support}, branches: {Default: save}}
  save: {Callback: {PhoneNumber: "{ANI}"}, branches: {Default: note, OnError: music}}
  note: {Log: {Text: saved}, branches: {Default: NEXT}}
  wait: {Wait: {For: 4h}, branches: {Default: bye}}
  bye: {Hangup: {}}
  music: {Music: {Seconds: 30}, branches: {Default: save, OnError: wait}}
`
	for next, warned := range map[string]bool{"bye": true, "wait": false} {
		_, found := script.Parse("x.yaml", []byte(strings.ReplaceAll(source, "NEXT", next)))
		if (len(found) > 0) != warned || warned && !strings.Contains(found[0].Message, "nobody is called back") {
			t.Errorf("save > note > %s: %v", next, found)
		}
	}
}
