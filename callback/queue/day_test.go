package queue_test

import (
	"cmp"
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/queue"
)

// site is what a simulated day is made of.
type site struct {
	name        string
	agents      int           // on a shift each, spread over the day, with a break
	second      float64       // the part of them who have a second skill, to which a third of the callers goes
	load        float64       // work that comes in at the busiest, as against what all agents can do
	handling    time.Duration // the mean of a call
	exponential bool          // calls are exponential, otherwise lognormal
	patience    time.Duration // the mean of how long callers stay on the line
	callbacks   float64       // the part of those who wait for a minute and take a callback then
	headStart   float64       // the part of the callers who begin 5 ahead
}

const (
	ringing    = 6 * time.Second
	wrapUp     = 20 * time.Second
	refusedFor = 30 * time.Second
	refusing   = 0.05 // of the offers
	dialling   = 12 * time.Second
	opens      = 8 * time.Hour
	closes     = 20 * time.Hour
)

// said is one answer to "how long will it take", and what came of it.
type said struct {
	skill      string
	id         callback.ContactID
	at         time.Time
	estimate   time.Duration
	confidence queue.Confidence
	average    time.Duration // what app_queue's formula says
	waited     time.Duration // until an agent accepted; -1: never
}

// handled is an offer that has ended.
type handled struct {
	skill    string
	agent    string
	accepted bool
	took     time.Duration
	live     time.Duration // how long a live caller had waited; -1 for a callback
	at       time.Time
}

