// Package examples is in charge of the scripts that ship with callbackd, for administrators to begin
// with: whole files, each with comments that say what it does and what to change. Each is checked,
// drawn and rehearsed by this package's tests; the rehearsals stand in the folder rehearsals, as
// examples of those.
package examples
