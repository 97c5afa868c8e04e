package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
)

// The people in the story: who they are and the tones by which they are known.
const (
	callerNumber = "2125550123"
	callerHz     = 700
	agentNumber  = "1001"
	agentHz      = 1100
)

// story is what the people do. Each step fails if what it waits for is not seen.
type story struct {
	*site.Site
	*timeline

	caller  *phone.Call // the call that waits in the queue
	contact *phone.Call // the callback, at the same person's phone
	agent   *phone.Call
	id      int64
}

// stepLimit is how long a step waits for what it has to see.
const stepLimit = 20 * time.Second

// tail is how long what was cut may still be heard.
const tail = 500 * time.Millisecond

// play plays the story to its end or to the first step that is not seen.
func (s *story) play(ctx context.Context) error {
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"the caller calls and is answered", s.call},
		{"the caller hears music", s.hearMusic},
		{"the caller is offered a callback and presses 1", s.pressOne},
		{"the caller is thanked, told to stay on the line, and hung up on once the place is saved", s.hungUp},
		{"no channel is left while the callback waits", s.AwaitEmpty},
		{"the agent becomes free and the agent's phone rings", s.ringAgent},
		{"the agent accepts", s.accept},
		{"the contact's phone rings and shows the number that was dialled", s.ringContact},
		{"contact and agent hear each other", s.talk},
		{"the contact hangs up and all ends", s.end},
		{"Asterisk has no channel and no bridge left", s.AwaitEmpty},
	}
	for _, step := range steps {
		stepCtx, cancel := context.WithTimeout(ctx, stepLimit)
		err := step.do(stepCtx)
		cancel()
		if err != nil {
			return fmt.Errorf("not seen: %s: %w", step.name, err)
		}
	}
	return nil
}

func (s *story) call(ctx context.Context) (err error) {
	if s.caller, err = s.Carrier.Call(ctx, callerNumber, s.Asterisk.DID); err != nil {
		return err
	}
	s.say(s.caller.When(phone.EventCalling), "caller", "%s calls %s", callerNumber, s.Asterisk.DID)
	if err := s.caller.AwaitAnswered(ctx); err != nil {
		return err
	}
	s.say(s.caller.When(phone.EventAnswered), "caller", "is answered")
	fact, err := s.AwaitFact(ctx, 0, "arrived", nil)
	s.id = fact.Contact
	return err
}

func (s *story) hearMusic(ctx context.Context) error {
	at, err := s.caller.AwaitTone(ctx, lab.MusicHz)
	if err != nil {
		return err
	}
	s.say(at, "caller", "hears the music on hold (a tone of %d Hz)", lab.MusicHz)
	return nil
}

func (s *story) pressOne(ctx context.Context) error {
	if err := s.awaitAction(ctx, "offer"); err != nil {
		return err
	}
	ended, err := s.caller.AwaitNoTone(ctx, lab.MusicHz)
	if err != nil {
		return err
	}
	s.say(ended, "caller", "hears the music stop")
	at, err := s.hearNext(ctx)
	if err != nil {
		return err
	}
	s.say(at, "caller", `hears: "To be called back without losing your place, press 1. Or stay on the line."`)
	// The prompt is heard for a moment before the key cuts it.
	if err := pass(ctx, 3*time.Second); err != nil {
		return err
	}
	s.say(time.Now(), "caller", "presses 1")
	return s.caller.Press(ctx, "1")
}

// hearNext returns the moment at which the caller hears the prompt that has just begun, when what
// played before it has surely ended.
func (s *story) hearNext(ctx context.Context) (time.Time, error) {
	if err := pass(ctx, tail); err != nil {
		return time.Time{}, err
	}
	_, err := s.caller.AwaitSound(ctx)
	return time.Now(), err
}

func (s *story) awaitAction(ctx context.Context, name string) error {
	_, err := s.AwaitFact(ctx, s.id, "action", func(f site.Fact) bool { return f.Data["name"] == name })
	return err
}

