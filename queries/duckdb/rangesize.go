package duckdb

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// tableSize is about how much a table holds, to cut ranges by.
type tableSize struct {
	rows        int64
	first, last time.Time // of its dates; zero where it has none
}

// tableSizes asks the catalog and the statistics; no rows are read.
func tableSizes(ctx context.Context, db *sql.DB) (map[string]tableSize, error) {
	sizes := map[string]tableSize{}
	for _, t := range dataset.Tables() {
		var s tableSize
		var first, last sql.NullTime
		row := db.QueryRowContext(ctx, "SELECT estimated_size FROM duckdb_tables() WHERE database_name = '"+SnapshotCatalog+"' AND table_name = "+quote(t.Name))
		if err := row.Scan(&s.rows); err != nil {
			return nil, err
		}
		if !t.Time.Undated() {
			date := ident(t.Time.Date + t.Time.Begin)
			row = db.QueryRowContext(ctx, "SELECT min("+date+"), max("+date+") FROM "+SnapshotCatalog+".main."+ident(t.Name))
			if err := row.Scan(&first, &last); err != nil {
				return nil, err
			}
		}
		s.first, s.last = first.Time, last.Time
		sizes[t.Name] = s
	}
	return sizes, nil
}

// expected is about how many rows a view has over everyone before its filters.
func (t tableSize) expected(v queries.View) int64 {
	rows := t.rows
	if v.Table != "coverage" && t.last.After(t.first) && v.To.After(v.From) {
		whole, part := t.last.Sub(t.first), min(t.last.Sub(t.first), v.To.Sub(v.From))
		rows = int64(float64(rows) * (float64(part) / float64(whole)))
	}
	return rows
}

// rangeSize is how many people a range has, so that the largest view gives
// about the wanted number of rows: then the memory of a run does not grow with
// the data. Ranges come out equal, and as many for each worker.
func (s *store) rangeSize(ctx context.Context, views []queries.View, wanted int64, workers int) uint32 {
	most := int64(1)
	for _, v := range views {
		most = max(most, s.tables[v.Table].expected(v))
	}
	size := s.sized(most, wanted, workers)
	if int64(size)*int64(workers) >= int64(s.people) {
		return size
	}
	most = 1
	for _, v := range views {
		rows := s.tables[v.Table].expected(v)
		if v.Codes != nil || v.Position != "" || len(v.Where) > 0 {
			rows = min(rows, s.kept(ctx, v, max(1, size/8)))
		}
		most = max(most, rows)
	}
	return s.sized(most, wanted, workers)
}

func (s *store) sized(rows, wanted int64, workers int) uint32 {
	people := int64(s.people)
	size := min(max(wanted*people/max(1, rows), 1), maxRange)
	rounds := max(1, divUp(people, size*int64(workers)))
	return uint32(max(1, divUp(people, rounds*int64(workers))))
}

// kept is about how many rows the filters of a view leave over everyone, from
// the first few people, who are like all others: person numbers follow the
// keyed digests. Only how long a run takes depends on it, which its slot hides.
func (s *store) kept(ctx context.Context, v queries.View, people uint32) int64 {
	view, err := viewSQL(v, within(0, people-1, nil))
	if err != nil {
		return math.MaxInt64
	}
	var n float64
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM ("+view+")").Scan(&n); err != nil {
		return math.MaxInt64 // some value made it fail: no guess
	}
	return int64((n + 3*math.Sqrt(n) + 10) * float64(s.people) / float64(people))
}

func divUp(a, b int64) int64 { return (a + b - 1) / b }
