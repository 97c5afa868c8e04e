package queue_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/queue"
)

// morning is when the virtual time begins.
var morning = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// worker is an agent with a phone in one node, or in both; on is where the contact was offered.
type worker struct {
	queue.Agent
	nodes []string
	on    string
}

// world is days of a queue: those who call, wait and give up, the agents who come, refuse and go, and two
// nodes with so many ports each.
type world struct {
	t       *rapid.T
	now     time.Time
	q       queue.Queue
	slow    walk
	workers []*worker
	last    callback.ContactID
	ports   map[string]int
	serving map[string]callback.ContactID // by agent: the offer or the call
	on      map[callback.ContactID]string // the node of a contact that is on the line or being called
	before  map[callback.ContactID]bool   // was offered before
	closed  map[string]bool               // nodes that make no more matches at this moment
	played  tally
}

var nodes = []string{"pbx1", "pbx2"}

func newWorld(t *rapid.T) *world {
	w := &world{
		t: t, now: morning,
		slow:    walk{places: map[callback.ContactID]callback.Place{}, offered: map[callback.ContactID]string{}},
		serving: map[string]callback.ContactID{}, on: map[callback.ContactID]string{},
		before: map[callback.ContactID]bool{},
		ports:  map[string]int{"pbx1": drawPorts.Draw(t, "ports of pbx1"), "pbx2": drawPorts.Draw(t, "ports of pbx2")},
	}
	for i := range drawAgents.Draw(t, "agents") {
		a := queue.Agent{
			Extension: fmt.Sprint(1001 + i), Skills: map[string]int{}, IdleSince: morning,
			AgentState: callback.AgentState{Presence: callback.Available, Activity: callback.Free},
		}
		able := drawAble.Draw(t, "proficiencies")
		if able < 6 {
			a.Skills["support"] = 1 + able/3
		}
		if able > 3 {
			a.Skills["sales"] = 1 + able%2
		}
		w.workers = append(w.workers, &worker{Agent: a, nodes: [][]string{nodes[:1], nodes[1:], nodes}[i%3]})
	}
	return w
}

// What happens, made once since drawing is most of the work.
var (
	drawPorts  = rapid.IntRange(2, 10)
	drawAgents = rapid.IntRange(2, 6)
	drawAble   = rapid.IntRange(0, 9)
	drawSteps  = rapid.IntRange(1, 60)
	drawIndex  = rapid.IntRange(0, 1<<20)
	drawPlace  = rapid.IntRange(0, 2*3*6*4-1)
	drawPass   = rapid.SampledFrom([]time.Duration{
		time.Microsecond, time.Second, 29 * time.Second, 31 * time.Second, time.Minute, 7 * time.Minute, 3 * time.Hour, 30 * time.Hour,
	})
	priorities = []callback.Priority{
		callback.DefaultPriority, {Initial: 3, Acceleration: 1, Maximum: 1000}, {Initial: 1, Acceleration: 5, Maximum: 1000},
		{Initial: 5, Maximum: 1000}, {Initial: 2, Acceleration: 2, Maximum: 6}, {Initial: -1, Acceleration: 60, Maximum: 3},
	}
)

// place gives a place from one drawn number: 2 skills, on either node or on none, a priority, a target agent
// or none.
func (w *world) place(n int) callback.Place {
	p := callback.Place{Skill: []string{"support", "sales"}[n%2], QueuedAt: w.now}
	n /= 2
	p.Node = append([]string{""}, nodes...)[n%3]
	n /= 3
	p.Priority = priorities[n%6]
	if n /= 6; n == 3 {
		p.TargetAgent = w.workers[0].Extension
	}
	return p
}

// someone gives one of those in the queue; 0 for nobody.
func (w *world) someone() callback.ContactID {
	if len(w.slow.places) == 0 {
		return 0
	}
	ids := slices.Sorted(maps.Keys(w.slow.places))
	return ids[drawIndex.Draw(w.t, "who")%len(ids)]
}

func (w *world) put(id callback.ContactID, p callback.Place) {
	w.q.Put(id, p)
	w.slow.places[id] = p
}

// leaves takes a contact out of the queue, and with it the offer.
func (w *world) leaves(id callback.ContactID) {
	w.q.Remove(id)
	delete(w.slow.places, id)
	delete(w.slow.offered, id)
}

// used counts the ports of a node: each contact that is on its lines or may be called back, and each agent who is
// rung or talks.
func (w *world) used(node string) int {
	n := 0
	for _, on := range w.on {
		if on == node {
			n++
		}
	}
	for _, a := range w.workers {
		if _, serves := w.serving[a.Extension]; serves && a.on == node {
			n++
		}
	}
	return n
}

