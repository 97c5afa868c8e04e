// Demo plays the main job once, on real parts and in real time, and tells what it sees: a caller waits,
// presses 1, is disconnected; an agent becomes free and accepts; the contact is called back and the two
// hear each other. It exits 0 only if each step was seen.
//
//	main ──▶ set-up (package lab, site)
//	     ──▶ story: what the people do, step by step; a step that is not seen ends it
//	     ──▶ timeline: the people's lines and the facts from Postgres, in the order of their times
package main
