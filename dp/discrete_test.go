package dp

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/google/differential-privacy/go/v3/noise"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

func sampler(t testing.TB, sigma2 *big.Int) *discreteGaussian {
	t.Helper()
	g, err := newDiscreteGaussian(sigma2)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// chacha is a repeatable stream of words.
func chacha(seed uint64) *wordStream {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	c := rand.NewChaCha8(key)
	return newWordStream(func(b []byte) { _, _ = c.Read(b) }, 4096)
}

// Both paths turn every sequence of words into the same samples and read equally
// many words, whatever part of the decisions falls inside the brackets.
func TestDiscretePathsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(6, 2*fastSigmaBits-1).Draw(t, "bits")
		sigma2 := new(big.Int).SetUint64(rapid.Uint64().Draw(t, "sigma2"))
		sigma2.Lsh(sigma2, 64).SetBit(sigma2, 127, 1)
		sigma2.Rsh(sigma2, uint(127-bits))
		fast, err := newDiscreteGaussian(sigma2)
		if err != nil {
			t.Fatal(err)
		}
		slow, wide := *fast, *fast
		slow.fast = false
		wide.slack = 1 << rapid.IntRange(14, 62).Draw(t, "slack")
		seed := rapid.Uint64().Draw(t, "seed")
		a, b, c := chacha(seed), chacha(seed), chacha(seed)
		for range 20 {
			x, _ := fast.draw(a)
			y, _ := slow.draw(b)
			z, _ := wide.draw(c)
			if x != y || x != z || a.at != b.at || a.at != c.at {
				t.Fatalf("sigma^2 %v: %d, %d and %d from the same words", sigma2, x, y, z)
			}
		}
	})
}

// The bracket of the uint64 path holds the true exponent.
func TestDiscreteExponentIsBracketed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sigma2 := new(big.Int).SetUint64(rapid.Uint64Min(64).Draw(t, "sigma2"))
		sigma2.Mul(sigma2, new(big.Int).SetUint64(rapid.Uint64Range(1, 1<<48).Draw(t, "factor")))
		g, err := newDiscreteGaussian(sigma2)
		if err != nil {
			t.Fatal(err)
		}
		y := rapid.Uint64Range(0, (maxSteps-1)*g.t).Draw(t, "y")
		whole, f, slack, ok := g.exponent(y)
		if !ok {
			return
		}
		w, rest := g.exponentBig(y)
		rest.Lsh(rest, 64).Quo(rest, g.denominator)
		off := new(big.Int).Sub(rest, new(big.Int).SetUint64(f))
		if w.Uint64() != whole || off.CmpAbs(new(big.Int).SetUint64(slack)) > 0 {
			t.Fatalf("exponent %v + %v/2^64, got %d + %d +- %d", w, rest, whole, f, slack)
		}
	})
}

// Undecided words are looked at further, not guessed: the bits after an exact tie
// of the first word decide.
func TestDiscreteReadsOnAtATie(t *testing.T) {
	third := func(next uint64) bool {
		var b bytes.Buffer
		w := uint64(0x5555555555555555) // 1/3 to 64 bits
		_ = binary.Write(&b, binary.LittleEndian, []uint64{w, next, math.MaxUint64})
		s := newWordStream(func(p []byte) { clear(p); copy(p, b.Bytes()) }, 24)
		return s.below(big.NewInt(1), big.NewInt(3), 1, s.next())
	}
	if !third(0x5555555555555554) || third(0x5555555555555556) || third(0x5555555555555555) {
		t.Error("the second word does not decide")
	}
}

// discretePMF is P(x) for |x| <= 40 sigma, by the definition.
func discretePMF(sigma2 float64) func(x int) float64 {
	total := 0.0
	for x := -int(40 * math.Sqrt(sigma2)); x <= int(40*math.Sqrt(sigma2)); x++ {
		total += math.Exp(-float64(x) * float64(x) / (2 * sigma2))
	}
	return func(x int) float64 { return math.Exp(-float64(x)*float64(x)/(2*sigma2)) / total }
}