func (s *story) hungUp(ctx context.Context) error {
	if err := s.awaitAction(ctx, "thanks"); err != nil {
		return err
	}
	at, err := s.hearNext(ctx)
	if err != nil {
		return err
	}
	s.say(at, "caller", "hears the thank-you: stay on the line, the call ends by itself once the place is saved")
	ended, err := s.caller.AwaitEnded(ctx)
	if err != nil {
		return err
	}
	if ended.By != phone.Them {
		return fmt.Errorf("the call ended otherwise: %v", ended)
	}
	s.say(ended.At, "caller", "is disconnected")
	promised, err := s.AwaitFact(ctx, s.id, "promised", nil)
	if err != nil {
		return err
	}
	if !promised.At.Before(ended.At) {
		return errors.New("the place was saved after the call had ended")
	}
	return nil
}

func (s *story) ringAgent(ctx context.Context) error {
	agent, err := s.Agent(ctx, agentNumber)
	if err != nil {
		return err
	}
	s.say(time.Now(), "agent", "the phone of extension %s registers: the agent is free", agentNumber)
	if s.agent, err = agent.AwaitCall(ctx); err != nil {
		return err
	}
	if err := s.agent.Ring(); err != nil {
		return err
	}
	from := s.agent.From()
	s.say(s.agent.When(phone.EventRinging), "agent", "the phone rings, showing %q %s", from.Name, from.Number)
	return pass(ctx, time.Second)
}

func (s *story) accept(ctx context.Context) error {
	if len(s.Carrier.Calls()) != 1 {
		return errors.New("the contact was dialled before the agent accepted")
	}
	if err := s.agent.SendTone(agentHz); err != nil {
		return err
	}
	if err := s.agent.Answer(ctx); err != nil {
		return err
	}
	s.say(s.agent.When(phone.EventAnswered), "agent", "answers, and so accepts (and speaks: a tone of %d Hz)", agentHz)
	return nil
}

func (s *story) ringContact(ctx context.Context) (err error) {
	if s.contact, err = s.Carrier.AwaitCallTo(ctx, callerNumber); err != nil {
		return err
	}
	if err := s.contact.Ring(); err != nil {
		return err
	}
	shown := s.contact.From().Number
	s.say(s.contact.When(phone.EventRinging), "callback", "the phone of %s rings, showing %s", callerNumber, shown)
	if shown != s.Asterisk.DID {
		return fmt.Errorf("the contact's phone shows %s, not %s", shown, s.Asterisk.DID)
	}
	if _, err := s.AwaitFact(ctx, s.id, "ringing", nil); err != nil {
		return err
	}
	return pass(ctx, time.Second)
}

func (s *story) talk(ctx context.Context) error {
	if err := s.contact.SendTone(callerHz); err != nil {
		return err
	}
	if err := s.contact.Answer(ctx); err != nil {
		return err
	}
	s.say(s.contact.When(phone.EventAnswered), "callback", "the contact answers (and speaks: a tone of %d Hz)", callerHz)
	at, err := s.contact.AwaitTone(ctx, agentHz)
	if err != nil {
		return err
	}
	s.say(at, "callback", "the contact hears the agent: %d Hz", agentHz)
	if at, err = s.agent.AwaitTone(ctx, callerHz); err != nil {
		return err
	}
	s.say(at, "agent", "hears the contact: %d Hz", callerHz)
	return pass(ctx, 2*time.Second)
}

func (s *story) end(ctx context.Context) error {
	s.say(time.Now(), "callback", "the contact hangs up")
	if err := s.contact.Hangup(ctx); err != nil {
		return err
	}
	ended, err := s.agent.AwaitEnded(ctx)
	if err != nil {
		return err
	}
	s.say(ended.At, "agent", "is released")
	fact, err := s.AwaitFact(ctx, s.id, "ended", nil)
	if err != nil {
		return err
	}
	if fact.Data["outcome"] != "served" {
		return fmt.Errorf("the contact's outcome is %s, not served", fact.Data["outcome"])
	}
	return nil
}

// pass lets a person's moment go by.
func pass(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
