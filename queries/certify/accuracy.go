package certify

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
)

const (
	k           = 20   // the least threshold there is
	defaultErr  = 0.05 // of the reference value
	defaultSize = 1000 // people in the group
)

// Sizes are the group sizes that accuracy is reported at.
var Sizes = []int{20, 100, 1000, 10_000}

// Cost is what 5 % of every reference value at 1,000 people costs.
type Cost struct {
	Rho     float64 `json:"rho"`
	Delta   float64 `json:"delta"`
	OfCap   float64 `json:"of_cap"`
	Limited string  `json:"limited_by,omitempty"` // where 5 % are out of reach: what was priced instead
}

// Accuracy is the 95 % half-width of every measure in a group of so many
// people at the default cost, and the chance that the group is not shown.
type Accuracy struct {
	People     int                `json:"people"`
	Suppressed float64            `json:"suppressed"`
	HalfWidth  map[string]float64 `json:"half_width"`
}

// plan prices the default accuracy, or a tenth of the cap where noise cannot
// meet it.
func (o Options) plan(q *queries.Question) (*dp.Plan, string, error) {
	want := dp.Want{Errors: []dp.Error{{Rel: defaultErr, At: defaultSize}}}
	p, err := dp.Price(q.Job.Spec, want, dp.DeltaRule{Cap: o.Cap})
	if err == nil && p.Cost().RhoFloat() <= o.Cap.RhoFloat() {
		return p, "", nil
	}
	p, err = dp.Price(q.Job.Spec, dp.Want{Rho: o.Cap.RhoFloat() / 10}, dp.DeltaRule{Cap: o.Cap})
	return p, "a tenth of the cap", err
}

func (o Options) cost(q *queries.Question) (Cost, error) {
	p, limited, err := o.plan(q)
	if err != nil {
		return Cost{}, err
	}
	c := p.Cost()
	return Cost{c.RhoFloat(), c.DeltaFloat(), c.RhoFloat() / o.Cap.RhoFloat(), limited}, nil
}

func (o Options) accuracy(q *queries.Question) ([]Accuracy, error) {
	p, _, err := o.plan(q)
	if err != nil {
		return nil, err
	}
	sigma := p.Sigmas()["people"]
	var out []Accuracy
	for _, size := range Sizes {
		a := Accuracy{People: size, HalfWidth: map[string]float64{}, Suppressed: 1}
		if size >= k {
			a.Suppressed = distuv.UnitNormal.CDF((float64(p.Threshold()-int64(size)) - 0.5) / sigma)
		}
		if a.HalfWidth["people"], err = p.HalfWidth("people", 0); err != nil {
			return nil, err
		}
		for _, m := range q.Job.Spec.Measures {
			if a.HalfWidth[m.Name], err = p.HalfWidth(m.Name, size); err != nil {
				return nil, err
			}
			if math.IsInf(a.HalfWidth[m.Name], 0) {
				a.HalfWidth[m.Name] = math.MaxFloat64
			}
		}
		out = append(out, a)
	}
	return out, nil
}
