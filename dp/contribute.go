package dp

import "math"

// addMeasure adds one person's kept rows in one group to one measure.
func (s *state) addMeasure(b *Batch, m *measure, base int, rows []int32) {
	cell := base + s.c.channels[m.channels[0]].offset
	switch m.Kind {
	case KindRows:
		s.cells[cell] += countRows(b, m, rows)
	case KindHistogram:
		at := b.Values[m.at]
		for _, r := range rows {
			if p := uint64(at[r]); p < uint64(len(m.Positions)) {
				s.cells[cell+int(p)]++
			}
		}
	case KindSeries:
		s.addSeries(b, m, cell, rows)
	case KindVector:
		s.addVector(b, m, cell, rows)
	case KindMarginals:
		s.addMarginals(b, m, base, rows)
	default:
		total, n := m.total(b.Values[m.col], rows)
		if n == 0 {
			return
		}
		switch m.Kind {
		case KindQuantiles:
			leaf := int(m.leaf(total))
			s.cells[cell+leaf/fanout]++
			s.cells[cell+fanout+leaf]++
		case KindSpread:
			s.cells[base+s.c.channels[m.channels[2]].offset] += m.squares(b.Values[m.col], rows)
			fallthrough
		case KindMean:
			s.cells[base+s.c.channels[m.channels[1]].offset] += n
			s.cells[cell] += total
		case KindSum:
			s.cells[cell] += total
		}
	}
}

func countRows(b *Batch, m *measure, rows []int32) int64 {
	if m.col < 0 {
		return int64(len(rows))
	}
	n, col := int64(0), b.Values[m.col]
	for _, r := range rows {
		if col[r] != Null {
			n++
		}
	}
	return n
}

// total is a person's sum of clamped rows less Centre, clamped to [Lo, Hi], and
// the number of rows in it. Halves are summed apart, so that the sum is exact
// for any number of rows that fits in a batch.
func (m *measure) total(col []int64, rows []int32) (total, n int64) {
	var w wide
	for _, r := range rows {
		v := col[r]
		if v == Null {
			continue
		}
		w.add(min(max(v, m.RowLo), m.RowHi) - m.Centre)
		n++
	}
	return min(max(w.value(), m.Lo), m.Hi), n
}

// wide is a sum of up to 2^31 int64 in two halves.
type wide struct{ hi, lo int64 }

func (w *wide) add(v int64) {
	w.hi += v >> 32
	w.lo += v & math.MaxUint32
}

// value is the sum, saturated.
func (w wide) value() int64 {
	hi := w.hi + w.lo>>32
	switch {
	case hi > math.MaxInt32:
		return math.MaxInt64
	case hi < math.MinInt32:
		return math.MinInt64
	}
	return hi<<32 | w.lo&math.MaxUint32
}

// leaf is the bin of a person's total.
func (m *measure) leaf(total int64) int64 {
	if m.Octaves {
		return octaveOf(total, m.Lo, m.Hi)
	}
	return leafOf(total, m.Lo, m.Hi)
}

// leafOf is the leaf of x among 256 equal bins of [lo, hi]; hi is in the last.
func leafOf(x, lo, hi int64) int64 {
	width, d := uint64(hi-lo), uint64(x-lo)
	// d*256/width without overflow: hi-lo is below 2^62.
	whole, rest := d/width, d%width
	leaf := whole * leaves
	for bit := uint64(leaves / 2); bit > 0; bit /= 2 {
		rest *= 2
		if rest >= width {
			rest -= width
			leaf += bit
		}
	}
	return int64(min(leaf, leaves-1))
}

// axis sums one person's rows per position.
type axis struct {
	sums    []wide
	seen    []bool
	touched []int32
	chosen  []int32
}

func (a *axis) resize(n int) {
	if len(a.sums) < n {
		a.sums, a.seen = make([]wide, n), make([]bool, n)
	}
}

func (s *state) addSeries(b *Batch, m *measure, cell int, rows []int32) {
	a := &s.series
	a.fill(b, m, rows)
	for _, p := range s.choosePositions(m) {
		s.cells[cell+int(p)] += min(max(a.sums[p].value(), m.Lo), m.hiAt(p))
	}
	a.empty()
}

// fill sums a person's clamped rows by position; empty must follow.
func (a *axis) fill(b *Batch, m *measure, rows []int32) {
	col, at := b.Values[m.col], b.Values[m.at]
	a.touched = a.touched[:0]
	for _, r := range rows {
		p, v := uint64(at[r]), col[r]
		if p >= uint64(len(m.Positions)) || v == Null {
			continue
		}
		if !a.seen[p] {
			a.seen[p] = true
			a.touched = append(a.touched, int32(p))
		}
		a.sums[p].add(min(max(v, m.RowLo), m.RowHi))
	}
}

// empty makes the axis ready for the next person.
func (a *axis) empty() {
	for _, p := range a.touched {
		a.seen[p], a.sums[p] = false, wide{}
	}
}

// choosePositions is the at most MaxPositions touched positions with the
// smallest hash of salt, psn_key, group and position.
func (s *state) choosePositions(m *measure) []int32 {
	touched := s.series.touched
	if len(touched) <= m.MaxPositions {
		return touched
	}
	group := s.who.inGroup()
	s.ranks = s.ranks[:0]
	for _, p := range touched {
		s.ranks = append(s.ranks, rank{group.SumWord(uint64(p)), p})
	}
	smallest(s.ranks, m.MaxPositions, func(x, y int32) bool { return x < y })
	a := &s.series
	a.chosen = a.chosen[:0]
	for _, r := range s.ranks[:m.MaxPositions] {
		a.chosen = append(a.chosen, r.item)
	}
	return a.chosen
}

// addSurvival takes one row per person: the earliest position, and there an
// event before a competing event before a censoring. Rows off the axis or with
// another event are dropped.
func (s *state) addSurvival(b *Batch, m *measure, base int, rows []int32) {
	at, event := b.Values[m.at], b.Values[m.event]
	best, fates := int64(math.MaxInt64), int64(m.fates())
	for _, r := range rows {
		p, e := at[r], event[r]
		if uint64(p) >= uint64(len(m.Positions)) || uint64(e) >= uint64(fates) {
			continue
		}
		rank := e - 1 // events first, censorings last
		if e == 0 {
			rank = fates - 1
		}
		best = min(best, fates*p+rank) // earlier first
	}
	if best == math.MaxInt64 {
		return
	}
	p, fate := best/fates, (best%fates+1)%fates
	s.cells[base+s.c.channels[m.channels[0]].offset+int(fates*p+fate)]++
}
