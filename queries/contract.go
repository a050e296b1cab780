package queries

import (
	"fmt"
	"math"
	"slices"
)

// Contract is what a training job says of its rows: response, features and bounds
// as they stand on its card.
type Contract struct {
	Response ContractField
	Exposure float64 // most exposure of one row; 0: the job has no exposure
	Weights  bool
	Features []ContractField // in the order of the job
	Rows     int             // most rows of one person
}

// ContractField is a number with unit and range, or a factor with levels.
type ContractField struct {
	Name     string
	Unit     string
	Lo, Hi   float64
	CodeList string
	Levels   []string
}

// Fitted is a feature template made to fit a contract: Job keeps to the contract's
// ranges and rows, and columns say where its fields are in a row (-1: not used).
type Fitted struct {
	Job                        FeatureJob
	Response, Exposure, Weight int
	Features                   []int
}

// Fit holds a contract against the template's columns. A job may use some of the
// features, in its own order, and narrower ranges: what is beyond counts as the
// nearer end. Units, code lists and levels must be those of the template.
// Errors: ErrContract.
func (f *FeatureQuestion) Fit(c Contract) (*Fitted, error) {
	out := &Fitted{Job: f.Job, Response: -1, Exposure: -1, Weight: -1}
	out.Job.Columns = slices.Clone(f.Job.Columns)
	if c.Rows > 0 {
		out.Job.Rows = min(f.Job.Rows, c.Rows)
	}
	at, err := f.fit(out, RoleResponse, c.Response)
	if err != nil {
		return nil, err
	}
	out.Response = at
	if out.Exposure, err = f.role(RoleExposure, c.Exposure > 0); err != nil {
		return nil, err
	}
	if out.Weight, err = f.role(RoleWeight, c.Weights); err != nil {
		return nil, err
	}
	if out.Exposure >= 0 {
		e := f.Columns[out.Exposure]
		if c.Exposure < e.Lo {
			return nil, misfit("a row's exposure may be at most %v, but begins at %v %s", c.Exposure, e.Lo, e.Unit)
		}
		col := &out.Job.Columns[out.Exposure]
		col.Hi = min(col.Hi, int64(math.Floor(min(c.Exposure, e.Hi)*col.Scale)))
	}
	for _, x := range c.Features {
		at, err := f.fit(out, RoleFeature, x)
		if err != nil {
			return nil, err
		}
		out.Features = append(out.Features, at)
	}
	return out, nil
}

func misfit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrContract, fmt.Sprintf(format, args...))
}

// role finds the one column of a role that the job wants.
func (f *FeatureQuestion) role(role string, wanted bool) (int, error) {
	at := slices.IndexFunc(f.Columns, func(c FeatureField) bool { return c.Role == role })
	if wanted && at < 0 {
		return -1, misfit("%s has no %s", f.Template.Ref(), role)
	}
	if !wanted {
		return -1, nil
	}
	return at, nil
}

// fit finds the column of a field and narrows its range to the contract's.
func (f *FeatureQuestion) fit(out *Fitted, role string, x ContractField) (int, error) {
	at := slices.IndexFunc(f.Columns, func(c FeatureField) bool { return c.Role == role && c.Name == x.Name })
	if at < 0 {
		return -1, misfit("%s has no %s %q", f.Template.Ref(), role, x.Name)
	}
	c, col := f.Columns[at], &out.Job.Columns[at]
	if len(c.Levels) > 0 {
		return at, c.fitLevels(x)
	}
	switch {
	case len(x.Levels) > 0:
		return -1, misfit("%s is a number in %s, not a factor", c.Name, c.Unit)
	case x.Unit != c.Unit:
		return -1, misfit("%s is in %s, not in %s", c.Name, c.Unit, x.Unit)
	case x.Lo < c.Lo || x.Hi > c.Hi:
		return -1, misfit("%s is from %v to %v %s: the range from %v to %v is not within", c.Name, c.Lo, c.Hi, c.Unit, x.Lo, x.Hi)
	}
	col.Lo, col.Hi = int64(math.Ceil(x.Lo*col.Scale)), int64(math.Floor(x.Hi*col.Scale))
	for col.Lo <= col.Hi && float64(col.Lo)/col.Scale < x.Lo { // the product was rounded
		col.Lo++
	}
	for col.Lo <= col.Hi && float64(col.Hi)/col.Scale > x.Hi {
		col.Hi--
	}
	if col.Lo > col.Hi {
		return -1, misfit("%s has no value between %v and %v", c.Name, x.Lo, x.Hi)
	}
	return at, nil
}

// fitLevels wants a factor's levels to be exactly the template's, in any order.
func (c FeatureField) fitLevels(x ContractField) error {
	if x.CodeList != c.CodeList {
		return misfit("%s is of code list %s, not %q", c.Name, c.CodeList, x.CodeList)
	}
	for _, l := range x.Levels {
		if !slices.Contains(c.Levels, l) {
			return misfit("%s has no level %q", c.Name, l)
		}
	}
	for _, l := range c.Levels {
		if !slices.Contains(x.Levels, l) {
			return misfit("the level %q of %s is missing", l, c.Name)
		}
	}
	return nil
}

// integerOf is a number as the SQL's integer.
func integerOf(x, scale float64) int64 { return int64(math.Round(x * scale)) }