// event is something that will happen.
type event struct {
	at time.Time
	n  int
	do func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return cmp.Or(e[i].at.Compare(e[j].at), cmp.Compare(e[i].n, e[j].n)) < 0
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// day is a simulated day of a site, served by a queue.
type day struct {
	site
	dice     *rand.Rand
	now      time.Time
	q        queue.Queue
	places   map[callback.ContactID]callback.Place
	ringing  map[callback.ContactID]bool
	staff    []*queue.Agent
	coming   events
	n        int
	last     callback.ContactID
	ended    []handled
	gaveUp   []handled // of whom only the wait counts
	average  map[string]time.Duration
	asked    []*said
	waitings map[callback.ContactID][]*said
}

// simulate plays a day and gives what was said and what came of it.
func simulate(s site, seed uint64) []*said {
	d := &day{
		site: s, dice: rand.New(rand.NewPCG(seed, 7)), now: morning,
		places: map[callback.ContactID]callback.Place{}, ringing: map[callback.ContactID]bool{},
		average: map[string]time.Duration{}, waitings: map[callback.ContactID][]*said{},
	}
	midnight := morning.Truncate(24 * time.Hour)
	d.hire(midnight)
	d.callers(midnight)
	for len(d.coming) > 0 {
		next := heap.Pop(&d.coming).(event)
		d.now = next.at
		next.do()
		d.match()
	}
	return d.asked
}

func (d *day) at(at time.Time, do func()) {
	d.n++
	heap.Push(&d.coming, event{at, d.n, do})
}

func (d *day) in(wait time.Duration, do func()) { d.at(d.now.Add(wait), do) }

func (d *day) chance(share float64) bool { return d.dice.Float64() < share }

func (d *day) exp(mean time.Duration) time.Duration {
	return time.Duration(d.dice.ExpFloat64() * float64(mean))
}

// call gives the length of a call: lognormal ones vary by 0.8 of their mean.
func (d *day) call() time.Duration {
	if d.exponential {
		return d.exp(d.handling)
	}
	const sigma = 0.703 // sqrt(ln(1 + 0.8^2))
	return time.Duration(math.Exp(d.dice.NormFloat64()*sigma-sigma*sigma/2) * float64(d.handling))
}

// hire gives each agent a shift of 8 hours and a break of half an hour in the middle of it.
func (d *day) hire(midnight time.Time) {
	for i := range d.agents {
		a := &queue.Agent{
			Extension: fmt.Sprint(1001 + i), Skills: map[string]int{"support": 1 + i%2},
			AgentState: callback.AgentState{Presence: callback.LoggedOut, Activity: callback.Free}, IdleSince: midnight,
			Nodes: []string{"pbx1"},
		}
		if d.chance(d.second) {
			a.Skills["sales"] = 1
		}
		d.staff = append(d.staff, a)
		begins := midnight.Add(opens + time.Duration(i%5)*time.Hour)
		rest := begins.Add(3*time.Hour + time.Duration(i%7)*15*time.Minute)
		d.at(begins, func() { d.comes(a) })
		d.at(rest, func() { d.goes(a, callback.Unavailable) })
		d.at(rest.Add(30*time.Minute), func() { d.comes(a) })
		d.at(begins.Add(8*time.Hour), func() { d.goes(a, callback.LoggedOut) })
	}
}

func (d *day) comes(a *queue.Agent) { a.Presence, a.IdleSince = callback.Available, d.now }

// goes takes effect on offers at once, and on the call that is under way when it ends.
func (d *day) goes(a *queue.Agent, to callback.Presence) { a.Presence = to }

// curve is how busy it is, as a part of the busiest, with peaks at 10:30 and 15:00.
func curve(at time.Time) float64 {
	hour := at.Sub(at.Truncate(24 * time.Hour)).Hours()
	peak := func(when, width float64) float64 {
		return math.Exp(-(hour - when) * (hour - when) / (2 * width * width))
	}
	return max(peak(10.5, 1.5), 0.85*peak(15, 1.8), 0.15)
}

// callers come by chance, by the curve.
func (d *day) callers(midnight time.Time) {
	keeps := d.handling + ringing + wrapUp
	most := d.load * 0.8 * float64(d.agents) / keeps.Seconds() // a second; a fifth is away at any time
	for at := midnight.Add(opens); ; {
		at = at.Add(time.Duration(d.dice.ExpFloat64() / most * float64(time.Second)))
		if at.After(midnight.Add(closes)) {
			return
		}
		if d.chance(curve(at)) {
			d.at(at, d.arrives)
		}
	}
}

func (d *day) arrives() {
	d.last++
	id := d.last
	p := callback.Place{Skill: "support", Priority: callback.DefaultPriority, QueuedAt: d.now, Node: "pbx1"}
	if d.second > 0 && d.chance(1.0/3) {
		p.Skill = "sales"
	}
	if d.chance(d.headStart) {
		p.Priority.Initial = 5
	}
	d.put(id, p)
	d.ask(id)
	d.in(d.exp(d.patience), func() { d.givesUp(id) })
	d.in(time.Minute, func() {
		if p, waits := d.places[id]; waits && !d.ringing[id] {
			d.ask(id)
			if d.chance(d.callbacks) {
				p.Node = ""
				d.put(id, p)
			}
		}
	})
}

func (d *day) put(id callback.ContactID, p callback.Place) {
	d.places[id] = p
	d.q.Put(id, p)
}

func (d *day) givesUp(id callback.ContactID) {
	p, waits := d.places[id]
	if !waits || p.Node == "" || d.ringing[id] {
		return
	}
	d.leaves(id)
	d.gaveUp = append(d.gaveUp, handled{skill: p.Skill, live: d.now.Sub(p.QueuedAt), at: d.now})
}

func (d *day) leaves(id callback.ContactID) {
	d.q.Remove(id)
	delete(d.places, id)
	delete(d.waitings, id)
	delete(d.ringing, id)
}

func (d *day) match() {
	free := make([]queue.Agent, len(d.staff))
	for {
		for i, a := range d.staff {
			free[i] = *a
		}
		pair, ok := d.q.Match(d.now, free)
		if !ok {
			return
		}
		i := slices.IndexFunc(d.staff, func(a *queue.Agent) bool { return a.Extension == pair.Agent })
		d.offer(pair.Contact, d.staff[i])
	}
}

func (d *day) offer(id callback.ContactID, a *queue.Agent) {
	p, offered := d.places[id], d.now
	a.Activity, a.Until = callback.Offered, time.Time{}
	d.ringing[id] = true
	if d.chance(refusing) {
		d.in(2*ringing, func() {
			d.ended = append(d.ended, handled{skill: p.Skill, agent: a.Extension, took: 2 * ringing, at: d.now})
			a.Activity, a.Until = callback.Refused, d.now.Add(refusedFor)
			delete(d.ringing, id)
			d.q.Withdraw(id)
			d.in(refusedFor, func() {})
		})
		return
	}
	d.in(ringing, func() { d.accepts(id, p, a, offered) })
}

func (d *day) accepts(id callback.ContactID, p callback.Place, a *queue.Agent, offered time.Time) {
	for _, s := range d.waitings[id] {
		s.waited = d.now.Sub(s.at)
	}
	live, length := d.now.Sub(p.QueuedAt), d.call()
	// app_queue keeps whole seconds.
	d.average[p.Skill] = time.Duration((3*int64(d.average[p.Skill]/time.Second)+int64(live/time.Second))/4) * time.Second
	if p.Node == "" {
		live, length = -1, length+dialling
	}
	d.leaves(id)
	a.Activity = callback.WorkingInbound
	d.in(length, func() {
		d.ended = append(d.ended, handled{p.Skill, a.Extension, true, d.now.Sub(offered), live, d.now})
		a.Activity, a.Until = callback.AfterCall, d.now.Add(wrapUp)
		a.IdleSince = a.Until
		d.in(wrapUp, func() {})
	})
}

// ask notes what both formulas say to a contact that waits.
func (d *day) ask(id callback.ContactID) {
	p := d.places[id]
	s := &said{skill: p.Skill, id: id, at: d.now, waited: -1}
	f := d.figures(id)
	if f.LoggedIn == 0 {
		return
	}
	s.estimate, s.confidence = f.Estimate()
	s.average = max(d.average[p.Skill]-d.now.Sub(p.QueuedAt), 0)
	d.asked = append(d.asked, s)
	d.waitings[id] = append(d.waitings[id], s)
}
