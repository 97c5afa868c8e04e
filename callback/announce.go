package callback

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What an agent hears who has accepted a callback, until the contact or its network is to be heard.
const (
	kindPrompt = "sound:callbackd/agent-callback"
	ringTone   = "tone:ring"
)

// zipTone is what an agent hears before a live caller, where the script wants it.
const zipTone = "sound:beep"

// acceptPrompt asks the agent who has answered to accept by 1.
const acceptPrompt = "sound:callbackd/press-1"

// The variables of what an agent is shown and told.
const (
	variableSkill     = "{SKILL}"
	variableKind      = "{KIND}"
	variableWaited    = "{WAITED}"
	variableExtension = "{EXTENSION}"
	variableContact   = "{CONTACTID}"
)

var (
	shownVariables  = []string{variableSkill, variableKind, variableWaited, variableExtension, variableContact}
	spokenVariables = []string{variableKind, variableWaited}
)

// CheckCallerName says what is wrong with the template of a caller name; nil for nothing.
func CheckCallerName(text string) error {
	rest := text
	for _, variable := range shownVariables {
		rest = strings.ReplaceAll(rest, variable, "")
	}
	if strings.ContainsAny(rest, "{}") {
		return fmt.Errorf("%q has a variable that a caller name does not know; it knows %s", text, strings.Join(shownVariables, ", "))
	}
	return nil
}

// CheckWhisper says what is wrong with a whisper; nil for nothing.
func CheckWhisper(text string) error {
	for word := range strings.FieldsSeq(text) {
		if strings.ContainsAny(word, "{}") && !slices.Contains(spokenVariables, word) {
			return fmt.Errorf("%q is no sound and none of %s", word, strings.Join(spokenVariables, ", "))
		}
	}
	return nil
}

// callerName tells the agent what is offered, as the skill's template says. The extension to ask for is
// shown and not dialled (C13).
func (t *Turn) callerName() string {
	c := t.Contact
	extension := ""
	if c.Promise != nil && c.Promise.Extension != "" {
		extension = "ext " + c.Promise.Extension
	}
	template := t.env.Skill(c.Place.Skill).CallerName
	text := strings.NewReplacer(
		variableSkill, c.Place.Skill,
		variableKind, string(c.Offer.Kind),
		variableWaited, inMinutes(t.env.Now.Sub(c.Place.QueuedAt)),
		variableExtension, extension,
		variableContact, c.ID.String(),
	).Replace(template)
	return strings.Join(strings.Fields(text), " ")
}

// inMinutes writes a wait as short as a display wants it: 0 min, 12 min, 1 h 5 min.
func inMinutes(d time.Duration) string {
	minutes := int(max(d, 0) / time.Minute)
	if minutes < 60 {
		return strconv.Itoa(minutes) + " min"
	}
	return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
}

// whisper gives what tells the agent who has answered what is offered, as the skill says.
func (t *Turn) whisper() []string {
	var media []string
	for word := range strings.FieldsSeq(t.env.Skill(t.Contact.Offer.Skill).Whisper) {
		switch word {
		case variableKind:
			media = append(media, t.kindSound()...)
		case variableWaited:
			media = append(media, t.waitedSounds()...)
		default:
			media = append(media, "sound:"+word)
		}
	}
	return media
}

// kindSound says that it is a callback; a live caller is the ordinary case and goes without a word.
func (t *Turn) kindSound() []string {
	if t.Contact.State != StateCallback {
		return nil
	}
	return []string{kindPrompt}
}

func (t *Turn) waitedSounds() []string {
	if t.env.WaitSounds == nil || t.Contact.Place == nil {
		return nil
	}
	var media []string
	for _, name := range t.env.WaitSounds(t.env.Now.Sub(t.Contact.Place.QueuedAt)) {
		media = append(media, "sound:"+name)
	}
	return media
}

// welcome gives what the agent who has accepted hears before the contact. Who was asked to accept by 1
// has been told already, but not that the caller has asked for a callback meanwhile.
func (t *Turn) welcome(told bool) []string {
	media := t.kindSound()
	if !told {
		media = t.whisper()
	}
	switch {
	case t.Contact.State == StateCallback:
		media = append(media, ringTone)
	case t.Contact.ZipTone:
		media = append(media, zipTone)
	}
	return media
}

// tell plays something to the agent of the offer.
func (t *Turn) tell(media []string) {
	if len(media) == 0 {
		return
	}
	offer := t.Contact.Offer
	offer.Whisper = t.env.NewID()
	t.command(Play{Channel: offer.Channel, Playback: offer.Whisper, Media: media})
}

// agentAnswered takes the answer of the agent's phone: it accepts, or is asked to.
func (t *Turn) agentAnswered() {
	c := t.Contact
	skill := t.env.Skill(c.Offer.Skill)
	if skill.Accept != AcceptByKey || c.State != StateCallback && !c.OnLine() {
		t.accept(false)
		return
	}
	c.Offer.RingUntil = t.env.Now.Add(skill.AcceptTime)
	t.tell(append(t.whisper(), acceptPrompt))
}

// agentKey takes a key of an agent who is asked to accept: 1 accepts, 2 refuses.
func (t *Turn) agentKey(key string) {
	offer := t.Contact.Offer
	if t.Contact.leaving(offer.Channel) || t.Contact.openLeg(offer.Channel).AnsweredAt.IsZero() {
		return
	}
	switch key {
	case "1":
		if offer.Whisper != "" {
			t.command(StopPlayback{Channel: offer.Channel, Playback: offer.Whisper})
			offer.Whisper = ""
		}
		t.accept(true)
	case "2":
		t.endRinging(OfferRefused)
	}
}
