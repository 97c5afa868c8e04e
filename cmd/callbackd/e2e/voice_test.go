package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
)

// These tests hold what a script plays against the packets of audio that the phones receive. The pitch
// of a rising sound tells the place in it. What is measured is logged; "go test -run Voice -v" shows it.

// The sounds of these tests, far from the tones of the people in them.
var (
	low     = lab.Sound{Hz: 900, Lasts: 300 * time.Millisecond}
	middle  = lab.Sound{Hz: 1250, Lasts: 300 * time.Millisecond}
	high    = lab.Sound{Hz: 1400, Lasts: 300 * time.Millisecond}
	prompt  = lab.Sound{Hz: 1800, Rise: 40, Lasts: 15 * time.Second}
	class   = lab.Sound{Hz: 1800, Rise: 40, Lasts: 15 * time.Second}
	file    = lab.Sound{Hz: 2600, Rise: 40, Lasts: 15 * time.Second}
	packets = 20 * time.Millisecond // what one packet lasts
)

// is says whether a packet belongs to a sound.
func is(s lab.Sound) func(phone.Packet) bool {
	top := s.Hz + s.Rise*s.Lasts.Seconds()
	return func(p phone.Packet) bool { return p.Hz > s.Hz-10 && p.Hz < top+10 }
}

func tone(hz float64) func(phone.Packet) bool {
	return func(p phone.Packet) bool { return p.Is(hz, 10) }
}

// newVoiceStage opens a site with the sounds of these tests and a script.
func newVoiceStage(t *testing.T, script string) *stage {
	t.Helper()
	s := newStage(t, func(o *site.Options) {
		o.Script = []byte("type: Phone\n" + script)
		o.Agents = []string{"1001"}
	})
	for name, sound := range map[string]lab.Sound{"low": low, "middle": middle, "high": high, "prompt": prompt, "file": file} {
		s.must("make a sound", s.Asterisk.AddSound(name, sound))
	}
	s.must("make music", s.Asterisk.SetMusic(class))
	return s
}

// dialIn places a call that is answered.
func (s *stage) dialIn(number string) *phone.Call {
	s.t.Helper()
	call, err := s.Carrier.Call(s.ctx, callerANI, number)
	s.must("call", err)
	s.must("be answered", call.AwaitAnswered(s.within(10*time.Second)))
	return call
}

// hears waits for a packet that fits, from one place on, and gives the place behind it.
func (s *stage) hears(call *phone.Call, what string, from int, fits func(phone.Packet) bool) (int, phone.Packet) {
	s.t.Helper()
	at, p, err := call.AwaitPacket(s.within(15*time.Second), what, from, fits)
	if err != nil {
		s.t.Fatalf("hear %s: %v", what, err)
	}
	return at + 1, p
}

// last gives the last packet that fits of those from one place to another, of which there is one.
func (s *stage) last(call *phone.Call, from, to int, fits func(phone.Packet) bool) phone.Packet {
	s.t.Helper()
	packets := call.Packets()[from:to]
	slices.Reverse(packets)
	at := slices.IndexFunc(packets, fits)
	if at < 0 {
		s.t.Fatalf("none of the packets from %d to %d is what it should be", from, to)
	}
	return packets[at]
}

// silent proves that none of the packets from one place to another fits.
func (s *stage) silent(call *phone.Call, what string, from, to int, fits func(phone.Packet) bool) {
	s.t.Helper()
	for i, p := range call.Packets()[from:to] {
		if fits(p) {
			s.t.Errorf("%s is heard in the packet %d after what should have been its end: %+v", what, i, p)
		}
	}
}

// press presses a key and gives the moment at which the phone said that it has ended.
func (s *stage) press(call *phone.Call, key string) time.Time {
	s.t.Helper()
	s.must("press "+key, call.Press(s.within(5*time.Second), key))
	events := call.Events()
	slices.Reverse(events)
	at := slices.IndexFunc(events, func(e phone.Event) bool { return e.Kind == phone.EventKeyEnded })
	return events[at].At
}

// figures are measurements of one thing, which have a goal.
type figures struct {
	what string
	goal time.Duration
	all  []time.Duration
}

func (f *figures) add(d time.Duration) { f.all = append(f.all, d) }

// report logs the figures. Only a median far off the goal fails, since the machine may have more to do than
// to be measured, and stops now and then for a while.
func (f *figures) report(t *testing.T) {
	t.Helper()
	slices.Sort(f.all)
	median, worst := f.all[len(f.all)/2], f.all[len(f.all)-1]
	t.Logf("%-52s median %4d ms, worst %4d ms of %d (goal: %d ms)", f.what,
		median.Milliseconds(), worst.Milliseconds(), len(f.all), f.goal.Milliseconds())
	if median > 3*f.goal {
		t.Errorf("%s: %s in the median is more than three times the goal of %s", f.what, median, f.goal)
	}
}

