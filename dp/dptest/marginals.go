package dptest

import (
	"math"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

// pairCell is one cell of one pair's table: values i and j of attributes a and b.
type pairCell struct{ a, b, i, j int }

// pairCells lists the cells of all pairs in the order of their tables.
func pairCells(m dp.Measure) []pairCell {
	var out []pairCell
	for a := range m.Attributes {
		for b := a + 1; b < len(m.Attributes); b++ {
			for i := range m.Attributes[a].Values {
				for j := range m.Attributes[b].Values {
					out = append(out, pairCell{a, b, i, j})
				}
			}
		}
	}
	return out
}

// marginals puts a person's one row into one cell of every pair; what is no value
// of an attribute is its last.
func (o *oracle) marginals(g *Group, m dp.Measure, r Row) {
	value := func(a int) int {
		last := len(m.Attributes[a].Values) - 1
		v := o.value(m.Attributes[a].Column, r)
		if v < 0 || v > int64(last) {
			return last
		}
		return int(v)
	}
	for at, c := range pairCells(m) {
		if value(c.a) == c.i && value(c.b) == c.j {
			g.Cells[m.Name+"/tables"][at]++
		}
	}
}

// AssertAdaptive checks a whole release, whose later draws depend on earlier
// noisy numbers, against its declared cost: with is released with the given
// noise, without (a neighbour) is made to show the very same noisy numbers, and
// what differs underneath, in squares over 2 sigma^2, may add up to the cost's rho
// and, when tight, to no less than nine tenths of it. Both totals are spent. The
// noise must leave both groups shown.
func AssertAdaptive(tb testing.TB, with, without *dp.Totals, p *dp.Plan, noise func() int64, tight bool) {
	tb.Helper()
	first := &script{noise: noise}
	if _, err := dp.ReleaseWith(seam.Issue(), with, p, first); err != nil {
		tb.Fatalf("release: %v", err)
	}
	second := &script{shown: first.shown, replay: true}
	if _, err := dp.ReleaseWith(seam.Issue(), without, p, second); err != nil {
		tb.Fatalf("release of the neighbour: %v", err)
	}
	if len(first.exact) != len(second.exact) {
		tb.Fatalf("%d draws, the neighbour's release has %d", len(first.exact), len(second.exact))
	}
	rho := 0.0
	for i, x := range first.exact {
		d := x - second.exact[i]
		if d > first.linf[i] || -d > first.linf[i] {
			tb.Errorf("draw %d moved by %d, bound %d", i, d, first.linf[i])
		}
		sigma := dp.SigmaOf(seam.Issue(), first.linf[i], first.epsilon[i])
		rho += float64(d) * float64(d) / (2 * sigma * sigma)
	}
	declared := p.Cost().RhoFloat()
	if rho > declared*(1+1e-9) || tight && rho < 0.9*declared || math.IsNaN(rho) {
		tb.Errorf("one person's difference costs rho %.6g, declared %.6g", rho, declared)
	}
}

// script adds noise of its own and notes what it saw and said, or says again what
// another said.
type script struct {
	noise        func() int64
	replay       bool
	exact, shown []int64
	linf         []int64
	epsilon      []float64
}

func (s *script) Add(x, linf int64, epsilon, _ float64) (int64, error) {
	s.exact, s.linf, s.epsilon = append(s.exact, x), append(s.linf, linf), append(s.epsilon, epsilon)
	if !s.replay {
		s.shown = append(s.shown, x+s.noise())
	}
	if len(s.exact) > len(s.shown) {
		return x, nil // the lengths will tell
	}
	return s.shown[len(s.exact)-1], nil
}
