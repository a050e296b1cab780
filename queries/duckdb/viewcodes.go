package duckdb

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/queries"
)

// codesSQL keeps rows whose code is in the set. The set names codes by system;
// which column holds them, and whether the row tells its system, depends on the table.
func codesSQL(table string, set queries.CodeSet) (string, error) {
	var parts []string
	for _, system := range slices.Sorted(maps.Keys(set)) {
		column, guard := "", ""
		switch table {
		case "diagnosis":
			column, guard = "dx_code", ident("system")+" = "+quote(system)+" AND "
		case "encounter":
			column, guard = "main_dx", ident("system")+" = "+quote(system)+" AND "
		case "procedure":
			column = "code"
		case "fee_line":
			column = "item_code"
			if system == "atc" {
				column = "atc"
			}
		case "drg_result":
			column, guard = "grp", ident("scheme")+" = 'drg' AND " // other schemes have codes of their own
		default:
			return "", fmt.Errorf("%w: table %s has no codes", ErrView, table)
		}
		if c := anyOf(column, set[system]); c != "" {
			parts = append(parts, guard+"("+c+")")
		}
	}
	if len(parts) == 0 {
		return "false", nil
	}
	return "(" + strings.Join(parts, " OR ") + ")", nil
}

// listsSQL writes the column that repeats a row for each set, with the set's
// number or NULL where it is not in it, and the predicate that it is in any.
func listsSQL(v queries.View) (column, any string, err error) {
	var numbers, conditions []string
	for i, set := range v.Lists {
		c, err := codesSQL(v.Table, set)
		if err != nil {
			return "", "", err
		}
		conditions = append(conditions, c)
		numbers = append(numbers, fmt.Sprintf("CASE WHEN %s THEN %d::INTEGER END", c, i))
	}
	if len(conditions) == 0 {
		return "NULL::INTEGER AS " + ident(v.Position), "false", nil
	}
	if len(conditions) == 1 {
		return "0::INTEGER AS " + ident(v.Position), conditions[0], nil
	}
	column = "unnest([" + strings.Join(numbers, ", ") + "]) AS " + ident(v.Position)
	return column, "(" + strings.Join(conditions, " OR ") + ")", nil
}

// numberedSQL leaves out the repetitions of a row for sets that it is not in.
func numberedSQL(v queries.View, sql string) string {
	columns := []string{"psn_key"}
	for _, name := range append(slices.Clone(v.Columns), v.Position) {
		if name != "psn_key" {
			columns = append(columns, ident(name))
		}
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM (" + sql + ") AS numbered WHERE " + ident(v.Position) + " IS NOT NULL"
}

// amongSQL keeps rows by the values of a code column.
func amongSQL(a queries.Among) string {
	codes := queries.Codes{Exact: a.Values}
	if a.Prefix {
		codes = queries.Codes{Prefix: a.Values}
	}
	if c := anyOf(ident(a.Column), codes); c != "" {
		return "(" + c + ")"
	}
	return "false"
}

func anyOf(column string, codes queries.Codes) string {
	var parts []string
	if len(codes.Exact) > 0 {
		exact := make([]string, len(codes.Exact))
		for i, c := range codes.Exact {
			exact[i] = quote(c)
		}
		parts = append(parts, column+" IN ("+strings.Join(exact, ", ")+")")
	}
	for _, p := range codes.Prefix {
		parts = append(parts, "starts_with("+column+", "+quote(p)+")")
	}
	return strings.Join(parts, " OR ")
}
