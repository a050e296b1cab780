package dp

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// scored is a log of releases of one channel, of which only the scores are made;
// their grain is too coarse for reuse to be seen.
func scored(releases, numbers int, z func(release, i int) float64) *noiseState {
	s := &noiseState{alpha: 1e-6}
	for r := range releases {
		p := &noisePart{channel: "x"}
		for i := range numbers {
			p.add(z(r, i), math.Inf(1), math.Inf(-1), uint64(i), uint64(i))
		}
		s.releases = append(s.releases, []*noisePart{p})
	}
	return s
}

// Cheats that one kind of wager alone can find, each with chance above 0.999 in so
// many numbers, at alpha 1e-6; honest scores raise no alarm (each with 1e-6).
func TestEveryKindOfWagerIsNeeded(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	normal := func(int, int) float64 { return r.NormFloat64() }
	for _, n := range []int{1, 30, 1000} {
		if scored(n, 20, normal).alarm() {
			t.Errorf("%d honest releases raise an alarm", n)
		}
	}
	draw := func(n int) (best []float64, sum float64) {
		best, sum = make([]float64, n), 0
		for i := range best {
			best[i] = r.NormFloat64()
			sum += best[i]
		}
		return best, sum
	}
	var kept []float64
	for _, c := range []struct {
		name              string
		releases, numbers int
		z                 func(release, i int) float64
	}{
		{"trimmed at three deviations", 400, 50, func(int, int) float64 {
			for {
				if z := r.NormFloat64(); math.Abs(z) < 3 {
					return z
				}
			}
		}},
		{"a quarter too much", 1, 900, func(int, int) float64 { return 1.25 * r.NormFloat64() }},
		{"half of it in one release of two hundred", 200, 120, func(release, _ int) float64 {
			if release == 100 {
				return r.NormFloat64() / 2
			}
			return r.NormFloat64()
		}},
		{"the higher of two releases", 300, 25, func(_, i int) float64 {
			if i == 0 {
				a, high := draw(25)
				if b, other := draw(25); other > high {
					a = b
				}
				kept = a
			}
			return kept[i]
		}},
		{"another middle with the same tails, size and mean", 10, 60, func(int, int) float64 { // only the distance sees it
			switch z := r.NormFloat64(); {
			case math.Abs(z) < 0.5:
				return math.Abs(z)
			case math.Abs(z) < 0.73:
				return -math.Abs(z)
			default:
				return z
			}
		}},
	} {
		if !scored(c.releases, c.numbers, c.z).alarm() {
			t.Errorf("%s is not found", c.name)
		}
	}
}

// The wagers neither win nor lose on the average over honest scores: the integral
// of each against the normal density is 1.
func TestWagersAreFair(t *testing.T) {
	mean := func(f func(z float64) float64) (sum float64) {
		const step = 1e-4
		for z := -37 + step/2; z < 37; z += step {
			sum += step * math.Exp(f(z)-z*z/2) / math.Sqrt(2*math.Pi)
		}
		return sum
	}
	for i, f := range cheats() {
		if got := mean(f); math.Abs(got-1) > 2e-3 {
			t.Errorf("cheat %d wins %g on the average", i, got)
		}
	}
	for _, grain := range []float64{0.01, 0.5, 3, 10} {
		if got := mean(func(z float64) float64 { return alike(z, 0.7, grain) }); got > 1+1e-6 || got < 0.999 {
			t.Errorf("reuse at grain %g wins %g on the average", grain, got)
		}
	}
}

func TestSpanOf(t *testing.T) {
	for _, tt := range []struct {
		v    float64
		want span
		ok   bool
	}{
		{17, span{17, 17}, true}, {-3, span{-3, -3}, true}, {0, span{0, 0}, true},
		{1230, span{1225, 1234}, true}, {-1230, span{-1234, -1225}, true}, {1231, span{}, false}, {0.5, span{}, false},
	} {
		got, ok := spanOf(func(y int64) float64 { return rough(float64(y)) }, tt.v)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%v: %v, %v", tt.v, got, ok)
		}
	}
}

// Whatever is drawn is among the numbers that its rounded form may stand for, also
// of a mean whose sum is led back.
func TestSpanHoldsWhatWasDrawn(t *testing.T) {
	m := measure{Measure: Measure{RowLo: -5_000_000, RowHi: 90_000_000, Centre: 1_234_567}}
	rapid.Check(t, func(rt *rapid.T) {
		y := rapid.Int64Range(-1<<50, 1<<50).Draw(rt, "y") >> rapid.IntRange(0, 50).Draw(rt, "shift")
		rows := rapid.Int64Range(1, 1<<30).Draw(rt, "rows")
		for name, f := range map[string]func(int64) float64{
			"number": func(y int64) float64 { return nine(float64(y)) },
			"mean":   func(y int64) float64 { v, _, _ := m.mean(y, rows, 1, 1); return nine(v) },
		} {
			if s, ok := spanOf(f, f(y)); !ok || y < s.lo || y > s.hi {
				rt.Errorf("%s: %d is shown as %v, which stands for %v", name, y, f(y), s)
			}
		}
	})
}

// nine keeps nine digits, as releases do.
func nine(x float64) float64 {
	if x == 0 {
		return 0
	}
	scale := math.Pow(10, 8-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}

// Scores keep their digits far out, and a censored number is spread over what it
// may have been.
func TestScores(t *testing.T) {
	s := span{1070, 1070}
	if z := s.score(1000, 10, 0.5); math.Abs(z-7) > 0.01 {
		t.Errorf("seven deviations up score %g", z)
	}
	if z := s.score(1140, 10, 0.5); math.Abs(z+7) > 0.01 {
		t.Errorf("seven deviations down score %g", z)
	}
	below := span{-reach + 1, 999}
	if z := below.score(1000, 10, 1-1e-12); z < -8 && z > -6 || z > 0 {
		t.Errorf("the least of what is below scores %g", z)
	}
	if !s.impossible(1000, 7) || s.impossible(1000, 10) {
		t.Error("support")
	}
}
