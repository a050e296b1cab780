//go:build !duckdb_arrow

package duckdb

import (
	"context"
	"database/sql"

	"github.com/apache/arrow-go/v18/arrow"
)

// hasArrow says whether this build can read DuckDB's Arrow stream.
const hasArrow = false

func fetch(context.Context, *sql.Conn, string, []any, func(arrow.RecordBatch) error) error {
	return ErrNoArrow
}
