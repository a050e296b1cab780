package duckdb

import (
	"context"
	"fmt"
	"strings"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// plainMemory is what the yardstick may use: enough that it never spills.
const plainMemory = 12 << 30

// Plain runs the yardstick of a job: the same views and SQL over everyone at
// once, grouped by the keys, with count(DISTINCT psn_key) and the sums of the
// measure columns, on as many threads and with all the memory it wants. Only
// the number of groups comes back. It is for benchmarks inside the domain.
func (e *Engine) Plain(ctx context.Context, j queries.Job) (groups int, err error) {
	if _, err := e.prepare(ctx, j); err != nil {
		return 0, err
	}
	query, err := plainSQL(j)
	if err != nil {
		return 0, err
	}
	if _, err := dataset.Load(e.o.Domain, j.Snapshot); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	db, err := OpenSnapshot(ctx, SnapshotOptions{
		Path: dataset.DataPath(e.o.Domain, j.Snapshot), Memory: plainMemory, Threads: e.o.Threads,
	})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, query, arguments(j.Args)...)
	if err != nil {
		return 0, opaque(ctx)
	}
	defer rows.Close()
	for rows.Next() {
		groups++
	}
	if rows.Err() != nil {
		return 0, opaque(ctx)
	}
	return groups, nil
}

func plainSQL(j queries.Job) (string, error) {
	with, err := withViews(j.Views, "")
	if err != nil {
		return "", err
	}
	var keys, selected []string
	for _, k := range j.Keys {
		keys = append(keys, "t."+ident(k.Name))
	}
	selected = append(keys[:len(keys):len(keys)], "count(DISTINCT t.psn_key)")
	for _, c := range j.Columns {
		selected = append(selected, "sum("+integerSQL("t."+ident(c.Name))+")")
	}
	query := fmt.Sprintf("%sSELECT %s FROM (\n%s\n) AS t", with, strings.Join(selected, ", "), trimSQL(j.SQL))
	if len(keys) > 0 {
		query += " GROUP BY " + strings.Join(keys, ", ")
	}
	return query, nil
}
