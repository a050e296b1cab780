package duckdb

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// A view whose filters leave few rows gets ranges of more people, and they still
// hold about the wanted rows.
func TestFiltersWidenRanges(t *testing.T) {
	dir := t.TempDir()
	key, err := dataset.NewKey(bytes.Repeat([]byte{7}, dataset.KeyLen)) // it decides who comes first
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := dataset.Synth(t.Context(), dataset.SynthOptions{Domain: dir, Key: key, People: 1000, Settlements: 20_000, Seed: 5, Open: OpenWriter})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(Options{Domain: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s, done, err := e.use(t.Context(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	all := queries.View{Name: "fee_line", Table: "fee_line", Columns: []string{"psn_key"},
		From: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2030, 12, 31, 0, 0, 0, 0, time.UTC)}
	some := all
	some.Codes = queries.CodeSet{"atc": {Exact: []string{"A10BA02"}}}
	const wanted = 2000
	wide, narrow := s.rangeSize(t.Context(), []queries.View{some}, wanted, 1), s.rangeSize(t.Context(), []queries.View{all}, wanted, 1)
	if wide < 4*narrow {
		t.Errorf("ranges of %d people where few rows are kept, %d where all are", wide, narrow)
	}
	for _, r := range []struct {
		view  queries.View
		size  uint32
		least int
	}{{all, narrow, wanted / 4}, {some, wide, 1}} { // how full the wide ones are is a guess from few people
		sql, err := viewSQL(r.view, within(0, r.size-1, nil))
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := s.db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT count(*) FROM (%s)", sql)).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 2*wanted || n < r.least {
			t.Errorf("%d people have %d rows, about %d are wanted", r.size, n, wanted)
		}
	}
}
