package script_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/script"
)

const rounds = `type: Phone
start: request
actions:
  request:
    Reqagent: {Skill: support}
    branches: {Default: music}
  music:
    Music: {Class: jazz, Seconds: 30}
    branches: {Default: offer}
  offer:
    Menu: {Prompt: [offer, press-1], Keys: "12", FirstKeySec: 5}
    branches: {"1": thanks, NoInput: music, WrongKey: wrong}
  wrong:
    Play: {Sounds: [wrong]}
    branches: {Default: offer, OnError: music}
  thanks:
    Play: {Sounds: [thanks], EndOnKey: true}
`

func TestMusicIsCutByItsTime(t *testing.T) {
	c := began(t, rounds)
	c.expect("request:, reqagent, music:, music jazz")
	c.after(29 * time.Second)
	c.expect("")
	c.after(time.Second)
	c.expect("offer:, play offer+press-1")
}

func TestMusicOfAClassGoesOnIntoTheNextOfTheSameClass(t *testing.T) {
	c := began(t, `type: Phone
start: a
actions:
  a:
    Music: {Class: jazz, Seconds: 10}
    branches: {Default: b}
  b:
    Music: {Class: jazz, Seconds: 10}
    branches: {Default: a}
`)
	c.after(10 * time.Second)
	c.expect("b:")
}

func TestMusicWithoutATimeGoesOnForEver(t *testing.T) {
	c := began(t, "type: Phone\nstart: a\nactions:\n  a: {Music: {}}\n")
	c.expect("a:, music default")
	c.after(24 * time.Hour)
	c.expect("")
	c.press("1")
	c.expect("")
}

const musicFile = `type: Phone
start: a
actions:
  a:
    Music: {File: advert, Seconds: "{CONTACTID}"}
    branches: {Default: cut, OnComplete: whole, OnError: broken}
  cut: {Music: {Class: cut}}
  whole: {Music: {Class: whole}}
  broken: {Music: {Class: broken}}
`

func TestAFileOfMusicTakesOnCompleteAtItsEnd(t *testing.T) {
	c := began(t, musicFile)
	c.expect("a:, play advert")
	c.played()
	c.expect("whole:, music whole")
}

func TestAFileOfMusicIsCutByItsTime(t *testing.T) {
	c := began(t, musicFile)
	c.after(7 * time.Second)
	c.expect("silence, cut:, music cut")
}

func TestAFileOfMusicThatFailsTakesOnError(t *testing.T) {
	c := began(t, musicFile)
	c.failed()
	c.expect("broken:, music broken")
	c.expectErr("could not be played")
}

func TestAWholeFileOfMusicHasALimit(t *testing.T) {
	c := newContact(t, musicFile)
	c.vars["CONTACTID"] = "0"
	c.step(script.Start{})
	c.after(59 * time.Minute)
	c.expect("")
	c.after(time.Minute)
	c.expect("silence, broken:, music broken")
	c.expectErr("did not end in time")
}

func TestPlayEndsOnAKeyOnlyWhenToldTo(t *testing.T) {
	c := began(t, rounds)
	c.after(30 * time.Second)
	c.press("9")
	c.expect("silence, wrong:, play wrong")
	c.press("1")
	c.expect("")
	c.played()
	c.expect("offer:, play offer+press-1")
	c.press("1")
	c.expect("silence, thanks:, play thanks")
	c.press("#")
	c.expect("silence, music default")
	c.expectRest()
}

func TestASoundThatNeverEndsTakesOnError(t *testing.T) {
	c := began(t, rounds)
	c.after(30 * time.Second)
	c.press("9")
	c.after(59 * time.Second)
	c.expect("")
	c.after(time.Second)
	c.expect("silence, music:, music jazz")
	c.expectErr("did not end in time")

	c.after(30 * time.Second)
	c.after(119 * time.Second) // two sounds
	c.expect("")
	c.after(time.Second)
	c.expect("silence, music default")
	c.expectErr("did not end in time")
}

