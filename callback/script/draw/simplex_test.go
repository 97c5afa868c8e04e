package draw

import (
	"testing"

	"pgregory.net/rapid"
)

func costOf(numbers []int, spans []span) (cost int, kept bool) {
	for _, e := range spans {
		length := numbers[e.head] - numbers[e.tail]
		if length < e.least {
			return 0, false
		}
		cost += e.weight * (length - e.least)
	}
	return cost, true
}

// cheapest tries all numbers up to a limit.
func cheapest(n, limit int, spans []span) int {
	best := -1
	numbers := make([]int, n)
	var try func(v int)
	try = func(v int) {
		if v == n {
			if cost, kept := costOf(numbers, spans); kept && (best < 0 || cost < best) {
				best = cost
			}
			return
		}
		for numbers[v] = 0; numbers[v] <= limit; numbers[v]++ {
			try(v + 1)
		}
	}
	try(0)
	return best
}

func TestSolveKeepsAllSpansAtTheLeastCost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const longest = 3
		n := rapid.IntRange(1, 5).Draw(t, "numbers")
		var spans []span
		limit := 0
		for head := 1; head < n; head++ {
			for tail := range head {
				if rapid.IntRange(0, 2).Draw(t, "span") > 0 {
					spans = append(spans, span{tail, head, rapid.IntRange(0, longest).Draw(t, "least"), rapid.IntRange(0, 5).Draw(t, "weight")})
				}
			}
			limit += longest
		}
		numbers := solve(n, spans)
		cost, kept := costOf(numbers, spans)
		if !kept {
			t.Fatalf("%v does not keep %v", numbers, spans)
		}
		if want := cheapest(n, limit, spans); cost != want {
			t.Fatalf("%v costs %d, want %d: %v", numbers, cost, want, spans)
		}
	})
}
