package say

// spanish says 1,231,021 as un millón, doscientos treinta y un mil, veintiuno.
func spanish(n int) []string {
	var sounds []string
	switch millions := n / 1_000_000; {
	case millions == 1:
		sounds = append(sounds, "digits/1M", "digits/million")
	case millions > 1:
		sounds = append(spanishBefore(millions), "digits/millions")
	}
	switch thousands := n / 1_000 % 1_000; {
	case thousands == 1: // mil, not un mil
		sounds = append(sounds, "digits/thousand")
	case thousands > 1:
		sounds = append(append(sounds, spanishBefore(thousands)...), "digits/thousand")
	}
	return append(sounds, spanishUnder1000(n%1_000)...)
}

// spanishBefore says 1 to 999 before mil and millones, where uno becomes un: veintiún mil.
func spanishBefore(n int) []string {
	if n%10 != 1 || n%100 == 11 {
		return spanishUnder1000(n)
	}
	if n%100 == 21 {
		return append(spanishHundreds(n), "digits/20-and", "digits/1M")
	}
	sounds := spanishUnder1000(n)
	sounds[len(sounds)-1] = "digits/1M"
	return sounds
}

func spanishUnder1000(n int) []string {
	sounds := spanishHundreds(n)
	n %= 100
	switch {
	case n == 0:
		return sounds
	case n <= 30 || n%10 == 0:
		return append(sounds, digit(n))
	default:
		return append(sounds, digit(n/10*10), "digits/and", digit(n%10))
	}
}

// spanishHundreds says the hundreds of 0 to 999: cien, but ciento where more follows.
func spanishHundreds(n int) []string {
	switch {
	case n == 100:
		return []string{"digits/hundred"}
	case n < 100:
		return nil
	case n < 200:
		return []string{"digits/100-and"}
	default:
		return []string{digit(n / 100 * 100)}
	}
}
