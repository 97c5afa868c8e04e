package queue_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback/queue"
)

var sites = []site{
	{name: "six agents, overloaded at noon", agents: 6, load: 1.25, handling: 4 * time.Minute, patience: 8 * time.Minute, callbacks: 0.4},
	{name: "forty agents, overloaded at noon", agents: 40, load: 1.25, handling: 5 * time.Minute, patience: 8 * time.Minute, callbacks: 0.4},
	{name: "ten agents, quiet", agents: 10, load: 0.75, handling: 4 * time.Minute, patience: 10 * time.Minute, callbacks: 0.4},
	{name: "twelve agents, nobody gives up", agents: 12, load: 1.1, handling: 3 * time.Minute, exponential: true, patience: 24 * time.Hour, callbacks: 1},
	{name: "twelve agents, a second skill", agents: 12, second: 0.6, load: 1.1, handling: 4 * time.Minute, patience: 8 * time.Minute, callbacks: 0.4},
	{name: "ten agents, some begin ahead", agents: 10, load: 1.2, handling: 4 * time.Minute, patience: 8 * time.Minute, callbacks: 0.4, headStart: 0.2},
}

// limits are those of the boxes in which a wait is spoken, in minutes.
var limits = []int{1, 2, 5, 10, 15, 20, 30, 45, 60, 1 << 20}

func box(wait time.Duration) int {
	return slices.IndexFunc(limits, func(limit int) bool { return wait < time.Duration(limit)*time.Minute })
}

// errors sums up what was said and what came of it.
type errors struct {
	n      int
	off    []time.Duration // how far the estimate was from the wait
	bias   time.Duration
	kept   int // the wait was below the limit that was said
	within int // in the very box
}

func (e *errors) add(said, waited time.Duration) {
	e.n++
	e.off = append(e.off, (said - waited).Abs())
	e.bias += said - waited
	if box(waited) <= box(said) {
		e.kept++
	}
	if box(waited) == box(said) {
		e.within++
	}
}

func (e *errors) median() time.Duration {
	if e.n == 0 {
		return 0
	}
	slices.Sort(e.off)
	return e.off[e.n/2]
}

func (e *errors) mean() time.Duration {
	var sum time.Duration
	for _, off := range e.off {
		sum += off
	}
	return sum / time.Duration(max(e.n, 1))
}

// share gives the part that so many are.
func (e *errors) share(n int) float64 { return float64(n) / float64(max(e.n, 1)) }

func (e *errors) log(t *testing.T, name string) {
	n := max(e.n, 1)
	t.Logf("  %-18s n %5d  median error %6s  mean error %6s  bias %7s  within the said box %3d%%  below its limit %3d%%", name, e.n,
		e.median().Round(time.Second), e.mean().Round(time.Second), (e.bias / time.Duration(n)).Round(time.Second), 100*e.within/n, 100*e.kept/n)
}

func TestTheEstimateIsClearlyBetterThanAnAverageOfPastWaits(t *testing.T) {
	const days = 3
	var all, average errors
	by := map[queue.Confidence]*errors{queue.Low: {}, queue.Medium: {}, queue.High: {}}
	for _, s := range sites {
		var own, other errors
		for seed := range uint64(days) {
			for _, said := range simulate(s, seed) {
				// Who had nobody to wait for makes every formula look good.
				if said.waited < 0 || max(said.waited, said.estimate) < 30*time.Second {
					continue
				}
				for _, e := range []*errors{&own, &all, by[said.confidence]} {
					e.add(said.estimate, said.waited)
				}
				other.add(said.average, said.waited)
				average.add(said.average, said.waited)
			}
		}
		t.Log(s.name)
		own.log(t, "estimate")
		other.log(t, "average of waits")
		if own.median() >= other.median() || own.mean() >= other.mean() || own.within <= other.within {
			t.Errorf("%s: the average of past waits is as good", s.name)
		}
	}
	t.Log("all")
	all.log(t, "estimate")
	average.log(t, "average of waits")
	for _, c := range []queue.Confidence{queue.High, queue.Medium, queue.Low} {
		by[c].log(t, string(c))
	}
	if all.median() > average.median()*3/4 || all.mean() > average.mean()*3/4 || all.share(all.within) < average.share(average.within)+0.1 {
		t.Error("the estimate is not clearly better than the average of past waits")
	}
	high, medium, low := by[queue.High], by[queue.Medium], by[queue.Low]
	if high.share(high.within) < medium.share(medium.within) || medium.share(medium.within) < low.share(low.within) {
		t.Error("a higher confidence does not mean that the wait is more often in the box that was said")
	}
}

