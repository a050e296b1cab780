//go:build !duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

func TestRunSaysHowToBuild(t *testing.T) {
	e, err := Open(Options{Domain: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, err = e.Run(context.Background(), queries.Job{})
	if !errors.Is(err, ErrNoArrow) || err.Error() != "this build cannot run questions: build with -tags duckdb_arrow" {
		t.Error(err)
	}
}
