//go:build duckdb_arrow

package templates_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/enginetest"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// oracle is a question and its exact bounded answer, written again as plain SQL
// over the snapshot's tables: the keys as they are labelled, people, then every
// cell in the order of cells. Noise is off on both sides, so they are equal.
type oracle struct {
	id     string
	coarse bool
	given  map[string]string
	cells  []string // channels of dptest in order, such as "claims", "severity/sum"; "payments" takes all its positions
	exact  string
	// unbound must give 0: then L0 and row caps bind nobody of this population, and
	// no choice by hash enters the answer.
	unbound string
	// narrow replaces tables, before exact sees them, by those of their rows that
	// meet a condition.
	narrow map[string]string
}

// handmade is a question over people made by hand, and its cells worked out by
// hand: by keys joined with "/", "" where there is none, then people and cells.
type handmade struct {
	name   string
	id     string
	coarse bool
	given  map[string]string
	world  enginetest.World
	cells  []string
	want   map[string][]int64
}

func load(t *testing.T) *queries.Catalog {
	t.Helper()
	c, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func question(t *testing.T, id string, coarse bool, given map[string]string, src queries.Source) *queries.Question {
	t.Helper()
	c := load(t)
	tpl, err := c.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.Compile(tpl, coarse, given, src)
	if err != nil {
		t.Fatal(err)
	}
	q.Job.Spec.K = 20
	return q
}

// answer runs a question and gives its exact cells by keys.
func answer(t *testing.T, e queries.Engine, q *queries.Question, cells []string) map[string][]int64 {
	t.Helper()
	if err := e.Check(t.Context(), q.Job); err != nil {
		t.Fatal(err)
	}
	totals, err := e.Run(t.Context(), q.Job)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]int64{}
	for _, g := range dptest.Exact(t, totals) {
		row := []int64{g.People()}
		for _, c := range cells {
			values, ok := g.Cells[c]
			if !ok {
				t.Fatalf("no channel %q among %v", c, slices.Sorted(maps.Keys(g.Cells)))
			}
			row = append(row, values...)
		}
		out[strings.Join(g.Keys, "/")] = row
	}
	return out
}

func same(t *testing.T, got, want map[string][]int64) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%d groups, want %d", len(got), len(want))
	}
	for keys, row := range want {
		if !slices.Equal(got[keys], row) {
			t.Errorf("%q: got %v, want %v", keys, got[keys], row)
		}
	}
	for keys, row := range got {
		if want[keys] == nil {
			t.Errorf("%q: got %v, want no such group", keys, row)
		}
	}
}

// people is one synthetic population for every oracle.
var people = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "qunxiang-oracle-*")
	if err != nil {
		return "", err
	}
	key, err := dataset.LoadOrCreateKey(filepath.Join(dir, "person.key"))
	if err != nil {
		return dir, err
	}
	_, _, err = dataset.Synth(context.Background(), dataset.SynthOptions{
		Domain: dir, Key: key, People: 2500, Seed: 5, Open: duckdb.OpenWriter,
	})
	return dir, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := people(); dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// checkOracle compares every group of the whole synthetic population.
func checkOracle(t *testing.T, o oracle) {
	t.Helper()
	dir, err := people()
	if err != nil {
		t.Fatal(err)
	}
	snapshots, err := dataset.List(dir)
	if err != nil || len(snapshots) != 1 {
		t.Fatalf("%d snapshots, %v", len(snapshots), err)
	}
	db, err := duckdb.OpenSnapshot(t.Context(), duckdb.SnapshotOptions{Path: dataset.DataPath(dir, snapshots[0].ID)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("USE " + duckdb.SnapshotCatalog); err != nil {
		t.Fatal(err)
	}
	for table, condition := range o.narrow {
		view := fmt.Sprintf("CREATE TEMP VIEW %s AS SELECT * FROM %s.main.%s WHERE %s", table, duckdb.SnapshotCatalog, table, condition)
		if _, err := db.Exec(view); err != nil {
			t.Fatal(err)
		}
	}
	if o.unbound != "" {
		var n int64
		if err := db.QueryRow(o.unbound).Scan(&n); err != nil || n != 0 {
			t.Fatalf("bounds bind %d people (%v)", n, err)
		}
	}
	q := question(t, o.id, o.coarse, o.given, queries.Source{Snapshot: snapshots[0].ID, MaxRows: 20_000})
	e, err := duckdb.Open(duckdb.Options{Domain: dir, Threads: 2, RangeRows: 5000})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	want := scanned(t, db, o.exact, len(q.Job.Spec.Keys))
	if len(want) == 0 {
		t.Fatal("the oracle gives nothing: the comparison says nothing")
	}
	same(t, answer(t, e, q, o.cells), want)
}

// scanned reads keys and whole numbers.
func scanned(t *testing.T, db *sql.DB, query string, keys int) map[string][]int64 {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]int64{}
	for rows.Next() {
		names, values := make([]string, keys), make([]int64, len(columns)-keys)
		into := make([]any, len(columns))
		for i := range into {
			if i < keys {
				into[i] = &names[i]
			} else {
				into[i] = &values[i-keys]
			}
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		key := strings.Join(names, "/")
		if out[key] != nil {
			t.Fatal(fmt.Errorf("the oracle gives %q twice", key))
		}
		out[key] = values
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// checkHandmade compares a few people's rows with what they come to.
func checkHandmade(t *testing.T, h handmade) {
	t.Helper()
	dir := t.TempDir()
	id := enginetest.Snapshot(t, duckdb.OpenWriter, dir, h.world.Tables()...)
	e, err := duckdb.Open(duckdb.Options{Domain: dir, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	q := question(t, h.id, h.coarse, h.given, queries.Source{Snapshot: id, MaxRows: 20_000})
	same(t, answer(t, e, q, h.cells), h.want)
}