func TestEstimates(t *testing.T) {
	busy := queue.Figures{Position: 10, LoggedIn: 5, AtWork: 5, Handled: 100, Handling: 100 * time.Second}
	for name, test := range map[string]struct {
		change     func(*queue.Figures)
		wait       time.Duration
		confidence queue.Confidence
	}{
		"ten are served by five agents at 100 s each": {func(*queue.Figures) {}, 200 * time.Second, queue.Medium},
		"fewer than five were ever handled":           {func(f *queue.Figures) { f.Handled = 4 }, 200 * time.Second, queue.Low},
		"nobody is logged in":                         {func(f *queue.Figures) { f.LoggedIn, f.AtWork = 0, 0 }, 0, queue.Low},
		"all are at a break":                          {func(f *queue.Figures) { f.AtWork = 0 }, 200 * time.Second, queue.Low},
		"as many are free as the position asks for":   {func(f *queue.Figures) { f.Available = 10 }, 0, queue.High},
		"one is about to be offered to":               {func(f *queue.Figures) { f.Available = 1 }, 180 * time.Second, queue.Medium},
		"half an agent":                               {func(f *queue.Figures) { f.AtWork = 0.5 }, 2000 * time.Second, queue.Medium},
		"an error that does no harm":                  {func(f *queue.Figures) { f.Position = 3 }, 60 * time.Second, queue.High},
		"many ahead, whose departures even out":       {func(f *queue.Figures) { f.Position = 50 }, 1000 * time.Second, queue.High},
		"beyond half an hour agents come and go":      {func(f *queue.Figures) { f.Position = 100 }, 2000 * time.Second, queue.Medium},
		"one ahead of a long call":                    {func(f *queue.Figures) { f.Position, f.Handling = 1, 25*time.Minute }, 300 * time.Second, queue.Low},
		"nobody on the line, nobody gives up":         {func(f *queue.Figures) { f.GivingUp = 0.01 }, 200 * time.Second, queue.Medium},
		"some give up":                                {func(f *queue.Figures) { f.GivingUp, f.Live = 0.01, 0.5 }, 139 * time.Second, queue.High}, // ln(1 + 200 x 0.005) / 0.005
	} {
		f := busy
		test.change(&f)
		if wait, confidence := f.Estimate(); wait != test.wait || confidence != test.confidence {
			t.Errorf("%s: %s, %s; want %s, %s", name, wait, confidence, test.wait, test.confidence)
		}
	}
}

func TestAnEstimateOnlyGrowsWithThoseAheadAndShrinksWithTheAgents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := queue.Figures{
			Position: rapid.IntRange(1, 1<<40).Draw(t, "position"), LoggedIn: rapid.IntRange(1, 1000).Draw(t, "logged in"),
			AtWork: rapid.Float64Range(0, 1000).Draw(t, "at work"), Available: rapid.IntRange(0, 10).Draw(t, "available"),
			Live: rapid.Float64Range(0, 1).Draw(t, "live"), GivingUp: rapid.Float64Range(0, 1).Draw(t, "giving up"),
			Handling: time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "handling")),
		}
		more := f
		more.Position += rapid.IntRange(1, 1000).Draw(t, "further back")
		wait, _ := f.Estimate()
		if longer, _ := more.Estimate(); longer < wait || wait < 0 || wait%time.Second != 0 {
			t.Fatalf("%s, and %s further back", wait, longer)
		}
		if f.AtWork > 0 {
			more = f
			more.AtWork *= 1.5
			if shorter, _ := more.Estimate(); shorter > wait {
				t.Fatalf("%s, and %s with more agents", wait, shorter)
			}
		}
	})
}
