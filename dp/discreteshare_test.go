package dp_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
)

func shares(t *testing.T, variance int64, nodes, colluders int) *dp.NoiseShares {
	t.Helper()
	s, err := dp.NewNoiseShares(big.NewInt(variance), nodes, colluders)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What N-c nodes add has the variance that was asked for: a sigma that forgot
// the N-c would be too small by it. False alarm 1e-6 a case.
func TestNoiseSharesAddUp(t *testing.T) {
	for _, c := range []struct{ nodes, colluders int }{{3, 1}, {3, 2}, {5, 1}, {20, 3}} {
		const variance = 1_000_000
		s := shares(t, variance, c.nodes, c.colluders)
		const cells = 20_000
		sum, one := make([]float64, cells), make([]int64, cells)
		for range c.nodes - c.colluders {
			if err := s.Draw(one); err != nil {
				t.Fatal(err)
			}
			for i, x := range one {
				sum[i] += float64(x)
			}
		}
		dptest.AssertSigma(t, sum, math.Sqrt(variance), 1e-6)
		want := new(big.Int).Mul(s.ShareVariance(), big.NewInt(int64(c.nodes)))
		if s.SumVariance().Cmp(want) != 0 {
			t.Errorf("all nodes carry %v, want %v", s.SumVariance(), want)
		}
	}
}

// One person more or less cannot be told better than the charge says: a
// likelihood-ratio test on the honest shares' sum errs as often as on a normal
// variable. Exact binomial tails, false alarm 1e-6.
func TestNoiseSharesHideOneMove(t *testing.T) {
	const move, trials = 2000, 40_000
	variance, err := dp.VarianceFor(big.NewInt(move*move), 500_000_000_000) // rho 0.5: sigma is the move
	if err != nil || variance.Cmp(big.NewInt(move*move)) != 0 {
		t.Fatal(variance, err)
	}
	s, err := dp.NewNoiseShares(variance, 5, 2)
	if err != nil {
		t.Fatal(err)
	}
	one, sum := make([]int64, trials), make([]int64, trials)
	for range 3 {
		if err := s.Draw(one); err != nil {
			t.Fatal(err)
		}
		for i, x := range one {
			sum[i] += x
		}
	}
	right := 0
	for _, x := range sum {
		if x+move > move/2 {
			right++
		}
	}
	dptest.AssertBinomial(t, right, trials, 0.5*math.Erfc(-0.5/math.Sqrt2), 1e-6)
}

func TestNoiseSharesCost(t *testing.T) {
	s := shares(t, 1_000_000, 5, 2) // 333334 a share
	delta2 := big.NewInt(10_000)
	got, err := s.Cost(delta2, 8000)
	if err != nil || got != (dp.Cost{Rho: 4_999_990_001, Delta: 1}) {
		t.Errorf("cost %+v, %v", got, err) // 10000 / (2*3*333334), rounded up
	}
	alone, err := s.CostAgainst(4, delta2, 8000)
	if err != nil || alone != (dp.Cost{Rho: 14_999_970_001, Delta: 0}) {
		t.Errorf("against all others %+v, %v", alone, err)
	}
	variance, err := dp.VarianceFor(delta2, 5_000_000_000)
	if err != nil || variance.Cmp(big.NewInt(1_000_000)) != 0 {
		t.Errorf("variance %v, %v", variance, err)
	}
	if variance, _ = dp.VarianceFor(delta2, 4_999_999_999); variance.Cmp(big.NewInt(1_000_001)) != 0 {
		t.Errorf("variance %v is not rounded up", variance)
	}
}

func TestNoiseSharesRefuse(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 120)
	for _, c := range []struct {
		name             string
		variance         *big.Int
		nodes, colluders int
	}{
		{"no variance", nil, 3, 1}, {"negative", big.NewInt(-1), 3, 1}, {"zero", new(big.Int), 3, 1},
		{"a share below 64", big.NewInt(126), 3, 1}, {"too large", huge, 3, 1},
		{"nobody colludes", big.NewInt(1000), 3, 0}, {"all collude", big.NewInt(1000), 3, 3},
		{"too many nodes", big.NewInt(1 << 40), 1001, 1},
	} {
		if _, err := dp.NewNoiseShares(c.variance, c.nodes, c.colluders); !errors.Is(err, dp.ErrShares) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := dp.NewNoiseShares(big.NewInt(127), 3, 1); err != nil {
		t.Errorf("a share of 64: %v", err)
	}
	s := shares(t, 1000, 3, 1)
	for name, err := range map[string]error{
		"no distance": second(s.Cost(new(big.Int), 5)), "no cells": second(s.Cost(big.NewInt(1), 0)),
		"rho": second(dp.VarianceFor(big.NewInt(1), 0)), "distance": second(dp.VarianceFor(nil, 1)),
	} {
		if !errors.Is(err, dp.ErrCost) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.CostAgainst(3, big.NewInt(1), 5); !errors.Is(err, dp.ErrShares) {
		t.Errorf("all collude: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
