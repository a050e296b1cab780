package dp

import (
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
	out := &seam.Exact{Salt: s.salt, Public: s.public}
	for _, ch := range s.c.channels {
		out.Channels = append(out.Channels, seam.Channel{
			Name: ch.name, Cells: ch.cells, Linf: ch.linf, Moved: ch.moved, Delta2: new(big.Int).Set(ch.delta2),
		})
	}
	n := s.c.stride
	for g := 0; g*n < len(s.cells); g++ {
		group := seam.Group{Keys: s.nameOf(g), Cells: map[string][]int64{}}
		for _, ch := range s.c.channels {
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

// Steps gives the mechanism of a plan step by step, for code below dp alone.
// ErrSealed without a pass.
func Steps(pass seam.Pass, p *Plan) (*seam.Mechanism, error) {
	if !pass.Valid() {
		return nil, ErrSealed
	}
	return &seam.Mechanism{
		Add:    func(x int64, channel int) (int64, error) { return p.add(gaussian{}, x, channel) },
		Shown:  p.shown,
		Sigmas: p.sigmas(),
	}, nil
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
