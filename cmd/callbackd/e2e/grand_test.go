package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
	"github.com/callbackd/callbackd/callback"
)

// staff are the agents of the grand play.
var staff = []worker{
	{extension: "1001", skills: map[string]int{"support": 1}, hz: 620, first: true},
	{extension: "1002", skills: map[string]int{"support": 1}, hz: 800, first: true},
	{extension: "1003", skills: map[string]int{"support": 2}, hz: 900, refuses: []int{486, 603}},
	{extension: "1004", skills: map[string]int{"support": 5, "sales": 5}, hz: 1000, leaves: 1},
	{extension: "1005", skills: map[string]int{"support": 2, "sales": 1}, hz: 1100},
	{extension: "1006", skills: map[string]int{"sales": 1}, hz: 1200, refuses: []int{ringsOut}, first: true},
	{extension: "1007", skills: map[string]int{"sales": 2}, hz: 1400, first: true},
	{extension: "1008", skills: map[string]int{"support": 3, "sales": 2}, hz: 1600, refuses: []int{ringsOut, 486}},
	{extension: "1009", skills: map[string]int{"support": 3}, hz: 1800, leaves: 2},
	{extension: wanted, skills: map[string]int{"sales": 3}, hz: 2000, comes: 10 * time.Second},
}

// wanted is the agent for whom one contact waits, the oldest of all until that agent comes: what a class may
// promise by the oldest is then more than what its first contact has, and only the right order finds the best.
const wanted = "1010"

// worker is an agent with a phone.
type worker struct {
	extension string
	skills    map[string]int // the proficiency in each
	hz        float64        // what the agent's phone sends
	refuses   []int          // what becomes of the first offers: a status by which the phone declines, or ringsOut
	leaves    int            // after so many conversations the agent logs out for a while; 0: never
	first     bool           // is there at once, with all others of them; the rest log in by code, one after the other
	comes     time.Duration  // so long after these; 0: as soon as it is their turn
}

// ringsOut lets a phone ring until it is given up.
const ringsOut = 0

// The grand play's people and times.
const (
	crowd     = 30 // contacts
	early     = 14 // of them, who call before any agent has logged in
	elders    = 2  // of these, who call some time before the others
	late      = 7  // of them, who call when the others are served and all agents idle
	conversed = time.Second
	headStart = 3 * time.Second // of the elders
)

// grandClasses are the priorities by which the contacts stand in a skill's queue. All rise, so fast that it
// shows within seconds: rising passes ahead.
var grandClasses = []struct {
	name string
	callback.Priority
}{
	{"plain", callback.Priority{Acceleration: 300, Maximum: 1000}},
	{"ahead", callback.Priority{Initial: 10, Acceleration: 300, Maximum: 60}},
	{"rising", callback.Priority{Acceleration: 600, Maximum: 1000}},
}

var grandSkills = []string{"support", "sales"}

// person is somebody who calls.
type person struct {
	ani       string
	skill     int // in grandSkills
	class     int // in grandClasses
	callback  bool
	impatient bool // hangs up before an agent is there
	waits     bool // for the agent who is wanted

	talkedTo string // the agents whom they have heard
}

// dnisOfWanted is the number of those who wait for one agent.
const dnisOfWanted = "8005550299"

// dnis is the number that such a person dials: the script tells by it what they want.
func dnis(skill, class int, callback bool) string {
	last := 0
	if callback {
		last = 1
	}
	return fmt.Sprintf("80055502%d%d", skill*len(grandClasses)+class, last)
}

// grandScript queues each caller by the number dialled.
func grandScript() []byte {
	var cases, requests strings.Builder
	for skill := range grandSkills {
		for class, c := range grandClasses {
			for _, kind := range []string{"stay", "leave"} {
				name := grandSkills[skill] + "_" + c.name + "_" + kind
				fmt.Fprintf(&cases, "      %q: %s\n", dnis(skill, class, kind == "leave"), name)
				fmt.Fprintf(&requests, `
  %s:
    Reqagent: {Skill: %s, PriorityManagement: Custom, InitialPriority: %d, Acceleration: %d, MaxPriority: %d}
    branches: {Default: %s}
`, name, grandSkills[skill], c.Initial, c.Acceleration, c.Maximum, kind)
			}
		}
	}
	fmt.Fprintf(&cases, "      %q: wait\n", dnisOfWanted)
	fmt.Fprintf(&requests, `
  wait:
    Reqagent: {Skill: sales, TargetAgent: "%s", PriorityManagement: Custom, Acceleration: %d, MaxPriority: %d}
    branches: {Default: leave}
`, wanted, grandClasses[0].Acceleration, grandClasses[0].Maximum)
	return []byte(`
type: Phone
start: which
actions:
  which:
    Case: {Value: "{DNIS}"}
    branches:
` + cases.String() + requests.String() + `
  stay: {Music: {Class: default, Seconds: 60}, branches: {Default: stay}}
  leave: {Callback: {PhoneNumber: "{ANI}"}, branches: {OnError: stay}}
`)
}

