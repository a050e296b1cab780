package dp

import (
	"reflect"
	"slices"

	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

// Release applies threshold and noise as one step, derives the measures and
// their intervals, and spends the totals: a second Release is ErrReleased, also
// after an error. Every public group draws its people; measures are drawn only
// for groups that are shown. ErrMismatch if the plan is for another question;
// ErrNoise if a draw fails.
func Release(t *Totals, p *Plan) (*Table, error) {
	return release(t, p, gaussian{})
}

func release(t *Totals, p *Plan, noise seam.Noise) (*Table, error) {
	s, err := t.state()
	if err != nil {
		return nil, err
	}
	if p == nil || p.c == nil || !reflect.DeepEqual(s.c.spec, p.c.spec) {
		return nil, ErrMismatch
	}
	if !s.spent.CompareAndSwap(false, true) {
		return nil, ErrReleased
	}
	table, err := p.table(s, noise)
	s.cells = nil // nothing exact outlives its release
	return table, err
}

// table is the mechanism.
func (p *Plan) table(s *state, noise seam.Noise) (*Table, error) {
	out := &Table{Groups: []Group{}}
	sigmas, noisy := p.sigmas(), make([]int64, p.c.stride)
	for _, g := range p.candidates(s) {
		cells := s.cells[g*p.c.stride : (g+1)*p.c.stride]
		var err error
		if noisy[0], err = p.add(noise, cells[0], 0); err != nil {
			return nil, err
		}
		group := Group{Keys: s.nameOf(g)}
		if !p.shown(cells[0], noisy[0]) {
			if p.c.radix != nil {
				group.Suppressed = true
				out.Groups = append(out.Groups, group)
			}
			continue
		}
		if err := p.addAll(noise, cells, noisy); err != nil {
			return nil, err
		}
		group.Measures = p.measured(noisy, sigmas)
		if err := p.addMarginals(noise, cells, noisy[0], sigmas, &group); err != nil {
			return nil, err
		}
		out.Groups = append(out.Groups, group)
	}
	return out, nil
}

// candidates is every public group, or the private groups that reach k, in the
// order in which they may appear: by key, public values in domain order.
func (p *Plan) candidates(s *state) []int {
	var codes []int
	n := p.c.stride
	for g := 0; g*n < len(s.cells); g++ {
		if p.c.radix != nil || s.cells[g*n] >= int64(p.c.spec.K) {
			codes = append(codes, g)
		}
	}
	if p.c.radix == nil {
		slices.SortFunc(codes, func(a, b int) int { return s.compareKeys(s.names[a], s.names[b]) })
	}
	return codes
}

func (s *state) compareKeys(a, b []string) int {
	for i, k := range s.c.spec.Keys {
		if a[i] == b[i] {
			continue
		}
		if !k.Private {
			return s.values[i][a[i]] - s.values[i][b[i]]
		}
		if a[i] < b[i] {
			return -1
		}
		return 1
	}
	return 0
}

// add draws the noise of one cell of a channel.
func (p *Plan) add(noise seam.Noise, x int64, channel int) (int64, error) {
	d := p.draws[channel]
	y, err := noise.Add(x, d.linf, d.epsilon, calibrationDelta)
	if err != nil {
		return 0, ErrNoise // whatever it says might say something about x
	}
	return y, nil
}

// addAll draws every cell but the people's, which is drawn once.
func (p *Plan) addAll(noise seam.Noise, cells, noisy []int64) error {
	for i, ch := range p.c.channels[1:] {
		for j := ch.offset; j < ch.offset+ch.cells; j++ {
			var err error
			if noisy[j], err = p.add(noise, cells[j], i+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// measured derives a shown group's measures from its noisy cells alone.
func (p *Plan) measured(noisy []int64, sigmas []float64) []Measured {
	people := Measured{Name: peopleName, Unit: p.c.people.Unit}
	people.Value, people.Low, people.High = countInterval(noisy[0], sigmas[0])
	out := []Measured{people}
	for _, m := range p.c.measures {
		if m.Kind != KindMarginals { // addMarginals draws as it goes
			out = append(out, p.c.derive(m, noisy, sigmas)...)
		}
	}
	return out
}
