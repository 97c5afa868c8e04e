package script

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// errOverdue is a playback that did not end, as one of a missing sound may not.
var errOverdue = errors.New("a sound did not end in time")

// failure is a playback that Asterisk could not do.
func (in PlaybackFinished) failure() error {
	if in.Reason != "" {
		return errors.New(in.Reason)
	}
	return errors.New("a sound could not be played")
}

func checkMusic(p *checker, a *action) {
	class, hasClass := a.properties["Class"]
	_, hasFile := a.properties["File"]
	if hasClass && hasFile {
		p.errorf(class[0].at, "%s has both Class and File; it plays one of them", a.name)
	}
	complete, ok := a.branches["OnComplete"]
	end, waits := a.branches[branchDefault]
	if seconds, known := a.fixedNumber("Seconds"); waits && !hasFile && known && seconds == 0 {
		p.warnf(end.at, "%s has no Seconds, and a class has no end: Default is taken only when it fails", a.name)
	}
	if ok && !hasFile {
		p.errorf(complete.at, "a class has no end, so OnComplete is never taken; Default is taken after Seconds")
	}
}

func enterMusic(r *run) (string, error) {
	file, seconds := r.state.Properties["File"], r.whole("Seconds")
	if file != "" {
		r.playFile(file)
	} else {
		r.playMusic(orDefault(r.state.Properties["Class"]))
	}
	switch {
	case seconds > 0 && !r.left.IsZero():
		r.state.Deadline = r.left
	case seconds > 0:
		r.wake(time.Duration(seconds) * time.Second)
	case file != "":
		r.wake(fileLimit)
	}
	return stays, nil
}

func orDefault(class string) string {
	if class == "" {
		return restMusic
	}
	return class
}

// onMusic ends at the time or at the file's end. A class that is cut by its time goes on until the
// next action plays something, so that no gap is heard.
func onMusic(r *run, in Input) (string, error) {
	switch in := in.(type) {
	case PlaybackFinished:
		if in.Failed {
			return stays, in.failure()
		}
		return branchComplete, nil
	case TimeReached:
		if r.state.Properties["File"] == "" {
			return branchDefault, nil
		}
		r.silence()
		if r.whole("Seconds") == 0 {
			return stays, errOverdue
		}
		return branchDefault, nil
	}
	return stays, nil
}

func enterPlay(r *run) (string, error) {
	return stays, r.playPrompt("Sounds")
}

// playPrompt plays properties of the action that are prompts, one after the other.
func (r *run) playPrompt(names ...string) error {
	list, limit, err := r.prompt(names...)
	if err != nil {
		return err
	}
	r.play(list, 0)
	r.wake(limit)
	return nil
}

func onPlay(r *run, in Input) (string, error) {
	switch in := in.(type) {
	case PlaybackFinished:
		if in.Failed {
			return stays, in.failure()
		}
		return branchDefault, nil
	case KeyPressed:
		if r.state.Properties["EndOnKey"] != "true" {
			return stays, nil
		}
		r.silence()
		return branchDefault, nil
	case TimeReached:
		r.silence()
		return stays, errOverdue
	}
	return stays, nil
}

// checkMenuBranch takes the branches that are named after the keys of an answer.
func checkMenuBranch(a *action, branch string) error {
	if !phoneKeys.MatchString(branch) {
		return errors.New("a Menu has Default, NoInput, WrongKey, OnError and a branch for each answer, as in \"1\"")
	}
	if allowed, ok := a.fixed("Keys"); ok && allowed != "" && strings.Trim(branch, allowed) != "" {
		return fmt.Errorf("it is never taken, since Keys is %q", allowed)
	}
	digits, known := a.fixedNumber("Digits")
	if known && len(branch) > digits {
		return fmt.Errorf("it is never taken, since it has %d keys and Digits is %d", len(branch), digits)
	}
	return nil
}

func enterMenu(r *run) (string, error) {
	r.set("MRES", "")
	if r.given("Prompt") {
		return stays, r.playPrompt("Prompt")
	}
	r.awaitKey("FirstKeySec")
	return stays, nil
}

func (r *run) awaitKey(property string) {
	r.wake(time.Duration(r.whole(property)) * time.Second)
}

func onMenu(r *run, in Input) (string, error) {
	switch in := in.(type) {
	case PlaybackFinished:
		if in.Failed {
			return stays, in.failure()
		}
		r.awaitKey("FirstKeySec")
	case KeyPressed:
		return r.menuKey(in.Key), nil
	case TimeReached:
		return r.menuTime()
	}
	return stays, nil
}

// menuKey takes a key. One that is pressed during the prompt ends the prompt and counts.
func (r *run) menuKey(key string) string {
	if r.state.Playback != "" {
		r.silence()
	}
	r.state.Keys += key
	r.set("MRES", r.state.Keys)
	if !strings.Contains(r.state.Properties["Keys"], key) {
		return branchWrongKey
	}
	if len(r.state.Keys) >= r.whole("Digits") {
		return r.state.Keys
	}
	r.awaitKey("NextKeySec")
	return stays
}

// menuTime ends the wait for a key: with those that were pressed, with none, or with a prompt that
// does not end.
func (r *run) menuTime() (string, error) {
	if r.state.Playback != "" {
		r.silence()
		return stays, errOverdue
	}
	if r.state.Keys == "" {
		return branchNoInput, nil
	}
	return r.state.Keys, nil
}
