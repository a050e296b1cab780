package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// emptySchema makes the canonical tables, under the catalog that snapshots have.
func emptySchema() []string {
	var out []string
	for _, t := range dataset.Tables() {
		columns := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			columns[i] = ident(c.Name) + " " + string(c.Type)
		}
		out = append(out, "CREATE TABLE "+SnapshotCatalog+".main."+ident(t.Name)+" ("+strings.Join(columns, ", ")+")")
	}
	return out
}

var integerTypes = words(`BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT`)

// bind runs the SQL over the empty tables, with arguments of the declared
// types, and checks the types of what comes out. DuckDB's words may be shown
// here: there are no data in them.
func bind(ctx context.Context, db *sql.DB, q question) ([]Finding, error) {
	with, err := withViews(q.views, "")
	if err != nil {
		return []Finding{{Code: "table", Text: err.Error()}}, nil
	}
	rows, err := db.QueryContext(ctx, with+"SELECT * FROM (\n"+trimSQL(q.sql)+"\n) AS t", arguments(q.args)...)
	if err != nil {
		if ctx.Err() != nil {
			return nil, opaque(ctx)
		}
		text, _, _ := strings.Cut(err.Error(), "\n")
		return []Finding{{Code: "bind", Text: text}}, nil
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, opaque(ctx)
	}
	var findings []Finding
	for _, c := range types {
		kind, name := c.DatabaseTypeName(), strings.ToLower(c.Name())
		if want := q.wrongType(name, kind); want != "" {
			findings = append(findings, Finding{Code: "type", Text: fmt.Sprintf("column %q is %s and should be %s", name, kind, want)})
		}
	}
	return findings, nil
}

// wrongType says what the type of an output column should be, if it is not that.
func (q question) wrongType(name, kind string) string {
	integer, isKey := q.keys[name]
	switch {
	case name == "psn_key" && kind != string(dataset.TypePersonKey):
		return string(dataset.TypePersonKey)
	case isKey && !integer && kind != "VARCHAR":
		return "VARCHAR"
	case (isKey && integer || slices.Contains(q.columns, name)) && !integerTypes(kind):
		return "an integer"
	}
	return ""
}
