// Callbackd gives callers in an Asterisk queue a callback: see README.md.
//
// The program only wires: each subcommand stands in a file of its own, reads the configuration
// (package config), opens what it needs, and hands over. What a command writes for people is a
// table or a timeline; with --json it writes the same for programs. Errors are printed in one place,
// report, which also decides the exit code:
//
//	0 done    1 failed    2 wrong usage or configuration
package main
