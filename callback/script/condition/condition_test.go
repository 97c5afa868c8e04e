package condition_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/callbackd/callbackd/callback/script/condition"
)

// values are a contact's variables in the tests.
var values = map[string]string{
	"EWT": "300", "NEGATIVE": "-5", "EXACT": "0.30", "PADDED": "05", "LONG": "12345678901234567890.1",
	"TIME": "18:05", "DATE": "2026-11-22", "WEEKDAY": "Sun", "LANGUAGE": "español",
	"MRES": "*1#", "ANI": "+49301234", "NAME": "Ann O'Hara", "EMPTY": "", "TRUE": "true",
}

func value(name string) string { return values[name] }

func TestConditionsHold(t *testing.T) {
	for text, want := range map[string]bool{
		// Numbers, exactly.
		"{EWT} = 300": true, "{EWT}=300.00": true, "{EWT} != 300.0": false, "{EWT} = 0300": true,
		"{EWT} > 299.999": true, "{EWT} > 300": false, "{EWT} >= 300": true, "{EWT} < 300.1": true, "{EWT} <= 299": false,
		"{EXACT} = 0.3": true, "{EXACT} > 0.3": false, "{EXACT} < 0.3000000000000000000000000001": true,
		"{NEGATIVE} < -4.9": true, "{NEGATIVE} < 0": true, "{NEGATIVE} = -5": true, "-0 = {ZERO}": false,
		"{LONG} < 12345678901234567890.2": true, "{LONG} > 12345678901234567890": true,
		"5 = {PADDED}": true, "10 > {PADDED}": true, "{EWT} < 1000": true,

		// Text.
		"{WEEKDAY} = Sun": true, "{WEEKDAY} = sun": false, "{WEEKDAY} != Sat": true, "{LANGUAGE} = español": true,
		"{MRES} = *1#": true, "{ANI} = +49301234": true, "{ANI} = 49301234": false,
		`{NAME} = "Ann O'Hara"`: true, `{EMPTY} = ''`: true, `{EMPTY} = ""`: true, "{UNSET} = {EMPTY}": true,
		"{EMPTY} = 0": false, "{EMPTY} != 0": true, "{TRUE} = true": true, "{TRUE} = TRUE": false,

		// What stands in quotes is text, with its variables.
		"{PADDED} = '5'": false, "{PADDED} = '05'": true, `"{PADDED}" = 5`: false, `"{PADDED}" = 05`: true,
		`"{WEEKDAY}" = 'Sun'`: true, `"{WEEKDAY}, {TIME}" = 'Sun, 18:05'`: true, "{EWT} < '1000'": true, "{EWT} < '{EWT}0'": true,
		"{X} = '(a or b)'": false,

		// Times and dates.
		"{TIME} >= 18:05": true, "{TIME} < 18:05": false, "{TIME} < 23:59": true, "08:00 <= {TIME}": true, "{TIME} > '09:30'": true,
		"{DATE} < 2026-12-24": true, "{DATE} >= 2026-11-22": true, "{DATE} > {DATE}": false, "{DATE} = 2026-11-22": true,

		// Lists.
		"{WEEKDAY} in (Sat, Sun)": true, "{WEEKDAY} in (Sat)": false, "not {WEEKDAY} in (Sat, Mon)": true,
		"{EWT} in (100, 300.0)": true, "{EWT} in ('300.0')": false, "Sun in ({LANGUAGE}, {WEEKDAY})": true, "{EMPTY} in (a, '')": true,

		// Not before and, and before or.
		"{EWT} = 1 and {EWT} = 1 or {EWT} = 300":         true,
		"{EWT} = 300 or {EWT} = 1 and {EWT} = 1":         true,
		"({EWT} = 300 or {EWT} = 1) and {EWT} = 1":       false,
		"not {EWT} = 1 and {EWT} = 300":                  true,
		"not {EWT} = 300 or {EWT} = 300":                 true,
		"not ({EWT} = 300 or {EWT} = 300)":               false,
		"not not {EWT} = 300":                            true,
		"{EWT} > 1 and {EWT} > 2 and {EWT} > 300":        false,
		"{EWT} > 301 or {EWT} > 302 or {EWT} >= 300":     true,
		"{TIME} < 08:00 or {TIME} >= 17:30":              true,
		"  ( ( {EWT}>1 ) )\n\tand({WEEKDAY}in(Sun,Mon))": true,

		// What is not needed is not evaluated.
		"{EWT} = 300 or {EMPTY} > 5":  true,
		"{EWT} = 1 and {EMPTY} > 5":   false,
		"{EMPTY} != '' and {EWT} > 5": false,
	} {
		c, err := condition.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := c.Holds(value); got != want || err != nil {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestWhatHasNoOrderIsAnErrorThatNamesTheValue(t *testing.T) {
	for text, want := range map[string]string{
		"{EMPTY} > 300":                 `{EMPTY} is empty, which is no number`,
		"300 >= {NAME}":                 `{NAME} is "Ann O'Hara", which is no number`,
		"{TIME} > 300":                  `{TIME} is "18:05", which is no number`,
		"{EWT} < 18:05":                 `{EWT} is "300", which is no time`,
		"2026-12-24 > {UNSET}":          `{UNSET} is empty, which is no date`,
		"{EWT} < {EMPTY}":               `{EMPTY} is empty, which is no number`,
		"{NAME} < {DATE}":               `{NAME} is "Ann O'Hara", which is no date`,
		"{NAME} < {EMPTY}":              `{NAME} is "Ann O'Hara", which is no number, time or date`,
		"{EWT} < {TIME}":                `{EWT} is "300", a number, and {TIME} is "18:05", a time, which have no order`,
		"'{EWT} s' < 5":                 `'{EWT} s' is "300 s", which is no number`,
		"not {ANI} > 5":                 `{ANI} is "+49301234", which is no number`,
		"{EWT} = 300 and {TRUE} > 1":    `{TRUE} is "true", which is no number`,
		"{EWT} = 1 or {TRUE} > 1":       `{TRUE} is "true", which is no number`,
		"{VERYLONG} > 1":                `{VERYLONG} is "` + strings.Repeat("9", 40) + `...", which is no number`,
		"{EXPONENT} > 1":                `{EXPONENT} is "1e9", which is no number`,
		"{LATE} > 18:05":                `{LATE} is "24:00", which is no time`,
		"{NODAY} > 2026-01-01":          `{NODAY} is "2026-02-30", which is no date`,
		"{HALF} > 1 or {ANI} != '0'":    `{HALF} is "1.", which is no number`,
		"{EWT} > 1 and ({OTHER} < {X})": `{OTHER} is "½", which is no number, time or date`,
	} {
		c, err := condition.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		holds, err := c.Holds(func(name string) string {
			odd := map[string]string{
				"VERYLONG": strings.Repeat("9", 65), "EXPONENT": "1e9", "LATE": "24:00", "NODAY": "2026-02-30", "HALF": "1.", "OTHER": "½",
			}
			return values[name] + odd[name]
		})
		if err == nil || err.Error() != want || holds {
			t.Errorf("%s: %v, %v\nwant %s", text, holds, err, want)
		}
	}
}

func TestVariablesAreAllThatAConditionReads(t *testing.T) {
	c, err := condition.Parse(`not ({EWT} > 300 or "é {NAME} and {_ERR}" = {X1}) and {EWT} in ('a', {Y})`)
	if err != nil {
		t.Fatal(err)
	}
	want := []condition.Variable{{"EWT", 5}, {"NAME", 23}, {"_ERR", 34}, {"X1", 44}, {"EWT", 54}, {"Y", 69}}
	if got := c.Variables(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEachMistakeIsFoundAtItsCharacter(t *testing.T) {
	for text, want := range map[string]condition.Mistake{
		// Nothing to compare.
		"":                 {0, "a condition is missing, as in {EWT} > 300"},
		" \t ":             {0, "a condition is missing, as in {EWT} > 300"},
		"{EWT}":            {0, "{EWT} alone is no condition; compare it, as in {EWT} = 1 or {EWT} != ''"},
		"not {EWT}":        {4, "{EWT} alone is no condition; compare it, as in {EWT} = 1 or {EWT} != ''"},
		"{A} and {B} = 1":  {0, "{A} alone is no condition; compare it, as in {A} = 1 or {A} != ''"},
		"{B} = 1 or (Sun)": {12, "Sun alone is no condition; compare a variable with it, as in {MRES} = Sun"},
		"{A} =":            {5, "a value is missing at the end"},
		"{A} = )":          {6, "a value is missing before )"},
		"= 5":              {0, "a comparison, as in {EWT} > 300, is missing before ="},
		"{A} = 1 and":      {11, "a comparison, as in {EWT} > 300, is missing at the end"},
		"{A} = 1 and or":   {12, "a comparison, as in {EWT} > 300, is missing before or"},
		"()":               {1, "a comparison, as in {EWT} > 300, is missing before )"},
		"{A} {B}":          {4, "an operator is missing between {A} and {B}; a text of several words stands in quotes"},
		"{A} is Sun":       {4, "an operator is missing between {A} and is; a text of several words stands in quotes"},
		"{A}{B} = 12":      {3, "an operator is missing between {A} and {B}; a text of several words stands in quotes"},
		"{A} not in (1)":   {4, "not stands before the comparison: write not {A} ..."},
		"{A} = New York":   {10, "before York an and or an or is missing; a text of several words stands in quotes"},
		"{A} = 1 {B} = 2":  {8, "before {B} an and or an or is missing; a text of several words stands in quotes"},
		"{A} = 1 not {B}":  {8, "before not an and or an or is missing"},
		"{A} = 1)":         {7, "this ) has no ("},
		"{A} = 1, 2":       {7, ", can't stand here"},
		"{A} = 1 in (2)":   {8, "in can't stand here"},
		"{A} = 1 (":        {8, "( can't stand here"},
		"({A} = 1":         {8, "the ) of the ( at character 1 is missing at the end"},
		"({A} = 1 {B} = 2": {9, "the ) of the ( at character 1 is missing before {B}"},
		"1 < {A} < 5":      {8, "a comparison has two sides; write 1 < {A} and {A} < ..."},
		"{A} in Sat, Sun":  {7, "a list in parentheses, as in (Sat, Sun), is missing before Sat"},
		"{A} in":           {6, "a list in parentheses, as in (Sat, Sun), is missing at the end"},
		"{A} in ()":        {8, "a value is missing before )"},
		"{A} in (1,)":      {10, "a value is missing before )"},
		"{A} in (1 2)":     {10, "a comma or the ) of the list is missing before 2"},
		"{A} in (1":        {9, "a comma or the ) of the list is missing at the end"},

		// Other languages' ways.
		"{A} == 1":           {4, "== is no operator; write ="},
		"{A} <> 1":           {4, "<> is no operator; write !="},
		"{A} => 1":           {4, "=> is no operator; write >="},
		"{A} =< 1":           {4, "=< is no operator; write <="},
		"!{A} = 1":           {0, "! is no operator; write not"},
		"{A} = 1 && {B} = 1": {8, "&& is no operator; write and"},
		"{A} = 1 || {B} = 1": {8, "|| is no operator; write or"},
		"{A} << 1":           {4, "<< is no operator; there are = != < <= > >= and in"},
		"{A} = 1 AND {B} =1": {8, "write and in small letters; as a text, AND stands in quotes"},
		"{A} = Or":           {6, "write or in small letters; as a text, Or stands in quotes"},
		"${A} = 1":           {0, `a variable is written {ANI}, without $`},
		"{A} = a/b":          {7, `'/' has no meaning here; a text that has it stands in quotes`},

		// Braces and quotes.
		"{A = 1":        {0, "a brace is not closed; a variable is written {ANI}"},
		"{} = 1":        {0, "{} is no variable; one is written {ANI}: letters, digits and _ in braces"},
		"{ A } = 1":     {0, "{ A } is no variable; one is written {ANI}: letters, digits and _ in braces"},
		"{A} = 'b":      {6, "the quote ' is not closed"},
		`{A} = "b'`:     {6, `the quote " is not closed`},
		`{A} = 'é {B'`:  {9, "a brace is not closed; a variable is written {ANI}"},
		`{A} = 'b {1}'`: {9, "{1} is no variable; one is written {ANI}: letters, digits and _ in braces"},
		`{A} = 'b}'`:    {8, "a brace is closed that was not opened; a variable is written {ANI}"},
		"{A} = b}":      {7, `'}' has no meaning here; a text that has it stands in quotes`},

		// What is the same for every contact, or never has an order.
		"WEEKDAY = Sun":    {0, "this compares fixed texts and is the same for every contact; if WEEKDAY is a variable, write {WEEKDAY}"},
		"{A} = 1 or 5 > 3": {11, "this compares fixed texts and is the same for every contact; a variable is written {ANI}"},
		"a < b":            {0, "this compares fixed texts and is the same for every contact; if a is a variable, write {a}"},
		"EWT in (1, 2)":    {0, "this compares fixed texts and is the same for every contact; if EWT is a variable, write {EWT}"},
		"{A} < Sun":        {6, "Sun has no order; < needs numbers, times (18:05, up to 23:59) or dates (2026-12-24)"},
		"'' >= {A}":        {0, "'' has no order; >= needs numbers, times (18:05, up to 23:59) or dates (2026-12-24)"},
		"{TIME} > 9:00":    {9, "9:00 has no order; > needs numbers, times (09:00) or dates (2026-12-24)"},
		"{TIME} <= 24:00":  {10, "24:00 has no order; <= needs numbers, times (18:05, up to 23:59) or dates (2026-12-24)"},
		"{DATE} > 24.12.":  {9, "24.12. has no order; > needs numbers, times (18:05, up to 23:59) or dates (2026-12-24)"},

		// What is written stays short and on one line in the message.
		"{A\nB} = 1": {0, "{A B} is no variable; one is written {ANI}: letters, digits and _ in braces"},
		"'" + strings.Repeat("é", 50) + "'": {0, "'" + strings.Repeat("é", 39) + "... alone is no condition; compare a variable with it, as in {MRES} = '" +
			strings.Repeat("é", 39) + "..."},

		// The bounds.
		strings.Repeat("(", 51) + "{A} = 1" + strings.Repeat(")", 51): {50, "this is nested more than 50 deep; spread it over several If actions"},
		strings.Repeat("not ", 50) + "{A} = 1":                        {200, "this is nested more than 50 deep; spread it over several If actions"},
		"{A} = " + strings.Repeat("1", 1995):                          {2000, "a condition has 2000 characters at most; spread it over several If actions"},
	} {
		_, err := condition.Parse(text)
		var mistake *condition.Mistake
		if !errors.As(err, &mistake) {
			t.Errorf("%s: passed", text)
			continue
		}
		if *mistake != want {
			t.Errorf("%s\n got %d: %s\nwant %d: %s", text, mistake.Offset, mistake, want.Offset, want.Message)
		}
	}
}

func TestTheDeepestAndTheLongestStillPass(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("(", 49) + "{EWT} = 300" + strings.Repeat(")", 49),
		strings.Repeat("not ", 48) + "{EWT} = 300",
		"{EWT} = 300" + strings.Repeat(" or {EWT} = 1", 150),
		"{EWT} = 300" + strings.Repeat(" ", 1989),
	} {
		c, err := condition.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if holds, err := c.Holds(value); !holds || err != nil {
			t.Errorf("%.30s...: %v, %v", text, holds, err)
		}
	}
}
