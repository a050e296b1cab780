package dp

import (
	"math"

	"gonum.org/v1/gonum/mathext"

	"github.com/qunxiang/qunxiang/dp/internal/normal"
)

// cheat is the logarithm of the density of a score under a way to cheat, divided
// by that of the standard normal.
type cheat func(z float64) float64

// cheats are noise scaled by a factor, trimmed or clipped at a number of
// deviations, chosen among several draws (the higher, the lower, the nearer) and
// shifted.
func cheats() []cheat {
	var out []cheat
	for _, s := range []float64{0.02, 0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.25, 1.5, 2, 4, 10} {
		out = append(out, func(z float64) float64 { return -math.Log(s) - z*z/2*(1/(s*s)-1) })
	}
	for c := 1.0; c <= 3; c += 0.25 {
		won := -math.Log1p(-2 * normal.Upper(c))
		out = append(out, func(z float64) float64 {
			if math.Abs(z) > c {
				return math.Inf(-1)
			}
			return won
		})
	}
	for _, n := range []float64{2, 3, 10} {
		out = append(out,
			func(z float64) float64 { return bestOf(n, normal.Upper(z)) },
			func(z float64) float64 { return bestOf(n, normal.Upper(-z)) },
			func(z float64) float64 { return bestOf(n, 1-2*normal.Upper(math.Abs(z))) })
	}
	for _, by := range []float64{-1, -0.5, -0.25, -0.1, 0.1, 0.25, 0.5, 1} {
		out = append(out, func(z float64) float64 { return by*z - by*by/2 })
	}
	return out
}

// bestOf is the log density of the least of n uniform numbers.
func bestOf(n, u float64) float64 { return math.Log(n) + (n-1)*math.Log1p(-u) }

// shapes wagers each cheat on single scores, on channels of releases, on whole
// releases, on all of a channel's name, and on people and measures apart, in parts
// of them.
func (s *noiseState) shapes() float64 {
	var all []float64
	for _, f := range cheats() {
		var single, channels, releases, names []float64
		byName, kinds := map[string]int{}, []float64{0, 0}
		for _, parts := range s.releases {
			whole := 0.0
			for channel, p := range parts {
				sum := 0.0
				for _, z := range p.scores {
					l := f(z)
					single, sum = append(single, l), sum+l
				}
				i, ok := byName[p.channel]
				if !ok {
					i = len(names)
					byName[p.channel], names = i, append(names, 0)
				}
				kinds[min(channel, 1)] += sum
				channels, names[i], whole = append(channels, sum), names[i]+sum, whole+sum
			}
			releases = append(releases, whole)
		}
		all = append(all, pooled(single), pooled(channels), pooled(releases), pooled(names), meanLog(kinds))
	}
	return meanLog(all)
}

// selected wagers that each release is the best of several: the one of the
// smallest, of the highest or of the lowest noise.
func (s *noiseState) selected() float64 {
	var all []float64
	for _, n := range []float64{2, 3, 10} {
		var nearer, higher, lower []float64
		for _, parts := range s.releases {
			sum, squares, count := 0.0, 0.0, 0
			for _, p := range parts {
				for _, z := range p.scores {
					sum, squares, count = sum+z, squares+z*z, count+1
				}
			}
			if count == 0 {
				continue
			}
			mean := sum / math.Sqrt(float64(count))
			nearer = append(nearer, bestOf(n, mathext.GammaIncReg(float64(count)/2, squares/2)))
			higher = append(higher, bestOf(n, normal.Upper(mean)))
			lower = append(lower, bestOf(n, normal.Upper(-mean)))
		}
		all = append(all, pooled(nearer), pooled(higher), pooled(lower))
	}
	return meanLog(all)
}

// unnoised wagers that numbers are shown as they are.
func (s *noiseState) unnoised() float64 {
	var single, channels []float64
	for _, parts := range s.releases {
		for _, p := range parts {
			sum := 0.0
			for _, l := range p.bare {
				single, sum = append(single, l), sum+l
			}
			channels = append(channels, sum)
		}
	}
	return meanLog([]float64{pooled(single), pooled(channels)})
}
