package locality

import (
	"maps"
	"slices"
)

// column is what is known of a column of a relation.
type column struct {
	class int    // of person columns; 0: no person column
	sure  bool   // never NULL
	loose bool   // a list whose order is not decided
	dense bool   // the dense person number, which only a view's own range may look at
	kind  string // DuckDB's type
}

// prover walks a plan from its leaves. It stops nowhere: an operator that is
// refused gives columns that are no person columns, so that one run finds as
// much as it can.
type prover struct {
	Declaration
	bound     *Bound
	before    int
	lo, hi    uint32 // the range of person numbers in the views
	classes   int
	ctes      map[uint64][]column
	reads     map[string]map[string]bool
	functions map[string]bool
	operators map[string]bool
	joins     int
	findings  []Finding
}

func newProver(d Declaration, b *Bound, before int) *prover {
	lo, hi := Range(b.source)
	return &prover{
		Declaration: d, bound: b, before: before, lo: lo, hi: hi, ctes: map[uint64][]column{},
		reads: map[string]map[string]bool{}, functions: map[string]bool{}, operators: map[string]bool{},
	}
}

func (p *prover) proof() *Proof {
	out := &Proof{
		Functions: slices.Sorted(maps.Keys(p.functions)),
		Operators: slices.Sorted(maps.Keys(p.operators)),
		Joins:     p.joins,
	}
	for _, table := range slices.Sorted(maps.Keys(p.reads)) {
		out.Reads = append(out.Reads, Read{Table: table, Columns: slices.Sorted(maps.Keys(p.reads[table]))})
	}
	return out
}

// add blames an operator, at the first place that its expressions name.
func (p *prover) add(code string, n *planNode, format string, args ...any) {
	p.findings = append(p.findings, findingAt(p.bound.source, code, p.placeOf(n), format, args...))
}

// addAt blames an expression.
func (p *prover) addAt(code string, e *planExpr, format string, args ...any) {
	p.findings = append(p.findings, findingAt(p.bound.source, code, p.place(e), format, args...))
}

// place is the first place in the SQL that an expression, or one inside it, names.
func (p *prover) place(e *planExpr) uint64 {
	if e == nil {
		return noPlace
	}
	if e.At != noPlace && e.At >= uint64(p.before) && e.At < uint64(p.before+len(p.bound.SQL)) {
		return uint64(p.bound.offset(int(e.At) - p.before))
	}
	for _, c := range e.parts() {
		if at := p.place(c); at != noPlace {
			return at
		}
	}
	return noPlace
}

func (p *prover) placeOf(n *planNode) uint64 {
	exprs := append(append([]*planExpr{}, n.Expressions...), n.Groups...)
	exprs = append(exprs, n.Condition)
	for _, c := range n.Conditions {
		exprs = append(exprs, c.Left, c.Right)
	}
	for _, e := range exprs {
		if at := p.place(e); at != noPlace {
			return at
		}
	}
	for _, c := range n.Children {
		if c != nil {
			if at := p.placeOf(c); at != noPlace {
				return at
			}
		}
	}
	return noPlace
}

// class makes a class that no column has yet.
func (p *prover) class() int {
	p.classes++
	return p.classes
}

// fresh copies columns, with classes of their own.
func (p *prover) fresh(of []column) []column {
	out := slices.Clone(of)
	renamed := map[int]int{}
	for i, c := range out {
		if c.class == 0 {
			continue
		}
		if renamed[c.class] == 0 {
			renamed[c.class] = p.class()
		}
		out[i].class = renamed[c.class]
	}
	return out
}

// keep takes the person columns of other classes away.
func keep(columns []column, classes map[int]bool) []column {
	out := slices.Clone(columns)
	for i := range out {
		if !classes[out[i].class] {
			out[i].class = 0
		}
	}
	return out
}

func unsure(columns []column) []column {
	out := slices.Clone(columns)
	for i := range out {
		out[i].sure = false
	}
	return out
}
