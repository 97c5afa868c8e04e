// Package private runs a Postgres of our own in a folder, beside and apart from
// any that runs on the machine: for trying callbackd out (serve --try) and for
// the lab. It uses the server programs of the installed Debian package.
//
// The folder holds the cluster (data), its log and the password; it is made once
// and kept, so a second start finds everything as it was. The server listens on
// a Unix socket that only its own user and root can reach, with no password,
// and, if asked, on one TCP address, with a random password. Postgres refuses to
// run as root: then it runs as the user postgres.
//
//	absent ──Start──> running ──Stop──> stopped ──Start──> running
//	                     └──(kill -9, power cut)──> stopped, recovers at Start
package private