const repetitions = 5

func TestVoiceAKeyCutsThePromptAndTheListHasNoGaps(t *testing.T) {
	s := newVoiceStage(t, `
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: ask}
  ask:
    Menu: {Prompt: [callbackd/prompt], Keys: "1", FirstKeySec: 5}
    branches: {"1": answer}
  answer:
    Play: {Sounds: [callbackd/low, callbackd/middle, callbackd/high]}
    branches: {Default: ask}
`)
	cut := figures{what: "a key's end to the last packet of the prompt", goal: 100 * time.Millisecond}
	between := figures{what: "silence between two sounds of a list", goal: 150 * time.Millisecond}
	after := figures{what: "silence between two actions' sounds", goal: 150 * time.Millisecond}
	call := s.dialIn(s.Asterisk.DID)
	at, _ := s.hears(call, "the prompt", 0, is(prompt))
	for range repetitions {
		at, _ = s.hears(call, "more of the prompt", at, func(p phone.Packet) bool { return is(prompt)(p) && prompt.At(p.Hz) > 300*time.Millisecond })
		ended := s.press(call, "1")
		first, _ := s.hears(call, "the list", at, tone(low.Hz))
		cut.add(max(0, s.last(call, at, first, is(prompt)).At.Sub(ended)))
		for _, next := range []struct {
			before, sound lab.Sound
			silence       *figures
		}{{low, middle, &between}, {middle, high, &between}, {high, prompt, &after}} {
			begin, p := s.hears(call, "the next sound", first, is(next.sound))
			next.silence.add(max(0, p.At.Sub(s.last(call, first-1, begin, is(next.before)).At)-packets))
			first = begin
		}
		at = first
	}
	s.hangup(call)
	for _, f := range []figures{cut, between, after} {
		f.report(t)
	}
}

func TestVoiceKeysThatArePressedBeforeThePromptEndsCount(t *testing.T) {
	s := newVoiceStage(t, `
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: ask}
  ask:
    Menu: {Prompt: [callbackd/low, callbackd/prompt], Keys: "123", Digits: 3}
    branches: {"312": right, Default: wrong}
  right:
    Play: {Sounds: [callbackd/middle]}
  wrong:
    Play: {Sounds: [callbackd/high]}
`)
	call := s.dialIn(s.Asterisk.DID)
	s.hears(call, "the prompt's beginning", 0, tone(low.Hz))
	s.must("press the keys", call.Press(s.within(5*time.Second), "312"))
	end, _ := s.hears(call, "the answer", 0, tone(middle.Hz))
	s.silent(call, "the prompt's second part", 0, end, is(prompt))
	s.hangup(call)
}

func TestVoiceMusicGoesOnFromWhereItWas(t *testing.T) {
	s := newVoiceStage(t, `
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: class}
  class:
    Music: {Class: default, Seconds: 1}
    branches: {Default: ask}
  ask:
    Menu: {Prompt: [callbackd/low], Keys: "1", FirstKeySec: 1}
    branches: {Default: file}
  file:
    Music: {File: callbackd/file, Seconds: 1}
    branches: {Default: ask_again}
  ask_again:
    Menu: {Prompt: [callbackd/low], Keys: "1", FirstKeySec: 1}
    branches: {Default: class}
`)
	jumps := map[string]*figures{
		"class": {what: "a class's jump over a menu", goal: 100 * time.Millisecond},
		"file":  {what: "a file's jump over a menu", goal: 100 * time.Millisecond},
	}
	call := s.dialIn(s.Asterisk.DID)
	places := map[string]time.Duration{}
	at := 0
	for range repetitions {
		for _, music := range []struct {
			name  string
			sound lab.Sound
		}{{"class", class}, {"file", file}} {
			// A file's first packet is its beginning's, wherever it goes on: see package ari.
			goneOn := func(p phone.Packet) bool {
				return is(music.sound)(p) && (places[music.name] == 0 || music.sound.At(p.Hz) > packets)
			}
			begin, p := s.hears(call, music.name, at, goneOn)
			if before := places[music.name]; before > 0 {
				jumps[music.name].add((music.sound.At(p.Hz) - before).Abs())
			}
			at, _ = s.hears(call, "the menu", begin, tone(low.Hz))
			places[music.name] = music.sound.At(s.last(call, begin-1, at, is(music.sound)).Hz) + packets
		}
	}
	s.hangup(call)
	for _, name := range []string{"class", "file"} {
		jumps[name].report(t)
		if places[name] < (repetitions-1)*time.Second {
			t.Errorf("after %d s of it the %s is at %s", repetitions, name, places[name])
		}
	}
}