func TestAPlaybackThatIsNotOursIsAbsorbed(t *testing.T) {
	c := began(t, rounds)
	for _, id := range []string{"", "playback-0", "other"} {
		c.step(script.PlaybackFinished{ID: id, Failed: true})
		c.expect("")
	}
	c.after(30 * time.Second)
	stale := c.playback()
	c.press("9") // silences it; its end comes later
	c.step(script.PlaybackFinished{ID: stale})
	c.expect("")
	c.played()
	c.expect("offer:, play offer+press-1")
}

func TestMenuTakesAKeyDuringAndAfterThePrompt(t *testing.T) {
	c := began(t, rounds)
	c.after(30 * time.Second)
	c.press("1")
	c.expect("silence, thanks:, play thanks")
	if c.state.Vars["MRES"] != "1" {
		t.Errorf("MRES %q", c.state.Vars["MRES"])
	}

	c = began(t, rounds)
	c.after(30 * time.Second)
	c.played()
	c.after(4 * time.Second)
	c.expect("")
	c.press("1")
	c.expect("thanks:, play thanks")
}

func TestMenuTakesNoInputAfterItsTime(t *testing.T) {
	c := began(t, rounds)
	c.after(30 * time.Second)
	c.press("9")
	c.played()
	c.played()
	c.after(5 * time.Second)
	c.expect("music:, music jazz")
	if got, ok := c.state.Vars["MRES"]; got != "" || !ok {
		t.Errorf("MRES %q", got)
	}
}

func TestAKeyWithoutABranchOrDefaultLeavesTheCallerWithMusic(t *testing.T) {
	c := began(t, rounds)
	c.after(30 * time.Second)
	c.press("2")
	c.expect("silence, music default")
	c.expectRest()
}

const digits = `type: Phone
start: menu
actions:
  menu:
    Menu: {Prompt: [enter], Keys: "0123", Digits: 3, FirstKeySec: 8, NextKeySec: 2}
    branches: {"12": short, "123": long, Default: other}
  short: {Music: {Class: short}}
  long: {Music: {Class: long}}
  other: {Music: {Class: other}}
`

func TestMenuGathersSeveralKeys(t *testing.T) {
	c := began(t, digits)
	c.press("1")
	c.expect("silence")
	c.after(time.Second)
	c.press("2")
	c.press("3")
	c.expect("long:, music long")
}

func TestMenuTakesTheKeysSoFarAfterTheTimeForTheNext(t *testing.T) {
	c := began(t, digits)
	c.press("1")
	c.after(1900 * time.Millisecond)
	c.press("2")
	c.after(1900 * time.Millisecond)
	c.expect("")
	c.after(100 * time.Millisecond)
	c.expect("short:, music short")
	if c.state.Vars["MRES"] != "12" {
		t.Errorf("MRES %q", c.state.Vars["MRES"])
	}
}

func TestWhatIsNoKeyIsAbsorbed(t *testing.T) {
	c := began(t, digits)
	for _, key := range []string{"", "x", "12", "É", " "} {
		c.press(key)
		c.expect("")
	}
}

func TestAMenuWithoutAPromptLeavesTheMusicOn(t *testing.T) {
	c := began(t, `type: Phone
start: music
actions:
  music:
    Music: {Class: jazz, Seconds: 10}
    branches: {Default: menu}
  menu:
    Menu: {Keys: "1"}
    branches: {"1": bye, Default: music}
  bye: {Hangup: {}}
`)
	c.after(10 * time.Second)
	c.expect("menu:")
	c.step(script.Resume{})
	c.expect("silence, music jazz")
	c.after(5 * time.Second)
	c.expect("music:")
}

func TestALiveCallerHearsMusicWhenTheScriptHasNothingMoreToDo(t *testing.T) {
	c := began(t, "type: Phone\nstart: a\nactions:\n  a: {Reqagent: {Skill: support}}\n")
	c.expect("a:, reqagent, music default")
	c.expectRest()
	c.step(script.Resume{})
	c.expect("silence, music default")
}

