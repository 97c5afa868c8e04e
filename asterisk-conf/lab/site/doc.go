// Package site is a whole site on one machine: a real Asterisk, a database, callbackd as a process of
// its own, a carrier and agents' phones. The demo and the end-to-end tests play on it.
//
//	carrier ──SIP──▶ Asterisk ◀──ARI──▶ callbackd ──▶ Postgres
//	                    ▲                                 ▲
//	agents' phones ─────┘              what happened is read here
//
// It knows callbackd only as an administrator does: its command line, its configuration, its tables.
package site
