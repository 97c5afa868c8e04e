// Package number is in charge of phone numbers that people give us: it says whether a text is a
// number that may reach a dial string, and what exactly is dialled.
//
// A callback number is money, and whatever stands in a dial string is obeyed by Asterisk. So a text
// is taken or refused as a whole: only the marks with which people write numbers (spaces, dots,
// dashes, brackets) are left out, and anything else that is no digit is an error.
package number
