package say_test

import (
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	asteriskconf "github.com/callbackd/callbackd/asterisk-conf"
	"github.com/callbackd/callbackd/callback/script/say"
)

func TestNumbersAreSpokenAsPeopleSayThem(t *testing.T) {
	for _, c := range []struct {
		language string
		n        int64
		want     string // the names without their folder
	}{
		{"en", 0, "0"},
		{"en", 1, "1"},
		{"en", 13, "13"},
		{"en", 20, "20"},
		{"en", 21, "20 1"},
		{"en", 100, "1 hundred"},
		{"en", 105, "1 hundred 5"},
		{"en", 999, "9 hundred 90 9"},
		{"en", 1000, "1 thousand"},
		{"en", 2026, "2 thousand 20 6"},
		{"en", 1_234_021, "1 million 2 hundred 30 4 thousand 20 1"},
		{"en", 100_000_000, "1 hundred million"},
		{"en", -42, "minus 40 2"},
		{"en_GB", 21, "20 1"},
		{"", 21, "20 1"},
		{"es", 0, "0"},
		{"es", 1, "1"},
		{"es", 21, "21"},
		{"es", 29, "29"},
		{"es", 30, "30"},
		{"es", 31, "30 and 1"},
		{"es", 90, "90"},
		{"es", 100, "hundred"},
		{"es", 101, "100-and 1"},
		{"es", 121, "100-and 21"},
		{"es", 500, "500"},
		{"es", 777, "700 70 and 7"},
		{"es", 1000, "thousand"},
		{"es", 1001, "thousand 1"},
		{"es", 2000, "2 thousand"},
		{"es", 11_000, "11 thousand"},
		{"es", 21_000, "20-and 1M thousand"},
		{"es", 31_000, "30 and 1M thousand"},
		{"es", 100_000, "hundred thousand"},
		{"es", 101_000, "100-and 1M thousand"},
		{"es", 221_021, "200 20-and 1M thousand 21"},
		{"es", 1_000_000, "1M million"},
		{"es", 1_231_021, "1M million 200 30 and 1M thousand 21"},
		{"es", 2_000_000, "2 millions"},
		{"es", 21_000_001, "20-and 1M millions 1"},
		{"es_MX", -31, "minus 30 and 1"},
		{"fr", 0, "0"},
		{"fr", 1, "1"},
		{"fr", 17, "17"},
		{"fr", 21, "20 et 1"},
		{"fr", 22, "20 2"},
		{"fr", 61, "60 et 1"},
		{"fr", 70, "70"},
		{"fr", 71, "60 et 11"},
		{"fr", 77, "60 17"},
		{"fr", 80, "80"},
		{"fr", 81, "80 1"},
		{"fr", 90, "90"},
		{"fr", 91, "80 11"},
		{"fr", 99, "80 19"},
		{"fr", 100, "hundred"},
		{"fr", 101, "hundred 1"},
		{"fr", 280, "2 hundred 80"},
		{"fr", 1000, "thousand"},
		{"fr", 1100, "thousand hundred"},
		{"fr", 2026, "2 thousand 20 6"},
		{"fr", 21_000, "20 et 1 thousand"},
		{"fr", 100_000, "hundred thousand"},
		{"fr", 1_071_281, "1 million 60 et 11 thousand 2 hundred 80 1"},
		{"fr_CA", -2, "minus 2"},

		// Digit by digit.
		{"de", 42, "4 2"},
		{"de", 0, "0"},
		{"de_AT", -107, "minus 1 0 7"},
		{"english", 42, "4 2"},
		{"en", 1_000_000_000, "1 0 0 0 0 0 0 0 0 0"},
		{"fr", -1_000_000_000, "minus 1 0 0 0 0 0 0 0 0 0"},
		{"es", math.MinInt64, "minus 9 2 2 3 3 7 2 0 3 6 8 5 4 7 7 5 8 0 8"},
	} {
		if got := strings.ReplaceAll(strings.Join(say.Number(c.language, c.n), " "), "digits/", ""); got != c.want {
			t.Errorf("%d in %q: %s, want %s", c.n, c.language, got, c.want)
		}
	}
}

