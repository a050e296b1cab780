package dptest

import (
	"encoding/binary"
	"math/big"
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/internal/siphash"
)

// Bounded computes the bounded totals of rows by brute force, with the question
// and salt of t (which is only read): sets and sorting, one person at a time,
// arbitrary precision. It shares nothing with dp but the hash function.
func Bounded(tb testing.TB, t *dp.Totals, rows []Row) []Group {
	tb.Helper()
	o := oracle{spec: t.Spec(), key: siphash.NewKey(unseal(tb, t).Salt), groups: map[string]*Group{}}
	byPerson := map[[16]byte][]Row{}
	for _, r := range rows {
		if o.inDomain(r.Keys) {
			byPerson[r.Person] = append(byPerson[r.Person], r)
		}
	}
	for person, theirs := range byPerson {
		o.person(person, theirs)
	}
	out := []Group{}
	for _, g := range o.groups {
		out = append(out, *g)
	}
	sortGroups(out)
	return out
}

type oracle struct {
	spec   dp.Spec
	key    siphash.Key
	groups map[string]*Group
}

func (o *oracle) inDomain(keys []string) bool {
	for i, k := range o.spec.Keys {
		if !k.Private && !slices.Contains(k.Values, keys[i]) {
			return false
		}
	}
	return true
}

func canonical(keys []string) string {
	var b []byte
	for _, k := range keys {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(k)))
		b = append(b, k...)
	}
	return string(b)
}

// hash is SipHash-2-4 of psn_key, the hash of the group, and more words.
func (o *oracle) hash(person [16]byte, group string, more ...int64) uint64 {
	b := append([]byte(nil), person[:]...)
	b = binary.LittleEndian.AppendUint64(b, siphash.Bytes(o.key, []byte(group)))
	for _, w := range more {
		b = binary.LittleEndian.AppendUint64(b, uint64(w))
	}
	return siphash.Bytes(o.key, b)
}

