package queries

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// maxPeople bounds the people of any domain in the overflow proof: the whole
// insured population, with room to grow.
const maxPeople = 2_000_000_000

// Question is a template with its parameters understood: what will be run, and
// everything public about what one person can change.
type Question struct {
	Template   *Template
	Coarse     bool
	Parameters map[string]string // canonical text of every parameter
	Codes      []*CodeList
	Years      []int // calendar years whose records the views can expose
	Groups     int   // public groups; 0 where a key is private
	Reach      int64
	Job        Job
	values     map[string]Value
	facts      map[string]int64
	noMoney    []string // measures in money that this source cannot fill
}

// Source is what a question needs to know of the snapshot. All of it is public:
// it comes from the binding and from the import's own limits, never from rows.
type Source struct {
	Snapshot string
	MaxRows  int64            // most rows of one table one person can have
	Facts    map[string]int64 // declared by the binding
	Currency string           // of its money, declared by the binding: noMoney = it holds none
	// From and To are the first and last day that the authority declares the data
	// to hold; zero where it declares none.
	From, To time.Time
}

// Compile understands the parameters of one variant of a template. It touches
// no data: every bound, year and group follows from the parameters alone.
func (c *Catalog) Compile(t *Template, coarse bool, given map[string]string, src Source) (*Question, error) {
	if t.Features != nil {
		return nil, fmt.Errorf("%w: %s %w", ErrUnknownTemplate, t.Ref(), ErrFeatures)
	}
	q, err := c.understand(t, given, src)
	if err != nil {
		return nil, err
	}
	q.Coarse = coarse
	if coarse && t.Coarse.Reach > 0 {
		q.Reach = t.Coarse.Reach
	}
	if by := t.ReachBy; by != nil && by.Values[q.Parameters[by.Parameter]] > 0 {
		q.Reach = by.Values[q.Parameters[by.Parameter]]
	}
	q.Job.Spec = dp.Spec{L0: q.l0(), MaxRows: src.MaxRows, MaxPeople: maxPeople}
	if err := q.keys(); err != nil {
		return nil, err
	}
	if err := q.measures(); err != nil {
		return nil, err
	}
	if err := q.checkMoney(src); err != nil {
		return nil, err
	}
	return q, nil
}

// understand reads parameters and makes the views: what questions and features
// have in common.
func (c *Catalog) understand(t *Template, given map[string]string, src Source) (*Question, error) {
	values, err := t.values(given)
	if err != nil {
		return nil, err
	}
	q := &Question{Template: t, Parameters: map[string]string{}, values: values, facts: src.Facts, Reach: t.Reach}
	for name, v := range values {
		q.Parameters[name] = v.Text
	}
	if err := q.checkFloors(src); err != nil {
		return nil, err
	}
	q.Job = Job{Snapshot: src.Snapshot, SQL: t.SQL, Args: q.args()}
	if err := q.views(c, src); err != nil {
		return nil, err
	}
	if err := q.checkApart(c); err != nil {
		return nil, err
	}
	return q, nil
}

func (q *Question) checkFloors(src Source) error {
	for i := range q.Template.Parameters {
		p := &q.Template.Parameters[i]
		if v := q.values[p.Name]; p.Type == "window" && !src.From.IsZero() && (v.From.Before(src.From) || v.To.After(src.To)) {
			return p.refuse("%s is outside of the data's public range, %s..%s", v.Text, src.From.Format(dayLayout), src.To.Format(dayLayout))
		}
		floor, ok := src.Facts[p.SourceFloor]
		if ok && p.SourceFloor != "" && q.values[p.Name].Int < floor {
			return p.refuse("%d %s is under %d, which this source has already merged", q.values[p.Name].Int, p.Unit, floor)
		}
	}
	return nil
}

