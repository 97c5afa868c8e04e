package number_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbackd/callbackd/callback/number"
)

func TestNumbersAreTakenAsPeopleWriteThem(t *testing.T) {
	for _, c := range []struct {
		raw, region string
		want        number.Number
	}{
		{"(212) 555-0100", "US", number.Number{Dial: "2125550100", E164: "+12125550100"}},
		{"1.212.555.0100", "US", number.Number{Dial: "12125550100", E164: "+12125550100"}},
		{"+1 212 555 0100", "DE", number.Number{Dial: "+12125550100", E164: "+12125550100"}},
		{" 030 901820 ", "DE", number.Number{Dial: "030901820", E164: "+4930901820"}},
		{"004930901820", "DE", number.Number{Dial: "004930901820", E164: "+4930901820"}},
		{"+49 (0)30 901820", "US", number.Number{Dial: "+4930901820", E164: "+4930901820"}},
		{"(+49) 30-901820", "", number.Number{Dial: "+4930901820", E164: "+4930901820"}},
		{"+39 06 69812345", "US", number.Number{Dial: "+390669812345", E164: "+390669812345"}},
		{"2125550100", "", number.Number{Dial: "2125550100"}},
		{"115", "DE", number.Number{Dial: "115"}},
		{"5551234", "US", number.Number{Dial: "5551234"}},
		{"+999123456", "US", number.Number{Dial: "+999123456"}},
		{"123456789012345", "US", number.Number{Dial: "123456789012345"}},
	} {
		t.Run(c.raw, func(t *testing.T) {
			got, err := number.Parse(c.raw, c.region)
			if err != nil || got != c.want {
				t.Errorf("Parse(%q, %q) = %+v, %v; want %+v", c.raw, c.region, got, err, c.want)
			}
		})
	}
}

func TestC13TheExtensionIsKeptAndNotDialled(t *testing.T) {
	for _, raw := range []string{
		"5551234 ext 12", "5551234ext12", "5551234 ext. 12", "5551234 Extension: 12", "555-1234 x12",
		"(555) 1234 extn 12", "5551234;ext=12", "(5551234) x 12",
	} {
		got, err := number.Parse(raw, "US")
		if want := (number.Number{Dial: "5551234", Extension: "12"}); err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", raw, got, err, want)
		}
	}
}

func TestWhatIsNoNumberIsRefusedWithItsReason(t *testing.T) {
	for _, c := range []struct{ raw, reason string }{
		{"", "no number"},
		{"   ", "no number"},
		{"anonymous", "anonymous"},
		{"Anonymous", "anonymous"},
		{"UNAVAILABLE", "anonymous"},
		{"restricted", "anonymous"},
		{"12", "too short"},
		{"+12", "too short"},
		{"()", "too short"},
		{"+", "too short"},
		{"1234567890123456", "too long"},
		{"1-800-FLOWERS", "letters"},
		{"sip:5551234", "letters"},
		{"ext 12", "letters"},
		{"5551234&5550000", `character '&'`},
		{"5551234/n", `character '/'`},
		{"5551234,,12", `character ','`},
		{"5551234@10.0.0.1", `character '@'`},
		{"5551234#", `character '#'`},
		{"*675551234", `character '*'`},
		{"${EXTEN}", `character '$'`},
		{"555+1234", `character '+'`},
		{"++5551234", `character '+'`},
		{"5551234\r\nX: y", `character '\r'`},
		{"5551234\x00", `character '\x00'`},
		{"5551234\t", `character '\t'`},
		{"٥٥٥١٢٣٤", `character '\u0665'`},
		{"555\u20101234", `character '\u2010'`},
		{"5551234\xff", `character '\ufffd'`},
		{"5551234 ext 123456789012", "letters"},
		{"5551234 ext 1&2", "letters"},
		{"5551234-x-12", "letters"},
		{"911", "emergency"},
		{"9-1-1", "emergency"},
		{"+911", "emergency"},
		{"112", "emergency"},
		{"112 ext 5", "emergency"},
	} {
		t.Run(c.raw, func(t *testing.T) {
			got, err := number.Parse(c.raw, "US")
			if err == nil {
				t.Fatalf("Parse(%q) = %+v, want an error", c.raw, got)
			}
			if !strings.Contains(err.Error(), c.reason) {
				t.Errorf("Parse(%q): %v; want %q", c.raw, err, c.reason)
			}
			if got != (number.Number{}) {
				t.Errorf("Parse(%q) gave %+v beside its error", c.raw, got)
			}
		})
	}
}