// matchAll makes all matches, each held against the slow model, against what Pairs says of all of them at
// once, and against what is promised of it. A node whose ports do not suffice for the next contact makes no more:
// those behind, who may need fewer, do not pass.
func (w *world) matchAll() {
	w.closed = map[string]bool{}
	predicted, open := w.pairs(), w.open()
	for {
		agents := w.reachable()
		want, wantOK := w.slow.first(agents, w.now)
		got, ok := w.q.Match(w.now, agents)
		if got != want || ok != wantOK {
			w.t.Fatalf("%+v is matched (%t), want %+v", got, ok, want)
		}
		if ok && w.ports[got.Node]-w.used(got.Node) < queue.Ports(w.slow.places[got.Contact]) {
			w.q.Withdraw(got.Contact)
			w.closed[got.Node] = true
			continue
		}
		if slices.Equal(w.open(), open) { // else a node has run out of ports, which Pairs does not know
			switch {
			case ok && (len(predicted) == 0 || predicted[0] != got), !ok && len(predicted) > 0:
				w.t.Fatalf("%+v is matched, and of all at once comes %+v", got, predicted)
			case ok:
				predicted = predicted[1:]
				w.played.AtOnce++
			}
		}
		if !ok {
			break
		}
		w.checkOrder(got.Contact, agents)
		w.note(got.Contact)
		w.offer(got)
	}
	w.checkNobodyIsLeft()
}

// pairs gives all that can be brought together now.
func (w *world) pairs() []queue.Pair {
	var waiting []queue.Waiting
	for id, p := range w.slow.places {
		if w.slow.offerable(id, w.now) {
			waiting = append(waiting, queue.Waiting{ID: id, Place: p})
		}
	}
	agents := slices.DeleteFunc(w.reachable(), func(a queue.Agent) bool { return !idle(a, w.now) })
	return queue.Pairs(w.now, waiting, agents)
}

// open gives the nodes with a port left that have not been closed.
func (w *world) open() []string {
	var open []string
	for _, node := range nodes {
		if w.used(node) < w.ports[node] && !w.closed[node] {
			open = append(open, node)
		}
	}
	return open
}

func (w *world) note(id callback.ContactID) {
	w.played.Matches++
	if w.slow.order(w.now)[0] != id {
		w.played.Passed++
	}
	if w.before[id] {
		w.played.Again++
	}
	if w.slow.places[id].TargetAgent != "" {
		w.played.Targeted++
	}
	w.before[id] = true
}

// reachable gives the agents, each with the nodes in which the phone can be rung and a port is free.
func (w *world) reachable() []queue.Agent {
	open := w.open()
	var agents []queue.Agent
	for _, a := range slices.Backward(w.workers) { // whose order is not that of the choice
		reached := a.Agent
		for _, node := range slices.Backward(a.nodes) {
			if slices.Contains(open, node) {
				reached.Nodes = append(reached.Nodes, node)
			}
		}
		agents = append(agents, reached)
	}
	return agents
}

func (w *world) worker(extension string) *worker {
	i := slices.IndexFunc(w.workers, func(a *worker) bool { return a.Extension == extension })
	return w.workers[i]
}

// offer carries the match out and proves that nobody is offered twice, nor where the phone can't be rung.
func (w *world) offer(p queue.Pair) {
	if other, serves := w.serving[p.Agent]; serves {
		w.t.Fatalf("agent %s gets contact %s and has %s", p.Agent, p.Contact, other)
	}
	if w.slow.offered[p.Contact] != "" {
		w.t.Fatalf("contact %s is offered to %s and to %s", p.Contact, p.Agent, w.slow.offered[p.Contact])
	}
	a := w.worker(p.Agent)
	if live := w.slow.places[p.Contact].Node; live != "" && live != p.Node || !slices.Contains(a.nodes, p.Node) {
		w.t.Fatalf("contact %s of node %q is offered to agent %s of %v in %s", p.Contact, live, p.Agent, a.nodes, p.Node)
	}
	w.slow.offered[p.Contact], w.serving[p.Agent] = p.Agent, p.Contact
	w.on[p.Contact], a.on = p.Node, p.Node
	a.Activity, a.Until = callback.Offered, time.Time{}
	if w.used(p.Node) > w.ports[p.Node] {
		w.t.Fatalf("%s has %d ports and %d are used", p.Node, w.ports[p.Node], w.used(p.Node))
	}
}

// checkOrder proves that nobody who stands before the contact could have been given to any of the agents.
func (w *world) checkOrder(id callback.ContactID, agents []queue.Agent) {
	for other, p := range w.slow.places {
		if !callback.Before(other, p, id, w.slow.places[id], w.now) || !w.slow.offerable(other, w.now) {
			continue
		}
		if len(able(p, agents, w.now)) > 0 {
			w.t.Fatalf("contact %s is matched before %s", id, other)
		}
	}
}

// checkNobodyIsLeft proves that no free agent is left beside a contact that could be offered to it.
func (w *world) checkNobodyIsLeft() {
	agents := w.reachable()
	for id, p := range w.slow.places {
		if able := able(p, agents, w.now); len(able) > 0 && w.slow.offerable(id, w.now) {
			w.t.Fatalf("contact %s and agent %s are left unmatched", id, able[0].Extension)
		}
	}
}

