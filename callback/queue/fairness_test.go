package queue_test

import (
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/queue"
)

// service is one contact of a day with steady live traffic.
type service struct {
	id       callback.ContactID
	place    callback.Place
	matched  time.Time
	overtook int // how many who were queued later were matched before it
}

// serveSteadily lets a contact arrive every 20 s, each fifth one a callback, and one agent be free every
// 20 s from when 30 wait, for a day; so 30 wait all the time. It gives them in the order of the matches.
func serveSteadily(t *testing.T, live, called callback.Priority) []service {
	t.Helper()
	const gap, backlog, day = 20 * time.Second, 30, 24 * 60 * 3
	var q queue.Queue
	agent := queue.Agent{
		Extension: "1001", Skills: map[string]int{"support": 1}, Nodes: []string{"pbx1"},
		AgentState: callback.AgentState{Presence: callback.Available, Activity: callback.Free},
	}
	waiting := map[callback.ContactID]callback.Place{}
	var served []service
	for n := range day {
		now := morning.Add(time.Duration(n) * gap)
		p := callback.Place{Skill: "support", Priority: live, Node: "pbx1", QueuedAt: now}
		if n%5 == 0 {
			p.Node, p.Priority = "", called
		}
		id := callback.ContactID(n + 1)
		waiting[id] = p
		q.Put(id, p)
		if n < backlog {
			continue
		}
		pair, ok := q.Match(now, []queue.Agent{agent})
		if !ok {
			t.Fatal("no match")
		}
		s := service{id: pair.Contact, place: waiting[pair.Contact], matched: now}
		q.Remove(s.id)
		delete(waiting, s.id)
		served = append(served, s)
	}
	for i := range served {
		for _, earlier := range served[:i] {
			if earlier.place.QueuedAt.After(served[i].place.QueuedAt) {
				served[i].overtook++
			}
		}
	}
	return served
}

func TestUnderSteadyLiveTrafficCallbacksNeitherStarveNorOvertake(t *testing.T) {
	for i, s := range serveSteadily(t, callback.DefaultPriority, callback.DefaultPriority) {
		if s.id != callback.ContactID(i+1) {
			t.Fatalf("contact %s is matched as number %d, want the order of queueing", s.id, i+1)
		}
		if waited := s.matched.Sub(s.place.QueuedAt); waited != 10*time.Minute {
			t.Fatalf("contact %s has waited for %s, and everyone waits for 10 minutes", s.id, waited)
		}
	}
}

// Where live callers begin 5 ahead and age as fast, a callback is passed by those who call within 5 minutes
// of it, who are 12 of 14, and by nobody else: its wait is bounded however long the traffic goes on.
func TestUnderSteadyLiveTrafficACallbackIsPassedByThoseAloneWhoseHeadStartReaches(t *testing.T) {
	const headStart = 5 * time.Minute
	live := callback.Priority{Initial: 5, Acceleration: 1, Maximum: 1000}
	served := serveSteadily(t, live, callback.DefaultPriority)
	position := map[callback.ContactID]int{}
	for i, s := range served {
		position[s.id] = i
	}
	callbacks, most := 0, 0
	for i, s := range served {
		if s.place.Node != "" {
			if s.overtook > 0 {
				t.Fatalf("contact %s, a live caller, was passed by %d who came later", s.id, s.overtook)
			}
			continue
		}
		callbacks++
		most = max(most, s.overtook)
		for _, earlier := range served[:i] {
			if ahead := earlier.place.QueuedAt.Sub(s.place.QueuedAt); ahead >= headStart {
				t.Fatalf("contact %s was passed by %s, who was queued %s later", s.id, earlier.id, ahead)
			}
		}
		for n := callback.ContactID(1); n < 15; n++ { // those of the next 5 minutes
			later, ok := position[s.id+n]
			if isLive := n%5 != 0; ok && isLive && later > i {
				t.Fatalf("contact %s was not passed by %s, whose head start reaches", s.id, s.id+n)
			}
		}
	}
	if callbacks == 0 || most != 12 {
		t.Errorf("%d callbacks were served, passed by %d at most, want 12", callbacks, most)
	}
}
