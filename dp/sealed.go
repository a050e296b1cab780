package dp

import (
	"math"
	"math/big"
	"slices"

	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

// Unseal reads exact totals, for dp/dptest alone: only code below dp can make a
// pass. ErrSealed without one.
func (t *Totals) Unseal(pass seam.Pass) (*seam.Exact, error) {
	if !pass.Valid() {
		return nil, ErrSealed
	}
	s, err := t.state()
	if err != nil {
		return nil, err
	}
	out := &seam.Exact{Salt: s.salt, Public: s.public}
	layout := s.c.stored()
	for _, ch := range layout {
		out.Channels = append(out.Channels, seam.Channel{
			Name: ch.name, Cells: ch.cells, Linf: ch.linf, Moved: ch.moved, Delta2: new(big.Int).Set(ch.delta2),
			Draw: slices.IndexFunc(s.c.channels, func(c channel) bool { return c.name == ch.name }),
		})
	}
	n := s.c.stride
	for g := 0; g*n < len(s.cells); g++ {
		group := seam.Group{Keys: s.nameOf(g), Cells: map[string][]int64{}}
		for _, ch := range layout {
			at := g*n + ch.offset
			group.Cells[ch.name] = append([]int64(nil), s.cells[at:at+ch.cells]...)
		}
		out.Groups = append(out.Groups, group)
	}
	return out, nil
}

// ReleaseWith is Release with another noise, for dp/dptest alone: only code
// below dp can make a pass. ErrSealed without one.
func ReleaseWith(pass seam.Pass, t *Totals, p *Plan, noise seam.Noise) (*Table, error) {
	if !pass.Valid() {
		return nil, ErrSealed
	}
	return release(t, p, noise)
}

// SigmaOf is the deviation of the noise that [seam.Noise] is asked for with these
// arguments, for dp/dptest alone; NaN without a pass.
func SigmaOf(pass seam.Pass, linf int64, epsilon float64) float64 {
	if !pass.Valid() {
		return math.NaN()
	}
	return sigmaFor(linf, epsilon)
}

// Steps gives the mechanism of a plan step by step, for code below dp alone.
// ErrSealed without a pass.
func Steps(pass seam.Pass, p *Plan) (*seam.Mechanism, error) {
	if !pass.Valid() {
		return nil, ErrSealed
	}
	m := &seam.Mechanism{
		Add:    func(x int64, channel int) (int64, error) { return p.add(gaussian{}, x, channel) },
		Shown:  p.shown,
		Sigmas: p.sigmas(),
		Stored: len(p.c.stored()),
	}
	if slices.ContainsFunc(p.c.measures, func(m measure) bool { return m.Kind == KindMarginals }) {
		m.Adaptive = p.adaptive
	}
	return m, nil
}

// Spend makes totals unfit for a release, for code below dp alone. ErrReleased
// where they are already; ErrSealed without a pass.
func Spend(pass seam.Pass, t *Totals) error {
	if !pass.Valid() {
		return ErrSealed
	}
	s, err := t.state()
	if err != nil {
		return err
	}
	if !s.spent.CompareAndSwap(false, true) {
		return ErrReleased
	}
	return nil
}
