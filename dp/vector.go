package dp

import (
	"math/big"
	"math/bits"
	"slices"
)

// addVector adds a person's sums by position, scaled down so that together they
// are at most Hi: floor(sum * Hi / total) each. The distance one person makes is
// then at most Hi in L1, hence in L2, whatever the number of positions.
func (s *state) addVector(b *Batch, m *measure, cell int, rows []int32) {
	a := &s.series
	a.fill(b, m, rows)
	var w wide
	for _, p := range a.touched {
		w.add(a.sums[p].value())
	}
	total, left := w.value(), m.Hi
	for _, p := range a.touched {
		x := a.sums[p].value()
		if total > m.Hi {
			x = scale(x, m.Hi, total)
		}
		// Were more rows than MaxRows to saturate the total, the scaled parts could
		// add up to more: what is left of Hi bounds them all the same.
		x = min(x, left)
		left -= x
		s.cells[cell+int(p)] += x
	}
	a.empty()
}

// scale is floor(x * hi / total) for 0 <= x <= total, hi > 0.
func scale(x, hi, total int64) int64 {
	h, l := bits.Mul64(uint64(x), uint64(hi))
	q, _ := bits.Div64(h, l, uint64(total)) // h < total, for x <= total and hi < 2^64
	return int64(q)
}

// hiAt is the upper clamp of a series at a position.
func (m *measure) hiAt(p int32) int64 {
	if len(m.HiAt) > 0 {
		return m.HiAt[p]
	}
	return m.Hi
}

// seriesDelta2 is the largest squared L2 norm of a person's series: the squares
// of its MaxPositions largest clamps.
func (m *measure) seriesDelta2() *big.Int {
	most := make([]int64, len(m.Positions))
	for p := range most {
		most[p] = max(magnitude(m.Lo), magnitude(m.hiAt(int32(p))))
	}
	slices.Sort(most)
	sum := new(big.Int)
	for _, x := range most[len(most)-m.MaxPositions:] {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(x), big.NewInt(x)))
	}
	return sum
}
