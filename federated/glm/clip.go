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
// limit.
// Truncation would bias every sum by half a unit a person.
func nearest(x, scale, limit float64) int64 {
	q := math.RoundToEven(float64(x * scale))
	switch {
	case q > limit:
		return int64(limit)
	case q < -limit:
		return -int64(limit)
	}
	return int64(q)
}

// squares is the sum of squares of integers, in 128 bits.
func squares(v []int64) (hi, lo uint64) {
	for _, x := range v {
		u := uint64(max(x, -x))
		h, l := bits.Mul64(u, u)
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi, _ = bits.Add64(hi, h, carry)
	}
	return hi, lo
}

// within says whether the squared length of v is at most bound^2, in integers.
func within(v []int64, bound int64) bool {
	hi, lo := squares(v)
	bh, bl := bits.Mul64(uint64(bound), uint64(bound))
	return hi < bh || hi == bh && lo <= bl
}

// clip shortens v to a length of at most bound, keeping its direction: every
// entry is scaled towards zero, and the integers that come out are checked.
func clip(v []int64, bound int64) {
	if within(v, bound) {
		return
	}
	hi, lo := squares(v)
	length := math.Sqrt(float64(float64(hi)*0x1p64) + float64(lo))
	ratio := float64(bound) / length
	for !scaledWithin(v, ratio, bound) { // at most a few times: the floats are off by 2^-52
		ratio = float64(ratio * (1 - 0x1p-40))
	}
	for i, x := range v {
		v[i] = scaledDown(x, ratio)
	}
}

func scaledDown(x int64, ratio float64) int64 { return int64(float64(float64(x) * ratio)) }

func scaledWithin(v []int64, ratio float64, bound int64) bool {
	var hi, lo uint64
	for _, x := range v {
		x = scaledDown(x, ratio)
		u := uint64(max(x, -x))
		h, l := bits.Mul64(u, u)
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi, _ = bits.Add64(hi, h, carry)
	}
	bh, bl := bits.Mul64(uint64(bound), uint64(bound))
	return hi < bh || hi == bh && lo <= bl
}
