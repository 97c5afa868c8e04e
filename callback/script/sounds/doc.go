// Package sounds is in charge of folders of sounds as Asterisk lays them out: which sounds are there, how
// long they are, and how a missing one is spoken into a file. The checker and `script speak` use it;
// during a call nothing here runs.
//
// A sound has a name without language and ending, as in callbackd/offer. Asterisk looks for it
//
//  1. in the language, as in fr_CA/callbackd/offer,
//  2. in the language without what follows the last _, again and again: fr/callbackd/offer,
//  3. without a language: callbackd/offer,
//  4. in English: en/callbackd/offer,
//
// and takes in the first of these places whichever file's format suits the call best: offer.wav,
// offer.gsm and so on. [Folder] does the same, so it may be given the folder that holds en/, or that of
// one language alone, which is place 3.
package sounds
