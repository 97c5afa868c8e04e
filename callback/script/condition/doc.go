// Package condition is in charge of what an If action asks, as in
//
//	{EWT} > 300 and not {WEEKDAY} in (Sat, Sun)
//
// [Parse] reads a condition and finds its mistakes, each at its character; [Condition.Holds] evaluates
// it with a contact's variables. The package is pure and imports nothing of the language around it.
//
// # What can be written
//
//	condition:   comparisons joined by and, or, not and parentheses; not binds before and, and before or
//	comparison:  VALUE = VALUE, and so with != < <= > >=; or VALUE in (VALUE, VALUE, ...)
//	VALUE:       {VARIABLE}
//	             a number: 300, -5, 0.5
//	             a word of letters, digits and - : . _ + # *, as in Sun, 18:00, 2026-12-24, +49301234
//	             any text in 'one' or "the other" quotes, which may have {VARIABLE}s in it
//
// # What it means
//
// Two numbers are equal when their values are: 5, 5.0 and 05 are. Everything else is compared as text,
// letter by letter, and what stands in quotes is always text: '05' is not 5, and "{PIN}" = "{MRES}"
// holds only for the same keys. "In" holds where = would for one of the list.
//
// There is an order (< <= > >=) between two numbers, two times (18:05, 00:00 to 23:59) and two dates
// (2026-12-24), in quotes or not. Where the variables give anything else, the condition can't be
// evaluated, which is an error for the script's OnError; nothing is guessed.
//
// Numbers are decimal and exact. A run of more than 64 characters is no number but text.
//
// What stands to the right of an and or an or is evaluated only where the left has not decided.
package condition
