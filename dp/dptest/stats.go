package dptest

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// AssertBinomial checks that hits out of trials could come from probability p.
// A right p fails with probability at most falseAlarm (exact tails, half on each
// side).
func AssertBinomial(tb testing.TB, hits, trials int, p, falseAlarm float64) {
	tb.Helper()
	low, high := binomialTails(hits, trials, p)
	if math.Min(low, high) < falseAlarm/2 {
		tb.Errorf("%d of %d where %.6g is expected: tail probability %.3g (false alarm %g)",
			hits, trials, p*float64(trials), math.Min(low, high), falseAlarm)
	}
}

// binomialTails is P(X <= hits) and P(X >= hits).
func binomialTails(hits, trials int, p float64) (low, high float64) {
	for k := 0; k <= trials; k++ {
		prob := math.Exp(logChoose(trials, k) + xlogy(k, p) + xlogy(trials-k, 1-p))
		if k <= hits {
			low += prob
		}
		if k >= hits {
			high += prob
		}
	}
	return low, high
}

func logChoose(n, k int) float64 {
	lg := func(x int) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
	return lg(n) - lg(k) - lg(n-k)
}

func xlogy(k int, p float64) float64 {
	if k == 0 {
		return 0
	}
	return float64(k) * math.Log(p)
}

// AssertSigma checks that noise samples have mean 0 and standard deviation
// sigma: a z test and a chi-square test on the variance. Normal samples of that
// sigma fail with probability at most falseAlarm.
func AssertSigma(tb testing.TB, noise []float64, sigma, falseAlarm float64) {
	tb.Helper()
	n := float64(len(noise))
	var sum, squares float64
	for _, x := range noise {
		sum += x
		squares += x * x
	}
	z := distuv.UnitNormal.Quantile(1 - falseAlarm/4)
	if mean := sum / n; math.Abs(mean) > z*sigma/math.Sqrt(n) {
		tb.Errorf("noise has mean %g, at most %g is likely (false alarm %g)", mean, z*sigma/math.Sqrt(n), falseAlarm)
	}
	chi := distuv.ChiSquared{K: n}
	low, high := chi.Quantile(falseAlarm/4), chi.Quantile(1-falseAlarm/4)
	if x := squares / (sigma * sigma); x < low || x > high {
		tb.Errorf("noise has deviation %g, declared %g: chi-square %g outside [%g, %g] (false alarm %g)",
			math.Sqrt(squares/n), sigma, x, low, high, falseAlarm)
	}
}

// AssertCoverage checks that the share of intervals that hold the truth is within
// [0.93, 0.97]. Independent intervals of true coverage 0.95 fail with probability
// at most falseAlarm, else too few were given and the test fails at once.
func AssertCoverage(tb testing.TB, held, intervals int, falseAlarm float64) {
	tb.Helper()
	n := float64(intervals)
	low, _ := binomialTails(int(math.Ceil(0.93*n))-1, intervals, 0.95)
	_, high := binomialTails(int(math.Floor(0.97*n))+1, intervals, 0.95)
	if low+high > falseAlarm {
		tb.Fatalf("%d intervals are too few for a false alarm of %g", intervals, falseAlarm)
	}
	if share := float64(held) / n; share < 0.93 || share > 0.97 {
		tb.Errorf("intervals hold the truth in %.4f of %d cases, want 0.93 to 0.97", share, intervals)
	}
}