func TestTheMusicThatPlaysGoesOnWhenTheScriptRests(t *testing.T) {
	c := began(t, "type: Phone\nstart: a\nactions:\n  a: {Music: {Class: jazz, Seconds: 5}}\n")
	c.after(5 * time.Second)
	c.expect("")
	c.expectRest()
	c.step(script.Resume{})
	c.expect("silence, music jazz")
}

func TestAnAnswerEndsWhatPlaysAndLeavesTheTwoAlone(t *testing.T) {
	c := began(t, rounds)
	c.event(script.OnAnswer)
	c.expect("silence")
	c.expectRest()
	c.event(script.OnAnswer)
	c.expect("")
	c.step(script.Resume{})
	c.expect("")
	c.press("1")
	c.expect("")
}

func TestAContactWhomTheAgentHasLeftIsHungUpWithoutABranch(t *testing.T) {
	c := began(t, rounds)
	c.event(script.OnAnswer)
	c.event(script.OnAgentRelease)
	c.expect("hangup")
	c.event(script.OnAgentRelease)
	c.expect("")
}

func TestAReleaseEndsTheRunningAction(t *testing.T) {
	c := began(t, rounds)
	c.silent = true
	c.event(script.OnRelease)
	c.expect("")
	c.expectRest()
	c.event(script.OnAnswer) // too late
	c.expect("")
	c.after(time.Hour)
	c.expect("")
}

func TestAReleaseBeforeTheStartLeavesNothingToStart(t *testing.T) {
	c := newContact(t, rounds)
	c.silent = true
	c.event(script.OnRelease)
	c.step(script.Start{})
	c.expect("")
}

func TestAnUnknownEventIsAbsorbed(t *testing.T) {
	c := began(t, rounds)
	c.event("OnLunch")
	c.expect("")
	if c.state.Resting {
		t.Error("it ended the music")
	}
}

func TestASecondStartIsAbsorbed(t *testing.T) {
	c := began(t, rounds)
	c.step(script.Start{})
	c.expect("")
}

func TestResumedMusicHasTheTimeThatItHadLeft(t *testing.T) {
	c := began(t, rounds)
	c.now = c.now.Add(20 * time.Second)
	c.step(script.Resume{})
	c.expect("silence, music jazz")
	c.after(9 * time.Second)
	c.expect("")
	c.after(time.Second)
	c.expect("offer:, play offer+press-1")
}

func TestResumedMusicWhoseTimeIsOverEndsAtOnce(t *testing.T) {
	c := began(t, rounds)
	c.now = c.now.Add(time.Hour)
	c.step(script.Resume{})
	c.after(0)
	c.expect("offer:, play offer+press-1")
}

func TestWhatFollowsResumedMusicHasATimeOfItsOwn(t *testing.T) {
	c := newContact(t, `type: Phone
start: a
actions:
  a:
    Music: {Seconds: "{SKILL}"}
    branches: {OnError: b}
  b:
    Music: {Class: jazz, Seconds: 10}
`)
	c.vars["SKILL"] = "30"
	c.step(script.Start{})
	c.vars["SKILL"] = "support"
	c.step(script.Resume{})
	c.expect("silence, music default, b:, music jazz")
	if want := c.now.Add(10 * time.Second); !c.state.Deadline.Equal(want) {
		t.Errorf("deadline %s, want %s", c.state.Deadline, want)
	}
}

func TestResumedMenuAndPlayBeginAgain(t *testing.T) {
	c := began(t, digits)
	c.press("1")
	c.step(script.Resume{})
	c.expect("play enter")
	c.press("0")
	if c.state.Vars["MRES"] != "0" {
		t.Errorf("MRES %q, want the keys after the restart only", c.state.Vars["MRES"])
	}

	c = began(t, rounds)
	c.after(30 * time.Second)
	c.press("1")
	c.now = c.now.Add(50 * time.Second)
	c.step(script.Resume{})
	c.expect("silence, play thanks")
	c.after(59 * time.Second)
	c.expect("")
	c.played()
	c.expect("music default")
}

