package callback_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback"
)

func TestPriorityVectors(t *testing.T) {
	for name, c := range map[string]struct {
		priority callback.Priority
		waited   time.Duration
		want     int64
	}{
		"4 with acceleration 1 after 3 min is 7":          {callback.Priority{Initial: 4, Acceleration: 1, Maximum: 1000}, 3 * time.Minute, 7},
		"101 with acceleration 10 after 10 min is 201":    {callback.Priority{Initial: 101, Acceleration: 10, Maximum: 1000}, 10 * time.Minute, 201},
		"the maximum holds":                               {callback.Priority{Initial: 1, Acceleration: 10, Maximum: 20}, time.Hour, 20},
		"no acceleration, no change":                      {callback.Priority{Initial: 5, Maximum: 1000}, 30 * 24 * time.Hour, 5},
		"a clock that was stepped back does not go below": {callback.Priority{Initial: 5, Acceleration: 1, Maximum: 1000}, -time.Hour, 5},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.priority.At(noon, noon.Add(c.waited)); got != c.want*callback.Minute {
				t.Errorf("got %d, want %d", got, c.want*callback.Minute)
			}
		})
	}
}

func TestAFasterAgeingContactPassesBeforeOneMinuteIsOver(t *testing.T) {
	slow := callback.Priority{Initial: 3, Acceleration: 1, Maximum: 1000}
	fast := callback.Priority{Initial: 1, Acceleration: 5, Maximum: 1000}
	if fast.At(noon, noon) >= slow.At(noon, noon) {
		t.Error("the faster one begins ahead")
	}
	before := noon.Add(time.Minute - time.Microsecond)
	if fast.At(noon, before) <= slow.At(noon, before) {
		t.Error("the faster one has not passed within the minute")
	}
}

// TestC6TheOrderIsTotal proves that of two places one is always before the other, whatever the
// moment, so that the queue has one order.
func TestC6TheOrderIsTotal(t *testing.T) {
	place := rapid.Custom(func(t *rapid.T) callback.Place {
		return callback.Place{
			Priority: callback.Priority{
				Initial:      rapid.IntRange(0, 1000).Draw(t, "initial"),
				Acceleration: rapid.IntRange(0, 100).Draw(t, "acceleration"),
				Maximum:      rapid.IntRange(0, 1000).Draw(t, "maximum"),
			},
			QueuedAt: noon.Add(time.Duration(rapid.Int64Range(0, 3).Draw(t, "queued")) * time.Minute),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := place.Draw(t, "a"), place.Draw(t, "b")
		at := noon.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "at")))
		if callback.Before(1, a, 2, b, at) == callback.Before(2, b, 1, a, at) {
			t.Fatal("both or neither is before the other")
		}
		if callback.Before(1, a, 1, a, at) {
			t.Fatal("a place is before itself")
		}
	})
}
