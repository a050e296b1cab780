// Package proof examines totals of synthetic people: whether one person keeps
// to the declared bounds, whether a question keeps people apart, and whether the
// noise that is drawn hides one person as well as the charged cost says.
//
// It reads exact totals, and therefore only those of data that are declared
// public ([dp.Totals.DeclarePublic]): ErrNotPublic for all others. Whatever it
// is given is spent: nothing that was examined can be released. What it says of
// a correct question does not depend on the data in any case.
package proof

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

var (
	// ErrNotPublic refuses totals of data that are not declared public.
	ErrNotPublic = errors.New("proof: the data are not declared public")
	// ErrBound means that one person moved the totals by more than was declared.
	ErrBound = errors.New("proof: one person moves more than the declared bounds")
	// ErrApart means that the totals of parts do not add up to those of the whole.
	ErrApart = errors.New("proof: people are not kept apart")
)

// cells are the exact cells of the groups that have any, by group key.
type cells map[string]map[string][]int64

// open reads public totals and spends them.
func open(t *dp.Totals) (*seam.Exact, cells, error) {
	e, err := t.Unseal(seam.Issue())
	if err != nil {
		return nil, nil, err
	}
	if !e.Public {
		return nil, nil, ErrNotPublic
	}
	if err := dp.Spend(seam.Issue(), t); err != nil {
		return nil, nil, err
	}
	out := cells{}
	for _, g := range e.Groups {
		if slices.ContainsFunc(slices.Collect(maps.Values(g.Cells)), func(c []int64) bool {
			return slices.ContainsFunc(c, func(x int64) bool { return x != 0 })
		}) {
			out[strings.Join(g.Keys, "\x00")] = g.Cells
		}
	}
	return e, out, nil
}

// Moves is what one person changes.
type Moves struct {
	Cells int     // cells that are not 0
	Rho   float64 // what hiding the person costs under the plan: sum of squares over 2 sigma^2
}

// Bounded checks the totals of one person alone: at most L0 groups, and in each
// of them, for every channel, no cell beyond its bound, no more cells than may
// move, and no longer a vector than the cost is charged for. Errors: ErrBound,
// ErrNotPublic, dp.ErrReleased, dp.ErrMismatch.
func Bounded(t *dp.Totals, p *dp.Plan) (Moves, error) {
	spec, sigmas := t.Spec(), p.Sigmas()
	e, groups, err := open(t)
	if err != nil {
		return Moves{}, err
	}
	if len(groups) > spec.L0 {
		return Moves{}, fmt.Errorf("%w: %d groups, L0 is %d", ErrBound, len(groups), spec.L0)
	}
	var m Moves
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		for _, ch := range e.Channels {
			values := groups[name][ch.Name]
			if err := bounded(ch, values); err != nil {
				return Moves{}, err
			}
			sigma := sigmas[ch.Name]
			for _, x := range values {
				if x == 0 {
					continue
				}
				m.Cells++
				if sigma == 0 { // never drawn itself, what is chosen from it is
					m.Rho = p.Cost().RhoFloat()
					continue
				}
				m.Rho += float64(x) / sigma * float64(x) / sigma / 2
			}
		}
		if n := groups[name]["people"][0]; n != 1 {
			return Moves{}, fmt.Errorf("%w: one person counts as %d", ErrBound, n)
		}
	}
	return m, nil
}

func bounded(ch seam.Channel, values []int64) error {
	length, moved := new(big.Int), int64(0)
	for _, x := range values {
		if x == 0 {
			continue
		}
		moved++
		if x > ch.Linf || x < -ch.Linf {
			return fmt.Errorf("%w: %s by %d, the bound is %d", ErrBound, ch.Name, x, ch.Linf)
		}
		length.Add(length, new(big.Int).Mul(big.NewInt(x), big.NewInt(x)))
	}
	if moved > ch.Moved {
		return fmt.Errorf("%w: %d cells of %s, the bound is %d", ErrBound, moved, ch.Name, ch.Moved)
	}
	if length.Cmp(ch.Delta2) > 0 {
		return fmt.Errorf("%w: %s by a squared length of %s, the bound is %s", ErrBound, ch.Name, length, ch.Delta2)
	}
	return nil
}

// Apart checks T(D) = sum of T(part) over a partition of the people. L0 and row
// caps must bind nobody, since what they choose depends on each totals' salt: see
// [Unbound]. Errors: ErrApart, ErrNotPublic, dp.ErrReleased.
func Apart(whole *dp.Totals, parts ...*dp.Totals) error {
	_, want, err := open(whole)
	if err != nil {
		return err
	}
	got := cells{}
	for _, p := range parts {
		_, groups, err := open(p)
		if err != nil {
			return err
		}
		for key, channels := range groups {
			if got[key] == nil {
				got[key] = map[string][]int64{}
			}
			for name, values := range channels {
				sum := got[key][name]
				if sum == nil {
					sum = make([]int64, len(values))
				}
				for i, x := range values {
					sum[i] += x
				}
				got[key][name] = sum
			}
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%w: %d groups together, %d apart", ErrApart, len(want), len(got))
	}
	for key, channels := range want {
		for name, values := range channels {
			if !slices.Equal(values, got[key][name]) {
				return fmt.Errorf("%w: %s of group %q", ErrApart, name, strings.ReplaceAll(key, "\x00", "/"))
			}
		}
	}
	return nil
}

// Unbound is the question with L0 and row caps taken off; clamps stay, and so
// does the one row of marginals.
func Unbound(s dp.Spec) dp.Spec {
	const many = 1000
	single := false // kinds that take one row of a person need L0 = 1
	s.Measures = slices.Clone(s.Measures)
	for i := range s.Measures {
		m := &s.Measures[i]
		single = single || m.Kind == dp.KindSurvival || m.Kind == dp.KindMarginals
		if m.Rows > 0 && m.Kind != dp.KindMarginals {
			m.Rows = many
		}
		if m.Kind == dp.KindSeries {
			m.MaxPositions = len(m.Positions)
		}
	}
	if !single {
		s.L0 = many
	}
	return s
}