func TestResumeOfAContactThatHasNotStartedDoesNothing(t *testing.T) {
	c := newContact(t, rounds)
	c.step(script.Resume{})
	c.expect("")
	c.step(script.Start{})
	c.expect("request:, reqagent, music:, music jazz")
}

// The deadline is kept in microseconds; at the very moment that is kept, the time has come.
func TestADeadlineIsReachedAtTheMicrosecondInWhichItIsKept(t *testing.T) {
	c := newContact(t, rounds)
	c.now = c.now.Add(999)
	c.step(script.Start{})
	c.now = c.state.Deadline.Truncate(time.Microsecond)
	c.step(script.TimeReached{})
	c.expect("offer:, play offer+press-1")
}

// A file of music goes on from where it was when a menu took its place.
func TestAFileOfMusicGoesOnFromWhereItWasCut(t *testing.T) {
	c := began(t, `type: Phone
start: music
actions:
  music:
    Music: {File: songs/one, Seconds: 30}
    branches: {Default: offer, OnComplete: music}
  offer:
    Menu: {Prompt: offer, Keys: "1"}
    branches: {Default: music}
`)
	c.expect("music:, play songs/one")
	c.after(30 * time.Second)
	c.expect("silence, offer:, play offer")
	c.after(2 * time.Second)
	c.press("5")
	c.expect("silence, music:, play songs/one from 30s")
	c.now = c.now.Add(10 * time.Second)
	c.step(script.Resume{})
	c.expect("silence, play songs/one from 40s")
	c.now = c.now.Add(5 * time.Second)
	c.played() // its end: the next time it begins anew
	c.expect("music:, play songs/one")
}

func TestAnEventKeepsWhereTheMusicWas(t *testing.T) {
	c := began(t, `type: Phone
start: music
events: {OnAgentRelease: music}
actions:
  music:
    Music: {File: songs/one}
    branches: {Default: music}
`)
	c.now = c.now.Add(12 * time.Second)
	c.event(script.OnAnswer)
	c.expect("silence")
	c.now = c.now.Add(time.Minute)
	c.event(script.OnAgentRelease)
	c.expect("music:, play songs/one from 12s")
}

func TestAPromptSaysNumbersDigitsAndWaitsBySounds(t *testing.T) {
	c := newContact(t, `type: Phone
start: say
actions:
  say:
    Play: {Sounds: [hello, {number: "{ANI}"}, {digits: "4*"}, {wait: 290}, {recording: acme/bye, says: Good bye.}]}
    branches: {OnError: bad}
  bad: {Hangup: {}}
`)
	c.vars["ANI"], c.vars["LANGUAGE"] = "21", "en"
	c.step(script.Start{})
	c.expect("say:, play hello+digits/20+digits/1+digits/4+digits/star+callbackd/wait-under-5+acme/bye")
	if got := c.script.Recordings(); len(got) != 1 || got[0] != (script.Recording{Name: "acme/bye", Says: "Good bye."}) {
		t.Errorf("recordings %v", got)
	}
	for _, wrong := range []string{"", "soon", "1.5", "99999999999999999999"} {
		c.state = script.State{}
		c.vars["ANI"] = wrong
		c.step(script.Start{})
		c.expect("say:, bad:, hangup")
		c.expectErr("Sounds")
	}
}

// WantsKeys says whether a bridge has to tell keys.
func TestC11AScriptWantsKeysWhereItListensInOnAnswer(t *testing.T) {
	const source = `type: Phone
start: a
events: {OnAnswer: b}
actions:
  a: {Menu: {Keys: "1"}}
  b: {%s}
`
	for action, want := range map[string]bool{
		`Play: {Sounds: recorded}`: false, `Play: {Sounds: recorded, EndOnKey: true}`: true, `Menu: {Keys: "1"}`: true,
		`Log: {Text: x}`: false, `Music: {Class: quiet}`: true,
	} {
		s, found := script.Parse("a.yaml", fmt.Appendf(nil, source, action))
		if s == nil || s.WantsKeys() != want {
			t.Errorf("%s: %v, want %v", action, found, want)
		}
	}
}
