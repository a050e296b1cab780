package queries

import (
	"fmt"
	"slices"

	"github.com/qunxiang/qunxiang/dp"
)

// measures turns the declared measures of the chosen variant into the dp spec
// and the engine's integer columns.
func (q *Question) measures() error {
	for _, m := range q.Template.Measures {
		m = m.bounded(q.Parameters)
		scale := 1
		if m.PerYear {
			scale = q.perYear()
		}
		d := dp.Measure{
			Name: m.Name, Unit: m.Unit, Kind: dp.Kind(m.Kind),
			Column: q.column(m.Column, nil, 0), Event: q.column(m.Event, nil, 0),
			Rows: m.Rows * scale, Centre: m.Centre, RowsName: m.RowsName, MaxPositions: m.MaxPositions * scale,
			Probs: m.Probs, Octaves: m.Octaves, Reference: m.Reference, ReferencePeople: m.People, Weight: m.Weight,
			Unit2: m.Unit2, Hi2: m.Total2 * int64(scale), ReferenceSD: m.ReferenceSD, Competing: m.Competing, HiAt: m.TotalAt,
		}
		if len(m.Clamp) == 2 {
			d.RowLo, d.RowHi, d.Lo, d.Hi = m.Clamp[0], m.Clamp[1], m.Clamp[0], m.Clamp[1]
		}
		if len(m.Total) == 2 {
			years := int64(scale)
			if d.Kind == dp.KindSeries {
				years = 1 // of one position; longer windows have more of them
			}
			d.Lo, d.Hi = m.Total[0]*years, m.Total[1]*years
		}
		if m.TotalAtParam != "" {
			d.HiAt = q.values[m.TotalAtParam].Ints
		}
		if m.ClampTo != "" {
			d.RowHi, d.Hi = min(d.RowHi, q.values[m.ClampTo].Int), min(d.Hi, q.values[m.ClampTo].Int)
		}
		if m.ProbsParam != "" {
			d.Probs = q.values[m.ProbsParam].Probs
		}
		if m.Axis != nil {
			bands, labels, source := q.axis(m)
			d.At, d.Positions = q.column(m.Axis.Column, bands, source), labels
			d.MaxPositions = min(d.MaxPositions, len(labels))
		}
		if err := q.attributes(m, &d); err != nil {
			return err
		}
		q.Job.Spec.Measures = append(q.Job.Spec.Measures, d)
	}
	return q.checkDerived()
}

// bounded applies the bounds of the chosen value, where there are any.
func (m Measure) bounded(chosen map[string]string) Measure {
	if m.By == nil {
		return m
	}
	b := m.By.Values[chosen[m.By.Parameter]]
	if b.Clamp != nil {
		m.Clamp = b.Clamp
	}
	if b.Total != nil {
		m.Total = b.Total
	}
	if b.Rows != 0 {
		m.Rows = b.Rows
	}
	if b.Centre != 0 {
		m.Centre = b.Centre
	}
	if b.Unit2 != 0 {
		m.Unit2 = b.Unit2
	}
	if b.Total2 != 0 {
		m.Total2 = b.Total2
	}
	if b.Reference != 0 {
		m.Reference = b.Reference
	}
	return m
}

// axis gives the division of a measure's axis in this variant, its labels, and
// what the SQL's number is divided by first.
func (q *Question) axis(m Measure) (*Bands, []string, int64) {
	coarser := Coarser{}
	if q.Coarse {
		coarser = q.Template.Coarse.Axes[m.Name]
	}
	switch {
	case coarser.Bands != nil:
		return coarser.Bands, coarser.Bands.Labels(), 0
	case m.Axis.Bands != nil:
		return m.Axis.Bands, m.Axis.Bands.Labels(), 0
	case m.Axis.Lists != "" || m.Axis.Layers != "":
		b, l := numbered(q.values[m.Axis.Lists+m.Axis.Layers].List)
		return b, l, 0
	case len(m.Axis.Values) > 0:
		b, l := numbered(m.Axis.Values)
		return b, l, 0
	case m.Axis.Quarters != "":
		b, l := quarters(q.values[m.Axis.Quarters])
		return b, l, 0
	case coarser.Quarters:
		b, l := quarters(q.values[m.Axis.Months])
		return b, l, 3
	}
	b, l := months(q.values[m.Axis.Months])
	return b, l, 0
}

// column adds an integer column to the job once and returns its name in the
// spec; the same SQL column on two divisions is two columns.
func (q *Question) column(name string, bands *Bands, source int64) string {
	if name == "" {
		return ""
	}
	i := slices.IndexFunc(q.Job.Columns, func(c IntColumn) bool {
		return c.Name == name && c.Bands == bands && c.Source == source
	})
	if i < 0 {
		i = len(q.Job.Columns)
		q.Job.Columns = append(q.Job.Columns, IntColumn{Name: name, Bands: bands, Source: source})
		spec := name
		if slices.Contains(q.Job.Spec.Columns, spec) {
			spec = fmt.Sprintf("%s#%d", name, i)
		}
		q.Job.Spec.Columns = append(q.Job.Spec.Columns, spec)
	}
	return q.Job.Spec.Columns[i]
}
