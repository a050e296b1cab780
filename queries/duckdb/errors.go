package duckdb

import (
	"context"
	"errors"
	"fmt"
)

var (
	// ErrRun means that no totals came out: memory, disk, deadline, or a
	// statement that cannot run. It says nothing more on purpose: DuckDB's own
	// text quotes cell values. Where the caller's context ended, its error is
	// wrapped beside.
	ErrRun = errors.New("the run came to no result")
	// ErrNoArrow means that the program was built without what the engine needs.
	ErrNoArrow = errors.New("this build cannot run questions: build with -tags duckdb_arrow")
	// ErrSnapshot means that the snapshot named is not there, or is not what its name says.
	ErrSnapshot = errors.New("the snapshot is not there or not as it was made")
	// ErrClosed means that the engine was closed.
	ErrClosed = errors.New("the engine is closed")
	// ErrLint means that a template's SQL was refused before it met any data;
	// the findings follow.
	ErrLint = errors.New("the template's SQL is refused")

	// errShape means that DuckDB gave other columns than the statement asks for.
	errShape = fmt.Errorf("%w: columns", ErrRun)
)

// opaque replaces whatever went wrong by ErrRun and, where the caller itself
// ended the run, by the reason that the caller knows already.
func opaque(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrRun, err)
	}
	return ErrRun
}
