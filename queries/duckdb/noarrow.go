//go:build !duckdb_arrow

package duckdb

import "github.com/qunxiang/qunxiang/queries/dataset"

// Arrow returns nil: this build cannot read Arrow IPC files, and an import of
// one is refused with dataset.ErrNoArrow.
func Arrow() dataset.ArrowLoader { return nil }
