package queries

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A series that is a trend and a season is continued exactly.
func TestForecastContinuesTrendAndSeason(t *testing.T) {
	truth := func(i int) float64 { return 1000 + 12*float64(i) + []float64{0, 50, -30, 20}[i%4] }
	var series []float64
	for i := range 12 {
		series = append(series, truth(i))
	}
	f, ok := forecast(series, 4, 8)
	if !ok || len(f) != 8 {
		t.Fatalf("%v %v", f, ok)
	}
	for h, p := range f {
		if math.Abs(p.Value-truth(12+h)) > 1e-6 || p.High-p.Low > 1e-4 {
			t.Errorf("%d ahead: %+v, want %g", h+1, p, truth(12+h))
		}
	}
	if mape, ok := backtest(series, 4); !ok || mape > 0.05 {
		t.Errorf("backtest %g %v", mape, ok)
	}
	short := []float64{1, 2, 3, 4, 5}
	if _, ok := forecast(short, 12, 1); ok {
		t.Error("five periods were continued")
	}
	if _, ok := backtest(short, 12); ok {
		t.Error("five periods were tested")
	}
}

// Against numbers worked out by hand: y = 1, 2, 2, 3, 5, 4 on t = 0..5 has mean
// 17/6 and slope 12.5/17.5; the prediction at t = 6 has the variance
// s^2 (1 + 1/6 + 3.5^2 / 17.5) at 4 degrees of freedom.
func TestForecastOfATrend(t *testing.T) {
	f, ok := forecast([]float64{1, 2, 2, 3, 5, 4}, 12, 1)
	if !ok {
		t.Fatal("too short")
	}
	mean, slope := 17.0/6, 12.5/17.5
	var squares float64
	for i, y := range []float64{1, 2, 2, 3, 5, 4} {
		e := y - mean - slope*(float64(i)-2.5)
		squares += e * e
	}
	half := 2.7764451 * math.Sqrt(squares/4*(1+1.0/6+3.5*3.5/17.5))
	if want := mean + slope*3.5; math.Abs(f[0].Value-want) > 1e-9 || math.Abs(f[0].High-want-half) > 1e-6 || math.Abs(want-half-f[0].Low) > 1e-6 {
		t.Errorf("%+v, want %g +- %g", f[0], want, half)
	}
}

// The interval holds the next value of noisy trends 93 to 97 % of the time:
// 4,000 series, so that 2 % are more than five standard deviations (false alarm
// below 1e-6).
func TestForecastIntervalHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	held := 0
	const tries = 4000
	for range tries {
		var series []float64
		at := func(i int) float64 { return 500 + 3*float64(i) + 40*r.NormFloat64() }
		for i := range 24 {
			series = append(series, at(i))
		}
		f, ok := forecast(series, 12, 1)
		if next := at(24); ok && f[0].Low <= next && next <= f[0].High {
			held++
		}
	}
	if share := float64(held) / tries; share < 0.93 || share > 0.97 {
		t.Errorf("held %.3f", share)
	}
}

func TestPeriodLabels(t *testing.T) {
	for _, c := range []struct {
		last string
		h    int
		want string
	}{{"2018-12", 1, "2019-01"}, {"2018-03", 12, "2019-03"}, {"2018-Q4", 1, "2019-Q1"}, {"2017-Q2", 3, "2018-Q1"}} {
		if got := periodLabel(c.last, c.h); got != c.want {
			t.Errorf("%s + %d: %s", c.last, c.h, got)
		}
	}
}

// The error of the backtest with noise is that without it and little more: noise
// of 1 % of a month adds less than 3 % to the MAPE, in 200 series.
func TestBacktestWithAndWithoutNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	for range 200 {
		var clean, noisy []float64
		for i := range 36 {
			y := 1e6 * (1 + 0.01*float64(i)) * (1 + 0.1*math.Sin(float64(i)*math.Pi/6)) * (1 + 0.005*r.NormFloat64())
			clean, noisy = append(clean, y), append(noisy, y+1e4*r.NormFloat64())
		}
		without, ok1 := backtest(clean, 12)
		with, ok2 := backtest(noisy, 12)
		if !ok1 || !ok2 || with > without+0.03 {
			t.Fatalf("MAPE %.4f with noise, %.4f without", with, without)
		}
	}
}
