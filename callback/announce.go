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
	kindSound = "callbackd/agent-callback"
	ringTone  = "tone:ring"
)

// ZipToneSound is what an agent hears before a live caller, where the script wants it.
const ZipToneSound = "beep"

// acceptSound asks the agent who has answered to accept by 1.
const acceptSound = "callbackd/press-1"

// media names a sound as Asterisk is told to play it.
func media(sound string) string { return "sound:" + sound }

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

// WhisperSounds gives the sounds of the skill's whisper, and whether beside them it tells how long the
// contact has waited, in the sounds of [Env.WaitSounds].
func (s Skill) WhisperSounds() (names []string, waited bool) {
	for word := range strings.FieldsSeq(s.Whisper) {
		switch word {
		case variableKind:
			names = append(names, kindSound)
		case variableWaited:
			waited = true
		default:
			names = append(names, word)
		}
	}
	return names, waited
}

// AcceptSounds gives the sounds by which an agent is asked to accept, and told that the caller has asked for a
// callback meanwhile; none where answering accepts.
func (s Skill) AcceptSounds() []string {
	if s.Accept != AcceptByKey {
		return nil
	}
	return []string{acceptSound, kindSound}
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
	var list []string
	for word := range strings.FieldsSeq(t.env.Skill(t.Contact.Offer.Skill).Whisper) {
		switch word {
		case variableKind:
			list = append(list, t.kindSound()...)
		case variableWaited:
			list = append(list, t.waitedSounds()...)
		default:
			list = append(list, media(word))
		}
	}
	return list
}

// kindSound says that it is a callback; a live caller is the ordinary case and goes without a word.
func (t *Turn) kindSound() []string {
	if t.Contact.State != StateCallback {
		return nil
	}
	return []string{media(kindSound)}
}

func (t *Turn) waitedSounds() []string {
	if t.env.WaitSounds == nil || t.Contact.Place == nil {
		return nil
	}
	var list []string
	for _, name := range t.env.WaitSounds(t.env.Now.Sub(t.Contact.Place.QueuedAt)) {
		list = append(list, media(name))
	}
	return list
}

// welcome gives what the agent who has accepted hears before the contact. Who was asked to accept by 1
// has been told already, but not that the caller has asked for a callback meanwhile.
func (t *Turn) welcome(told bool) []string {
	list := t.kindSound()
	if !told {
		list = t.whisper()
	}
	switch {
	case t.Contact.State == StateCallback:
		list = append(list, ringTone)
	case t.Contact.ZipTone:
		list = append(list, media(ZipToneSound))
	}
	return list
}

// tell plays something to the agent of the offer.
func (t *Turn) tell(list []string) {
	if len(list) == 0 {
		return
	}
	offer := t.Contact.Offer
	offer.Whisper = t.env.NewID()
	t.command(Play{Channel: offer.Channel, Playback: offer.Whisper, Media: list})
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
	t.tell(append(t.whisper(), media(acceptSound)))
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