// checkLookback refuses to look back to before the data begin: whoever had an
// event then would pass for one who had none.
func (q *Question) checkLookback(r Read, from time.Time, src Source) error {
	if src.From.IsZero() || !from.Before(src.From) {
		return nil
	}
	name := r.LookbackParam
	if name == "" {
		name = r.Window
	}
	return q.Template.parameter(name).refuse("looking back from the window to %s is outside of the data's public range, which begins on %s", from.Format(dayLayout), src.From.Format(dayLayout))
}

// args are the typed values the SQL may name: a window w gives $w_from and
// $w_to, an integer its number, an enum its choice or the values it binds,
// code lists their ids in the order of their positions.
func (q *Question) args() map[string]any {
	out := map[string]any{}
	for i := range q.Template.Parameters {
		p := &q.Template.Parameters[i]
		v := q.values[p.Name]
		switch p.Type {
		case "window":
			out[p.Name+"_from"], out[p.Name+"_to"] = v.From, v.To
		case "date":
			out[p.Name] = v.From
		case "amounts":
			out[p.Name] = v.Ints
		case "layers":
			out[p.Name+"_cover"], out[p.Name+"_above"] = v.Ints, v.Above
		case "integer":
			out[p.Name] = v.Int
		case "enum":
			if len(p.Binds) > 0 {
				out[p.Name] = v.List
			} else {
				out[p.Name] = v.Text
			}
		case "enums", "code_lists":
			out[p.Name] = v.List
		}
	}
	return out
}

func (q *Question) views(c *Catalog, src Source) error {
	years := map[int]bool{}
	for _, r := range q.Template.Reads {
		v := View{Name: r.View, Table: r.Table, Columns: r.Columns}
		if r.Window != "" {
			w := q.values[r.Window]
			days := r.Lookback
			if r.LookbackParam != "" {
				days = q.values[r.LookbackParam].Int
			}
			v.From, v.To, v.AgeAt = w.From.AddDate(0, 0, -int(days)), w.To, w.From
			if err := q.checkLookback(r, v.From, src); err != nil {
				return err
			}
			if r.Table != "person" || slices.Contains(r.Columns, "death_ym") {
				for y := v.From.Year(); y <= v.To.Year(); y++ {
					years[y] = true
				}
			}
		}
		if err := q.codes(c, r, &v); err != nil {
			return err
		}
		v.Where = q.filters(r)
		q.Job.Views = append(q.Job.Views, v)
	}
	q.Years = slices.Sorted(maps.Keys(years))
	return nil
}

// codes limits a view to code lists: their union, or each in its own position.
func (q *Question) codes(c *Catalog, r Read, v *View) error {
	if r.Codes == nil || slices.Contains(q.values[r.Codes.Parameter].List, anyCode) {
		return nil
	}
	lists, err := c.lists(q.values[r.Codes.Parameter].List, codeColumns[r.Table])
	if err != nil {
		return err
	}
	if r.Codes.Position == "" {
		v.Codes = codeSet(lists)
	} else {
		v.Position = r.Codes.Position
		for _, l := range lists {
			v.Lists = append(v.Lists, codeSet([]*CodeList{l}))
		}
	}
	for _, l := range lists {
		if !slices.Contains(q.Codes, l) {
			q.Codes = append(q.Codes, l)
		}
	}
	return nil
}

// anyValue is the choice of a filter that keeps every row.
const anyValue = "any"

func (q *Question) filters(r Read) []Among {
	var out []Among
	for _, f := range r.Where {
		if values := q.values[f.Parameter].List; !slices.Contains(values, anyValue) {
			out = append(out, Among{f.Column, values, f.Prefix})
		}
	}
	return out
}

// windowYears counts the calendar years the first window touches: what the
// groups of a person are multiplied by where years are groups.
func (q *Question) windowYears() int {
	for i := range q.Template.Parameters {
		if p := &q.Template.Parameters[i]; p.Type == "window" {
			v := q.values[p.Name]
			return v.To.Year() - v.From.Year() + 1
		}
	}
	return 1
}

