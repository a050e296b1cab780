//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/enginetest"
)

const word = "CANARY-7391"

// fewBills is a world of n people with one bill each, pay_loc "12" but for one.
func fewBills(t *testing.T, n, odd int) (domain, id string) {
	t.Helper()
	domain = t.TempDir()
	w := enginetest.World{}
	for i := range n {
		k, loc := enginetest.Person(i), "12"
		if i == odd {
			loc = word
		}
		w["person"] = append(w["person"], enginetest.Row{"psn_key": k})
		w["settlement"] = append(w["settlement"], enginetest.Row{"psn_key": k, "setl_date": enginetest.Day(1), "level": "primary", "pay_loc": loc})
	}
	return domain, enginetest.Snapshot(t, OpenWriter, domain, w.Tables()...)
}

func sums(id, amount string) queries.Job {
	return queries.Job{
		Snapshot: id,
		Views:    []queries.View{{Name: "bill", Table: "settlement", Columns: []string{"pay_loc", "level"}, From: enginetest.Day(0), To: enginetest.Day(9)}},
		SQL:      "SELECT psn_key, " + amount + " AS amount FROM bill",
		Columns:  []queries.IntColumn{{Name: "amount"}},
		Spec: dp.Spec{L0: 1, K: 20, Columns: []string{"amount"}, MaxRows: 100, MaxPeople: 1000, Measures: []dp.Measure{
			{Name: "amount", Kind: dp.KindSum, Column: "amount", RowLo: 0, RowHi: 100, Lo: 0, Hi: 100},
		}},
	}
}

func newEngine(t *testing.T, o Options) *Engine {
	t.Helper()
	e, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// unlinted runs what the linter would refuse.
func unlinted(t *testing.T, e *Engine, j queries.Job) (*dp.Totals, error) {
	t.Helper()
	s, err := newStatement(j)
	if err != nil {
		t.Fatal(err)
	}
	return e.run(context.Background(), j, s)
}

// A cast that fails for one person, in SQL that should never have been let
// through, takes away that person and nobody else, and its text shows nowhere.
func TestFailingCastTakesOnlyItsPerson(t *testing.T) {
	domain, id := fewBills(t, 50, 17)
	e := newEngine(t, Options{Domain: domain, Threads: 2})
	job := sums(id, "CAST(pay_loc AS BIGINT)")
	s, err := e.prepare(context.Background(), job)
	if !errors.Is(err, ErrLint) {
		t.Errorf("the linter let it through: %v", err)
	}
	store, done, err := e.use(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := store.db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	query, _ := s.over(within(0, 49, nil))
	if err := fetch(context.Background(), conn, query, nil, nil); err == nil || !strings.Contains(err.Error(), word) {
		t.Fatalf("DuckDB's own error should show the value, or this test shows nothing: %v", err)
	}
	conn.Close()
	done()
	totals, err := unlinted(t, e, job)
	if err != nil {
		t.Fatal(err)
	}
	if g := dptest.Exact(t, totals); len(g) != 1 || g[0].People() != 49 || g[0].Cells["amount"][0] != 49*12 {
		t.Errorf("got %v", g)
	}
}

// Errors that no person causes end the run, all with the same words.
func TestErrorsAreOpaque(t *testing.T) {
	domain, id := fewBills(t, 50, 17)
	e := newEngine(t, Options{Domain: domain, Threads: 2})
	for _, amount := range []string{"no_such_column", "pay_loc +", "list_sum(pay_loc)", "(SELECT c FROM no_such_" + word + ")"} {
		totals, err := unlinted(t, e, sums(id, amount))
		if totals != nil || err != ErrRun {
			t.Errorf("%s: %v", amount, err)
		}
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, word) {
			t.Errorf("%s: %s", amount, text)
		}
	}
	cramped := newEngine(t, Options{Domain: domain, Threads: 1, Memory: 1 << 20})
	big := sums(id, "1")
	big.SQL = "SELECT psn_key, count(*) AS amount FROM (SELECT psn_key, i + 3000 * unnest(range(1000)) AS i FROM (SELECT psn_key, unnest(range(3000)) AS i FROM bill)) GROUP BY psn_key, i % 999983"
	if totals, err := cramped.Run(context.Background(), big); totals != nil || err != ErrRun {
		t.Errorf("out of memory: %v", err)
	}
	if _, err := cramped.Run(context.Background(), sums(id, "1")); err != nil {
		t.Errorf("after running out of memory: %v", err)
	}
}

// A panic in a worker is an error like any other: it must not end the process
// with its text.
func TestPanicIsAnError(t *testing.T) {
	w := &worker{} // no database: its first step panics
	if err := w.work(context.Background(), &ranges{size: 1, people: 1}); err != ErrRun {
		t.Error(err)
	}
}
