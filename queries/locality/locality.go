package locality

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Kind is the type of a parameter.
type Kind string

// The kinds of parameters, with the DuckDB types that they are bound as.
const (
	KindDate     Kind = "date"     // DATE
	KindInteger  Kind = "integer"  // INTEGER
	KindText     Kind = "text"     // VARCHAR
	KindTexts    Kind = "texts"    // VARCHAR[]
	KindIntegers Kind = "integers" // BIGINT[]
)

// View is a relation that the SQL may select from. It always has psn_key, which
// is never NULL.
type View struct {
	Name  string // in the SQL
	Table string // the table below it
	// Reads are all columns of the table that the view is made of: those it
	// offers and those of its window and its codes.
	Reads []string
}

// Declaration is what the SQL is held against.
type Declaration struct {
	Views      []View
	Parameters map[string]Kind // by name, without "$"
	Columns    []string        // output columns besides psn_key: keys and measure columns
	Exact      bool            // other output columns are findings
	// Catalog and Schema are where the tables stand in a plan.
	Catalog, Schema string
}

// Input is a statement with what DuckDB says of it. JSON is written with
// skip_empty and skip_null.
type Input struct {
	SQL         string // the template's
	Declaration Declaration
	Tree        string // json_serialize_sql of SQL
	BoundTree   string // json_serialize_sql of Bind(SQL)
	// Plan is json_serialize_plan of a SELECT whose first column is the psn_key of
	// Bind(SQL), with the views' definitions in front, each with the predicate
	// "pno BETWEEN lo AND hi" of Range(SQL).
	Plan string
	// Before is where, in bytes, Bind(SQL) begins in the text that was planned.
	Before int
}

// Read says which columns of a table are read, views' windows and codes included.
type Read struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

// Proof says what a statement that keeps people apart does. Lists are sorted.
type Proof struct {
	Reads     []Read   `json:"reads"`
	Functions []string `json:"functions"`
	Operators []string `json:"operators"`
	Joins     int      `json:"joins"` // each tied by a person column
}

// Range is the range of dense person numbers that the views have in the plan. It
// depends on the SQL, so that no SQL can hold it: a table without it was not
// reached through a view.
func Range(sql string) (lo, hi uint32) {
	sum := sha256.Sum256([]byte(sql))
	lo = binary.BigEndian.Uint32(sum[:]) >> 2
	return lo, lo + 1
}

// Prove gives either a proof or findings.
func Prove(in Input) (*Proof, []Finding) {
	if found := Tree(in.SQL, in.Declaration, in.Tree); len(found) > 0 {
		return nil, found
	}
	bound, err := Bind(in.SQL, in.Declaration)
	if err != nil {
		return nil, []Finding{finding("parameter", err.Error())}
	}
	if !sameTree(in.Tree, in.BoundTree) {
		return nil, []Finding{finding("parameter", "the statement cannot be bound with constants for its parameters")}
	}
	return bound.Plan(in.Declaration, in.Plan, in.Before)
}

// Tree is the proof on the parsed tree alone.
func Tree(sql string, d Declaration, tree string) []Finding {
	statement, found := readTree(tree)
	if len(found) > 0 {
		return found
	}
	l := &linter{sql: sql, Declaration: d}
	l.statement(statement)
	return l.findings
}

// Plan is the proof on the bound plan alone; before is as in [Input].
func (b *Bound) Plan(d Declaration, plan string, before int) (*Proof, []Finding) {
	root, found := readPlan(plan)
	if len(found) > 0 {
		return nil, found
	}
	p := newProver(d, b, before)
	out := p.relation(root)
	if len(p.findings) == 0 && (len(out) == 0 || out[0].class == 0) {
		p.add("psn_key", root, "the first column is not the psn_key of the person that a row comes from")
	}
	if len(p.findings) > 0 {
		return nil, p.findings
	}
	return p.proof(), nil
}

// contains compares names as DuckDB does.
func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return fold(n) == fold(name) })
}