// Chi-square against the exact probabilities, cells of at least 20 expected
// draws. False alarm 1e-6 a case, with both paths from the system's randomness.
func TestDiscreteMatchesItsPMF(t *testing.T) {
	for _, c := range []struct {
		sigma2 int64
		fast   bool
		draws  int
	}{{64, true, 400_000}, {65, true, 400_000}, {1000, true, 400_000}, {1 << 20, true, 400_000}, {64, false, 40_000}, {1000, false, 40_000}} {
		g := sampler(t, big.NewInt(c.sigma2))
		g.fast = c.fast
		s, seen := systemWords(1<<20), map[int]int{}
		width := max(1, int(math.Sqrt(float64(c.sigma2))/8))
		for range c.draws {
			x, err := g.draw(s)
			if err != nil {
				t.Fatal(err)
			}
			seen[int(math.Floor(float64(x)/float64(width)))]++
		}
		pmf := discretePMF(float64(c.sigma2))
		chi, cells, restP, rest := 0.0, 0, 1.0, c.draws
		for b := -80; b <= 80; b++ {
			p := 0.0
			for x := b * width; x < (b+1)*width; x++ {
				p += pmf(x)
			}
			want := p * float64(c.draws)
			if want < 20 {
				continue
			}
			chi += (float64(seen[b]) - want) * (float64(seen[b]) - want) / want
			cells, restP, rest = cells+1, restP-p, rest-seen[b]
		}
		want := restP * float64(c.draws)
		chi += (float64(rest) - want) * (float64(rest) - want) / want
		if limit := (distuv.ChiSquared{K: float64(cells)}).Quantile(1 - 1e-6); chi > limit {
			t.Errorf("sigma^2 %d, fast %v: chi-square %.1f on %d cells, limit %.1f", c.sigma2, c.fast, chi, cells, limit)
		}
	}
}

// Large sigmas against the normal distribution by Kolmogorov and Smirnov (it is
// within 1/sigma), false alarm 1e-6 a case by Massart's bound.
func TestDiscreteLargeSigmaIsNormal(t *testing.T) {
	for _, bits := range []uint{40, 80, 112, 113} {
		sigma2 := new(big.Int).Lsh(big.NewInt(1), bits)
		g, s := sampler(t, sigma2), systemWords(1<<20)
		n := 100_000
		if !g.fast {
			n = 20_000
		}
		const bins = 2000
		counts := [bins + 1]int{}
		sigma := math.Sqrt(math.Ldexp(1, int(bits)))
		for range n {
			x, err := g.draw(s)
			if err != nil {
				t.Fatal(err)
			}
			counts[int(distuv.UnitNormal.CDF(float64(x)/sigma)*bins)]++
		}
		seen, worst := 0, 0.0
		for i := range bins {
			seen += counts[i]
			worst = max(worst, math.Abs(float64(seen)/float64(n)-float64(i+1)/bins))
		}
		if limit := math.Sqrt(math.Log(2/1e-6) / (2 * float64(n))); worst > limit {
			t.Errorf("sigma 2^%d/2: distance %.5f, limit %.5f", bits, worst, limit)
		}
	}
}

// The factor between a sum of discrete Gaussians and one discrete Gaussian stays
// within discreteDistance, computed by convolution where it is large enough to
// be seen, and does come near it.
func TestDiscreteDistanceHolds(t *testing.T) {
	for _, variance := range []float64{0.25, 0.5, 1} {
		for n := 2; n <= 5; n++ {
			const reach = 40
			share := discretePMF(variance)
			sum := map[int]float64{0: 1}
			for range n {
				next := map[int]float64{}
				for x, p := range sum {
					for y := -reach; y <= reach; y++ {
						next[x+y] += p * share(y)
					}
				}
				sum = next
			}
			whole, worst := discretePMF(float64(n)*variance), 0.0
			for x := -int(6 * math.Sqrt(float64(n)*variance)); x <= int(6*math.Sqrt(float64(n)*variance)); x++ {
				worst = max(worst, math.Abs(math.Log(sum[x]/whole(x))))
			}
			if tau := discreteDistance(variance, n); worst > tau || n == 2 && worst < tau/10 {
				t.Errorf("%d shares of variance %g: factor %g, bound %g", n, variance, worst, tau)
			}
		}
	}
	if tau := discreteDistance(minShareVariance, maxNodes) * maxShareCells; tau > 1e-21 {
		t.Errorf("the least share admitted leaves %g, more than is charged", tau)
	}
}

// BenchmarkDiscreteGaussian compares the paths with the yardstick in one process.
func BenchmarkDiscreteGaussian(b *testing.B) {
	for _, bits := range []uint{40, 78} {
		for _, fast := range []bool{true, false} {
			g := sampler(b, new(big.Int).Lsh(big.NewInt(3), bits))
			g.fast = fast
			b.Run(map[bool]string{true: "uint64", false: "big"}[fast]+"/2^"+big.NewInt(int64(bits/2)).String(), func(b *testing.B) {
				s := systemWords(1 << 20)
				for range b.N {
					if _, err := g.draw(s); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	b.Run("google", func(b *testing.B) {
		for range b.N {
			if _, err := noise.Gaussian().AddNoiseInt64(0, 1, 1<<17, 0.1, 1e-9); err != nil {
				b.Fatal(err)
			}
		}
	})
}
