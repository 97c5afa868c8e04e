// Package asteriskconf is the Asterisk configuration that an administrator
// copies to /etc/asterisk, and the prompts that go with it.
//
// The files are the thing; the Go code only carries them, so that the lab and
// the tests start a real Asterisk from exactly what is shipped. Everything that
// differs per site stands in one of them, site.conf, which all others include.
// It consists of templates only ("[site-http](!)"): Asterisk does nothing with a
// template by itself, so one file can be included from all, and the real
// sections ("[general](site-http)") take from it what is theirs.
//
//	site.conf ──include──> asterisk.conf logger.conf http.conf ari.conf
//	                       pjsip.conf rtp.conf musiconhold.conf extensions.conf
//
// sounds/ holds the prompts that Asterisk's own sounds lack, spoken once by
// sounds/make from the texts in sounds/en.txt.
package asteriskconf
