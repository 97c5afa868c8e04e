package script

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// errPlayback is a playback that Asterisk could not do.
var errPlayback = errors.New("a sound could not be played")

// overdue is a playback that did not end, as one of a missing sound may not.
func overdue(limit time.Duration) error {
	return fmt.Errorf("a sound did not end within %d s", limit/time.Second)
}

func checkMusic(p *checker, a *action) {
	class, hasClass := a.properties["Class"]
	_, hasFile := a.properties["File"]
	if hasClass && hasFile {
		p.errorf(class[0].at, "%s has both Class and File; it plays one of them", a.name)
	}
	complete, ok := a.branches["OnComplete"]
	if ok && !hasFile {
		p.errorf(complete.at, "a class has no end, so OnComplete is never taken; Default is taken after Seconds")
	}
}

func enterMusic(r *run) (string, error) {
	file, seconds := r.state.Properties["File"], r.whole("Seconds")
	if file != "" {
		r.play([]string{file})
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
			return stays, errPlayback
		}
		return "OnComplete", nil
	case TimeReached:
		if r.state.Properties["File"] == "" {
			return branchDefault, nil
		}
		r.silence()
		if r.whole("Seconds") == 0 {
			return stays, overdue(fileLimit)
		}
		return branchDefault, nil
	}
	return stays, nil
}

func enterPlay(r *run) (string, error) {
	return stays, r.playList("Sounds")
}

// playList plays a property's sounds, with a limit to the time that they may take.
func (r *run) playList(name string) error {
	list, err := r.sounds(name)
	if err != nil {
		return err
	}
	r.play(list)
	r.wake(r.limit(name))
	return nil
}

// limit is the longest that a property's sounds may take.
func (r *run) limit(name string) time.Duration {
	return time.Duration(len(r.action.properties[name])) * soundLimit
}

func onPlay(r *run, in Input) (string, error) {
	switch in := in.(type) {
	case PlaybackFinished:
		if in.Failed {
			return stays, errPlayback
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
		return stays, overdue(r.limit("Sounds"))
	}
	return stays, nil
}

// checkMenuBranch takes the branches that are named after the keys of an answer.
func checkMenuBranch(a *action, branch string) error {
	if !phoneKeys.MatchString(branch) {
		return errors.New("a Menu has Default, NoInput, WrongKey, OnError and a branch for each answer, as in \"1\"")
	}
	if allowed, ok := a.fixed("Keys"); ok && strings.Trim(branch, allowed) != "" {
		return fmt.Errorf("it is never taken, since Keys is %q", allowed)
	}
	digits, known := a.digits()
	if known && len(branch) > digits {
		return fmt.Errorf("it is never taken, since it has %d keys and Digits is %d", len(branch), digits)
	}
	return nil
}

// digits is how many keys make an answer; it is not known where a variable says so.
func (a *action) digits() (n int, known bool) {
	if _, given := a.properties["Digits"]; !given {
		return 1, true
	}
	written, _ := a.fixed("Digits")
	n, err := strconv.Atoi(written)
	return n, err == nil
}

func enterMenu(r *run) (string, error) {
	r.set("MRES", "")
	if len(r.action.properties["Prompt"]) > 0 {
		return stays, r.playList("Prompt")
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
			return stays, errPlayback
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
		return "WrongKey"
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
		return stays, overdue(r.limit("Prompt"))
	}
	if r.state.Keys == "" {
		return "NoInput", nil
	}
	return r.state.Keys, nil
}
