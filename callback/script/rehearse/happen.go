package rehearse

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callbackd/callbackd/callback"
)

// keyPause is the time between two keys that are given together.
const keyPause = 200 * time.Millisecond

// acceptPause is how long an agent who has answered takes to accept by 1, where the skill asks for it.
const acceptPause = time.Second

// freeAgent is an agent who can be offered a contact, once: what the agent does when the phone rings is
// given with it. Afterwards the agent is free again when the rehearsal says so.
type freeAgent struct{ extension, does string }

// happen lets something happen that the rehearsal gives.
func (s *stage) happen(h Happening) {
	switch h.Who {
	case "keys":
		for i := range len(h.Does) {
			s.after(time.Duration(i)*keyPause, func() { s.press(h.Does[i : i+1]) })
		}
	case "caller", "contact":
		s.contactDoes(h)
	case "agent":
		s.agentDoes(h.Agent, h.Does)
	case "callbackd":
		s.restart()
	case "database":
		s.database(h.Does == away)
	}
}

func (s *stage) press(key string) {
	channel := s.find(callback.PartyContact, "", isUp)
	switch {
	case channel == "":
		s.miss("key " + key + ": the contact is not on the line")
	case s.down:
		s.say("key " + key + ": callbackd is not there")
	default:
		s.turn("key "+key, callback.KeyPressed{Channel: channel, Key: key})
	}
}

// contactDoes lets the contact hang up, or says what the phone does that is or will be called back.
func (s *stage) contactDoes(h Happening) {
	if h.Does == hangsUp {
		channel := s.find(callback.PartyContact, "", isUp)
		if channel == "" {
			s.miss("the " + h.Who + " hangs up: is not on the line")
			return
		}
		s.say("the " + h.Who + " hangs up")
		s.endLine(channel, callback.CauseNormal)
		return
	}
	s.missCall()
	s.waiting, s.waitingFrom = h.Does, s.now
	if channel := s.find(callback.PartyContact, "", isRinging); channel != "" {
		s.react(channel)
	}
}

// agentDoes lets an agent react to a phone that rings, hang up, or be free.
func (s *stage) agentDoes(extension, does string) {
	ringing := s.find(callback.PartyAgent, extension, isRinging)
	talking := s.find(callback.PartyAgent, extension, isUp)
	switch {
	case does == hangsUp && ringing+talking == "":
		s.miss("agent " + extension + " hangs up: is not on the line")
	case does == hangsUp && talking != "":
		s.say("agent " + extension + " hangs up")
		s.endLine(talking, callback.CauseNormal)
	case ringing != "" && !strings.HasPrefix(does, presses):
		s.agentReacts(ringing, does)
	case strings.HasPrefix(does, presses) && talking == "":
		s.miss("agent " + extension + " " + does + ": is not on the line")
	case strings.HasPrefix(does, presses):
		s.agentPresses(talking, strings.TrimPrefix(does, presses))
	case does == accepts && s.isAsked(talking):
		s.agentPresses(talking, "1")
	case talking != "":
		s.miss("agent " + extension + " is on the line already")
	default:
		s.changeAgent(extension, callback.AgentAsk{Kind: callback.AskAvailable})
		s.agents = slices.DeleteFunc(s.agents, func(a freeAgent) bool { return a.extension == extension })
		s.agents = append(s.agents, freeAgent{extension, does})
		s.say("agent " + extension + " is free" + s.unoffered(extension))
	}
}

// agentReacts lets an agent's phone that rings be answered or declined.
func (s *stage) agentReacts(channel, does string) {
	switch does {
	case answers:
		s.answer(channel)
	case accepts:
		s.answer(channel)
		s.after(0, func() { s.acceptWhenAsked(channel) })
	case declines, hangsUp:
		s.endLine(channel, callback.CauseRejected)
	}
}

// isAsked says whether the agent on that line has answered and is asked to accept by 1.
func (s *stage) isAsked(channel string) bool {
	l := s.asterisk.lines[channel]
	return l != nil && l.up && s.contact.Offer.Ringing() && s.contact.Offer.Channel == channel
}

// acceptWhenAsked lets an agent who has answered press 1, where the skill wants it.
func (s *stage) acceptWhenAsked(channel string) {
	if !s.isAsked(channel) {
		return
	}
	s.after(acceptPause, func() {
		if s.isAsked(channel) {
			s.agentPresses(channel, "1")
		}
	})
}