func TestVoiceAnAgentsAnswerCutsWhateverPlays(t *testing.T) {
	s := newVoiceStage(t, `
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: which}
  which:
    Case: {Value: "{DNIS}"}
    branches: {"8005550101": class, "8005550102": file, Default: list}
  class:
    Music: {Class: default}
  file:
    Music: {File: callbackd/file}
  list:
    Play: {Sounds: [callbackd/low, callbackd/middle, callbackd/low, callbackd/middle, callbackd/low, callbackd/middle, callbackd/low, callbackd/middle, callbackd/low, callbackd/middle]}
    branches: {Default: list}
`)
	agent := s.agent("1001")
	for _, kind := range []struct {
		name, number string
		plays        func(phone.Packet) bool
	}{
		{"a class", "8005550101", is(class)},
		{"a file", "8005550102", is(file)},
		{"a list", "8005550103", func(p phone.Packet) bool { return p.Is(low.Hz, 10) || p.Is(middle.Hz, 10) }},
	} {
		joined := figures{what: "an agent's answer in " + kind.name + " to both hearing", goal: 60 * time.Millisecond}
		for range repetitions {
			call := s.dialIn(kind.number)
			s.must("send a tone", call.SendTone(callerHz))
			agentCall := s.ringing(agent)
			s.hears(call, kind.name, 0, kind.plays)
			s.answer(agentCall, agentHz)
			at, callerHears := s.hears(call, "the agent", 0, tone(agentHz))
			_, agentHears := s.hears(agentCall, "the caller", 0, tone(callerHz))
			answered := agentCall.When(phone.EventAnswered)
			joined.add(max(callerHears.At.Sub(answered), agentHears.At.Sub(answered)))
			s.hears(call, "more of the agent", at+20, tone(agentHz))
			s.silent(call, kind.name, at, len(call.Packets()), kind.plays)
			s.hangup(call, agentCall)
			s.must("leave nothing in Asterisk", s.AwaitEmpty(s.within(10*time.Second)))
		}
		joined.report(t)
	}
}

func TestVoiceAContactWhoAnswersACallbackIsHeardAtOnce(t *testing.T) {
	s := newVoiceStage(t, `
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: callback}
  callback:
    Callback: {PhoneNumber: "{ANI}", CallerID: "{DNIS}"}
    branches: {OnError: sorry}
  sorry:
    Play: {Sounds: [callbackd/high]}
`)
	agent := s.agent("1001")
	joined := figures{what: "the contact's answer to a callback to both hearing", goal: 60 * time.Millisecond}
	for range repetitions {
		_, err := s.dialIn(s.Asterisk.DID).AwaitEnded(s.within(10 * time.Second))
		s.must("be hung up on", err)
		agentCall := s.ringing(agent)
		s.answer(agentCall, agentHz)
		call := s.calledBack()
		s.hears(agentCall, "the ringing", 0, phone.Packet.Sound)
		s.answer(call, callerHz)
		_, contactHears := s.hears(call, "the agent", 0, tone(agentHz))
		_, agentHears := s.hears(agentCall, "the contact", 0, tone(callerHz))
		answered := call.When(phone.EventAnswered)
		joined.add(max(contactHears.At.Sub(answered), agentHears.At.Sub(answered)))
		s.hangup(call, agentCall)
		s.must("leave nothing in Asterisk", s.AwaitEmpty(s.within(10*time.Second)))
	}
	joined.report(t)
}

func TestVoiceAMissingSoundTakesOnErrorAtOnce(t *testing.T) {
	s := newVoiceStage(t, `
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: list}
  list:
    Play: {Sounds: [callbackd/low, callbackd/there-is-none, callbackd/low]}
    branches: {Default: wrong, OnError: right}
  right:
    Play: {Sounds: [callbackd/middle]}
  wrong:
    Play: {Sounds: [callbackd/high]}
`)
	call := s.dialIn(s.Asterisk.DID)
	end, _ := s.hears(call, "what OnError plays", 0, tone(middle.Hz))
	s.silent(call, "a part of the list", 0, end, tone(low.Hz))
	fact := s.await(s.contact(), "log", 5*time.Second)
	if !strings.Contains(fact.Data["text"], `there is no sound "callbackd/there-is-none"`) {
		t.Errorf("the history says %v, want the missing sound's name", fact.Data)
	}
	s.hangup(call)
}

