package duckdb

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

func day(s string) time.Time {
	t, err := time.Parse(dateLayout, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

func TestViewSQL(t *testing.T) {
	from, to := day("2017-02-03"), day("2018-01-31")
	view := func(table string, columns ...string) queries.View {
		return queries.View{Name: "v", Table: table, Columns: columns, From: from, To: to, AgeAt: from}
	}
	with := func(v queries.View, codes queries.CodeSet) queries.View { v.Codes = codes; return v }
	lists := func(v queries.View, sets ...queries.CodeSet) queries.View {
		v.Lists, v.Position = sets, "step"
		return v
	}
	among := func(v queries.View) queries.View {
		v.Where = []queries.Among{{Column: "insutype", Values: []string{"employee", "other"}}, {Column: "insu_admdvs", Values: []string{"33", "31"}, Prefix: true}}
		return v
	}
	for _, c := range []struct {
		view queries.View
		want string
	}{
		{view("settlement", "level", "total_fen"),
			`SELECT psn_key, "level", "total_fen" FROM snapshot.main."settlement" WHERE P AND "setl_date" BETWEEN DATE '2017-02-03' AND DATE '2018-01-31'`},
		{view("encounter", "end"),
			`SELECT psn_key, "end" FROM snapshot.main."encounter" WHERE P AND "begn" >= DATE '2017-02-03' AND "end" <= DATE '2018-01-31' AND "begn" <= "end"`},
		{view("coverage", "begn", "end", "insutype"),
			`SELECT psn_key, greatest(begn, DATE '2017-02-03') AS begn, least("end", DATE '2018-01-31') AS "end", "insutype" FROM snapshot.main."coverage" WHERE P AND "begn" <= DATE '2018-01-31' AND "end" >= DATE '2017-02-03' AND "begn" <= "end"`},
		{view("person", "sex", "age", "death_ym"),
			`SELECT psn_key, "sex", CASE WHEN birth_ym IS NOT NULL THEN greatest(0, (24205 - (birth_ym // 100 * 12 + birth_ym % 100 - 1)) // 12) END AS age, CASE WHEN death_ym BETWEEN 201702 AND 201801 THEN death_ym END AS death_ym FROM snapshot.main."person" WHERE P`},
		{with(view("diagnosis", "date"), queries.CodeSet{"snomed": {Exact: []string{"44054006"}}, "icd10": {Exact: []string{"I10", "it's"}, Prefix: []string{"E11"}}}),
			`SELECT psn_key, "date" FROM snapshot.main."diagnosis" WHERE P AND "date" BETWEEN DATE '2017-02-03' AND DATE '2018-01-31' AND ("system" = 'icd10' AND (dx_code IN ('I10', 'it''s') OR starts_with(dx_code, 'E11')) OR "system" = 'snomed' AND (dx_code IN ('44054006')))`},
		{with(view("fee_line"), queries.CodeSet{"atc": {Prefix: []string{"A10"}}, "national": {Exact: []string{"X1"}}}),
			`SELECT psn_key FROM snapshot.main."fee_line" WHERE P AND "date" BETWEEN DATE '2017-02-03' AND DATE '2018-01-31' AND ((starts_with(atc, 'A10')) OR (item_code IN ('X1')))`},
		{with(view("procedure"), queries.CodeSet{}),
			`SELECT psn_key FROM snapshot.main."procedure" WHERE P AND "date" BETWEEN DATE '2017-02-03' AND DATE '2018-01-31' AND false`},
		{among(view("coverage", "psn_type")),
			`SELECT psn_key, "psn_type" FROM snapshot.main."coverage" WHERE P AND "begn" <= DATE '2018-01-31' AND "end" >= DATE '2017-02-03' AND "begn" <= "end" AND ("insutype" IN ('employee', 'other')) AND (starts_with("insu_admdvs", '33') OR starts_with("insu_admdvs", '31'))`},
		{lists(view("diagnosis"), queries.CodeSet{"icd10": {Prefix: []string{"E11"}}}, queries.CodeSet{"icd10": {Exact: []string{"I10"}}}),
			`SELECT psn_key, "step" FROM (SELECT psn_key, unnest([CASE WHEN ("system" = 'icd10' AND (starts_with(dx_code, 'E11'))) THEN 0::INTEGER END, CASE WHEN ("system" = 'icd10' AND (dx_code IN ('I10'))) THEN 1::INTEGER END]) AS "step" FROM snapshot.main."diagnosis" WHERE P AND "date" BETWEEN DATE '2017-02-03' AND DATE '2018-01-31' AND (("system" = 'icd10' AND (starts_with(dx_code, 'E11'))) OR ("system" = 'icd10' AND (dx_code IN ('I10'))))) AS numbered WHERE "step" IS NOT NULL`},
		{lists(view("procedure"), queries.CodeSet{"icd9cm": {Exact: []string{"51.23"}}}),
			`SELECT psn_key, 0::INTEGER AS "step" FROM snapshot.main."procedure" WHERE P AND "date" BETWEEN DATE '2017-02-03' AND DATE '2018-01-31' AND ((code IN ('51.23')))`},
	} {
		got, err := viewSQL(c.view, "P")
		if err != nil || got != c.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", c.view.Table, err, got, c.want)
		}
	}
}

func TestViewSQLRefuses(t *testing.T) {
	from, to := day("2017-01-01"), day("2017-12-31")
	for name, v := range map[string]queries.View{
		"no table":       {Table: "nobody", From: from, To: to},
		"shared table":   {Table: "institution", From: from, To: to},
		"no window":      {Table: "settlement"},
		"half a window":  {Table: "coverage", From: from},
		"person, no age": {Table: "person", From: from, To: to},
		"no column":      {Table: "settlement", Columns: []string{"name"}, From: from, To: to},
		"pno":            {Table: "settlement", Columns: []string{"pno"}, From: from, To: to},
		"injection":      {Table: "settlement", Columns: []string{`total_fen" FROM x --`}, From: from, To: to},
		"no text":        {Table: "settlement", From: from, To: to, Where: []queries.Among{{Column: "total_fen", Values: []string{"1"}}}},
		"not a column":   {Table: "settlement", From: from, To: to, Where: []queries.Among{{Column: `level" = '' OR "level`, Values: []string{"1"}}}},
		"no codes":       {Table: "coverage", From: from, To: to, Codes: queries.CodeSet{"icd10": {}}},
	} {
		if sql, err := viewSQL(v, ""); !errors.Is(err, ErrView) {
			t.Errorf("%s: %v %s", name, err, sql)
		}
	}
}

func TestWithin(t *testing.T) {
	if got, want := within(5, 9, nil), "pno BETWEEN 5 AND 9"; got != want {
		t.Errorf("got %s", got)
	}
	if got, want := within(5, 9, []uint32{6, 9}), "pno BETWEEN 5 AND 9 AND pno NOT IN (6, 9)"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestNotMaterializedAndLineBreak(t *testing.T) {
	j := queries.Job{SQL: "SELECT psn_key FROM bill -- no end ;  ", Views: []queries.View{
		{Name: "bill", Table: "settlement", From: day("2017-01-01"), To: day("2017-12-31")},
	}}
	s, err := newStatement(j)
	if err != nil {
		t.Fatal(err)
	}
	sql, err := s.over("pno BETWEEN 0 AND 1")
	if err != nil || !strings.Contains(sql, `WITH "bill" AS NOT MATERIALIZED (SELECT psn_key`) || !strings.Contains(sql, "-- no end\n) AS t") {
		t.Errorf("%v\n%s", err, sql)
	}
}
