package queries

import (
	"cmp"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/dp"
)

// ReleasedTotal is the sum of the shown groups that have the same values of some
// keys. Its values are the exact sums of the values shown, so that totals and
// sub-totals agree; groups that are not shown are in none of them, and a person
// who is in several groups is counted in each. Intervals are those of sums of
// independent noise. Derived numbers are made from the sums.
type ReleasedTotal struct {
	Keys       map[string]string        `json:"keys"`                 // the keys that stay; none for the whole table
	Groups     int                      `json:"groups"`               // shown groups in it
	Suppressed int                      `json:"suppressed,omitempty"` // public groups that are not
	Measures   map[string]ReleasedValue `json:"measures"`
}

// Flow is how many people took one step of their path: from one stage to the
// next, at step 1, 2 ...; at step 0 from nowhere to the first stage. It adds the
// shown paths, with the interval of a sum of independent noise.
type Flow struct {
	Step   int            `json:"step"`
	From   string         `json:"from"`
	To     string         `json:"to"`
	People ReleasedNumber `json:"people"`
}

// pathSeparator stands between the stages of a path in a key's value.
const pathSeparator = ">"

var totalsNote = Text{
	EN: "Totals and flows add the shown groups only; a person in several groups is counted in each.",
	ZH: "合计与流向仅为所列分组之和；同时属于多个分组者在各组分别计数。",
}

// addTotals fills in totals and flows, and says what they are.
func (q *Question) addTotals(r *Release, t *dp.Table) {
	sets, wanted := [][]string{}, false
	for _, d := range q.Template.Derived {
		switch d.Kind {
		case "totals":
			sets = append(sets, d.Within)
		case "loss_ratio":
			wanted = true
		case "flows":
			r.Flows = append(r.Flows, q.flows(t, d.Key)...)
		}
	}
	if whole := func(within []string) bool { return len(within) == 0 }; wanted && !slices.ContainsFunc(sets, whole) {
		sets = append(sets, nil) // a loss ratio has its total
	}
	for _, within := range sets {
		r.Totals = append(r.Totals, q.totals(t, within)...)
	}
	if len(r.Totals)+len(r.Flows) > 0 {
		r.Notes = append(r.Notes, totalsNote)
	}
}

// totals adds the shown groups that agree on the keys within, in the order of
// the table. Parts of which no group is shown are left out.
func (q *Question) totals(t *dp.Table, within []string) []ReleasedTotal {
	var order []string
	parts := map[string][]*dp.Group{}
	hidden := map[string]int{}
	for i := range t.Groups {
		g := &t.Groups[i]
		part := q.agreed(g, within)
		if g.Suppressed {
			hidden[part]++
			continue
		}
		if parts[part] == nil {
			order = append(order, part)
		}
		parts[part] = append(parts[part], g)
	}
	var out []ReleasedTotal
	for _, part := range order {
		r := ReleasedTotal{Keys: map[string]string{}, Groups: len(parts[part]), Suppressed: hidden[part], Measures: map[string]ReleasedValue{}}
		for i, k := range q.Job.Spec.Keys {
			if slices.Contains(within, k.Name) {
				r.Keys[k.Name] = parts[part][0].Keys[i]
			}
		}
		sums := q.sums(parts[part])
		for _, m := range sums {
			r.Measures[m.Name] = unrounded(m)
		}
		for _, m := range q.derivedTotals(sums, parts[part]) {
			r.Measures[m.Name] = released(m)
		}
		out = append(out, r)
	}
	return out
}

// sums adds what adds up: people, rows, sums and their axes, as they are shown.
func (q *Question) sums(groups []*dp.Group) []dp.Measured {
	kinds := q.Template.numbers()
	for _, d := range q.Template.Derived {
		if d.Kind == "times" {
			kinds[d.Name] = d.Kind
		}
	}
	var out []dp.Measured
	for _, first := range groups[0].Measures {
		if kind := kinds[first.Name]; !scalarKinds[kind] && !positionKinds[kind] {
			continue
		}
		var all []dp.Measured
		for _, g := range groups {
			if m := find(g.Measures, first.Name); m != nil {
				all = append(all, rounded(*m))
			}
		}
		if m, ok := dp.Sum(all); ok && len(all) == len(groups) {
			out = append(out, m)
		}
	}
	return out
}

// derivedTotals makes the derived numbers of a total from its sums. Shares are
// of groups only; times is a sum already.
func (q *Question) derivedTotals(sums []dp.Measured, groups []*dp.Group) []dp.Measured {
	var out []dp.Measured
	for _, d := range q.Template.Derived {
		switch d.Kind {
		case "ratio", "funnel", "change":
			out = append(out, q.derived(sums, d, 0)...)
		case "loss_ratio":
			var benefits, exposures []dp.Measured
			var premiums []float64
			for _, g := range groups {
				of, by, p := find(g.Measures, d.Of), find(g.Measures, d.By), q.premium(d, g.Keys)
				if of != nil && by != nil && p > 0 {
					benefits, exposures, premiums = append(benefits, *of), append(exposures, *by), append(premiums, p)
				}
			}
			if m, ok := dp.LossRatio(benefits, exposures, premiums); ok {
				out = append(out, named(m, d.Name, d.Unit))
			}
		}
	}
	return out
}

// rounded has the values that are shown.
func rounded(m dp.Measured) dp.Measured {
	shift := func(value, low, high float64) (float64, float64, float64) {
		by := round(value) - value
		return value + by, low + by, high + by
	}
	if m.Values == nil {
		m.Value, m.Low, m.High = shift(m.Value, m.Low, m.High)
		return m
	}
	m.Values = slices.Clone(m.Values)
	for i := range m.Values {
		p := &m.Values[i]
		p.Value, p.Low, p.High = shift(p.Value, p.Low, p.High)
	}
	return m
}

// unrounded is released with exact values, for what must add up.
func unrounded(m dp.Measured) ReleasedValue {
	r := released(m)
	if r.Number != nil {
		r.Number.Value = m.Value
	}
	for i := range r.Values {
		r.Values[i].Value = m.Values[i].Value
	}
	return r
}

// flows adds the people of the shown paths step by step.
func (q *Question) flows(t *dp.Table, key string) []Flow {
	at := q.key(key)
	if at < 0 {
		return nil // dropped in this variant
	}
	type link struct {
		step     int
		from, to string
	}
	people := map[link][]dp.Measured{}
	for i := range t.Groups {
		m := find(t.Groups[i].Measures, "people")
		if m == nil {
			continue
		}
		from := ""
		for step, to := range strings.Split(t.Groups[i].Keys[at], pathSeparator) {
			to = strings.TrimSpace(to)
			people[link{step, from, to}] = append(people[link{step, from, to}], rounded(*m))
			from = to
		}
	}
	out := []Flow{}
	for l, parts := range people {
		sum, ok := dp.Sum(parts)
		if !ok {
			continue
		}
		out = append(out, Flow{l.step, l.from, l.to, *unrounded(sum).Number})
	}
	slices.SortFunc(out, func(a, b Flow) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return out
}
