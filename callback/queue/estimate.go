package queue

import (
	"math"
	"time"
)

// Figures are what an estimate rests on: how a contact and its skill stand at one moment. Agents count who
// have the skill, each with the part of the time that goes to it.
type Figures struct {
	Position  int     // the contact's in the queue, or the one that it would get, from 1
	Live      float64 // the part of those ahead who are on the line and may give up, 0 to 1
	LoggedIn  int     // agents who are logged in, whatever they do
	AtWork    float64 // agents who are available or in a call; one who gives half the time to another skill is half an agent
	Available int     // agents who could be offered a contact now
	Handled   int     // contacts of the skill, of the last ones, that Handling comes from
	// Handling is how long one contact keeps an agent: ringing, delay, the call, after-call work, and what
	// offers that were refused have cost, a contact. 0: nobody was ever handled.
	Handling time.Duration
	// GivingUp is the rate at which one who waits on the line gives up, a second; 0 where nobody does.
	GivingUp float64
}

// Confidence says how far an estimate can be trusted.
type Confidence string

// The confidences of an estimate.
const (
	Low    Confidence = "low"
	Medium Confidence = "medium"
	High   Confidence = "high"
)

// What an estimate assumes where the figures are silent, and where the confidences end.
const (
	DefaultHandling = 3 * time.Minute  // where nobody was ever handled
	SampleSize      = 100              // contacts whose handling is looked at, the last ones
	someHandled     = 5                // less is a guess
	soon            = time.Minute      // an error of that much does no harm
	horizon         = 30 * time.Minute // agents come and go beyond it
	highError       = 0.25             // of the wait
	mediumError     = 0.5
)

// Estimate gives how long the contact is likely to wait until an agent accepts it, in whole seconds, and
// how far to trust that. Without an agent logged in it says nothing: 0 and Low.
//
// While as many agents are free as the position asks for, nobody waits. Otherwise all agents at work are
// busy, as long as somebody waits, so one becomes free every Handling / AtWork, however few contacts have
// been answered lately; those ahead leave by that, and by giving up. With a rate of answers r, a rate of
// giving up g of each on the line, and n who have to leave, the number n(t) falls by r + g n a second, and
// is 0 after ln(1 + g n / r) / g, which is n / r where nobody gives up.
//
// The error to expect is that of n departures at random, sqrt(n) of them, and that of the mean handling.
func (f Figures) Estimate() (time.Duration, Confidence) {
	if f.LoggedIn == 0 {
		return 0, Low
	}
	leaving := f.Position - f.Available
	if leaving <= 0 {
		return 0, f.confidence(0, 1)
	}
	seconds := float64(leaving) / f.answerRate()
	if g := f.GivingUp * f.Live; g > 0 {
		seconds = math.Log1p(g*seconds) / g
	}
	wait := time.Duration(min(seconds, math.MaxInt32) * float64(time.Second)).Round(time.Second)
	return wait, f.confidence(wait, leaving)
}

// answerRate gives the contacts a second that the agents take, while somebody waits.
func (f Figures) answerRate() float64 {
	handling := f.Handling
	if handling <= 0 {
		handling = DefaultHandling
	}
	atWork := f.AtWork
	if atWork <= 0 {
		atWork = float64(f.LoggedIn) // all are away, and will be back
	}
	return atWork / handling.Seconds()
}

func (f Figures) confidence(wait time.Duration, leaving int) Confidence {
	if f.Handled < someHandled || f.AtWork <= 0 {
		return Low
	}
	share := math.Sqrt(1/float64(leaving) + 1/float64(f.Handled))
	expected := time.Duration(share * float64(wait))
	switch {
	case wait <= horizon && (expected <= soon || share <= highError):
		return High
	case expected <= soon || share <= mediumError:
		return Medium
	}
	return Low
}
