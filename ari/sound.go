package ari

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/CyCoreSystems/ari/v6"
	"golang.org/x/sync/errgroup"

	"github.com/callbackd/callbackd/callback"
)

// soundsKnown is how long a sound that was seen is taken to be there.
const soundsKnown = 10 * time.Minute

// defaultLanguage is where Asterisk looks last.
const defaultLanguage = "en"

// soundBook keeps which sounds were seen lately. One that was missing is asked for again each time: it
// may just have been recorded.
type soundBook struct {
	mu   sync.Mutex
	seen map[soundKey]time.Time
}

type soundKey struct{ name, language string }

func (b *soundBook) knows(key soundKey) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, ok := b.seen[key]
	return ok && time.Since(at) < soundsKnown
}

func (b *soundBook) note(key soundKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil {
		b.seen = make(map[soundKey]time.Time)
	}
	b.seen[key] = time.Now()
}

// findSounds refuses a list of media in which a sound is missing, and names the first such. What is no
// sound is not asked for, nor is a path of the machine's, which Asterisk does not list. Where Asterisk
// does not answer, the list is played as it is.
func (n *Node) findSounds(ctx context.Context, media []string, language string) error {
	missing := make([]bool, len(media))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connections)
	for i, uri := range media {
		name, isSound := strings.CutPrefix(uri, "sound:")
		key := soundKey{name, language}
		if !isSound || strings.HasPrefix(name, "/") || n.sounds.knows(key) {
			continue
		}
		group.Go(func() error {
			found, err := n.findSound(ctx, key)
			missing[i] = err == nil && !found
			return nil
		})
	}
	_ = group.Wait() // it has no errors
	first := slices.Index(missing, true)
	if first < 0 {
		return nil
	}
	return &callback.CommandError{
		Kind:    callback.CommandRejected,
		Status:  http.StatusNotFound,
		Message: fmt.Sprintf("there is no sound %q", strings.TrimPrefix(media[first], "sound:")),
	}
}

// findSound looks for a sound where Asterisk would: in the language, in the less special ones that its
// name begins with (de for de_AT), in no language, and in English. Without a language, which is then the
// channel's and not known here, any will do.
func (n *Node) findSound(ctx context.Context, key soundKey) (bool, error) {
	languages, err := n.soundLanguages(ctx, key.name)
	if err != nil {
		return false, err
	}
	found := len(languages) > 0 && key.language == "" || slices.Contains(languages, defaultLanguage)
	for language := key.language; language != "" && !found; {
		found = slices.Contains(languages, language)
		cut := strings.LastIndexByte(language, '_')
		language = language[:max(cut, 0)]
	}
	if !found {
		if found, err = n.findUntranslated(ctx, key.name); err != nil {
			return false, err
		}
	}
	if found {
		n.sounds.note(key)
	}
	return found, nil
}

// findUntranslated looks for a sound that is the same in all languages, as in custom/welcome. Asterisk
// takes its first folder for a language when it lists what there is.
func (n *Node) findUntranslated(ctx context.Context, name string) (bool, error) {
	folder, rest, ok := strings.Cut(name, "/")
	if !ok {
		return false, nil
	}
	languages, err := n.soundLanguages(ctx, rest)
	return slices.Contains(languages, folder), err
}

// soundLanguages lists the languages in which Asterisk has a sound. Asterisk looks into its folders each
// time, so one that was added just now is found.
func (n *Node) soundLanguages(ctx context.Context, name string) ([]string, error) {
	var sound ari.SoundData
	err := n.get(ctx, "/sounds/"+segment(name), &sound)
	if isNoSound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the sound %s: %w", name, err)
	}
	languages := make([]string, 0, len(sound.Formats))
	for _, format := range sound.Formats {
		languages = append(languages, format.Language)
	}
	return languages, nil
}

// SoundExists says whether Asterisk has a sound, as in callbackd/offer, in exactly that language.
func (n *Node) SoundExists(ctx context.Context, name, language string) (bool, error) {
	languages, err := n.soundLanguages(ctx, name)
	return slices.Contains(languages, language), err
}
