package queries

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// PersonRows reads rows of people for training, inside the domain. It has nothing
// to do with questions: no [Runner] knows it.
//
// Rows come in ranges of people: those of one person are in one call of yield.
// Whoever has opted out before the epoch is left out by the views, before the SQL
// sees a row. Every error means that the rows are not all there; its text may be
// seen by the operator of the domain only (rule 9).
type PersonRows interface {
	People(ctx context.Context, j FeatureJob, yield func([]PersonRow) error) error
	// CheckRows says what is wrong with a job without touching data.
	CheckRows(ctx context.Context, j FeatureJob) error
}

// FeatureJob is a feature template with everything an engine needs. SQL is the
// template's, Args are typed values bound to its $names.
type FeatureJob struct {
	Snapshot string
	Epoch    int64
	Views    []View
	SQL      string
	Args     map[string]any
	Columns  []RowColumn
	Rows     int // most rows of one person
	// Salt keys the choice of the rows that stay of a person with more of them. For
	// training it is a secret, and the same in all rounds of a job; none is for public
	// populations.
	Salt []byte
}

// RowColumn tells how the SQL's column becomes a number of a [PersonRow]: an
// integer cut to [Lo, Hi], the position of a level among Levels where Text, or
// bit Bit of an integer from 0 to Hi.
type RowColumn struct {
	Name   string
	Lo, Hi int64
	Scale  float64  // what an integer is divided by: a power of ten
	Levels []string // of a factor
	Text   bool
	Bit    int // of a column that holds several factors; -1: none
}

// FeatureQuestion is a feature template with its parameters understood.
type FeatureQuestion struct {
	Template   *Template
	Parameters map[string]string // canonical text of every parameter
	Codes      []*CodeList
	Years      []int // calendar years whose records the views can expose: what is charged
	Job        FeatureJob
	Columns    []FeatureField // of Job, in its order
}

// Field roles.
const (
	RoleResponse = "response"
	RoleExposure = "exposure"
	RoleWeight   = "weight"
	RoleFeature  = "feature"
)

// FeatureField is one number of every row: what it is called and means.
type FeatureField struct {
	Role     string
	Name     string
	Unit     string
	Lo, Hi   float64 // of a number, in Unit
	CodeList string  // of a factor: id@version
	Levels   []string
}

// CompileFeatures understands the parameters of a feature template. It touches no
// data: columns and years follow from the parameters alone.
func (c *Catalog) CompileFeatures(t *Template, given map[string]string, src Source) (*FeatureQuestion, error) {
	if t.Features == nil {
		return nil, fmt.Errorf("%w: %q is no feature template", ErrUnknownTemplate, t.Ref())
	}
	q, err := c.understand(t, given, src)
	if err != nil {
		return nil, err
	}
	f := &FeatureQuestion{Template: t, Parameters: q.Parameters, Codes: q.Codes, Years: q.Years}
	f.Job = FeatureJob{Snapshot: q.Job.Snapshot, Views: q.Job.Views, SQL: t.SQL, Args: q.Job.Args, Rows: t.Features.RowsPerPerson}
	f.add(RoleResponse, t.Features.Response)
	if e := t.Features.Exposure; e != nil {
		f.add(RoleExposure, *e)
	}
	if w := t.Features.Weight; w != nil {
		f.add(RoleWeight, *w)
	}
	for _, col := range t.Features.Columns {
		if col.Lists == "" {
			f.add(RoleFeature, col)
			continue
		}
		lists, err := c.lists(q.values[col.Lists].List, q.kindOf(col.Lists))
		if err != nil {
			return nil, err
		}
		f.addLists(col, lists)
	}
	return f, f.check(src)
}

// kindOf is the kind of the lists that a parameter chooses.
func (q *Question) kindOf(parameter string) string {
	for _, r := range q.Template.Reads {
		if r.Codes != nil && r.Codes.Parameter == parameter {
			return codeColumns[r.Table]
		}
	}
	return ""
}

func (f *FeatureQuestion) add(role string, c FeatureColumn) {
	field := FeatureField{Role: role, Name: c.Name, Unit: c.Unit, CodeList: c.CodeList, Levels: c.Levels}
	col := RowColumn{Name: c.Name, Levels: c.Levels, Text: c.Text, Bit: -1, Scale: 1}
	if c.Range != nil {
		field.Lo, field.Hi, col.Scale = c.Range[0], c.Range[1], pow10(c.Decimals)
		col.Lo, col.Hi = integerOf(field.Lo, col.Scale), integerOf(field.Hi, col.Scale)
	}
	f.Columns, f.Job.Columns = append(f.Columns, field), append(f.Job.Columns, col)
}

// addLists makes a factor of each list, under the id of the list.
func (f *FeatureQuestion) addLists(c FeatureColumn, lists []*CodeList) {
	for i, l := range lists {
		f.Columns = append(f.Columns, FeatureField{
			Role: RoleFeature, Name: l.ID, CodeList: l.ID + "@" + strconv.Itoa(l.Version), Levels: listLevels,
		})
		f.Job.Columns = append(f.Job.Columns, RowColumn{
			Name: c.Name, Hi: 1<<len(lists) - 1, Levels: listLevels, Bit: i, Scale: 1,
		})
	}
}

// check refuses names that are there twice, and money where the source holds none.
func (f *FeatureQuestion) check(src Source) error {
	var names []string
	for _, c := range f.Columns {
		if slices.Contains(names, c.Name) {
			return fmt.Errorf("%w: the feature %q is there twice", ErrParameter, c.Name)
		}
		names = append(names, c.Name)
		if c.Unit == yuanUnit && src.Currency == noMoney {
			return fmt.Errorf("%w: %s", ErrNoMoney, c.Name)
		}
	}
	return nil
}
