// Command lab brings up Asterisk, Postgres and callbackd in the background, for
// anyone's phones and scripts to try ("make lab"), and stops them again ("make
// lab-down").
//
//	lab up      start what does not run, wait until all answer, write .lab/env
//	lab status  say what runs
//	lab down    stop all and remove from .lab what the lab has written there
//
// Everything is below one folder, .lab: the configuration, the logs, what runs
// (state.json) and env, for a shell to source. Only Postgres's data lie
// elsewhere, where the user postgres can reach them; state.json says where.
//
// People put scripts and recordings of their own into .lab and edit callbackd.yaml
// there. So down leaves what the lab did not write, and what was changed since:
// written.json has a sum of each such file.
//
// up starts only what does not run, at the addresses that it had, so a part that
// was killed comes back with what it knew. What runs is found by a mark in the
// environment of its process, not by a number in a file, so down finds it after
// any crash.
package main
