package say

// french says 1,071,281 as un million, soixante et onze mille, deux cent quatre-vingt-un.
func french(n int) []string {
	var sounds []string
	if n >= 1_000_000 {
		sounds = append(french(n/1_000_000), "digits/million")
		n %= 1_000_000
	}
	if n >= 2_000 { // mille, not un mille
		sounds = append(sounds, french(n/1_000)...)
	}
	if n >= 1_000 {
		sounds = append(sounds, "digits/thousand")
		n %= 1_000
	}
	if n >= 200 { // cent, not un cent
		sounds = append(sounds, digit(n/100))
	}
	if n >= 100 {
		sounds = append(sounds, "digits/hundred")
		n %= 100
	}
	return append(sounds, frenchUnder100(n)...)
}

// frenchUnder100 counts on to 19 from 60 and from 80.
func frenchUnder100(n int) []string {
	tens, units := n/10*10, n%10
	if tens == 70 || tens == 90 {
		tens, units = tens-10, units+10
	}
	switch {
	case n == 0:
		return nil
	case n <= 20 || n%10 == 0:
		return []string{digit(n)}
	case units%10 == 1 && tens < 80: // vingt et un, soixante et onze, but quatre-vingt-un
		return []string{digit(tens), "digits/et", digit(units)}
	default:
		return []string{digit(tens), digit(units)}
	}
}