func (o *oracle) person(person [16]byte, rows []Row) {
	byGroup := map[string][]Row{}
	for _, r := range rows {
		byGroup[canonical(r.Keys)] = append(byGroup[canonical(r.Keys)], r)
	}
	names := []string{}
	for name := range byGroup {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(a, b string) int { return compare(o.hash(person, a), o.hash(person, b)) })
	for _, name := range names[:min(o.spec.L0, len(names))] {
		g := o.groups[name]
		if g == nil {
			g = &Group{Keys: append([]string{}, byGroup[name][0].Keys...), Cells: o.empty()}
			o.groups[name] = g
		}
		g.Cells["people"][0]++
		for _, m := range o.spec.Measures {
			o.measure(g, m, person, name, byGroup[name])
		}
	}
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (o *oracle) empty() map[string][]int64 {
	cells := map[string][]int64{"people": make([]int64, 1)}
	for _, m := range o.spec.Measures {
		switch m.Kind {
		case dp.KindPeople:
		case dp.KindMean:
			cells[m.Name+"/sum"], cells[m.Name+"/rows"] = make([]int64, 1), make([]int64, 1)
		case dp.KindSpread:
			for _, part := range []string{"/sum", "/rows", "/squares"} {
				cells[m.Name+part] = make([]int64, 1)
			}
		case dp.KindQuantiles:
			cells[m.Name] = make([]int64, 16+256)
		case dp.KindHistogram, dp.KindSeries, dp.KindVector:
			cells[m.Name] = make([]int64, len(m.Positions))
		case dp.KindMarginals:
			cells[m.Name+"/tables"] = make([]int64, len(pairCells(m)))
		case dp.KindSurvival:
			cells[m.Name] = make([]int64, fates(m)*len(m.Positions))
		default:
			cells[m.Name] = make([]int64, 1)
		}
	}
	return cells
}

func (o *oracle) measure(g *Group, m dp.Measure, person [16]byte, name string, rows []Row) {
	kept := o.keep(m, person, name, rows)
	switch m.Kind {
	case dp.KindRows:
		g.Cells[m.Name][0] += int64(len(kept))
	case dp.KindHistogram:
		for _, r := range kept {
			g.Cells[m.Name][o.value(m.At, r)]++
		}
	case dp.KindSum:
		if len(kept) > 0 {
			g.Cells[m.Name][0] += o.total(m, kept)
		}
	case dp.KindMean:
		if len(kept) > 0 {
			g.Cells[m.Name+"/sum"][0] += o.total(m, kept)
			g.Cells[m.Name+"/rows"][0] += int64(len(kept))
		}
	case dp.KindQuantiles:
		if len(kept) > 0 {
			leaf := leaf(m, o.total(m, kept))
			g.Cells[m.Name][leaf/16]++
			g.Cells[m.Name][16+leaf]++
		}
	case dp.KindSpread:
		if len(kept) > 0 {
			g.Cells[m.Name+"/sum"][0] += o.total(m, kept)
			g.Cells[m.Name+"/rows"][0] += int64(len(kept))
			g.Cells[m.Name+"/squares"][0] += o.squares(m, kept)
		}
	case dp.KindSeries:
		o.series(g, m, person, name, kept)
	case dp.KindVector:
		o.vector(g, m, kept)
	case dp.KindMarginals:
		o.marginals(g, m, kept[0])
	case dp.KindSurvival:
		o.survival(g, m, kept)
	}
}

// leaf is floor((total-Lo)*256/(Hi-Lo)), Hi itself in the last leaf; or, in
// octaves, the last bin whose lower edge is at most total.
func leaf(m dp.Measure, total int64) int64 {
	if !m.Octaves {
		x := big.NewInt(total - m.Lo)
		x.Mul(x, big.NewInt(256)).Quo(x, big.NewInt(m.Hi-m.Lo))
		return min(x.Int64(), 255)
	}
	w := (m.Hi - m.Lo) / 32768
	last := int64(0)
	for b := range int64(256) {
		num := w * (b % 16) // in sixteenths
		if b >= 16 {
			num = (w << (b/16 - 1)) * (16 + b%16)
		}
		if (total-m.Lo)*16 >= num {
			last = b
		}
	}
	return last
}

func (o *oracle) series(g *Group, m dp.Measure, person [16]byte, name string, kept []Row) {
	at := map[int64][]Row{}
	for _, r := range kept {
		at[o.value(m.At, r)] = append(at[o.value(m.At, r)], r)
	}
	positions := []int64{}
	for p := range at {
		positions = append(positions, p)
	}
	slices.Sort(positions)
	slices.SortStableFunc(positions, func(a, b int64) int {
		return compare(o.hash(person, name, a), o.hash(person, name, b))
	})
	for _, p := range positions[:min(m.MaxPositions, len(positions))] {
		clamped := m
		if m.HiAt != nil {
			clamped.Hi = m.HiAt[p]
		}
		g.Cells[m.Name][p] += o.total(clamped, at[p])
	}
}

// vector scales the sums of all positions down together, in fractions.
func (o *oracle) vector(g *Group, m dp.Measure, kept []Row) {
	at, total := map[int64]*big.Int{}, new(big.Int)
	for _, r := range kept {
		p := o.value(m.At, r)
		if at[p] == nil {
			at[p] = new(big.Int)
		}
		v := big.NewInt(min(max(o.value(m.Column, r), m.RowLo), m.RowHi))
		at[p].Add(at[p], v)
		total.Add(total, v)
	}
	for p, x := range at {
		if total.Cmp(big.NewInt(m.Hi)) > 0 {
			x.Mul(x, big.NewInt(m.Hi)).Quo(x, total)
		}
		g.Cells[m.Name][p] += x.Int64()
	}
}

// squares is the clamped sum of rounded squares, by fractions.
func (o *oracle) squares(m dp.Measure, kept []Row) int64 {
	sum := new(big.Int)
	for _, r := range kept {
		d := min(max(o.value(m.Column, r), m.RowLo), m.RowHi) - m.Centre
		x := big.NewRat(d, m.Unit2)
		x.Mul(x, x).Add(x, big.NewRat(1, 2))
		sum.Add(sum, new(big.Int).Quo(x.Num(), x.Denom()))
	}
	if sum.Cmp(big.NewInt(m.Hi2)) > 0 {
		return m.Hi2
	}
	return sum.Int64()
}

// fates is the cells of a position: censored, event, perhaps competing event.
func fates(m dp.Measure) int {
	if m.Competing {
		return 3
	}
	return 2
}

// survival takes the earliest position; there 1, then 2, then 0.
func (o *oracle) survival(g *Group, m dp.Measure, kept []Row) {
	for p := range int64(len(m.Positions)) {
		for _, e := range []int64{1, 2, 0} {
			for _, r := range kept {
				if o.value(m.At, r) == p && o.value(m.Event, r) == e {
					g.Cells[m.Name][int64(fates(m))*p+e]++
					return
				}
			}
		}
	}
}

// keep is the eligible rows, at most Rows of them by hash.
func (o *oracle) keep(m dp.Measure, person [16]byte, name string, rows []Row) []Row {
	kept := []Row{}
	for _, r := range rows {
		if m.Column != "" && o.value(m.Column, r) == dp.Null {
			continue
		}
		if p := o.value(m.At, r); m.At != "" && (p < 0 || p >= int64(len(m.Positions))) {
			continue
		}
		if e := o.value(m.Event, r); m.Event != "" && e != 0 && e != 1 && !(m.Competing && e == 2) {
			continue
		}
		kept = append(kept, r)
	}
	if m.Kind == dp.KindSurvival || m.Rows == 0 || len(kept) <= m.Rows {
		return kept
	}
	slices.SortFunc(kept, func(a, b Row) int { return slices.Compare(a.Values, b.Values) })
	slices.SortStableFunc(kept, func(a, b Row) int {
		return compare(o.hash(person, name, a.Values...), o.hash(person, name, b.Values...))
	})
	return kept[:m.Rows]
}

func (o *oracle) value(column string, r Row) int64 {
	return slices.Concat(r.Values, []int64{0})[indexOf(o.spec.Columns, column)]
}

// indexOf is the place of a column; one past the end if there is none.
func indexOf(columns []string, name string) int {
	if i := slices.Index(columns, name); i >= 0 {
		return i
	}
	return len(columns)
}

// total is the clamped sum of clamped, centred rows.
func (o *oracle) total(m dp.Measure, rows []Row) int64 {
	centre := m.Centre
	if m.Kind != dp.KindMean && m.Kind != dp.KindSpread {
		centre = 0
	}
	sum := new(big.Int)
	for _, r := range rows {
		v := min(max(o.value(m.Column, r), m.RowLo), m.RowHi)
		sum.Add(sum, big.NewInt(v))
		sum.Sub(sum, big.NewInt(centre))
	}
	if sum.Cmp(big.NewInt(m.Lo)) < 0 {
		return m.Lo
	}
	if sum.Cmp(big.NewInt(m.Hi)) > 0 {
		return m.Hi
	}
	return sum.Int64()
}
