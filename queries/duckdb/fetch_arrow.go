//go:build duckdb_arrow

package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/duckdb/duckdb-go/v2"
)

// hasArrow says whether this build can read DuckDB's Arrow stream.
const hasArrow = true

// fetch runs one query and gives its records to yield, which must not keep
// them. The result is complete before the first record: an error of any row
// comes before any row.
func fetch(ctx context.Context, conn *sql.Conn, query string, args []any, yield func(arrow.RecordBatch) error) error {
	return conn.Raw(func(c any) error {
		a, err := duckdb.NewArrowFromConn(c.(driver.Conn))
		if err != nil {
			return err
		}
		r, err := a.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer r.Release()
		for r.Next() {
			if err := yield(r.RecordBatch()); err != nil {
				return err
			}
		}
		return r.Err()
	})
}
