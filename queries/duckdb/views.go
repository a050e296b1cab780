package duckdb

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// ErrView marks a view that the canonical schema does not support.
var ErrView = errors.New("view is not possible")

const dateLayout = "2006-01-02"

// viewSQL writes the SELECT of one view: the declared columns of one table, cut
// to the window and the code list. within is the predicate on pno that keeps
// some people; it sits here, in the base view, so that nothing in a template's
// SQL can see past it.
//
// Every literal is written by this file from typed values.
func viewSQL(v queries.View, within string) (string, error) {
	table, ok := dataset.Lookup(v.Table)
	if !ok || !table.Person {
		return "", fmt.Errorf("%w: %q is no table of people", ErrView, v.Table)
	}
	columns := []string{"psn_key"}
	for _, name := range v.Columns {
		c, err := viewColumn(v, table, name)
		if err != nil {
			return "", err
		}
		if name != "psn_key" {
			columns = append(columns, c)
		}
	}
	where, err := windowSQL(v, table)
	if err != nil {
		return "", err
	}
	if v.Codes != nil {
		codes, err := codesSQL(v.Table, v.Codes)
		if err != nil {
			return "", err
		}
		where = append(where, codes)
	}
	if v.Position != "" {
		position, any, err := listsSQL(v)
		if err != nil {
			return "", err
		}
		columns, where = append(columns, position), append(where, any)
	}
	for _, a := range v.Where {
		if c, ok := table.Column(a.Column); !ok || c.Type != dataset.TypeCode {
			return "", fmt.Errorf("%w: no code column %q in %s", ErrView, a.Column, v.Table)
		}
		where = append(where, amongSQL(a))
	}
	if within != "" {
		where = append([]string{within}, where...)
	}
	sql := "SELECT " + strings.Join(columns, ", ") + " FROM " + SnapshotCatalog + ".main." + ident(v.Table)
	if len(where) > 0 {
		sql += " WHERE " + strings.Join(where, " AND ")
	}
	if len(v.Lists) > 1 {
		sql = numberedSQL(v, sql)
	}
	return sql, nil
}

// viewColumn writes one column. What a window cuts off is cut off here:
// nobody may learn of next year's death from this year's question.
func viewColumn(v queries.View, table dataset.Table, name string) (string, error) {
	first, last := literal(v.From), literal(v.To)
	switch v.Table + "." + name {
	case "person.age":
		return ageSQL(v.AgeAt) + " AS age", nil
	case "person.death_ym":
		return fmt.Sprintf("CASE WHEN death_ym BETWEEN %d AND %d THEN death_ym END AS death_ym", yearMonth(v.From), yearMonth(v.To)), nil
	case "coverage.begn":
		return "greatest(begn, " + first + ") AS begn", nil
	case "coverage.end":
		return `least("end", ` + last + `) AS "end"`, nil
	}
	if _, ok := table.Column(name); !ok || name == "pno" {
		return "", fmt.Errorf("%w: no column %q in %s", ErrView, name, v.Table)
	}
	return ident(name), nil
}

// ageSQL is the age in whole years at the month of the day at; who is born
// later, inside the window, counts as 0.
func ageSQL(at time.Time) string {
	months := at.Year()*12 + int(at.Month()) - 1
	return fmt.Sprintf("CASE WHEN birth_ym IS NOT NULL THEN greatest(0, (%d - (birth_ym // 100 * 12 + birth_ym %% 100 - 1)) // 12) END", months)
}

// windowSQL keeps rows of dated tables inside [From, To]: by their date, for
// encounters wholly, for coverage by any day in common.
func windowSQL(v queries.View, table dataset.Table) ([]string, error) {
	if table.Time.Undated() {
		if v.Table == "person" && (v.From.IsZero() || v.To.IsZero() || v.AgeAt.IsZero()) {
			return nil, fmt.Errorf("%w: %s needs a window", ErrView, v.Name)
		}
		return nil, nil
	}
	if v.From.IsZero() || v.To.IsZero() {
		return nil, fmt.Errorf("%w: %s needs a window", ErrView, v.Name)
	}
	first, last := literal(v.From), literal(v.To)
	if !table.Time.Interval() {
		return []string{ident(table.Time.Date) + " BETWEEN " + first + " AND " + last}, nil
	}
	begin, end := ident(table.Time.Begin), ident(table.Time.End)
	if v.Table == "coverage" {
		return []string{begin + " <= " + last, end + " >= " + first, begin + " <= " + end}, nil
	}
	return []string{begin + " >= " + first, end + " <= " + last, begin + " <= " + end}, nil
}

// within writes the predicate of one range of people, less those who opted out.
func within(lo, hi uint32, out []uint32) string {
	s := fmt.Sprintf("pno BETWEEN %d AND %d", lo, hi)
	if len(out) == 0 {
		return s
	}
	b := []byte(s + " AND pno NOT IN (")
	for i, p := range out {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendUint(b, uint64(p), 10)
	}
	return string(append(b, ')'))
}

func literal(t time.Time) string { return "DATE '" + t.Format(dateLayout) + "'" }
func yearMonth(t time.Time) int  { return t.Year()*100 + int(t.Month()) }
func ident(name string) string   { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
