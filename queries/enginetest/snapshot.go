package enginetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// Row is a row of a canonical table by column: a string, int64 (also for keys
// and flags), time.Time (a day) or, as psn_key, a Key. What is left out is
// "unknown", 0, the day 2017-01-01, or NULL where the schema allows it.
type Row map[string]any

// Table is rows of one canonical table, in any order.
type Table struct {
	Name string
	Rows []Row
	// Times repeats the rows, 0 meaning once: for people with very many.
	Times int
}

// Key is a psn_key, big-endian, as dp is given it.
type Key = [16]byte

// Person makes the psn_key of a numbered person: 120 bits that look uniform.
func Person(n int) Key {
	var k Key
	sum := sha256.Sum256(fmt.Appendf(nil, "person %d", n))
	copy(k[1:], sum[:])
	return k
}

// Day is the nth day from 2017-01-01.
func Day(n int) time.Time { return time.Date(2017, 1, 1+n, 0, 0, 0, 0, time.UTC) }

// Snapshot adds a snapshot with these tables to a domain, a directory of the
// test's own, and returns its id. People are who stands in the table person;
// others' rows are refused. open is the import's opener (queries/duckdb has it).
func Snapshot(tb testing.TB, open dataset.Opener, domain string, tables ...Table) string {
	tb.Helper()
	build := tb.TempDir()
	people := numbers(tables)
	write(tb, open, build, people, tables)
	if err := os.WriteFile(filepath.Join(build, "quality.json"), []byte("{}\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	m := dataset.Manifest{
		Schema: dataset.SchemaVersion, Binding: "test", Currency: "CNY", Salt: strings.Repeat("00", 32),
		Population: "test", Created: "2018-01-01", MaxRows: 200_000, People: int64(len(people)),
		Data: digest(tb, filepath.Join(build, "data.duckdb")), Quality: digest(tb, filepath.Join(build, "quality.json")),
	}
	text, err := json.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(text)
	id := hex.EncodeToString(sum[:])
	dir := filepath.Dir(dataset.DataPath(domain, id))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	for _, name := range []string{"data.duckdb", "quality.json"} {
		if err := os.Rename(filepath.Join(build, name), filepath.Join(dir, name)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return id
}

// numbers gives each person of the table person a dense number in the order of psn_key.
func numbers(tables []Table) map[Key]int {
	var keys []Key
	for _, t := range tables {
		if t.Name == "person" {
			for _, r := range t.Rows {
				keys = append(keys, r["psn_key"].(Key))
			}
		}
	}
	slices.SortFunc(keys, func(a, b Key) int { return slices.Compare(a[:], b[:]) })
	out := map[Key]int{}
	for i, k := range keys {
		out[k] = i
	}
	return out
}

func write(tb testing.TB, open dataset.Opener, build string, people map[Key]int, tables []Table) {
	tb.Helper()
	ctx := context.Background()
	temp := filepath.Join(build, "temp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		tb.Fatal(err)
	}
	db, err := open(ctx, dataset.WriterOptions{
		Snapshot: filepath.Join(build, "data.duckdb"), Stage: filepath.Join(build, "stage.duckdb"), TempDir: temp, Threads: 1,
	})
	if err != nil {
		tb.Fatal(err)
	}
	var sql []string
	for _, schema := range dataset.Tables() {
		sql = append(sql, create(schema))
		for _, t := range tables {
			if t.Name == schema.Name {
				sql = append(sql, inserts(tb, schema, t, people)...)
			}
		}
	}
	sql = append(sql, "CHECKPOINT snapshot")
	for _, s := range sql {
		if _, err := db.ExecContext(ctx, s); err != nil {
			tb.Fatalf("%.200s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		tb.Fatal(err)
	}
}

func create(t dataset.Table) string {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = fmt.Sprintf("%q %s", c.Name, c.Type)
	}
	return fmt.Sprintf("CREATE TABLE snapshot.main.%q (%s)", t.Name, strings.Join(columns, ", "))
}

// inserts writes the rows in the table's physical order.
func inserts(tb testing.TB, schema dataset.Table, t Table, people map[Key]int) []string {
	tb.Helper()
	var out []string
	order := make([]string, len(schema.Order))
	for i, c := range schema.Order {
		order[i] = fmt.Sprintf("%q", c)
	}
	names := make([]string, len(schema.Columns))
	for i, c := range schema.Columns {
		names[i] = fmt.Sprintf("%q", c.Name)
	}
	rows := slices.Clone(t.Rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return people[keyOf(a)] - people[keyOf(b)] })
	for chunk := range slices.Chunk(rows, 2000) {
		values := make([]string, len(chunk))
		for i, r := range chunk {
			values[i] = "(" + strings.Join(literals(tb, schema, r, people), ", ") + ")"
		}
		out = append(out, fmt.Sprintf("INSERT INTO snapshot.main.%q SELECT v.* FROM (VALUES %s) v(%s), range(%d) ORDER BY %s",
			t.Name, strings.Join(values, ", "), strings.Join(names, ", "), max(1, t.Times), strings.Join(order, ", ")))
	}
	return out
}

func keyOf(r Row) Key {
	k, _ := r["psn_key"].(Key)
	return k
}

func literals(tb testing.TB, schema dataset.Table, r Row, people map[Key]int) []string {
	tb.Helper()
	for name := range r {
		if _, ok := schema.Column(name); !ok {
			tb.Fatalf("%s has no column %q", schema.Name, name)
		}
	}
	out := make([]string, len(schema.Columns))
	for i, c := range schema.Columns {
		v, given := r[c.Name]
		switch {
		case c.Name == "pno":
			n, ok := people[keyOf(r)]
			if !ok {
				tb.Fatalf("a row of %s is of nobody in the table person", schema.Name)
			}
			v = int64(n)
		case !given && c.Null:
			out[i] = "NULL"
			continue
		case !given && c.Type == dataset.TypeCode:
			v = dataset.Unknown
		case !given && c.Type == dataset.TypeDate:
			v = Day(0)
		case !given:
			v = int64(0)
		}
		out[i] = literal(tb, c, v)
	}
	return out
}

func literal(tb testing.TB, c dataset.Column, v any) string {
	tb.Helper()
	switch v := v.(type) {
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case int64:
		return fmt.Sprintf("'%d'::%s", v, c.Type)
	case time.Time:
		return "DATE '" + v.Format("2006-01-02") + "'"
	case Key:
		return new(big.Int).SetBytes(v[:]).String() + "::HUGEINT"
	}
	tb.Fatalf("column %s: a %T", c.Name, v)
	return ""
}

func digest(tb testing.TB, path string) string {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