// grand is the grand play.
type grand struct {
	*stage
	phones map[string]*phone.Phone
	people []*person
	away   span // when callbackd was
}

func TestThirtyContactsAndTenAgentsMeetInTheOrderOfTheQueue(t *testing.T) {
	settings := []string{"ring_time: 2s", "refused_time: 2s", "after_call_work: 1s", "contact_ring_time: 6s"}
	g := &grand{phones: map[string]*phone.Phone{}, stage: newStage(t, func(o *site.Options) {
		o.Script, o.Agents = grandScript(), nil
		o.Skill, o.Skills = settings, map[string][]string{"sales": settings}
	})}
	for _, w := range staff {
		args := []string{"agent", "add", w.extension}
		for skill, proficiency := range w.skills {
			args = append(args, "--skill", fmt.Sprintf("%s=%d", skill, proficiency))
		}
		_, err := g.Command(g.ctx, args...)
		g.must("add an agent", err)
		g.phones[w.extension] = g.agent(w.extension)
	}
	before, err := g.Figure(g.ctx, "go_goroutines")
	g.must("count goroutines", err)
	g.play()
	g.checkContacts()
	g.checkOrder()
	g.checkNothingLeft(before)
}

// play lets everyone call, work and go home.
func (g *grand) play() {
	g.t.Helper()
	g.gather()
	var callers, workers sync.WaitGroup
	errs := make([]error, len(g.people)+len(staff))
	call := func(i int) {
		callers.Go(func() { errs[i] = g.callIn(g.people[i]) })
	}
	for i := range early {
		call(i)
		err := site.Await(g.within(10*time.Second), func() error { return errors.New("the caller is not queued") }, func() (bool, error) {
			return g.count(`SELECT count(*) FROM fact WHERE kind = 'queued'`) > i, nil
		})
		g.must("be queued", err)
		if i == elders-1 {
			pause(g.ctx, headStart)
		}
	}
	day, over := context.WithCancel(g.ctx)
	defer over()
	work := func(first bool) {
		for i, w := range staff {
			if w.first == first {
				workers.Go(func() { errs[len(g.people)+i] = g.work(day, w, time.Duration(i)*200*time.Millisecond+w.comes) })
			}
		}
	}
	work(true)
	g.comeTogether()
	work(false)
	for i := early; i < len(g.people); i++ {
		if i == len(g.people)-late {
			callers.Wait()
			pause(g.ctx, writtenBy+settled)
		}
		call(i)
		pause(g.ctx, 200*time.Millisecond)
	}
	callers.Wait()
	over()
	workers.Wait()
	g.must("play", errors.Join(errs...))
}

// comeTogether lets the first agents be there all at once: they are made available while callbackd is away,
// as for a new version. Its first look at the queue finds several of them, and more contacts than they can
// serve.
func (g *grand) comeTogether() {
	g.t.Helper()
	stay, leave := 0, 0
	for _, p := range g.people[:early] {
		switch {
		case p.impatient:
		case p.callback:
			leave++
		default:
			stay++
		}
	}
	g.awaitCount("who stays on the line", stay, `SELECT count(*) FROM contact WHERE state = 'live'`)
	g.awaitCount("who waits for a callback", leave, `SELECT count(*) FROM contact WHERE state = 'callback'`)
	g.awaitCount("the legs of those on the line", stay, `SELECT count(*) FROM leg WHERE ended_at IS NULL`)
	g.away.from = time.Now()
	g.must("end callbackd", g.Terminate(g.within(10*time.Second)))
	for _, w := range staff {
		if w.first {
			g.setAgent(w.extension, "available")
		}
	}
	g.must("start callbackd again", g.Start(g.within(30*time.Second)))
	g.away.to = time.Now()
}

