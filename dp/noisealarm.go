package dp

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"

	"github.com/qunxiang/qunxiang/dp/internal/normal"
)

// alarm decides. Half of alpha goes to wagers: each is a likelihood ratio of some
// cheat against the claim, so its mean over honest noise is 1, and so is that of
// any average of them; by Markov's inequality the average reaches 2/alpha with
// at most alpha/2 (e-values: Vovk and Wang 2021). Nothing is approximated, and the
// wagers may depend on each other as they like. The other half goes to the
// distances of Kolmogorov and Smirnov under Massart's bound (1990), which holds
// for every number of values and asks for no particular cheat.
func (s *noiseState) alarm() bool {
	far := false
	tests := s.samples()
	for _, u := range tests {
		far = distanceBound(u) < s.alpha/2/float64(len(tests)) || far
	}
	return s.wagers() >= math.Log(2/s.alpha) || far
}

// wagers is the logarithm of the average of all wagers.
func (s *noiseState) wagers() float64 {
	shape := s.shapes()
	return meanLog([]float64{shape, s.selected(), s.unnoised(), s.reused(), s.repeated()})
}

// samples are the sets of numbers that are uniform under honest noise: every
// score, those of the people and of the measures apart, and for each release the
// rank of its size (chi-square) and of its direction.
func (s *noiseState) samples() [5][]float64 {
	var out [5][]float64
	for _, parts := range s.releases {
		sum, squares, n := 0.0, 0.0, 0
		for i, p := range parts {
			for _, z := range p.scores {
				u := normal.Upper(z)
				out[0] = append(out[0], u)
				out[1+min(i, 1)] = append(out[1+min(i, 1)], u)
				sum, squares, n = sum+z, squares+z*z, n+1
			}
		}
		if n > 0 {
			out[3] = append(out[3], mathext.GammaIncRegComp(float64(n)/2, squares/2))
			out[4] = append(out[4], normal.Upper(sum/math.Sqrt(float64(n))))
		}
	}
	return out
}

// distanceBound bounds the chance of n uniform numbers to be as far from uniform
// as these.
func distanceBound(u []float64) float64 {
	if len(u) == 0 {
		return 1
	}
	u = slices.Clone(u)
	slices.Sort(u)
	most, n := 0.0, float64(len(u))
	for i, x := range u {
		most = max(most, x-float64(i)/n, float64(i+1)/n-x)
	}
	return 2 * math.Exp(-2*n*most*most)
}

// meanLog is the logarithm of the mean of numbers given by their logarithms.
func meanLog(logs []float64) float64 {
	if len(logs) == 0 {
		return 0 // no wager is one that neither wins nor loses
	}
	most := slices.Max(logs)
	if math.IsInf(most, 0) {
		return most
	}
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(l - most)
	}
	return most + math.Log(sum/float64(len(logs)))
}

// stake is the logarithm of 1 - share + share*exp(l): a wager with a part of what
// is there, for cheats that are in a part of the numbers only.
func stake(share, l float64) float64 {
	if l > 600 {
		return l + math.Log(share)
	}
	return math.Log1p(share * math.Expm1(l))
}

// shares are the parts that are staked; the last is that of one in n.
func shares(n int) [6]float64 { return [6]float64{1, 0.3, 0.1, 0.03, 0.01, 1 / float64(n)} }

// pooled is the wager on parts that are each wagered on already: the average over
// shares of the product over parts.
func pooled(logs []float64) float64 {
	if len(logs) == 0 {
		return 0
	}
	by := shares(len(logs))
	sums := make([]float64, len(by))
	for i, share := range by {
		for _, l := range logs {
			sums[i] += stake(share, l)
		}
	}
	return meanLog(sums)
}
