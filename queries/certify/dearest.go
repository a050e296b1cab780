package certify

import (
	"maps"
	"slices"

	"github.com/qunxiang/qunxiang/queries"
)

// Dearest is the choice of bounds whose default accuracy costs most, where a
// template bounds people otherwise for some choices.
type Dearest struct {
	Parameter string `json:"parameter"`
	Value     string `json:"value"`
	Cost      Cost   `json:"cost"`
}

// dearest prices every choice that a measure's bounds depend on, with the
// example for all else. A choice that 5 % are out of reach for counts as dearer
// than any other.
func (o Options) dearest(t *queries.Template, coarse bool) (*Dearest, error) {
	var worst *Dearest
	for _, name := range choices(t) {
		i := slices.IndexFunc(t.Parameters, func(p queries.Parameter) bool { return p.Name == name })
		for _, value := range t.Parameters[i].Values {
			given := maps.Clone(t.Example)
			given[name] = value
			q, err := o.Catalog.Compile(t, coarse, given, o.Population.Source)
			if err != nil {
				return nil, err
			}
			q.Job.Spec.K = k
			cost, err := o.cost(q)
			if err != nil {
				return nil, err
			}
			beyond := cost.Limited != "" && (worst == nil || worst.Cost.Limited == "")
			if worst == nil || beyond || cost.Limited == worst.Cost.Limited && cost.Rho > worst.Cost.Rho {
				worst = &Dearest{name, value, cost}
			}
		}
	}
	return worst, nil
}

// choices are the parameters that bounds depend on.
func choices(t *queries.Template) []string {
	var out []string
	for _, m := range t.Measures {
		if m.By != nil && !slices.Contains(out, m.By.Parameter) {
			out = append(out, m.By.Parameter)
		}
	}
	return out
}
