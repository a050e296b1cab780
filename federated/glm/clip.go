package glm

import (
	"math"
	"math/bits"
)

const (
	// maxPart is where one row's number saturates, far above what is clipped to:
	// 1024 rows make 2^56, and 2^13 squares of that stay below 2^128. A network's
	// many numbers saturate at maxGradientPart: 2^20 squares of 2^46.
	maxPart, maxGradientPart = 1 << 46, 1 << 36
	// maxClip bounds clips.
	maxClip = 1 << 55
)

// nearest is x in units of 1/scale as an integer, ties to even, saturating at
// limit. Truncation would bias every sum by half a unit a person. What is not a
// number is 0: machines make different integers of it, and some slip by the clip.
func nearest(x, scale, limit float64) int64 {
	q := math.RoundToEven(float64(x * scale))
	switch {
	case math.IsNaN(q):
		return 0
	case q > limit:
		return int64(limit)
	case q < -limit:
		return -int64(limit)
	}
	return int64(q)
}

// tooLong is where a sum of squares saturates, in units of 2^64: far beyond the
// square of any clip.
const tooLong = 1 << 62

// squares is the sum of squares of integers times ratio, in 128 bits; 2^126 for all
// that is longer.
func squares(v []int64, ratio float64) (hi, lo uint64) {
	for _, x := range v {
		if ratio != 1 {
			x = scaledDown(x, ratio)
		}
		u := uint64(max(x, -x))
		h, l := bits.Mul64(u, u)
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		if hi += h + carry; hi >= tooLong { // each is at most 2^62: this cannot wrap
			return tooLong, 0
		}
	}
	return hi, lo
}

// within says whether the squared length of v times ratio is at most bound^2, in
// integers.
func within(v []int64, ratio float64, bound int64) bool {
	hi, lo := squares(v, ratio)
	bh, bl := bits.Mul64(uint64(bound), uint64(bound))
	return hi < bh || hi == bh && lo <= bl
}

// maxTurns is far more than clip needs: the floats are off by 2^-52, and each turn
// takes 2^-40 away.
const maxTurns = 64

// clip shortens v to a length of at most bound, keeping its direction: every
// entry is scaled towards zero, and the integers that come out are checked. What is
// too long to be measured becomes zero.
func clip(v []int64, bound int64) {
	if within(v, 1, bound) {
		return
	}
	hi, lo := squares(v, 1)
	ratio := float64(bound) / math.Sqrt(float64(float64(hi)*0x1p64)+float64(lo))
	for turn := 0; !within(v, ratio, bound); turn++ {
		if turn == maxTurns {
			clear(v)
			return
		}
		ratio = float64(ratio * (1 - 0x1p-40))
	}
	for i, x := range v {
		v[i] = scaledDown(x, ratio)
	}
}

func scaledDown(x int64, ratio float64) int64 { return int64(float64(float64(x) * ratio)) }
