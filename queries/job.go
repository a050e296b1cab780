package queries

import (
	"context"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// Engine runs a compiled question inside the domain and returns bounded,
// un-noised totals, which only package dp can read.
//
// Every error means that no totals came out. The text of an error may be seen
// by the steward only; clients see none of it (rule 9).
type Engine interface {
	Run(ctx context.Context, j Job) (*dp.Totals, error)
	// Check says what is wrong with a job without touching data: SQL that does
	// not keep people apart, or does not bind. It is asked before the charge.
	Check(ctx context.Context, j Job) error
}

// Job is a question with everything an engine needs and nothing of the client's
// own text: SQL is the template's, Args are typed values bound to its $names.
type Job struct {
	Snapshot string // snapshot id
	Epoch    int64  // opt-outs registered before this epoch are left out
	Views    []View
	SQL      string
	Args     map[string]any // string, int64, []string, []int64 or time.Time (a DATE)
	Keys     []KeyColumn    // in the order of Spec.Keys
	Columns  []IntColumn    // in the order of Spec.Columns
	// Salt decides which groups and rows of a person stay where there are too many;
	// all zeros: one is drawn. It is of one request and of no data ([dp.NewTotalsWith]).
	Salt [16]byte
	Spec dp.Spec
}

// View is one of the limited tables the SQL selects from. psn_key is always
// among its columns.
//
// Dated tables keep rows whose date lies in [From, To]; encounter keeps stays
// that lie wholly inside; coverage is cut to the window. The person view has
// no date: it offers "age", whole years on AgeAt, and hides a death after To.
type View struct {
	Name, Table string
	Columns     []string
	From, To    time.Time
	AgeAt       time.Time
	Codes       CodeSet // nil: every code
	// Lists, in place of Codes, are sets that stay apart: the view has an INTEGER
	// column Position, the number of the set, and a row in several sets is there
	// once for each.
	Lists    []CodeSet
	Position string
	Where    []Among
}

// Among keeps rows whose text column has one of the values, or begins with one.
type Among struct {
	Column string
	Values []string
	Prefix bool
}

// KeyColumn tells how the SQL's column becomes a group key: an integer through
// Bands to a position in the key's values, or a text that is the value itself.
// A value outside the public ones drops the row before anything is counted.
type KeyColumn struct {
	Name  string
	Bands *Bands
}

// IntColumn tells how the SQL's column becomes a measure column: the integer
// itself, or its position in Bands for an axis. NULL stays NULL.
type IntColumn struct {
	Name   string // the SQL's column
	Bands  *Bands
	Source int64 // divides the value first where > 1: months to quarters
}
