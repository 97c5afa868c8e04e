// Package say is in charge of how numbers, digits and waits are spoken: as lists of sounds, so that a
// key or an agent's answer can cut them. (Asterisk's own way of saying a number can't be stopped.)
//
// It is pure. It gives names as Asterisk takes them, without language and ending, as in digits/7;
// Asterisk finds them in the contact's language. The names are those of Asterisk's core sounds
// (asterisk-core-sounds-en, -es and -fr) and of our own prompts in callbackd/.
package say
