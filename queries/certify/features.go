package certify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/queries"
)

// FeatureTrial is what was found of a feature template with its example.
type FeatureTrial struct {
	Row        queries.Text      `json:"row"`
	Parameters map[string]string `json:"parameters"`
	Years      []int             `json:"years_charged"`
	Columns    []TriedColumn     `json:"columns"`
	People     int               `json:"people_tried"`
	Touched    int               `json:"people_with_rows"`
	Rows       int               `json:"rows"`
	Most       int               `json:"most_rows_of_a_person"`
	Bound      int               `json:"rows_per_person"`
}

// TriedColumn is a column with how many different values the population gives it.
type TriedColumn struct {
	queries.FeatureField
	Values int `json:"values_met"`
}

// features tries a feature template: each person alone has exactly the rows that
// are theirs among everybody's, and without the person all others keep theirs.
func (c *Certificate) features(ctx context.Context, t *queries.Template, o Options) error {
	q, err := o.Catalog.CompileFeatures(t, t.Example, o.Population.Source)
	if err != nil {
		c.add("example", "the example is refused: %v", err)
		return nil
	}
	v := &FeatureTrial{Row: t.Features.Row, Parameters: q.Parameters, Years: q.Years, People: o.Population.People, Bound: q.Job.Rows}
	tr := &rowTrial{Options: o, job: q.Job}
	tr.job.Rows = 1 << 30 // whether the bound holds is to be seen
	all, err := tr.read(ctx, everyone(o.Population.People))
	if err != nil {
		return err
	}
	if len(all.rows) == 0 {
		c.add("example", "nobody of the population has a row: nothing was tried")
		return nil
	}
	for _, field := range q.Columns {
		v.Columns = append(v.Columns, TriedColumn{FeatureField: field, Values: len(all.met[len(v.Columns)])})
	}
	v.Rows, v.Touched = all.count, len(all.rows)
	for _, rows := range all.rows {
		v.Most = max(v.Most, len(rows))
	}
	if v.Most > v.Bound {
		c.add("rows", "a person of the population has %d rows and may have %d", v.Most, v.Bound)
	}
	if err := c.neighbours(ctx, tr, all); err != nil {
		return err
	}
	c.Features = v
	return nil
}

func everyone(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// neighbours tries each person alone and each person left out.
func (c *Certificate) neighbours(ctx context.Context, tr *rowTrial, all *rowSet) error {
	whose := map[string]int{}
	for p := range tr.Population.People {
		alone, err := tr.read(ctx, []int{p})
		if err != nil {
			return err
		}
		for person, rows := range alone.rows {
			if other, twice := whose[person]; twice || len(alone.rows) > 1 {
				c.add("neighbours", "person %d has rows of person %d", p, other)
				return nil
			}
			whose[person] = p
			if !slices.Equal(rows, all.rows[person]) {
				c.add("neighbours", "person %d has other rows alone than among everybody", p)
				return nil
			}
		}
		rest, err := tr.read(ctx, slices.Delete(everyone(tr.Population.People), p, p+1))
		if err != nil {
			return err
		}
		left := maps.Clone(all.rows)
		for person := range alone.rows {
			delete(left, person)
		}
		if !maps.EqualFunc(left, rest.rows, slices.Equal[[]string]) {
			c.add("neighbours", "without person %d others have other rows", p)
			return nil
		}
	}
	if len(whose) != len(all.rows) {
		c.add("neighbours", "%d people have rows among everybody, %d alone", len(all.rows), len(whose))
	}
	return nil
}

// rowTrial reads the rows of chosen people.
type rowTrial struct {
	Options
	job queries.FeatureJob
}

// rowSet is the rows of each person as texts, in order. The population is public.
type rowSet struct {
	rows  map[string][]string
	met   []map[float64]bool // by column
	count int
}

func (t *rowTrial) read(ctx context.Context, people []int) (*rowSet, error) {
	job := t.job
	job.Epoch = t.Population.Only(people)
	s := &rowSet{rows: map[string][]string{}, met: make([]map[float64]bool, len(job.Columns))}
	for i := range s.met {
		s.met[i] = map[float64]bool{}
	}
	err := t.Rows.People(ctx, job, func(list []queries.PersonRow) error {
		for _, r := range list {
			var text strings.Builder
			for i := range job.Columns {
				x := r.Value(i)
				s.met[i][x] = true
				fmt.Fprintf(&text, "%v ", x)
			}
			s.rows[r.Person()] = append(s.rows[r.Person()], text.String())
			s.count++
		}
		return nil
	})
	for _, rows := range s.rows {
		slices.Sort(rows)
	}
	return s, err
}

// markdown is what an approver must know of the rows.
func (v *FeatureTrial) markdown(p func(string, ...any)) {
	p("## What training gets of a person\n")
	p("One row is %s (%s). A person has at most %d; of more, the first in an order by hash stay. What a person adds to a sum is clipped by the training, in integers.\n", v.Row.EN, v.Row.ZH, v.Bound)
	for _, c := range v.Columns {
		switch {
		case len(c.Levels) > 0:
			p("- %s %s, code list %s: %s", c.Role, c.Name, c.CodeList, strings.Join(c.Levels, ", "))
		default:
			p("- %s %s, %s, from %v to %v; what is beyond counts as the nearer end", c.Role, c.Name, c.Unit, c.Lo, c.Hi)
		}
	}
	p("\nA row with a NULL or with a level that is not declared is left out. No query, page or release shows a row.\n")
	p("Tried with %s: years charged %s.\n", given(v.Parameters), years(v.Years))
	p("| people | with rows | rows | most of a person |\n|---|---|---|---|\n| %d | %d | %d | %d |\n", v.People, v.Touched, v.Rows, v.Most)
	p("Each person alone has exactly the rows that are theirs among everybody, and without the person all others keep theirs.\n")
}
