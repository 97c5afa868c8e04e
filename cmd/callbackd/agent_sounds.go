package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/callbackd/callbackd/ari"
	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/callback/script/say"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// missingAgentSounds looks for the sounds that agents hear before a contact of these skills, and gives a line
// for each that does not exist, with the setting that wants it and the place of that.
func missingAgentSounds(settings config.Config, skills []string, exists func(sound string) bool) []string {
	var lines []string
	for _, name := range skills {
		skill, known := settings.Skills[name]
		if !known {
			continue // that is said elsewhere
		}
		whisper, waited := skill.WhisperSounds()
		if waited {
			whisper = append(whisper, say.Waits()...)
		}
		for _, wanted := range []struct {
			setting string
			sounds  []string
		}{{"whisper", whisper}, {"accept", skill.AcceptSounds()}} {
			key := "skills." + name + "." + wanted.setting
			for _, sound := range wanted.sounds {
				if !exists(sound) {
					lines = append(lines, fmt.Sprintf("%s: there is no sound %q, which agents hear", placed(settings, key), sound))
				}
			}
		}
	}
	return lines
}

// placed names a key with its place in the configuration file, or as one that has its default.
func placed(settings config.Config, key string) string {
	if where := settings.Where(key); where != "" {
		return where + ": " + key
	}
	return key + ", by default"
}

// agentSounds looks for the sounds that agents hear.
func (d *doctor) agentSounds(ctx context.Context, node *ari.Node, scripts []*script.Script) {
	const what = "sounds for agents"
	var failure error
	missing := missingAgentSounds(d.settings, skillsOf(scripts...), func(name string) bool {
		exists, err := node.SoundExists(ctx, name, promptLanguage)
		failure = errors.Join(failure, err)
		return exists || err != nil
	})
	if failure != nil {
		d.wrong(what, "%s", strings.SplitN(failure.Error(), "\n", 2)[0])
		return
	}
	for _, line := range missing {
		d.wrong(what, "%s; copy it to Asterisk's folder sounds/%s", line, promptLanguage)
	}
	if len(missing) == 0 {
		d.ok(what, "all present")
	}
}