// What is spoken is added up again, and each sound is held against the list of what the language has.
func TestEveryNumberHasItsSoundsAndIsUnderstood(t *testing.T) {
	for _, language := range []string{"en", "es", "fr"} {
		t.Run(language, func(t *testing.T) {
			there := soundsOf(t, language)
			check := func(n int64) {
				sounds := say.Number(language, n)
				for _, sound := range sounds {
					if !there[sound] {
						t.Fatalf("%d: asterisk-core-sounds-%s has no %s", n, language, sound)
					}
				}
				if got := understood(sounds); got != n {
					t.Fatalf("%d: %v is understood as %d", n, sounds, got)
				}
			}
			for n := int64(-100); n < 100_000; n++ {
				check(n)
			}
			rapid.Check(t, func(t *rapid.T) { check(rapid.Int64Range(-999_999_999, 999_999_999).Draw(t, "n")) })
			check(999_999_999)
		})
	}
}

// understood gives the number that a listener hears, in any of the languages.
func understood(sounds []string) int64 {
	var whole, group int64
	sign := int64(1)
	for _, sound := range sounds {
		switch name := strings.TrimPrefix(sound, "digits/"); name {
		case "minus":
			sign = -1
		case "and", "et":
		case "1M":
			group++
		case "20-and":
			group += 20
		case "100-and":
			group += 100
		case "hundred":
			group = max(group, 1) * 100
		case "thousand":
			whole += max(group, 1) * 1000
			group = 0
		case "million", "millions":
			whole += group * 1_000_000
			group = 0
		default:
			n, err := strconv.ParseInt(name, 10, 64)
			if err != nil {
				return math.MinInt64
			}
			group += n
		}
	}
	return sign * (whole + group)
}

func TestDigitsAreSpokenOneByOneInEveryLanguage(t *testing.T) {
	for text, want := range map[string]string{
		"0123456789":         "digits/0 digits/1 digits/2 digits/3 digits/4 digits/5 digits/6 digits/7 digits/8 digits/9",
		"+49 (30) 1-2.3/4":   "letters/plus digits/4 digits/9 digits/3 digits/0 digits/1 digits/2 digits/3 digits/4",
		"*21#":               "digits/star digits/2 digits/1 digits/pound",
		"-7":                 "digits/minus digits/7",
		"7-":                 "digits/7",
		"":                   "",
		"anonymous":          "",
		"\u0663\u00b2\xff 5": "digits/5",
	} {
		for _, language := range []string{"en", "es", "fr"} {
			sounds := say.Digits(language, text)
			if got := strings.Join(sounds, " "); got != want {
				t.Errorf("%q: %s, want %s", text, got, want)
			}
			there := soundsOf(t, language)
			for _, sound := range sounds {
				if !there[sound] {
					t.Errorf("asterisk-core-sounds-%s has no %s", language, sound)
				}
			}
		}
	}
}

func TestAWaitIsSpokenAsTheBoxAboveIt(t *testing.T) {
	for seconds, want := range map[int]string{
		math.MinInt: "wait-under-1", -1: "wait-under-1", 0: "wait-under-1", 59: "wait-under-1",
		60: "wait-under-2", 119: "wait-under-2",
		120: "wait-under-5", 299: "wait-under-5",
		300: "wait-under-10", 599: "wait-under-10",
		600: "wait-under-15", 899: "wait-under-15",
		900: "wait-under-20", 1199: "wait-under-20",
		1200: "wait-under-30", 1799: "wait-under-30",
		1800: "wait-under-45", 2699: "wait-under-45",
		2700: "wait-under-60", 3599: "wait-under-60",
		3600: "wait-over-60", math.MaxInt: "wait-over-60",
	} {
		sounds := say.Wait(seconds)
		if !slices.Equal(sounds, []string{"callbackd/" + want}) {
			t.Errorf("%d s: %v, want callbackd/%s", seconds, sounds, want)
		}
		if _, err := asteriskconf.Files.ReadFile("sounds/en/" + sounds[0] + ".wav"); err != nil {
			t.Errorf("%d s: %v", seconds, err)
		}
		if !slices.Contains(say.Waits(), sounds[0]) {
			t.Errorf("%d s: %s is not among %v", seconds, sounds[0], say.Waits())
		}
	}
}

// soundsOf gives the sounds of numbers and digits that Asterisk's core sounds have in a language.
func soundsOf(t *testing.T, language string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("testdata/" + language + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			there[strings.TrimSpace(line)] = true
		}
	}
	return there
}
