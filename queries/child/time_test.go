//go:build duckdb_arrow

package child_test

import (
	"testing"

	"github.com/qunxiang/qunxiang/queries/duckdb"
)

// BenchmarkOrder is one order in a process of its own, and in this process with the
// snapshot open already: what a process costs.
func BenchmarkOrder(b *testing.B) {
	p := newPlace(b, 2000)
	o := p.order(b, "I3", 0)
	b.Run("process", func(b *testing.B) {
		a := p.answerer(b, "engine", nil)
		for b.Loop() {
			if _, err := a.Answer(b.Context(), o); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("in process", func(b *testing.B) {
		e, err := duckdb.Open(duckdb.Options{Domain: p.dir})
		if err != nil {
			b.Fatal(err)
		}
		defer e.Close()
		for b.Loop() {
			if _, err := e.Run(b.Context(), o.Job()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
