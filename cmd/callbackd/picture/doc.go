// Picture draws the way of a call, from the first ring to the end of the callback, as an SVG for the
// README. "make picture" writes it; a test holds the committed one against what is drawn.
package main
