package dp

import (
	"math"
	"math/big"

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
	out := &seam.Exact{Salt: s.salt}
	layout := s.c.stored()
	for _, ch := range layout {
		out.Channels = append(out.Channels, seam.Channel{
			Name: ch.name, Cells: ch.cells, Linf: ch.linf, Moved: ch.moved, Delta2: new(big.Int).Set(ch.delta2),
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
