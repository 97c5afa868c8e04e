// Package setting is in charge of the settings of a skill as people write them: their names, what they
// mean, which values each takes, and what is wrong with one that it does not take.
//
// There is one list of them. The configuration file, a rehearsal's skills, `callbackd config` and the README
// have it from here, so that none of them knows a setting that another does not.
package setting