// gather says who calls.
func (g *grand) gather() {
	for i := range crowd {
		p := &person{
			ani: fmt.Sprint(2125552000 + i), skill: (i + 2) % 3 % 2, class: i / 2 % 3, callback: i%5 == 1 || i%5 == 3,
			impatient: i == 4 || i == 10, waits: i == 0,
		}
		p.callback = p.callback || p.waits
		g.people = append(g.people, p)
	}
}

// number is what they dial.
func (p *person) number() string {
	if p.waits {
		return dnisOfWanted
	}
	return dnis(p.skill, p.class, p.callback)
}

// pause lets a time go by that belongs to the play.
func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// callIn calls and waits for what comes of it.
func (g *grand) callIn(p *person) error {
	ctx, cancel := context.WithTimeout(g.ctx, 90*time.Second)
	defer cancel()
	call, err := g.Carrier.Call(ctx, p.ani, p.number())
	if err != nil {
		return err
	}
	if err := errors.Join(call.AwaitAnswered(ctx), call.SendTone(callerHz)); err != nil && !p.callback {
		return err // a callback may be promised, and the call ended, as soon as it is answered
	}
	if p.impatient {
		pause(ctx, 500*time.Millisecond)
		return call.Hangup(ctx)
	}
	if _, err := call.AwaitEnded(ctx); err != nil {
		return err
	}
	p.talkedTo = heardAgents(call)
	if !p.callback || p.talkedTo != "" {
		return nil
	}
	back, err := g.Carrier.AwaitCallTo(ctx, p.ani)
	if err != nil {
		return err
	}
	if err := errors.Join(back.Ring(), back.SendTone(callerHz), back.Answer(ctx)); err != nil {
		return fmt.Errorf("answer the callback to %s: %w", p.ani, err)
	}
	_, err = back.AwaitEnded(ctx)
	p.talkedTo = heardAgents(back)
	return err
}

// heardAgents names the agents whose tones a call has heard.
func heardAgents(call *phone.Call) string {
	var heard []string
	for _, w := range staff {
		if call.Heard(w.hz) {
			heard = append(heard, w.extension)
		}
	}
	return strings.Join(heard, " ")
}

// work lets an agent come, serve contacts until the day is over, and go.
func (g *grand) work(day context.Context, w worker, comes time.Duration) error {
	p := g.phones[w.extension]
	if !w.first {
		pause(day, comes)
		if err := g.code(p); err != nil {
			return err
		}
	}
	offers, conversations := 0, 0
	for {
		call, err := p.AwaitCall(day)
		if day.Err() != nil {
			return g.code(p)
		}
		if err != nil {
			return err
		}
		offers++
		if offers <= len(w.refuses) {
			if err := g.refuse(call, w.refuses[offers-1]); err != nil {
				return fmt.Errorf("%s refuses: %w", w.extension, err)
			}
			continue
		}
		if err := g.serve(call, w); err != nil {
			return fmt.Errorf("%s serves: %w", w.extension, err)
		}
		conversations++
		if conversations == w.leaves {
			if err := g.code(p); err != nil {
				return err
			}
			pause(day, time.Second)
			if err := g.code(p); err != nil {
				return err
			}
		}
	}
}

// code dials the code that logs an agent in or out, and hears its prompt.
func (g *grand) code(p *phone.Phone) error {
	ctx, cancel := context.WithTimeout(g.ctx, 20*time.Second)
	defer cancel()
	call, err := p.Call(ctx, "", "*45")
	if err != nil {
		return err
	}
	_, heard := call.AwaitSound(ctx)
	_, ended := call.AwaitEnded(ctx)
	if err := errors.Join(heard, ended); err != nil {
		return fmt.Errorf("%s dials *45: %w", p.Number(), err)
	}
	return nil
}

func (g *grand) refuse(call *phone.Call, status int) error {
	if err := call.Ring(); err != nil {
		return err
	}
	if status != ringsOut {
		return call.Decline(g.ctx, status)
	}
	ended, err := call.AwaitEnded(g.ctx)
	if err == nil && ended.How != phone.Cancelled {
		err = fmt.Errorf("the call ended: %v", ended)
	}
	return err
}