// conversation is a script that speaks in OnAnswer and in OnAgentRelease, after a callback.
const conversation = `
start: request
events: {OnAnswer: ask, OnAgentRelease: survey}
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: callback}
  callback:
    Callback: {PhoneNumber: "{ANI}", CallerID: "{DNIS}"}
    branches: {OnError: sorry}
  sorry:
    Play: {Sounds: [callbackd/high]}
  ask:
    Menu: {Prompt: [callbackd/prompt], Keys: "5", FirstKeySec: 60}
    branches: {"5": confirm, OnError: sorry}
  confirm:
    Play: {Sounds: [callbackd/middle]}
  survey:
    Menu: {Prompt: [callbackd/low, callbackd/prompt], Keys: "12345"}
    branches: {"4": thank, Default: sorry}
  thank:
    Play: {Sounds: [callbackd/middle]}
    branches: {Default: bye}
  bye:
    Hangup: {}
`

// calledBackAndTalking plays the conversation's script up to its prompt in OnAnswer.
func (s *stage) calledBackAndTalking() (contact int64, call, agentCall *phone.Call) {
	s.t.Helper()
	first := s.dialIn(s.Asterisk.DID)
	_, err := first.AwaitEnded(s.within(10 * time.Second))
	s.must("be hung up on", err)
	contact = s.contact()
	agentCall = s.ringing(s.agent("1001"))
	s.answer(agentCall, agentHz)
	call = s.calledBack()
	s.answer(call, callerHz)
	s.hears(call, "the prompt in OnAnswer", 0, is(prompt))
	return contact, call, agentCall
}

func TestC11VoiceWorksInOnAnswerAndInOnAgentRelease(t *testing.T) {
	s := newVoiceStage(t, conversation)
	contact, call, agentCall := s.calledBackAndTalking()
	at := len(call.Packets())
	s.press(call, "5")
	at, _ = s.hears(call, "the answer to a key in a conversation", at, tone(middle.Hz))
	s.hears(call, "the agent again", at, tone(agentHz))
	s.hears(agentCall, "the contact again", len(agentCall.Packets()), tone(callerHz))
	s.silent(agentCall, "what was played to the contact", 0, len(agentCall.Packets()), func(p phone.Packet) bool {
		return is(prompt)(p) || p.Is(middle.Hz, 10)
	})

	s.must("hang up", agentCall.Hangup(s.within(5*time.Second)))
	at, _ = s.hears(call, "the survey", at, tone(low.Hz))
	s.press(call, "4")
	s.hears(call, "the thanks", at, tone(middle.Hz))
	ended, err := call.AwaitEnded(s.within(10 * time.Second))
	s.must("be hung up on", err)
	if ended.By != phone.Them {
		t.Errorf("the call ended: %v", ended)
	}
	s.ended(contact, "served")
}

func TestC11TheScriptSpeaksOnAfterARestartInAConversation(t *testing.T) {
	s := newVoiceStage(t, conversation)
	contact, call, agentCall := s.calledBackAndTalking()
	s.hears(call, "a second of the prompt", 0, func(p phone.Packet) bool { return is(prompt)(p) && prompt.At(p.Hz) > time.Second })
	s.Kill()
	at := len(call.Packets())
	s.must("start again", s.Start(s.ctx))
	at, _ = s.hears(call, "the prompt from its beginning", at, func(p phone.Packet) bool { return is(prompt)(p) && prompt.At(p.Hz) < 500*time.Millisecond })
	s.press(call, "5")
	at, _ = s.hears(call, "the answer to a key", at, tone(middle.Hz))
	s.hears(call, "the agent", at, tone(agentHz))
	s.hears(agentCall, "the contact", len(agentCall.Packets()), tone(callerHz))
	s.hangup(call, agentCall)
	s.ended(contact, "served")
}

func TestC11WhatPlaysInAConversationEndsWithIt(t *testing.T) {
	t.Parallel()
	script, _, _ := strings.Cut(conversation, "  survey:")
	script = strings.Replace(script, ", OnAgentRelease: survey", "", 1)
	for name, who := range map[string]func(call, agentCall *phone.Call) (ends, stays *phone.Call){
		"the contact hangs up": func(call, agentCall *phone.Call) (ends, stays *phone.Call) { return call, agentCall },
		"the agent hangs up":   func(call, agentCall *phone.Call) (ends, stays *phone.Call) { return agentCall, call },
	} {
		t.Run(name, func(t *testing.T) {
			s := newVoiceStage(t, script)
			contact, call, agentCall := s.calledBackAndTalking()
			ends, stays := who(call, agentCall)
			s.hangup(ends, stays)
			s.ended(contact, "served")
			if complaints := s.complaints(contact); len(complaints) > 0 {
				t.Errorf("the script complains: %q", complaints)
			}
		})
	}
}

// complaints gives what the contact's script has found wrong.
func (s *stage) complaints(contact int64) []string {
	s.t.Helper()
	facts, err := s.Facts(s.ctx, contact)
	s.must("read the history", err)
	var texts []string
	for _, f := range facts {
		if f.Kind == "log" {
			texts = append(texts, f.Data["text"])
		}
	}
	return texts
}
