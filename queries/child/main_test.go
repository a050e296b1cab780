//go:build duckdb_arrow

package child_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/child"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// TestMain is also the program of every process: by its first argument the real
// one, one without noise, or one of those that misbehave.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if open, ok := workers()[os.Args[1]]; ok {
			os.Exit(worker(open).Main(os.Args))
		}
		if what, ok := misbehaviours()[os.Args[1]]; ok {
			os.Exit(misbehave(what))
		}
		if os.Args[1] == "parent" {
			os.Exit(parent(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}

func worker(open func(child.Place) (queries.Answerer, error)) child.Worker {
	return child.Worker{Catalog: func(ref string) (*queries.Catalog, error) { return queries.LoadTemplate(templates.FS, ref) }, Open: open}
}

// inDuckDB is the real engine.
func inDuckDB(p child.Place) (*duckdb.Engine, error) {
	o := duckdb.Options{Domain: p.Domain, TempDir: p.TempDir, OptOuts: p.OptOuts, Threads: 2, RangeRows: 50}
	if o.Domain == "" {
		o.Domain = os.DevNull
	}
	return duckdb.Open(o)
}

// sealed is an order as a process understands it.
func sealed(body []byte) *queries.Order {
	o := &queries.Order{}
	if json.Unmarshal(body, o) != nil {
		os.Exit(97)
	}
	c, err := queries.LoadTemplate(templates.FS, o.Template)
	if err != nil || c.Follow(o) != nil {
		os.Exit(97)
	}
	return o
}

var errNone = errors.New("none")
