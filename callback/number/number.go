package number

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Number is a phone number that may be dialled.
type Number struct {
	// Dial is what is dialled: 3 to 15 digits, with a leading + where the number was given with one.
	// A number that was given without a + stays in the form in which it was given, with its national
	// or international prefix, because the trunk expects it so. One that was given with a + is in
	// E.164 where its country knows it: "+49 (0)30 901820" is +4930901820.
	Dial string
	// E164 is the same for all the ways to write one number. It is "" where neither a leading + nor the
	// region makes it a valid number.
	E164 string
	// Extension is what stood behind "ext", at most 11 digits. It is shown and never dialled (C13).
	Extension string
}

// Key tells whether two numbers are the same: it is E164, or Dial where that is not known.
func (n Number) Key() string { return cmp.Or(n.E164, n.Dial) }

var (
	dialable  = regexp.MustCompile(`^\+?[0-9]{3,15}$`)
	extension = regexp.MustCompile(`(?i)^(.*[0-9)\]])[ .-]*(?:;ext=|(?:extension|extn|ext|x)[ .:]*)([0-9]{1,11})$`)
)

// withheld holds what networks and phones put in the place of a number that the caller keeps secret.
var withheld = []string{"anonymous", "unavailable", "restricted", "private", "unknown", "withheld", "blocked"}

// Parse reads a number as people and networks write it. The region, as in ISO 3166 ("US"), is where
// a number without a leading + is at home; "" stands for no region.
//
// The error is short enough for _ERR: it says what is wrong with the number, without repeating it.
func Parse(raw, region string) (Number, error) {
	if region != "" && !phonenumbers.GetSupportedRegions()[region] {
		return Number{}, fmt.Errorf("unknown region %q: two capital letters as in US", region)
	}
	text := strings.Trim(raw, " ")
	if text == "" {
		return Number{}, errors.New("no number")
	}
	for _, name := range withheld {
		if strings.EqualFold(text, name) {
			return Number{}, errors.New("anonymous: the caller's number is not known")
		}
	}
	var n Number
	if parts := extension.FindStringSubmatch(text); parts != nil {
		text, n.Extension = parts[1], parts[2]
	}
	digits, err := stripMarks(text)
	if err != nil {
		return Number{}, err
	}
	if emergency(digits, region) {
		return Number{}, errors.New("an emergency number, which is never called back")
	}
	n.E164 = toE164(digits, region)
	n.Dial = digits
	if digits[0] == '+' && n.E164 != "" {
		n.Dial = n.E164
	}
	return n, nil
}

// emergency says whether the number reaches an emergency service: in the region, or by the two that phones and
// networks know wherever they are.
func emergency(digits, region string) bool {
	plain := strings.TrimPrefix(digits, "+")
	return plain == "112" || plain == "911" || region != "" && phonenumbers.IsEmergencyNumber(plain, region)
}

// stripMarks leaves out the marks with which people write numbers and gives the digits, behind a +
// where one stood first.
func stripMarks(text string) (string, error) {
	var digits strings.Builder
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9', r == '+' && digits.Len() == 0:
			digits.WriteRune(r)
		case strings.ContainsRune(" .-()[]", r):
		case isLetter(r):
			return "", errors.New("letters in it")
		default:
			return "", fmt.Errorf("character %+q in it", r)
		}
	}
	dial := digits.String()
	if dialable.MatchString(dial) {
		return dial, nil
	}
	if len(strings.TrimPrefix(dial, "+")) < 3 {
		return "", errors.New("too short: fewer than 3 digits")
	}
	return "", errors.New("too long: more than 15 digits")
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// toE164 gives the number's one international form, or "" where it is not valid.
func toE164(digits, region string) string {
	parsed, err := phonenumbers.Parse(digits, region)
	if err != nil || !phonenumbers.IsValidNumber(parsed) {
		return ""
	}
	form := phonenumbers.Format(parsed, phonenumbers.E164)
	if !dialable.MatchString(form) {
		return ""
	}
	return form
}
