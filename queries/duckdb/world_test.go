package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// smallWorld is a database with a few people whose rows collide on purpose:
// neighbouring psn_keys, one set of encounter keys and days for all. So a
// statement that mixes people shows it.
type smallWorld struct {
	db     *sql.DB
	people int
}

func newSmallWorld(t testing.TB, people int) *smallWorld {
	t.Helper()
	db, err := openEmpty(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	r := rand.New(rand.NewPCG(5, 3))
	for _, table := range dataset.Tables() {
		if !table.Person {
			continue
		}
		var rows []string
		for p := range people {
			n := 1
			if table.Name != "person" {
				n = max(0, r.IntN(8)-1) // some have none
			}
			for range n {
				rows = append(rows, worldRow(r, table, p))
			}
		}
		if _, err := db.Exec("INSERT INTO snapshot.main." + ident(table.Name) + " VALUES " + strings.Join(rows, ", ")); err != nil {
			t.Fatal(err)
		}
	}
	return &smallWorld{db, people}
}

func worldRow(r *rand.Rand, table dataset.Table, person int) string {
	start := 366 + r.IntN(120) // from 2016-01-01
	values := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		switch {
		case c.Name == "pno":
			values[i] = fmt.Sprint(person)
		case c.Name == "psn_key":
			values[i] = fmt.Sprintf("%d::HUGEINT", 3+person)
		case c.Null && r.IntN(4) == 0:
			values[i] = "NULL"
		case strings.HasSuffix(c.Name, "_ym"):
			values[i] = fmt.Sprint((1940+r.IntN(80))*100 + 1 + r.IntN(12))
		case c.Type == dataset.TypeDate:
			day := start
			if c.Name == "end" {
				day += r.IntN(60)
			}
			values[i] = fmt.Sprintf("DATE '2016-01-01' + %d", day-day%4)
		case c.Type == dataset.TypeCode:
			values[i] = quote([]string{"a", "b", "unknown"}[r.IntN(3)])
		default:
			values[i] = fmt.Sprint(1 + r.IntN(6))
		}
	}
	return "(" + strings.Join(values, ", ") + ")"
}

// rows runs a question over the people lo..hi, psn_key first, and counts equal
// rows. Rows of nobody are dropped, as the engine drops them.
func (w *smallWorld) rows(q question, lo, hi int) (map[string]int, error) {
	with, err := withViews(q.views, fmt.Sprintf("pno BETWEEN %d AND %d", lo, hi))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	rows, err := w.db.QueryContext(ctx, with+"SELECT t.psn_key::VARCHAR AS k, t::VARCHAR AS v FROM (\n"+trimSQL(q.sql)+"\n) AS t", arguments(q.args)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var key, row sql.NullString
		if err := rows.Scan(&key, &row); err != nil {
			return nil, err
		}
		if key.Valid {
			out[row.String]++
		}
	}
	return out, rows.Err()
}

// apart says how T(D) differs from the sum of T of its parts, "" if it does not:
// each person alone, two halves, and nobody.
func (w *smallWorld) apart(q question) (difference string, rows int, err error) {
	whole, err := w.rows(q, 0, w.people-1)
	if err != nil {
		return "", 0, err
	}
	var alone [][2]int
	for p := range w.people {
		alone = append(alone, [2]int{p, p})
	}
	half := w.people / 2
	for _, parts := range [][][2]int{alone, {{0, half - 1}, {half, w.people - 1}}} {
		together := map[string]int{}
		for _, part := range parts {
			some, err := w.rows(q, part[0], part[1])
			if err != nil {
				return "", 0, err
			}
			for row, n := range some {
				together[row] += n
			}
		}
		if !maps.Equal(whole, together) {
			return fmt.Sprintf("%d parts give other rows than everyone together: %v and %v", len(parts),
				slices.Sorted(maps.Keys(together)), slices.Sorted(maps.Keys(whole))), len(whole), nil
		}
	}
	nobody, err := w.rows(q, 1, 0)
	if len(nobody) > 0 {
		return "nobody gives rows", len(whole), nil
	}
	return "", len(whole), err
}
