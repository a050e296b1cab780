package dp

import (
	"math"
	"sort"

	"github.com/qunxiang/qunxiang/dp/internal/normal"
)

// reach bounds the noisy integers that are looked for: no cell comes near it.
const reach = int64(1) << 62

// span is the integers from lo to hi that may have been drawn where a number is
// shown, both included.
type span struct{ lo, hi int64 }

// spanOf finds the integers that a rising function shows as v; false where there
// is none.
func spanOf(shown func(int64) float64, v float64) (span, bool) {
	if x := math.Abs(v); x < 1e8 && v == math.Trunc(v) { // the usual case: an integer shown as it is
		y := int64(v)
		if shown(y) == v && shown(y-1) < v && shown(y+1) > v {
			return span{y, y}, true
		}
	}
	least := func(reached func(float64) bool) int64 {
		// sort.Search on halves: an int holds the way from -reach to reach.
		return int64(sort.Search(int(2*(reach-1)), func(i int) bool { return reached(shown(int64(i) - reach + 1)) })) - reach + 1
	}
	s := span{least(func(x float64) bool { return x >= v }), least(func(x float64) bool { return x > v }) - 1}
	return s, s.lo <= s.hi
}

// low is where the span begins in deviations from the exact x, and high where it
// ends. The noise is a Gaussian that is rounded to an integer.
func (s span) low(x int64, sigma float64) float64 {
	if s.lo <= -reach+1 {
		return math.Inf(-1)
	}
	return (float64(s.lo-x) - 0.5) / sigma
}

func (s span) high(x int64, sigma float64) float64 {
	if s.hi >= reach-1 {
		return math.Inf(1)
	}
	return (float64(s.hi-x) + 0.5) / sigma
}

// score is the randomised probability integral transform as a normal score: with
// v uniform it is exactly standard normal where the noise is as claimed, although
// the noise is an integer and the number shown may be rounded (Brockwell 2007;
// Czado, Gneiting and Held 2009).
func (s span) score(x int64, sigma, v float64) float64 {
	a, b := s.low(x, sigma), s.high(x, sigma)
	if a+b < 0 { // work in the nearer tail, where small chances keep their digits
		return -upperScore(normal.Upper(-b), normal.Upper(-a), v)
	}
	return upperScore(normal.Upper(a), normal.Upper(b), v)
}

// scoreFrom is score given that the noisy integer reached least: what is known of
// the people of a group with private keys is known only because it was shown.
func (s span) scoreFrom(least, x int64, sigma, v float64) float64 {
	s.lo = max(s.lo, least)
	from, above := normal.Upper(s.low(x, sigma)), normal.Upper(s.high(x, sigma))
	passed := normal.Upper((float64(least-x) - 0.5) / sigma)
	return upperScore(from/passed, above/passed, v)
}

// furthest is the largest score: of noise that has no chance at all.
const furthest = 40

func upperScore(from, above, v float64) float64 {
	p := above + v*(from-above)
	if !(p > 0) {
		return furthest
	}
	return math.Max(-furthest, math.Min(furthest, normal.Quantile(p)))
}

// chance is the probability of the span.
func (s span) chance(x int64, sigma float64) float64 {
	a, b := s.low(x, sigma), s.high(x, sigma)
	if a+b < 0 {
		a, b = -b, -a
	}
	return normal.Upper(a) - normal.Upper(b)
}

// impossible says that the sampler's finite support (8.9 sigmas) excludes every
// integer of the span.
func (s span) impossible(x int64, sigma float64) bool {
	return s.low(x, sigma) > 9 || s.high(x, sigma) < -9
}
