package queue_test

import (
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/queue"
)

// figures counts what the store counts.
func (d *day) figures(id callback.ContactID) queue.Figures {
	own := d.places[id]
	f := queue.Figures{Position: d.q.Position(id, d.now)}
	for _, a := range d.staff {
		if a.Skills[own.Skill] == 0 {
			continue
		}
		if a.Presence != callback.LoggedOut {
			f.LoggedIn++
		}
		if a.Offerable(d.now) {
			f.Available++
		}
		if a.Presence == callback.Available {
			f.AtWork += d.share(a, own.Skill)
		}
	}
	d.handlingOf(own.Skill, &f)
	return f
}

// share gives the part of an agent's contacts in the last half hour that were of the skill.
func (d *day) share(a *queue.Agent, skill string) float64 {
	if len(a.Skills) == 1 {
		return 1
	}
	of, all := 1.0, float64(len(a.Skills))
	for i := len(d.ended) - 1; i >= 0 && d.now.Sub(d.ended[i].at) < 30*time.Minute; i-- {
		if h := d.ended[i]; h.agent == a.Extension && h.accepted {
			all++
			if h.skill == skill {
				of++
			}
		}
	}
	return of / all
}

// handlingOf counts over the last offers of the skill that have ended, and over those who have given up
// meanwhile.
func (d *day) handlingOf(skill string, f *queue.Figures) {
	var total, waited time.Duration
	var since time.Time
	live := 0
	for i, n := len(d.ended)-1, 0; i >= 0 && n < queue.SampleSize; i-- {
		h := d.ended[i]
		if h.skill != skill {
			continue
		}
		n++
		since = h.at
		total += h.took
		switch {
		case !h.accepted:
			total += refusedFor
			continue
		case h.live >= 0:
			live++
			waited += h.live
		}
		f.Handled++
		total += wrapUp
	}
	if f.Handled == 0 {
		return
	}
	f.Handling = total / time.Duration(f.Handled)
	f.Live = float64(live) / float64(f.Handled)
	gaveUp := 0
	for i := len(d.gaveUp) - 1; i >= 0 && d.gaveUp[i].at.After(since); i-- {
		if h := d.gaveUp[i]; h.skill == skill {
			gaveUp++
			waited += h.live
		}
	}
	if waited > 0 {
		f.GivingUp = float64(gaveUp) / waited.Seconds()
	}
}
