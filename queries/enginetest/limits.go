package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/queries"
)

// bills is a job over settlements of 2017 with one row per bill.
func bills(id, amount string) queries.Job {
	from, to := Day(0), Day(364)
	return queries.Job{
		Snapshot: id,
		Views:    []queries.View{{Name: "bill", Table: "settlement", Columns: []string{"level", "total_fen", "fund_fen", "pay_loc"}, From: from, To: to}},
		SQL:      "SELECT psn_key, level, " + amount + " AS amount FROM bill",
		Keys:     []queries.KeyColumn{{Name: "level"}},
		Columns:  []queries.IntColumn{{Name: "amount"}},
		Spec: spec(2, []dp.Key{{Name: "level", Values: []string{"tertiary", "secondary", "primary", "unknown"}}}, []string{"amount"},
			dp.Measure{Name: "amount", Kind: dp.KindSum, Column: "amount", RowLo: -1000, RowHi: 1000, Lo: -5000, Hi: 5000},
			dp.Measure{Name: "bills", Kind: dp.KindRows, Rows: 3}),
	}
}

// nobodysRows: a row whose psn_key is NULL is of nobody and counts nowhere.
func nobodysRows(t *testing.T, h Harness) {
	w := makeWorlds(t, h, 60)
	job := bills(w.ids[0], "")
	job.Views = append(job.Views, queries.View{Name: "person", Table: "person", From: Day(0), To: Day(364), AgeAt: Day(0)})
	job.SQL = `SELECT b.psn_key, coalesce(b.level, 'unknown') AS level, 1 AS amount
	           FROM person AS p LEFT JOIN bill AS b ON b.psn_key = p.psn_key`
	var want []dptest.Row
	for _, b := range w.worlds[0]["settlement"] {
		if in(b, "setl_date", Day(0), Day(364)) {
			want = append(want, dptest.Row{Person: keyOf(b), Keys: []string{b["level"].(string)}, Values: []int64{1}})
		}
	}
	totals := mustRun(t, h.Open(t, Domain{Dir: w.dir}), job)
	if d := diff(dptest.Exact(t, totals), dptest.Bounded(t, totals, want)); d != "" || len(want) == 0 {
		t.Errorf("%d rows: %s", len(want), d)
	}
}

// totality: a person for whom the SQL overflows contributes nothing, and nobody
// else is touched.
func totality(t *testing.T, h Harness) {
	w := makeWorlds(t, h, 200)
	e := h.Open(t, Domain{Dir: w.dir})
	job := bills(w.ids[0], "total_fen - fund_fen")
	broken, twin := map[Key]bool{}, []dptest.Row{}
	for _, b := range w.worlds[0]["settlement"] {
		if !in(b, "setl_date", Day(0), Day(364)) {
			continue
		}
		total, fund := b["total_fen"].(int64), b["fund_fen"].(int64)
		var exact wide
		exact.add(total)
		exact.add(-fund)
		if !exact.sum.IsInt64() {
			broken[keyOf(b)] = true
		}
		twin = append(twin, dptest.Row{Person: keyOf(b), Keys: []string{b["level"].(string)}, Values: []int64{total - fund}})
	}
	var want []dptest.Row
	for _, r := range twin {
		if !broken[r.Person] {
			want = append(want, r)
		}
	}
	if len(broken) == 0 || len(want) == 0 {
		t.Fatal("the data break nothing, or everything")
	}
	totals := mustRun(t, e, job)
	if d := diff(dptest.Exact(t, totals), dptest.Bounded(t, totals, want)); d != "" {
		t.Error(d)
	}
}

// heavyPerson: 100,000 bills of one person move no cell by more than its bound.
func heavyPerson(t *testing.T, h Harness) {
	dir := t.TempDir()
	world := Random(rand.New(rand.NewPCG(3, 1)), 50)
	heavy := Person(1_000_000)
	world["person"] = append(world["person"], Row{"psn_key": heavy})
	without := Snapshot(t, h.Write, dir, world.Tables()...)
	bill := Row{"psn_key": heavy, "level": "primary", "setl_date": Day(3), "total_fen": int64(math.MaxInt64)}
	with := Snapshot(t, h.Write, dir, append(world.Tables(), Table{Name: "settlement", Rows: []Row{bill}, Times: 100_000})...)
	e := h.Open(t, Domain{Dir: dir})
	read := func(id string) (people, amount, rows int64) {
		job := bills(id, "total_fen")
		job.Spec.L0 = 4 // all groups: the salt, and the person's other groups, do not matter
		g := dptest.Find(dptest.Exact(t, mustRun(t, e, job)), "primary")
		if g == nil {
			t.Fatal("nobody has a bill")
		}
		return g.People(), g.Cells["amount"][0], g.Cells["bills"][0]
	}
	p0, a0, b0 := read(without)
	p1, a1, b1 := read(with)
	if p1-p0 != 1 || a1-a0 != 5000 || b1-b0 != 3 {
		t.Errorf("one person moved people by %d, amount by %d, bills by %d; want 1, 5000 and 3", p1-p0, a1-a0, b1-b0)
	}
}

