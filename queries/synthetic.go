package queries

import "github.com/qunxiang/qunxiang/dp"

// Synthetic is a population of people who do not exist, drawn from noisy tables
// alone: one value per column and row.
type Synthetic struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// ReleasedMarginals is what was measured of pairs of attributes; see
// [dp.Marginals].
type ReleasedMarginals struct {
	Pairs []ReleasedPair      `json:"pairs"` // a tree: these dependences are in the synthetic rows
	Left  []ReleasedPairError `json:"left"`  // not measured
	Fit   []ReleasedFit       `json:"fit"`
}

// ReleasedPairError is the sum over the cells of a pair of how far the counts are
// from what the two one-way tables give under independence, in people.
type ReleasedPairError struct {
	A            string         `json:"a"`
	B            string         `json:"b"`
	Independence ReleasedNumber `json:"independence_error"`
}

// ReleasedPair is a measured pair.
type ReleasedPair struct {
	ReleasedPairError
	Fit   float64            `json:"fit"` // total variation distance of the synthetic rows
	Cells []ReleasedPairCell `json:"cells"`
}

// ReleasedPairCell is the people with one value of each attribute.
type ReleasedPairCell struct {
	A string `json:"a"`
	B string `json:"b"`
	ReleasedNumber
}

// ReleasedFit is the total variation distance, 0 to 1, of the synthetic rows to
// an attribute's released table, made consistent.
type ReleasedFit struct {
	Name     string  `json:"name"`
	Distance float64 `json:"distance"`
}

var pairTitle = Text{EN: "Cell of a chosen pair", ZH: "所选二维边际的单元格"}

func releasedMarginals(m *dp.Marginals) *ReleasedMarginals {
	if m == nil {
		return nil
	}
	out := &ReleasedMarginals{Pairs: []ReleasedPair{}, Left: []ReleasedPairError{}, Fit: []ReleasedFit{}}
	pairError := func(e dp.PairError) ReleasedPairError {
		return ReleasedPairError{e.A, e.B, releasedNumber(e.Value, e.Low, e.High)}
	}
	for _, p := range m.Pairs {
		r := ReleasedPair{ReleasedPairError: pairError(p.PairError), Fit: round(p.Fit)}
		for _, c := range p.Cells {
			r.Cells = append(r.Cells, ReleasedPairCell{c.A, c.B, releasedNumber(c.Value, c.Low, c.High)})
		}
		out.Pairs = append(out.Pairs, r)
	}
	for _, e := range m.Left {
		out.Left = append(out.Left, pairError(e))
	}
	for _, f := range m.Fit {
		out.Fit = append(out.Fit, ReleasedFit{f.Name, round(f.Value)})
	}
	return out
}

// synthetic is the population drawn in a table's one group; nil where the group
// is suppressed or nothing was drawn.
func synthetic(t *dp.Table) *Synthetic {
	for _, g := range t.Groups {
		for _, m := range g.Measures {
			if m.Marginals != nil {
				return &Synthetic{m.Marginals.Synthetic.Columns, m.Marginals.Synthetic.Rows}
			}
		}
	}
	return nil
}