// serve answers, talks for a while and hangs up. Agent and contact hear each other.
func (g *grand) serve(call *phone.Call, w worker) error {
	ctx, cancel := context.WithTimeout(g.ctx, 30*time.Second)
	defer cancel()
	if err := errors.Join(call.RingFor(ctx, 200*time.Millisecond), call.SendTone(w.hz), call.Answer(ctx)); err != nil {
		return err
	}
	if _, err := call.AwaitTone(ctx, callerHz); err != nil {
		return err
	}
	pause(ctx, conversed)
	return call.Hangup(ctx)
}

// checkContacts holds what the people have heard against the database.
func (g *grand) checkContacts() {
	g.t.Helper()
	for _, p := range g.people {
		var row struct {
			Outcome string `db:"outcome"`
			Agents  string `db:"agents"`
		}
		err := g.DB.GetContext(g.ctx, &row, `
			SELECT coalesce(outcome, state) AS outcome,
			       (SELECT coalesce(string_agg(agent, ' '), '') FROM offer WHERE contact_id = c.id AND result = 'accepted') AS agents
			FROM contact c WHERE ani = $1`, p.ani)
		g.must("read a contact", err)
		want := "served"
		if p.impatient {
			want = "abandoned"
		}
		if row.Outcome != want || row.Agents != p.talkedTo || (row.Agents == "") != p.impatient {
			g.t.Errorf("%s is %s and has accepted offers of %q, want %s and to have heard %q", p.ani, row.Outcome, row.Agents, want, p.talkedTo)
		}
	}
	dialled := map[string]int{}
	for _, call := range g.Carrier.Calls() {
		if call.Incoming() {
			dialled[call.To()]++
		}
	}
	for number, n := range dialled {
		if n != 1 {
			g.t.Errorf("%s was called back %d times", number, n)
		}
	}
	for result, least := range map[string]int{"refused": 3, "no_answer": 2, "accepted": crowd - 2} {
		if n := g.count(`SELECT count(*) FROM offer WHERE result = $1`, result); n < least {
			g.t.Errorf("%d offers ended as %s, want at least %d", n, result, least)
		}
	}
	if n := g.count(`SELECT count(*) FROM offer WHERE result = 'accepted' AND kind = 'callback'`); n < crowd/3 {
		g.t.Errorf("%d callbacks were served, want at least %d", n, crowd/3)
	}
}

// checkNothingLeft finds nothing left in Asterisk, in the database and in the daemon.
func (g *grand) checkNothingLeft(goroutines float64) {
	g.t.Helper()
	g.must("leave nothing in Asterisk", g.AwaitEmpty(g.within(10*time.Second)))
	var left []string
	err := site.Await(g.within(10*time.Second), func() error { return fmt.Errorf("left in the database: %v", left) }, func() (bool, error) {
		left = left[:0]
		err := g.DB.SelectContext(g.ctx, &left, `
			SELECT 'leg ' || channel FROM leg WHERE ended_at IS NULL
			UNION ALL SELECT 'offer ' || channel FROM offer WHERE ended_at IS NULL
			UNION ALL SELECT 'attempt ' || number FROM attempt WHERE ended_at IS NULL
			UNION ALL SELECT 'place ' || contact_id FROM place
			UNION ALL SELECT 'contact ' || id FROM contact WHERE state <> 'ended'
			UNION ALL SELECT 'agent ' || extension FROM agent WHERE (presence, activity) <> ('logged_out', 'free')`)
		return len(left) == 0, err
	})
	g.must("leave nothing in the database", err)
	if n := g.count(`SELECT count(*) FROM agent`); n != len(staff) {
		g.t.Errorf("there are %d agents", n)
	}
	var now float64
	err = site.Await(g.within(20*time.Second), func() error { return fmt.Errorf("%v goroutines, and %v before the play", now, goroutines) }, func() (bool, error) {
		sessions, err := g.Figure(g.ctx, "callbackd_sessions")
		if err != nil {
			return false, err
		}
		now, err = g.Figure(g.ctx, "go_goroutines")
		return sessions == 0 && now <= goroutines, err
	})
	g.must("leave nothing in the daemon", err)
	g.must("end callbackd", g.Terminate(g.within(10*time.Second)))
}
