package main

import (
	"fmt"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/postgres"
)

// waitsFor says what a contact in the queue waits for at that moment.
func waitsFor(c postgres.QueueContact, at time.Time) cell {
	offer := c.Offer
	switch {
	case c.State == callback.StateStuck:
		return cell{"stuck: a person has to look", red}
	case offer != nil && offer.Result == callback.OfferAccepted:
		return cell{offer.Agent + " has accepted, " + callStage(c, at), cyan}
	case offer != nil && offer.Result == "" && !offer.AgentAnsweredAt.IsZero():
		return cell{offer.Agent + " has answered", yellow}
	case offer != nil && offer.Result == "":
		return cell{offer.Agent + " rings", yellow}
	case offer != nil:
		return cell{"the end of " + offer.Agent + "'s ringing", yellow}
	case c.Held:
		return cell{"held: a person has to change it", red}
	case c.ReadyAt.After(at):
		return cell{"a pause until " + clock(c.ReadyAt, at), faint}
	case c.TargetAgent != "" && c.AnyAgent:
		return cell{"agent " + c.TargetAgent + ", or any", plainStyle}
	case c.TargetAgent != "":
		return cell{"agent " + c.TargetAgent, plainStyle}
	}
	return cell{"an agent", plainStyle}
}

// callStage says how far it has come since the agent has accepted.
func callStage(c postgres.QueueContact, at time.Time) string {
	switch {
	case c.State != callback.StateCalling || !c.Offer.AnsweredAt.IsZero():
		return "being joined"
	case c.Offer.DiallingAt.IsZero() && c.Offer.DueAt.After(at):
		return "dials at " + clock(c.Offer.DueAt, at)
	}
	return "dialling"
}

// agentDoes says how an agent stands at that moment.
func agentDoes(a postgres.QueueAgent, at time.Time) cell {
	switch a.State {
	case string(callback.Available):
		if len(a.Nodes) == 0 {
			return cell{"available, can't be rung", red}
		}
		return cell{"available", green}
	case string(callback.Unavailable), string(callback.LoggedOut):
		return cell{presenceText(a), faint}
	case string(callback.Offered):
		return cell{offeredText(a) + afterwards(a), yellow}
	case string(callback.WorkingInbound), string(callback.WorkingCallback):
		return cell{workingText(a) + afterwards(a), cyan}
	case string(callback.WorkingOutbound):
		return cell{"in a call of their own" + afterwards(a), cyan}
	case string(callback.AfterCall):
		return cell{"after-call work until " + clock(a.Until, at), yellow}
	case string(callback.Refused):
		return cell{"refused until " + clock(a.Until, at), red}
	}
	return cell{plainWords(a.State) + afterwards(a), plainStyle}
}

// presenceText says what an agent has asked for.
func presenceText(a postgres.QueueAgent) string {
	if a.Reason == "" {
		return plainWords(string(a.Presence))
	}
	return fmt.Sprintf("%s (%s)", plainWords(string(a.Presence)), a.Reason)
}

// afterwards says what an agent at work has asked for meanwhile; "" where it goes on as before.
func afterwards(a postgres.QueueAgent) string {
	if a.Presence == callback.Available {
		return ""
	}
	return ", then " + presenceText(a)
}

func offeredText(a postgres.QueueAgent) string {
	switch {
	case a.Contact == nil:
		return "ringing"
	case a.Contact.Result != "":
		return "ringing ends"
	}
	return "ringing for contact " + a.Contact.ID.String()
}

func workingText(a postgres.QueueAgent) string {
	if a.Contact == nil {
		return plainWords(a.State)
	}
	switch a.Contact.State {
	case callback.StateConnected:
		return "talking with contact " + a.Contact.ID.String()
	case callback.StateCalling:
		return "calling contact " + a.Contact.ID.String() + " back"
	case callback.StateLive:
		return "being joined to contact " + a.Contact.ID.String()
	}
	return "leaving contact " + a.Contact.ID.String()
}

// clock writes a moment as seen from another: without the day where it is the same.
func clock(t, at time.Time) string {
	if t.Local().Format(time.DateOnly) == at.Local().Format(time.DateOnly) {
		return t.Local().Format(time.TimeOnly)
	}
	return t.Local().Format("2006-01-02 15:04")
}

// waited writes how long somebody has waited.
func waited(seconds float64) string {
	const minute, hour, day = 60, 60 * 60, 24 * 60 * 60
	s := int64(seconds)
	switch {
	case s >= day:
		return fmt.Sprintf("%dd %02d:%02d:%02d", s/day, s%day/hour, s%hour/minute, s%minute)
	case s >= hour:
		return fmt.Sprintf("%d:%02d:%02d", s/hour, s%hour/minute, s%minute)
	}
	return fmt.Sprintf("%d:%02d", s/minute, s%minute)
}