func TestOneNumberHasOneKeyHoweverItIsWritten(t *testing.T) {
	for _, c := range []struct{ raw, region, want string }{
		{"+12125550123", "US", "+12125550123"},
		{"2125550123", "US", "+12125550123"},
		{"1 (212) 555-0123 ext 7", "US", "+12125550123"},
		{"0012125550123", "DE", "+12125550123"},
		{"2125550123", "", "2125550123"}, // nobody says in which country
		{"5551234", "US", "5551234"},     // nor in which city
	} {
		if got, err := number.Parse(c.raw, c.region); err != nil || got.Key() != c.want {
			t.Errorf("%q in %q has the key %q, want %q (%v)", c.raw, c.region, got.Key(), c.want, err)
		}
	}
}

func TestAnUnknownRegionIsRefused(t *testing.T) {
	for _, region := range []string{"us", "USA", "XX", "001"} {
		if got, err := number.Parse("2125550100", region); err == nil || !strings.Contains(err.Error(), region) {
			t.Errorf("region %q: %+v, %v", region, got, err)
		}
	}
}

// The marks that people put between digits never change the number.
func TestMarksDoNotChangeTheNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[0-9]{3,15}`).Draw(t, "digits")
		var written strings.Builder
		for _, d := range digits {
			written.WriteString(rapid.StringMatching(`[ .()\[\]-]{0,2}`).Draw(t, "marks"))
			written.WriteRune(d)
		}
		got, err := number.Parse(written.String(), "GB")
		if err != nil || got.Dial != digits {
			t.Fatalf("Parse(%q) = %+v, %v; want Dial %s", written.String(), got, err, digits)
		}
	})
}

var (
	dial  = regexp.MustCompile(`^\+?[0-9]{3,15}$`)
	e164  = regexp.MustCompile(`^(\+[0-9]{3,15})?$`)
	exten = regexp.MustCompile(`^[0-9]{0,11}$`)
)

func FuzzParse(f *testing.F) {
	for _, raw := range []string{"+49 (0)30 901820", "5551234 ext 12", "a&b", "", "00 1 212 555 0100", ";ext=1"} {
		f.Add(raw, "US")
		f.Add(raw, "")
		f.Add(raw, "IT")
	}
	f.Fuzz(func(t *testing.T, raw, region string) {
		got, err := number.Parse(raw, region)
		if err != nil {
			if got != (number.Number{}) {
				t.Errorf("Parse(%q, %q) gave %+v beside its error", raw, region, got)
			}
			return
		}
		if !dial.MatchString(got.Dial) || !e164.MatchString(got.E164) || !exten.MatchString(got.Extension) {
			t.Errorf("Parse(%q, %q) = %+v", raw, region, got)
		}
		again, err := number.Parse(got.Dial, region)
		if err != nil || again.Dial != got.Dial {
			t.Errorf("what is dialled, %q, reads as %+v, %v", got.Dial, again, err)
		}
	})
}

func TestTheEmergencyNumbersOfARegionAreRefusedAndNoneThatBeginLikeThem(t *testing.T) {
	for _, c := range []struct {
		raw, region string
		refused     bool
	}{
		{"999", "GB", true}, {"110", "DE", true}, {"000", "AU", true}, {"112", "", true},
		{"999", "US", false}, {"1105551234", "US", false}, {"9115551234", "US", false}, {"03012345", "DE", false},
	} {
		if _, err := number.Parse(c.raw, c.region); (err != nil) != c.refused {
			t.Errorf("Parse(%q, %q): %v; refused is to be %t", c.raw, c.region, err, c.refused)
		}
	}
}
