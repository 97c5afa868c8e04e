package rehearse

import (
	"strings"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// words puts a fact into words; "" for one that people see otherwise: a key, a call's coming in, what a
// web request has brought.
func words(f callback.Fact) string {
	d := f.Data
	agent := "agent " + d["agent"]
	switch f.Kind {
	case callback.FactLog:
		return d["text"]
	case callback.FactAsked:
		return d["method"] + " " + d["url"]
	case callback.FactQueued:
		return "queued for " + d["skill"] + ": " + parameters(d)
	case callback.FactPriority:
		return "the priority changes: " + parameters(d)
	case callback.FactPromised:
		return promise(d)
	case callback.FactHungUp:
		return "the contact's call has ended"
	case callback.FactOfferChanged:
		return agent + " is offered the callback now"
	case callback.FactOfferEnded:
		return offerEnded(agent, d["result"])
	case callback.FactAccepted:
		return agent + " accepts the " + map[string]string{"live": "call", "callback": "callback"}[d["kind"]]
	case callback.FactDialling:
		return d["phone_number"] + " is dialled"
	case callback.FactRinging:
		return "the contact's phone rings"
	case callback.FactAnswered:
		return "the contact answers"
	case callback.FactAttemptEnded:
		return attemptEnded(d)
	case callback.FactConnected:
		return "agent " + d["agent"] + " and the contact are connected"
	case callback.FactAgentLeft:
		return agent + " has left"
	case callback.FactPlaceKept:
		return "the place is kept"
	case callback.FactTakenOver:
		if d["contact"] != "" {
			return "the place of contact " + d["contact"] + " is taken over"
		}
		return "its place is taken over by contact " + d["by"]
	case callback.FactHeld, callback.FactStuck:
		return string(f.Kind) + ": " + d["reason"]
	case callback.FactEnded:
		return "ended: " + d["outcome"]
	}
	return ""
}

func parameters(d map[string]string) string {
	return "priority " + d["initial"] + " + " + d["acceleration"] + " a minute, at most " + d["maximum"]
}

func promise(d map[string]string) string {
	text := "the place is saved: " + d["phone_number"] + " is called, and sees " + d["caller_id"]
	if delay, err := time.ParseDuration(d["call_delay"]); err == nil && delay > 0 {
		text += ", " + InWords(delay) + " after the agent's accepting"
	}
	return text
}

// offerEnded is the end of an offer that was not accepted; of one that was, the agent's leaving tells.
func offerEnded(agent, result string) string {
	if result == string(callback.OfferAccepted) {
		return ""
	}
	return "the offer to " + agent + " has ended: " + strings.ReplaceAll(result, "_", " ")
}

func attemptEnded(d map[string]string) string {
	text := "attempt " + d["number"] + ": " + strings.ReplaceAll(d["outcome"], "_", " ")
	if d["counts"] != "true" {
		text += ", which does not count"
	}
	return text
}
