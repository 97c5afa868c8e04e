// Package e2e holds the end-to-end tests: the whole program as a process, with a real Asterisk, a real
// Postgres and SIP phones whose audio is checked by ear.
package e2e