// canary: the text of a value never shows, not even where a cast of it fails.
func canary(t *testing.T, h Harness) {
	const word = "CANARY-7391"
	dir := t.TempDir()
	world := World{}
	for i := range 20 {
		world["person"] = append(world["person"], Row{"psn_key": Person(i)})
		world["settlement"] = append(world["settlement"], Row{"psn_key": Person(i), "level": "primary", "setl_date": Day(5), "pay_loc": word})
	}
	id := Snapshot(t, h.Write, dir, world.Tables()...)
	e := h.Open(t, Domain{Dir: dir})
	for _, amount := range []string{
		"CAST(pay_loc AS BIGINT)", "pay_loc::DATE - DATE '2017-01-01'", "pay_loc + 1", "CASE WHEN pay_loc::INTEGER > 0 THEN 1 END",
		"TRY_CAST(pay_loc AS BIGINT)", "error(pay_loc)", "pay_loc", "no_such_column",
	} {
		totals, err := e.Run(context.Background(), bills(id, amount))
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(format, err) + fmt.Sprintf(format, totals); strings.Contains(text, word) {
				t.Errorf("%s: %s", amount, text)
			}
		}
		for inner := err; inner != nil; inner = errors.Unwrap(inner) {
			if strings.Contains(fmt.Sprintf("%#v", inner), word) {
				t.Errorf("%s: an error inside shows the value", amount)
			}
		}
	}
}

// ends: a deadline and a cancel end a run soon, with the context's own error,
// and the engine is as good as before.
func ends(t *testing.T, h Harness) {
	dir := t.TempDir()
	world := World{}
	for i := range 4 {
		world["person"] = append(world["person"], Row{"psn_key": Person(i)})
	}
	tables := world.Tables()
	for i := range 4 {
		tables = append(tables, Table{Name: "settlement", Times: 40_000, Rows: []Row{{"psn_key": Person(i), "level": "primary", "setl_date": Day(i)}}})
	}
	id := Snapshot(t, h.Write, dir, tables...)
	e := h.Open(t, Domain{Dir: dir})
	endless := bills(id, "")
	endless.SQL = `SELECT a.psn_key, a.level, sum(a.total_fen + b.fund_fen % 7) AS amount
	               FROM bill AS a JOIN bill AS b ON a.psn_key = b.psn_key AND a.fund_fen + b.total_fen < 1
	               GROUP BY a.psn_key, a.level`
	soon := func(what string, want error, ctx context.Context) {
		t.Helper()
		began := time.Now()
		totals, err := e.Run(ctx, endless)
		if totals != nil || !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %v", what, took)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	soon("deadline", context.DeadlineExceeded, ctx)
	cancel()
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	soon("cancel", context.Canceled, ctx)
	soon("cancelled before", context.Canceled, ctx)
	if g := dptest.Exact(t, mustRun(t, e, bills(id, "total_fen"))); len(g) != 1 || g[0].People() != 4 {
		t.Errorf("afterwards the engine gives %d groups", len(g))
	}
}

// readOnly: runs change no byte and leave nothing in the domain.
func readOnly(t *testing.T, h Harness) {
	w := makeWorlds(t, h, 50)
	before := listing(t, w.dir)
	e := h.Open(t, Domain{Dir: w.dir})
	for _, q := range questions() {
		job, _ := q.fixed(1)
		job.Snapshot = w.ids[0]
		mustRun(t, e, job)
	}
	job := bills(w.ids[0], "")
	for _, sql := range []string{
		"DELETE FROM snapshot.main.person", "DROP TABLE snapshot.main.person", "CREATE TABLE snapshot.main.x (i INTEGER)",
		"COPY (SELECT 1) TO '" + filepath.Join(w.dir, "out.csv") + "'", "ATTACH '" + filepath.Join(w.dir, "new.db") + "' AS n",
		"SELECT psn_key, level, 1 AS amount FROM bill; DROP TABLE snapshot.main.person",
		"SELECT psn_key, level, 1 AS amount FROM snapshot.main.settlement", "SELECT psn_key, level, 1 AS amount FROM settlement",
		"SELECT psn_key, level, 1 AS amount FROM read_text('/etc/hostname') AS bill", "SELECT psn_key, 'a' AS level, birth_ym AS amount FROM person",
		"SELECT psn_key, level, pno AS amount FROM bill", "SELECT psn_key, level, psn_fen AS amount FROM bill",
	} {
		job.SQL = sql
		if totals, err := e.Run(context.Background(), job); err == nil || totals != nil {
			t.Errorf("%s: it ran", sql)
		}
	}
	if after := listing(t, w.dir); after != before {
		t.Errorf("the domain was\n%sand is\n%s", before, after)
	}
}

// listing is every file with its digest.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, path, info.Size(), digest(t, path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
