package draw

// tidy takes jogs out of the long lines that cost nothing to leave out: a stretch of bends in one
// column moves to the column of what it is joined with above or below, where there is room.
func (l *layered) tidy() {
	for better := true; better; {
		better = false
		for _, n := range l.nets {
			for _, bends := range []map[int]*item{n.down, n.up} {
				for layer := range l.layers {
					if bends[layer] != nil && l.tidyStretch(n, bends, layer) {
						better = true
					}
				}
			}
		}
	}
}

// tidyStretch moves the stretch of bends that begins in a layer. It says whether there are fewer jogs
// now.
func (l *layered) tidyStretch(n *net, bends map[int]*item, first int) bool {
	x := bends[first].x
	if above := bends[first-1]; above != nil && above.x == x {
		return false // it begins further up
	}
	last := first
	for bends[last+1] != nil && bends[last+1].x == x {
		last++
	}
	ends := append(l.joined(n, bends, first, -1), l.joined(n, bends, last, 1)...)
	best, most := x, n.straightAt(x, last, ends)
	for _, column := range append(ends, n.to.item.x+n.entry) {
		if straight := n.straightAt(column, last, ends); straight > most && l.room(bends, first, last, column) {
			best, most = column, straight
		}
	}
	for layer := first; layer <= last; layer++ {
		bends[layer].x = best
	}
	return best != x
}

// joined gives the columns of what the line of a bend is joined with above (-1) or below (1).
func (l *layered) joined(n *net, bends map[int]*item, layer, direction int) (columns []int) {
	if next := bends[layer+direction]; next != nil {
		columns = append(columns, next.x)
	}
	down := !bends[layer].up
	for _, w := range n.wires {
		if down && direction < 0 && w.from.layer == layer-1 || !down && direction > 0 && w.from.layer == layer && w.back {
			columns = append(columns, w.from.item.x+w.port.offset)
		}
	}
	return columns
}

// squeeze is how much nearer to a neighbour a stretch may come to be straight.
const squeeze = 4

// room says whether a stretch of bends can stand in a column.
func (l *layered) room(bends map[int]*item, first, last, column int) bool {
	for layer := first; layer <= last; layer++ {
		i, items := bends[layer], l.layers[layer]
		if left := i.position - 1; left >= 0 && items[left].x+leastDistance(items[left], i)-squeeze > column {
			return false
		}
		if right := i.position + 1; right < len(items) && column+leastDistance(i, items[right])-squeeze > items[right].x {
			return false
		}
	}
	return true
}

// straightAt counts the ends at which a stretch of bends, down to a layer, is joined without a jog if it
// stands in a column. Where it comes into its box, a little aside is straight enough.
func (n *net) straightAt(column, last int, ends []int) int {
	straight := 0
	for _, end := range ends {
		if end == column {
			straight++
		}
	}
	if n.to.layer == last+1 && abs(n.to.item.x+n.entry-column) <= almost {
		straight++
	}
	return straight
}