// periods says how the variant divides the window: by a calendar-year key, and
// by any calendar key at all.
func (q *Question) periods() (years, any bool) {
	for _, k := range q.Template.Keys {
		if q.leaves(k) {
			continue
		}
		years = years || k.Years != ""
		any = any || k.Years != "" || k.Quarter != ""
	}
	return years, any
}

// l0 grows with the window where a calendar key puts a person into more groups
// the longer it is.
func (q *Question) l0() int {
	n := q.Template.L0
	if q.Coarse {
		n = q.Template.Coarse.L0
	}
	if _, calendar := q.periods(); calendar && q.Template.L0PerYear {
		n *= q.windowYears()
	}
	if q.Template.L0Lists != "" {
		n = min(n, len(q.values[q.Template.L0Lists].List))
	}
	return n
}

// perYear is what a bound per year grows by: not at all where each year is a
// group of its own, else by every year begun since the window's first day.
func (q *Question) perYear() int {
	if years, _ := q.periods(); years {
		return 1
	}
	for i := range q.Template.Parameters {
		if p := &q.Template.Parameters[i]; p.Type == "window" {
			v := q.values[p.Name]
			days := int(v.To.Sub(v.From).Hours()/24) + 1
			return (days + 365) / 366
		}
	}
	return 1
}

// leaves says whether a key does not divide in this question: the coarse
// variant drops it, or it is a stratum that was not chosen.
func (q *Question) leaves(k Key) bool {
	return q.Coarse && q.Template.Coarse.Keys[k.Name].Drop || k.Strata != "" && !slices.Contains(q.values[k.Strata].List, k.Name)
}

// numbered divides by the numbers of labels, from 0.
func numbered(labels []string) (*Bands, []string) {
	return &Bands{Width: 1, Last: int64(len(labels)) - 1, Closed: true}, labels
}

func (q *Question) keys() error {
	q.Groups = 1
	for _, k := range q.Template.Keys {
		coarser := Coarser{}
		if q.Coarse {
			coarser = q.Template.Coarse.Keys[k.Name]
		}
		if q.leaves(k) {
			continue
		}
		col, key := KeyColumn{Name: k.Name}, dp.Key{Name: k.Name, Values: k.Values, Private: k.Private}
		switch {
		case coarser.Bands != nil:
			col.Bands = coarser.Bands
		case k.Bands != nil:
			col.Bands = k.Bands
		case k.Years != "":
			w := q.values[k.Years]
			col.Bands = &Bands{First: int64(w.From.Year()), Width: 1, Last: int64(w.To.Year()), Closed: true}
		case k.Quarter != "":
			col.Bands, key.Values = quarters(q.values[k.Quarter])
		case k.Lists != "":
			col.Bands, key.Values = numbered(q.values[k.Lists].List)
		}
		if col.Bands != nil && key.Values == nil {
			key.Values = col.Bands.Labels()
		}
		q.Groups *= len(key.Values)
		q.Job.Keys = append(q.Job.Keys, col)
		q.Job.Spec.Keys = append(q.Job.Spec.Keys, key)
	}
	return nil
}

// quarters numbers calendar quarters as 4*year + quarter-1, which is how the
// SQL gives them.
func quarters(w Value) (*Bands, []string) {
	index := func(t time.Time) int64 { return int64(t.Year())*4 + int64(t.Month()-1)/3 }
	b := &Bands{First: index(w.From), Width: 1, Last: index(w.To), Closed: true}
	var labels []string
	for i := b.First; i <= b.Last; i++ {
		labels = append(labels, fmt.Sprintf("%d-Q%d", i/4, i%4+1))
	}
	return b, labels
}

// months numbers calendar months as 12*year + month-1.
func months(w Value) (*Bands, []string) {
	index := func(t time.Time) int64 { return int64(t.Year())*12 + int64(t.Month()-1) }
	b := &Bands{First: index(w.From), Width: 1, Last: index(w.To), Closed: true}
	var labels []string
	for i := b.First; i <= b.Last; i++ {
		labels = append(labels, fmt.Sprintf("%d-%02d", i/12, i%12+1))
	}
	return b, labels
}
