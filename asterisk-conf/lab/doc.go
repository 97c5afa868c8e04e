// Package lab brings up the real thing on one Debian machine: Asterisk started
// from exactly the files of asterisk-conf, and a private Postgres. It is what
// the demo, the end-to-end tests, the benchmarks and "make lab" stand on. No
// container engine is needed, but root is.
//
//	Prepare ──> Root            Debian's Asterisk, unpacked into a folder once
//	              │
//	StartAsterisk ├──> Asterisk 127.a.b.1  its own etc, run, log, spool, lib
//	              └──> Asterisk 127.c.d.1  ...
//	StartPostgres ───> Postgres            its own folder and loopback address
//
// Root is built into a temporary name and renamed when complete, so that an
// interrupted build leaves nothing half-made; it is never written to afterwards.
// It lies in CALLBACKD_LAB_CACHE, by default callbackd-lab in the user's cache
// folder, and is shared by all that run on this machine.
//
// Each Asterisk runs chrooted in Root, in a mount namespace of its own in which
// its folders lie over /etc/asterisk, /var/log/asterisk and so on. So it reads
// the shipped files under the names that they have on a real server, any number
// of instances run side by side, and when the last process of one is gone its
// mounts are gone, whatever it died of.
//
// Each Asterisk takes a loopback address (127.64.0.0/10) that no other lab uses,
// and the next one for the carrier: what calls from there, from the trunk's port,
// comes in on the trunk, and callbacks are dialled to there. The ports are the
// usual ones, or others where a server of this machine listens on every address. Music on hold is a steady tone
// (MusicHz), so that a test can tell by ear whether it plays.
//
// What is started here dies with the program that started it, unless it was
// started Detached.
package lab
