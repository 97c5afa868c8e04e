package main

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
)

func TestACallOfTheAgentsOwnIsSaidWithWhatComesAfterIt(t *testing.T) {
	a := anAgent("1001", "Ann", string(callback.WorkingOutbound), time.Minute)
	if got := agentDoes(a, noon).text; got != "in a call of their own" {
		t.Errorf("the agent is %q", got)
	}
	a.Presence, a.Reason = callback.Unavailable, "lunch"
	if got := agentDoes(a, noon).text; got != "in a call of their own, then unavailable (lunch)" {
		t.Errorf("the agent who has asked for a pause is %q", got)
	}
}