// agentPresses lets an agent who is on the line press a key.
func (s *stage) agentPresses(channel, key string) {
	head := "agent " + s.asterisk.lines[channel].agent + " " + presses + key
	if s.down {
		s.say(head + ": callbackd is not there")
		return
	}
	s.turn(head, callback.KeyPressed{Channel: channel, Key: key})
}

// changeAgent takes an event through the state of an agent, as the database does, and tells of an agent
// who has left too many offers in a row unaccepted. That is all that comes of the state here: an agent is
// free when the rehearsal says so.
func (s *stage) changeAgent(extension string, ev callback.AgentEvent) {
	before := s.agentStates[extension]
	after, err := before.After(ev, s.now)
	if err != nil {
		return // an agent who is logged out asks for what they can't have: here nobody does
	}
	s.agentStates[extension] = after
	if before.Presence == callback.Available && after.Presence == callback.Unavailable {
		s.say("agent " + extension + " is unavailable: " + after.Reason)
	}
}

// react lets a phone that rings do what was given for it.
func (s *stage) react(channel string) {
	l := s.asterisk.lines[channel]
	if l == nil || !l.ringing {
		return
	}
	if l.party == callback.PartyAgent {
		i := slices.IndexFunc(s.agents, func(a freeAgent) bool { return a.extension == l.agent })
		if i >= 0 {
			does := s.agents[i].does
			s.agents = slices.Delete(s.agents, i, i+1)
			s.agentReacts(channel, does)
		}
		return
	}
	switch s.waiting {
	case answers:
		s.answer(channel)
	case busy:
		s.endLine(channel, callback.CauseBusy)
	case declines:
		s.endLine(channel, callback.CauseRejected)
	}
	s.waiting = ""
}

// match offers the contact to an agent who is free, as the matcher of the daemon does.
func (s *stage) match() {
	for _, agent := range s.agents {
		if s.unoffered(agent.extension) != "" {
			continue
		}
		s.player.Env.Now = s.now
		made := callback.NewOffer(*s.contact.Place, agent.extension, "PJSIP/"+agent.extension, s.player.Env)
		s.turn("agent "+agent.extension+" is rung", made)
		return
	}
}

// unoffered says why the contact is not offered to an agent who is free; "": it is.
func (s *stage) unoffered(agent string) string {
	c := s.contact
	switch {
	case s.down, s.away:
		return ": nobody is offered anything while the database is away"
	case c.State == callback.StateEnded:
		return ": the contact has ended"
	case c.Place == nil:
		return ": the contact is not in a queue"
	case c.Offer.Open():
		return ": the contact is offered to agent " + c.Offer.Agent + " already"
	case c.Place.Held:
		return ": the contact is held back from offers"
	case c.Place.ReadyAt.After(s.now):
		return ": the contact is not offered before " + s.span(c.Place.ReadyAt)
	case c.Place.TargetAgent != "" && c.Place.TargetAgent != agent:
		return ": the contact waits for agent " + c.Place.TargetAgent
	case c.State != callback.StateLive && c.State != callback.StateCallback:
		return ": the contact is " + string(c.State)
	}
	return ""
}

// restart ends callbackd and starts it again. What it knows of the contact is what the database holds,
// and what it has asked nobody answers any more.
func (s *stage) restart() {
	clear(s.asked)
	s.kept = nil
	s.contact, s.state, s.blocked = s.saved.contact, s.saved.state, false
	s.loadScript()
	if s.away {
		s.down = true
		s.say("callbackd is restarted and waits for the database")
		return
	}
	s.say("callbackd is restarted")
	s.resync()
}

// resync holds the contact against what is left in Asterisk. A contact without a channel is a row in the
// database, and goes on at its next deadline.
func (s *stage) resync() {
	if !s.contact.Idle() {
		s.turn("", callback.Resynced{Snapshot: s.snapshot()})
	}
}

// database takes the database away or brings it back. What has waited for it is done then.
func (s *stage) database(away bool) {
	switch {
	case away == s.away:
	case away:
		s.away = true
		s.say("the database is away")
	default:
		s.away, s.blocked = false, false
		s.say("the database is back")
		if s.down {
			s.down = false
			s.resync()
			return
		}
		s.save()
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