// step lets one thing happen.
func (w *world) step(what int) {
	switch what {
	case 0, 1, 2:
		w.arrives()
	case 3, 4:
		w.now = w.now.Add(drawPass.Draw(w.t, "time"))
	case 5, 6, 7, 8:
		w.goesOn()
	case 9:
		w.changes()
	case 10:
		w.comesOrGoes()
	case 11, 12, 13:
		w.matchAll()
	}
}

func (w *world) arrives() {
	w.last++
	p := w.place(drawPlace.Draw(w.t, "place"))
	if p.Node != "" {
		if w.used(p.Node) >= w.ports[p.Node]-2 {
			return // the call is sent away
		}
		w.on[w.last] = p.Node
	}
	w.put(w.last, p)
}

// goesOn takes the offer or call of an agent a step further.
func (w *world) goesOn() {
	n := drawIndex.Draw(w.t, "how it goes on")
	serving := slices.Sorted(maps.Keys(w.serving))
	if len(serving) == 0 {
		return
	}
	a := w.worker(serving[n%len(serving)])
	id := w.serving[a.Extension]
	if w.slow.offered[id] == "" { // a call, which ends
		delete(w.serving, a.Extension)
		delete(w.on, id)
		if n/16%2 == 0 {
			a.Activity, a.IdleSince = callback.Free, w.now
			return
		}
		a.Activity, a.Until = callback.AfterCall, w.now.Add(30*time.Second)
		a.IdleSince = a.Until
		return
	}
	switch n / 16 % 4 {
	case 0, 1: // accepted
		a.Activity = callback.WorkingInbound
		w.leaves(id)
	case 2: // refused
		w.played.Refused++
		a.Activity, a.Until = callback.Refused, w.now.Add(30*time.Second)
		w.endOffer(a, id)
	case 3: // something went wrong: not before a pause
		a.Activity, a.IdleSince = callback.Free, w.now
		w.endOffer(a, id)
		p := w.slow.places[id]
		p.ReadyAt = w.now.Add(time.Minute)
		w.put(id, p)
	}
}

// endOffer gives the contact back to its place.
func (w *world) endOffer(a *worker, id callback.ContactID) {
	delete(w.serving, a.Extension)
	delete(w.slow.offered, id)
	if w.slow.places[id].Node == "" {
		delete(w.on, id)
	}
	w.q.Withdraw(id)
}

// changes changes a contact's place, or takes it away.
func (w *world) changes() {
	id := w.someone()
	if id == 0 {
		return
	}
	n := drawIndex.Draw(w.t, "change")
	p := w.slow.places[id]
	switch n % 6 {
	case 0: // UpdateContact
		p.Priority = priorities[n/6%len(priorities)]
	case 1: // Reqagent with the other skill
		p.Skill = w.place(n / 6).Skill
	case 2: // Callback: the call has ended
		p.Node = ""
		if w.slow.offered[id] == "" {
			delete(w.on, id)
		}
	case 3:
		p.Held = !p.Held
	case 4:
		p.TargetAgent = w.place(n / 6).TargetAgent
	case 5: // hangs up
		if extension := w.slow.offered[id]; extension != "" {
			a := w.worker(extension)
			a.Activity, a.IdleSince = callback.Free, w.now
			w.endOffer(a, id)
		}
		delete(w.on, id)
		w.leaves(id)
		return
	}
	w.put(id, p)
}

func (w *world) comesOrGoes() {
	n := drawIndex.Draw(w.t, "agent")
	a := w.workers[n%len(w.workers)]
	a.Presence = []callback.Presence{callback.Available, callback.Unavailable, callback.LoggedOut}[n/16%3]
}

var drawStep = rapid.IntRange(0, 13)

func TestTheQueueMatchesAsAWalkOfItDoesWhateverHappens(t *testing.T) {
	var played tally
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range drawSteps.Draw(t, "steps") {
			w.step(drawStep.Draw(t, "step"))
		}
		w.matchAll()
		if w.q.Len() != len(w.slow.places) {
			t.Fatalf("%d are in the queue, want %d", w.q.Len(), len(w.slow.places))
		}
		played.add(w)
	})
	t.Logf("%+v", played)
	if played.Matches == 0 || played.Passed == 0 || played.Refused == 0 || played.Again == 0 || played.Targeted == 0 || played.AtOnce == 0 || played.Days == 0 {
		t.Errorf("the worlds have not come far: %+v", played)
	}
}

// tally says how far the worlds have come.
type tally struct {
	Matches, Passed   int // Passed: one of those ahead could not be offered or had no agent
	Refused, Again    int // Again: a contact that was offered before
	Targeted, Waiting int
	AtOnce            int // matches that Pairs has foretold
	Days              int
}

func (s *tally) add(w *world) {
	s.Matches += w.played.Matches
	s.Passed += w.played.Passed
	s.Refused += w.played.Refused
	s.Again += w.played.Again
	s.Targeted += w.played.Targeted
	s.Waiting += len(w.slow.places)
	s.AtOnce += w.played.AtOnce
	s.Days += int(w.now.Sub(morning) / (24 * time.Hour))
}
