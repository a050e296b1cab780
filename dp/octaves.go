package dp

import "math/bits"

// doublings is how often an octave tree's first coarse bin doubles up to Hi.
const doublings = fanout - 1

// minOctaves is the least Hi-Lo of an octave tree: its first bins are then at
// least a unit wide.
const minOctaves = fanout << doublings

// octaveOf is the bin of x among the octave bins of [lo, hi]. Coarse bin 0 is
// [lo, lo+w) with w = (hi-lo)/2^15 rounded down; bin j doubles what is below it.
// Each is cut in 16 equal parts. What rounding left above is in the last bin.
func octaveOf(x, lo, hi int64) int64 {
	w, d := uint64(hi-lo)>>doublings, uint64(x-lo)
	if d < w {
		return int64(d * fanout / w)
	}
	j := bits.Len64(d / w)
	if j > doublings {
		return leaves - 1
	}
	base := w << (j - 1)
	return int64(uint64(j*fanout) + (d-base)*fanout/base)
}

// octaveEdge is where bin b begins, above lo; 256 is the upper end.
func octaveEdge(b int, lo, hi int64) float64 {
	w := float64(uint64(hi-lo) >> doublings)
	j, i := b/fanout, float64(b%fanout)
	switch j {
	case 0:
		return w * i / fanout
	case fanout:
		return float64(hi - lo)
	}
	base := w * float64(uint64(1)<<(j-1))
	return base + base*i/fanout
}

// value is the amount at position x of the 256 bins, linear within a bin.
func (m *measure) value(x float64) float64 {
	if !m.Octaves {
		return float64(m.Lo) + x*float64(m.Hi-m.Lo)/leaves
	}
	b := min(int(x), leaves-1)
	low, high := octaveEdge(b, m.Lo, m.Hi), octaveEdge(b+1, m.Lo, m.Hi)
	return float64(m.Lo) + low + (x-float64(b))*(high-low)
}
