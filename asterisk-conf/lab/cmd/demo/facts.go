package main

import (
	"context"
	"fmt"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
)

// follow puts the facts of the contacts on the timeline as they appear in Postgres, until ctx ends.
func follow(ctx context.Context, s *site.Site, t *timeline) error {
	told, promised := 0, false
	ticker := time.NewTicker(settle / 6)
	defer ticker.Stop()
	for {
		facts, err := s.Facts(ctx, 0)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for _, fact := range facts[told:] {
			who, what := narrate(fact)
			if fact.Kind == "hung_up" && !promised {
				what = "the contact's call has ended"
			}
			promised = fact.Kind == "promised"
			if what != "" {
				t.say(fact.At, who, "%s", what)
			}
		}
		told = len(facts)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// narrate says in a sentence what a fact means; "" for one that the people's own lines tell.
func narrate(f site.Fact) (who, what string) {
	d := f.Data
	switch f.Kind {
	case "arrived":
		return "script", fmt.Sprintf("contact %d enters the script %s: ANI %s, DNIS %s", f.Contact, d["script"], d["ani"], d["dnis"])
	case "action":
		return "script", fmt.Sprintf("%s (%s)", d["name"], d["kind"])
	case "queued":
		return "queue", fmt.Sprintf("a place in skill %s: initial priority %s, acceleration %s a minute, maximum %s", d["skill"], d["initial"], d["acceleration"], d["maximum"])
	case "key":
		return "script", "hears the key " + d["key"]
	case "promised":
		return "queue", fmt.Sprintf("the place is committed to Postgres: call %s back, showing %s", d["phone_number"], d["caller_id"])
	case "hung_up":
		return "queue", "the call is hung up, the place stands; no channel is left"
	case "offered":
		return "queue", fmt.Sprintf("agent %s is free: offered (%s)", d["agent"], d["kind"])
	case "accepted":
		return "queue", fmt.Sprintf("agent %s has accepted", d["agent"])
	case "dialling":
		return "callback", "dialling " + d["phone_number"]
	case "ringing":
		return "callback", d["phone_number"] + " rings"
	case "answered":
		return "callback", d["phone_number"] + " has answered"
	case "attempt_ended":
		return "callback", "the attempt's outcome: " + d["outcome"]
	case "connected":
		return "callback", fmt.Sprintf("contact %d and agent %s are joined", f.Contact, d["agent"])
	case "ended":
		return "queue", fmt.Sprintf("contact %d has ended: %s", f.Contact, d["outcome"])
	}
	return "", ""
}
