package dataset

import (
	"context"
	"database/sql"
	"strings"
)

// The names under which an [Opener] attaches the files of an import.
const (
	snapshotCatalog = "snapshot"
	stageCatalog    = "stage"
)

// WriterOptions says which files an import may touch and how much of the
// machine it may use.
type WriterOptions struct {
	Snapshot string   // required: the file to be written, attached as catalog "snapshot"
	Stage    string   // required: a scratch file, attached as catalog "stage"
	Dirs     []string // directories that may be read and written besides: the source and the scratch directory
	TempDir  string   // required: where DuckDB spills; removed by the caller
	Memory   int64    // bytes; 0 = 2 GiB
	Threads  int      // 0 = all cores
}

// Opener opens an in-memory DuckDB with the two files of o attached, nothing
// else in reach, and the time zone set to Asia/Shanghai. queries/duckdb has it.
type Opener func(ctx context.Context, o WriterOptions) (*sql.DB, error)

// ArrowLoader reads Arrow IPC files (stream or file format). Reading them needs
// a build tag, hence the seam; queries/duckdb has it.
type ArrowLoader interface {
	// Columns returns the names of the file's columns in order.
	Columns(path string) ([]string, error)
	// Load creates the table into with the named columns of the file, in the
	// file's order of rows.
	Load(ctx context.Context, conn *sql.Conn, path, into string, columns []string) error
}

// column is a column of a query's result: its name and DuckDB type.
type column struct{ name, sqlType string }

// exec runs a statement; stage is the word that stands in its error.
func (im *importer) exec(ctx context.Context, stage, statement string) (int64, error) {
	r, err := im.conn.ExecContext(ctx, statement)
	if err != nil {
		return 0, engineError(stage, err)
	}
	n, err := r.RowsAffected()
	return n, engineError(stage, err)
}

// count runs a query that gives one number; NULL is 0.
func (im *importer) count(ctx context.Context, query string) (int64, error) {
	var n sql.NullInt64
	if err := im.conn.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return 0, engineError("count", err)
	}
	return n.Int64, nil
}

// describe returns the columns of a query without running it.
func (im *importer) describe(ctx context.Context, query string) ([]column, error) {
	rows, err := im.conn.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+query+")")
	if err != nil {
		return nil, engineError("describe", err)
	}
	defer rows.Close()
	var out []column
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.sqlType); err != nil {
			return nil, engineError("describe", err)
		}
		out = append(out, c)
	}
	return out, engineError("describe", rows.Err())
}

// quote writes s as an SQL string.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// ident writes s as an SQL identifier.
func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
