package duckdb

import (
	"fmt"
	"strings"

	"github.com/qunxiang/qunxiang/queries"
)

// statement is the SQL of a job: its views in front, the template's SQL
// inside, and outside what makes keys and measure columns safe to read.
type statement struct {
	views   []queries.View
	body    string // "SELECT ... FROM (<template SQL>) AS t"
	keys    []keyReader
	columns []queries.IntColumn
}

// enumFrom is the number of public values from which looking a text up through
// an ENUM beats comparing it with each value.
const enumFrom = 48

func newStatement(j queries.Job) (*statement, error) {
	if len(j.Keys) != len(j.Spec.Keys) || len(j.Columns) != len(j.Spec.Columns) {
		return nil, fmt.Errorf("%w: keys or columns do not match the spec", ErrView)
	}
	s := &statement{views: j.Views, columns: j.Columns}
	selected := []string{"t.psn_key"}
	for i, k := range j.Keys {
		r := newKeyReader(k, j.Spec.Keys[i])
		s.keys = append(s.keys, r)
		selected = append(selected, r.sql)
	}
	for _, c := range j.Columns {
		selected = append(selected, integerSQL("t."+ident(c.Name)))
	}
	for i := range selected {
		selected[i] += fmt.Sprintf(" AS c%d", i)
	}
	// The line break ends a comment on the SQL's last line.
	s.body = "SELECT " + strings.Join(selected, ", ") + " FROM (\n" + trimSQL(j.SQL) + "\n) AS t"
	_, err := s.over("")
	return s, err
}

// over writes the statement for the people that the predicate keeps; "" is everyone.
func (s *statement) over(within string) (string, error) {
	with, err := withViews(s.views, within)
	return with + s.body, err
}

func withViews(views []queries.View, within string) (string, error) {
	var b strings.Builder
	for i, v := range views {
		sql, err := viewSQL(v, within)
		if err != nil {
			return "", err
		}
		if i == 0 {
			b.WriteString("WITH ")
		} else {
			b.WriteString(",\n")
		}
		b.WriteString(ident(v.Name) + " AS NOT MATERIALIZED (" + sql + ")")
	}
	b.WriteString("\n")
	return b.String(), nil
}

// integerSQL makes a column a BIGINT; what does not fit is NULL.
func integerSQL(column string) string { return "TRY_CAST(" + column + " AS BIGINT)" }

// trimSQL takes the blank and the semicolon off the end of a template's SQL.
func trimSQL(sql string) string { return strings.TrimRight(sql, "; \t\r\n") }
