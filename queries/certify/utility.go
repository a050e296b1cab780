package certify

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
)

// Utility is how good a template's answers are for what they cost, next to
// Laplace noise in every cell with basic composition.
type Utility struct {
	Template  string `json:"template"`
	Catalogue string `json:"catalogue"`
	Cost      Cost   `json:"cost"`   // of the default accuracy
	Groups    int    `json:"groups"` // 0: found privately
	Shown     int    `json:"shown"`
	Numbers   int    `json:"numbers"` // shown, without those that are 0
	// Error is the median relative error of the shown numbers; Laplace is that of
	// the yardstick for the same part of a year's cap. 0 without numbers.
	Error   float64 `json:"median_relative_error"`
	Laplace float64 `json:"laplace_basic_composition"`
	// Afforded is how many releases of the default accuracy a year's cap pays for.
	Afforded []Afforded `json:"afforded"`
}

// Afforded counts the releases of a population that are accurate to 5 % of every
// reference value in a group of average size: everyone whom the template reaches,
// divided by its groups, or by [PrivateGroups] where they are found privately.
type Afforded struct {
	Insured int64 `json:"insured"`
	Coarse  bool  `json:"coarse"`
	Group   int64 `json:"group"` // people
	Ours    int64 `json:"releases"`
	Basic   int64 `json:"laplace_basic_composition"`
}

const (
	// PrivateGroups stands for a number of groups that nobody knows.
	PrivateGroups = 100
	capEpsilon    = 10
	capDelta      = 1e-9
)

// Insured are the populations of [Utility]: a province, and a city, which asks
// for the coarse variants.
var Insured = []struct {
	People int64
	Coarse bool
}{{50_000_000, false}, {500_000, true}}

// Measure asks the question twice at the default cost. Noise is all that differs,
// so that the distance of two numbers over the square root of 2 has the median
// size of the error of one: no exact number is needed. The population must be
// one whose answers nobody needs to be charged for.
// coarse is its coarse variant.
func Measure(ctx context.Context, e queries.Engine, q, coarse *queries.Question) (*Utility, error) {
	limit, err := dp.CapFor(capEpsilon, capDelta)
	if err != nil {
		return nil, err
	}
	o := Options{Engine: e, Cap: limit}
	p, limited, err := o.plan(q)
	if err != nil {
		return nil, err
	}
	u := &Utility{Template: q.Template.Ref(), Catalogue: q.Template.Catalogue, Groups: q.Groups}
	part := p.Cost().RhoFloat() / limit.RhoFloat()
	u.Cost = Cost{p.Cost().RhoFloat(), p.Cost().DeltaFloat(), part, limited}
	var tables [2]*dp.Table
	for i := range tables {
		totals, err := e.Run(ctx, q.Job)
		if err != nil {
			return nil, err
		}
		if tables[i], err = dp.Release(totals, p); err != nil {
			return nil, err
		}
	}
	var errs []float64
	errs, u.Shown = distances(tables[0], tables[1])
	u.Numbers = len(errs)
	u.Error = median(errs)
	u.Laplace = u.Error * p.LaplaceEpsilon() / (capEpsilon * part)
	for _, n := range Insured {
		asked := q
		if n.Coarse {
			asked = coarse
		}
		u.Afforded = append(u.Afforded, afforded(asked, limit, n.People, n.Coarse))
	}
	return u, nil
}

// afforded is none where 5 % are out of reach.
func afforded(q *queries.Question, limit dp.Cost, insured int64, coarse bool) Afforded {
	groups := q.Groups
	if groups == 0 {
		groups = PrivateGroups
	}
	a := Afforded{Insured: insured, Coarse: coarse, Group: insured * q.Reach / 10_000 / int64(groups)}
	want := dp.Want{Errors: []dp.Error{{Rel: defaultErr, At: int(max(1, a.Group))}}}
	p, err := dp.Price(q.Job.Spec, want, dp.DeltaRule{Cap: limit})
	if err != nil {
		return a
	}
	a.Ours = limit.Rho / p.Cost().Rho
	if d := p.Cost().Delta; d > 0 {
		a.Ours = min(a.Ours, limit.Delta/d)
	}
	a.Basic = int64(capEpsilon / p.LaplaceEpsilon())
	return a
}

// distances are the relative ones of the numbers that both tables show, over the
// square root of 2; shown is how many groups the first shows.
func distances(a, b *dp.Table) (errs []float64, shown int) {
	other := map[string]float64{}
	for name, x := range numbers(b) {
		other[name] = x
	}
	for _, g := range a.Groups {
		if !g.Suppressed {
			shown++
		}
	}
	for name, x := range numbers(a) {
		y, ok := other[name]
		if mid := math.Abs(x+y) / 2; ok && mid > 0 {
			errs = append(errs, math.Abs(x-y)/math.Sqrt2/mid)
		}
	}
	return errs, shown
}

// numbers are all of a table, each with a name of its own.
func numbers(t *dp.Table) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for _, g := range t.Groups {
			for _, m := range g.Measures {
				name := fmt.Sprintf("%q %s", g.Keys, m.Name)
				if m.Values == nil && !yield(name, m.Value) {
					return
				}
				for _, v := range m.Values {
					if !yield(name+" "+v.At, v.Value) {
						return
					}
				}
			}
		}
	}
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
