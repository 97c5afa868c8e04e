package say

// english says 1,234,021 as 1 million 2 hundred 30 4 thousand 20 1.
func english(n int) []string {
	var sounds []string
	for _, group := range []struct {
		of   int
		name string
	}{{1_000_000, "digits/million"}, {1_000, "digits/thousand"}, {100, "digits/hundred"}} {
		if n >= group.of {
			sounds = append(append(sounds, english(n/group.of)...), group.name)
			n %= group.of
		}
	}
	if n > 20 {
		sounds = append(sounds, digit(n/10*10))
		n %= 10
	}
	if n > 0 {
		sounds = append(sounds, digit(n))
	}
	return sounds
}
