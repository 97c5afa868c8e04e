// Package draw is in charge of the picture of a script: its flow as a person would draw it, as SVG.
//
// Actions are boxes, from top to bottom; branches are lines that leave a box below, with their names
// beside them, and come into a box from above. Lines that lead to the same action join on the way,
// so that a line always has one end only; what OnError brings has lines of its own, thin and dashed.
// A way back goes up along the side of the boxes.
//
// The layout is a layered one. A file each:
//
//	graph.go     boxes and wires, from what the script shows of itself
//	cycles.go    the wires that lead back, so that the others lead down
//	layers.go    the layer of each box
//	nets.go      the wires to one box as one net, with a bend in each layer that it passes
//	order.go     the order in each layer: few crossings
//	ports.go     where the lines touch the boxes
//	place.go     the columns: straight lines first
//	tidy.go      the jogs that need not be
//	channel.go   between two layers: a track for each line that goes sideways
//	route.go     the heights, and the lines as points
//	pack.go      parts that hang together by nothing, side by side
//	svg.go       the picture
//
// simplex.go solves what layers.go and place.go ask: whole numbers that keep their distances, at the
// least cost. Everything is in whole pixels and the same for the same script on each run.
package draw
