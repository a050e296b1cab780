//go:build duckdb_arrow

package duckdb_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/enginetest"
)

// The noise library's logger runs a goroutine of its own.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"))
}

func harness() enginetest.Harness {
	return enginetest.Harness{
		Write: duckdb.OpenWriter,
		Open: func(t *testing.T, d enginetest.Domain) queries.Engine {
			return open(t, duckdb.Options{Domain: d.Dir, OptOuts: d.OptOuts, Threads: 3, RangeRows: 100, TempDir: t.TempDir()})
		},
	}
}

func open(t *testing.T, o duckdb.Options) *duckdb.Engine {
	t.Helper()
	e, err := duckdb.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestContract(t *testing.T) { enginetest.Run(t, harness()) }
