package duckdb

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// asked is the declaration that every SQL below is held against: views person,
// bill and stay; parameters $gap, $kinds and $window_from; key level, measure
// column amount.
func asked(sql string) question {
	day := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)
	view := func(name, table string, columns ...string) queries.View {
		return queries.View{Name: name, Table: table, Columns: columns, From: day, To: day, AgeAt: day}
	}
	return question{
		sql: sql,
		views: []queries.View{
			view("person", "person", "age", "sex"),
			view("bill", "settlement", "mdtrt_key", "level", "total_fen", "setl_date"),
			view("stay", "encounter", "mdtrt_key", "begn", "end", "level"),
		},
		args:    map[string]any{"gap": int64(3), "kinds": []string{"11"}, "window_from": day},
		keys:    map[string]bool{"level": false},
		columns: []string{"amount"},
		exact:   true,
	}
}

// linting lints against one empty schema for a whole test.
func linting(t testing.TB) func(t testing.TB, q question) (codes []string, text string) {
	t.Helper()
	db, err := openEmpty(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return func(t testing.TB, q question) ([]string, string) { return lintCodes(t, db, q) }
}

func lintCodes(t testing.TB, db *sql.DB, q question) (codes []string, text string) {
	t.Helper()
	_, findings, err := prove(context.Background(), db, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		codes = append(codes, f.Code)
		text += f.String() + "\n"
	}
	return slices.Compact(slices.Sorted(slices.Values(codes))), text
}

func TestLintAccepts(t *testing.T) {
	lintCodes := linting(t)
	for _, sql := range []string{
		"SELECT psn_key, level, total_fen AS amount FROM bill",
		"SELECT PSN_KEY, Level, Total_Fen AS Amount FROM Bill;",
		"SELECT DISTINCT b.psn_key, b.level, 1 AS amount FROM bill AS b -- the end",
		"SELECT psn_key, level, sum(total_fen) AS amount FROM bill GROUP BY psn_key, level HAVING count(*) > 1",
		"SELECT b.psn_key, b.level, p.age AS amount FROM bill AS b JOIN person AS p USING (psn_key)",
		"SELECT b.psn_key, b.level, p.age AS amount FROM bill b LEFT JOIN person p ON b.psn_key = p.psn_key AND p.age > $gap",
		"SELECT b.psn_key, b.level, 1 AS amount FROM bill b SEMI JOIN stay s USING (psn_key, mdtrt_key)",
		"SELECT b.psn_key, b.level, 1 AS amount FROM bill b ANTI JOIN stay s ON s.psn_key = b.psn_key",
		"SELECT psn_key, level, lag(total_fen) OVER (PARTITION BY psn_key ORDER BY setl_date, level, total_fen) AS amount FROM bill",
		"SELECT psn_key, level, total_fen AS amount FROM bill QUALIFY row_number() OVER (PARTITION BY psn_key, level ORDER BY setl_date, mdtrt_key, total_fen) = 1",
		"SELECT psn_key, level, total_fen AS amount FROM bill UNION ALL SELECT psn_key, level, 0 AS amount FROM stay",
		`WITH s AS (SELECT psn_key, level, unnest(range(year(begn), year("end") + 1)) AS y FROM stay), n AS MATERIALIZED (SELECT psn_key, level, count(DISTINCT y) FILTER (WHERE y > 2000) AS amount FROM s GROUP BY psn_key, level) SELECT psn_key, level, amount FROM n`,
		"SELECT psn_key, level, CASE WHEN list_contains($kinds, level) AND setl_date > $window_from + $gap THEN TRY_CAST(total_fen AS BIGINT) ELSE TRY(total_fen * 2) END AS amount FROM bill WHERE level IN ('a', 'b') OR NOT level LIKE 'x%' OR setl_date >= DATE '2017-01-01' - INTERVAL 3 DAY",
	} {
		if codes, text := lintCodes(t, asked(sql)); len(codes) > 0 {
			t.Errorf("%s\n%s", sql, text)
		}
	}
}

// A fixture per refusal.
func TestLintRefuses(t *testing.T) {
	lintCodes := linting(t)
	const ok = "SELECT psn_key, level, total_fen AS amount FROM bill"
	for _, c := range []struct{ code, sql string }{
		{"statements", ok + "; " + ok},
		{"syntax", "DELETE FROM bill"},
		{"syntax", "SELECT FROM WHERE"},
		{"syntax", "\x93"},
		{"syntax", "SELECT psn_key\x00, level, total_fen AS amount FROM bill"},
		{"syntax", "COPY (" + ok + ") TO 'x'"},
		{"syntax", "PRAGMA database_list"},
		{"syntax", "WITH RECURSIVE r AS (" + ok + " UNION ALL " + ok + ") SELECT psn_key, level, amount FROM r"},
		{"syntax", "SELECT psn_key, level, amount FROM (VALUES (1, 'a', 2)) AS v(psn_key, level, amount)"},
		{"syntax", "SELECT psn_key, level, list_sum(list_transform([1], x -> x + 1)) AS amount FROM bill"},
		{"syntax", "SELECT psn_key, level COLLATE nocase AS level, #1 AS amount FROM bill"},
		{"star", "SELECT * FROM bill"},
		{"star", "FROM bill"},
		{"star", "SELECT psn_key, level, COLUMNS('total_fen') AS amount FROM bill"},
		{"star", "SELECT b.* FROM bill AS b"},
		{"from", "SELECT 1 AS psn_key, 'a' AS level, 2 AS amount"},
		{"table", "SELECT psn_key, level, total_fen AS amount FROM settlement"},
		{"table", "SELECT psn_key, level, total_fen AS amount FROM 'x.parquet'"},
		{"table", "SELECT psn_key, level, total_fen AS amount FROM duckdb_tables"},
		{"qualified", "SELECT psn_key, level, total_fen AS amount FROM snapshot.main.bill"},
		{"qualified", "SELECT psn_key, level, total_fen AS amount FROM main.bill"},
		{"qualified", "SELECT psn_key, level, total_fen AS amount FROM bill AT (VERSION => 1)"},
		{"table_function", "SELECT psn_key, level, total_fen AS amount FROM read_csv('/etc/passwd') AS bill"},
		{"table_function", "SELECT b.psn_key, b.level, r.i AS amount FROM bill b JOIN range(3) r(i) ON b.psn_key = r.psn_key"},
		{"name", "WITH person AS (SELECT psn_key, age FROM person) " + ok},
		{"name", "WITH bill AS (" + ok + ") " + ok},
		{"name", "SELECT bill.psn_key, bill.level, 1 AS amount FROM bill JOIN bill USING (psn_key)"},
		{"alias", "WITH x(psn_key, level, amount) AS (SELECT mdtrt_key, level, total_fen FROM bill) SELECT psn_key, level, amount FROM x"},
		{"alias", "SELECT psn_key, level, amount FROM bill AS b(psn_key, level, amount)"},
		{"alias", "SELECT psn_key, level, total_fen + 1 FROM bill"},
		{"psn_key", "SELECT total_fen AS psn_key, level, total_fen AS amount FROM bill"},
		{"psn_key", "SELECT psn_key + 1 AS Psn_Key, level, total_fen AS amount FROM bill"},
		{"psn_key", "SELECT psn_key AS p, level, total_fen AS amount FROM bill"},
		{"psn_key", "SELECT level, total_fen AS amount FROM bill"},
		{"psn_key", "SELECT psn_key, psn_key, level, total_fen AS amount FROM bill"},
		{"psn_key", "SELECT b.psn_key, b.level, m.amount FROM bill b JOIN (SELECT max(total_fen) AS amount FROM bill) m ON true"},
		{"psn_key", ok + " UNION ALL SELECT level, psn_key, 1 AS amount FROM stay"},
		{"union", ok + " UNION " + ok},
		{"union", ok + " EXCEPT ALL " + ok},
		{"union", ok + " INTERSECT " + ok},
		{"modifier", ok + " LIMIT 5"},
		{"modifier", ok + " ORDER BY total_fen"},
		{"modifier", ok + " OFFSET 5"},
		{"distinct_on", "SELECT DISTINCT ON (level) psn_key, level, total_fen AS amount FROM bill"},
		{"sample", ok + " USING SAMPLE 10%"},
		{"sample", "SELECT psn_key, level, total_fen AS amount FROM bill TABLESAMPLE 10%"},
		{"group_by", "SELECT psn_key, level, sum(total_fen) AS amount FROM bill GROUP BY ALL"},
		{"group_by", "SELECT psn_key, level, total_fen AS amount FROM bill GROUP BY ALL"},
		{"group_by", "SELECT psn_key, level, sum(total_fen) AS amount FROM bill GROUP BY ROLLUP (psn_key, level)"},
		{"group_by", "SELECT psn_key, level, sum(total_fen) AS amount FROM bill GROUP BY GROUPING SETS ((psn_key, level), (level))"},
		{"group_by", "SELECT psn_key, level, count(*) AS amount FROM bill GROUP BY level"},
		{"group_by", "SELECT psn_key, 'a' AS level, count(*) AS amount FROM bill"},
		{"group_by", "SELECT psn_key, level, total_fen AS amount FROM bill QUALIFY count(total_fen) > 1"},
		{"group_by", "SELECT b.psn_key, b.level, count(*) AS amount FROM bill b LEFT JOIN stay s ON b.psn_key = s.psn_key GROUP BY s.psn_key, b.level"},
		{"window", "SELECT psn_key, level, count(*) OVER () AS amount FROM bill"},
		{"window", "SELECT psn_key, level, rank() OVER (PARTITION BY level ORDER BY total_fen) AS amount FROM bill"},
		{"window", "SELECT b.psn_key, b.level, count(*) OVER (PARTITION BY s.psn_key) AS amount FROM bill b LEFT JOIN stay s ON b.psn_key = s.psn_key"},
		{"window", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b JOIN stay s ON b.psn_key = s.psn_key AND 1 = count(*) OVER (PARTITION BY b.psn_key)"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b, stay s"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b CROSS JOIN stay s"},
		{"join", "SELECT psn_key, level, 1 AS amount FROM bill NATURAL JOIN stay"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b POSITIONAL JOIN stay s"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b ASOF JOIN stay s ON b.psn_key = s.psn_key AND b.setl_date >= s.begn"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b JOIN stay s USING (mdtrt_key)"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b JOIN stay s ON b.psn_key = b.psn_key"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b JOIN stay s ON b.psn_key >= s.psn_key"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b JOIN stay s ON b.psn_key = s.psn_key OR b.level = s.level"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b JOIN stay s ON NOT b.psn_key = s.psn_key"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b JOIN stay s ON b.psn_key IS NOT DISTINCT FROM s.psn_key"},
		{"join", "SELECT b.psn_key, b.level, 1 AS amount FROM bill b, LATERAL (SELECT s.psn_key FROM stay s WHERE s.psn_key = b.psn_key) x"},
		{"subquery", "SELECT psn_key, level, (SELECT max(total_fen) FROM bill) AS amount FROM bill"},
		{"subquery", ok + " WHERE mdtrt_key IN (SELECT mdtrt_key FROM stay)"},
		{"subquery", ok + " WHERE EXISTS (SELECT 1 FROM stay)"},
		{"not_in", ok + " WHERE level NOT IN ('a', 'b')"},
		{"function", "SELECT psn_key, level, random() AS amount FROM bill"},
		{"function", "SELECT psn_key, level, any_value(total_fen) AS amount FROM bill GROUP BY psn_key, level"},
		{"function", "SELECT psn_key, level, avg(total_fen) AS amount FROM bill GROUP BY psn_key, level"},
		{"function", "SELECT psn_key, level, total_fen / 2 AS amount FROM bill"},
		{"function", "SELECT psn_key, level, date_diff('day', setl_date, today()) AS amount FROM bill"},
		{"function", "SELECT psn_key, level, error(level) AS amount FROM bill"},
		{"function", "SELECT psn_key, level, getvariable('x') AS amount FROM bill"},
		{"function", "SELECT psn_key, level, snapshot.abs(total_fen) AS amount FROM bill"},
		{"function", "SELECT psn_key, level, ntile(4) OVER (PARTITION BY psn_key ORDER BY total_fen) AS amount FROM bill"},
		{"range", "SELECT psn_key, level, len(range(1000000000)) AS amount FROM bill"},
		{"range", "SELECT psn_key, level, unnest(range(total_fen)) AS amount FROM bill"},
		{"range", "SELECT psn_key, level, unnest(generate_series(1, year(setl_date) * 1000000)) AS amount FROM bill"},
		{"range", "SELECT psn_key, level, len(range(0, year(setl_date + 5), 1)) AS amount FROM bill"},
		{"cast", "SELECT psn_key, level, level::BIGINT AS amount FROM bill"},
		{"cast", "SELECT psn_key, level, CAST(total_fen AS INTEGER) AS amount FROM bill"},
		{"cast", "SELECT psn_key, level, TRY_CAST(total_fen AS DOUBLE) AS amount FROM bill"},
		{"column", "SELECT psn_key, level, rowid AS amount FROM bill"},
		{"column", "SELECT psn_key, level, main.bill.total_fen AS amount FROM bill"},
		{"parameter", "SELECT psn_key, level, $other AS amount FROM bill"},
		{"parameter", "SELECT psn_key, level, ? AS amount FROM bill"},
		{"parameter", "SELECT psn_key, level, $1 AS amount FROM bill"},
		{"output", "SELECT psn_key, level FROM bill"},
		{"output", "SELECT psn_key, level, total_fen AS amount, setl_date FROM bill"},
		{"output", "SELECT psn_key, level, level, total_fen AS amount FROM bill"},
		{"bind", "SELECT psn_key, level, psn_fen AS amount FROM bill"},
		{"bind", "SELECT psn_key, level, pno AS amount FROM bill"},
		{"bind", "SELECT psn_key, level, upper(total_fen, 2) AS amount FROM bill"},
		{"type", "SELECT psn_key, level, level AS amount FROM bill"},
		{"type", "SELECT psn_key, setl_date AS level, total_fen AS amount FROM bill"},
	} {
		codes, text := lintCodes(t, asked(c.sql))
		if !slices.Contains(codes, c.code) {
			t.Errorf("%s\nwant %s, got\n%s", c.sql, c.code, text)
		}
	}
}

func TestLintNamesTheLine(t *testing.T) {
	_, text := linting(t)(t, asked("-- a question\nSELECT psn_key, level,\n  random() AS amount\nFROM bill"))
	if !strings.HasPrefix(text, "line 3:3: function: random") {
		t.Errorf("got %q", text)
	}
}

// A coarse variant drops a key that the SQL still selects: a job may, a template may not.
func TestLintOfJobAllowsMoreColumns(t *testing.T) {
	lintCodes := linting(t)
	q := asked("SELECT psn_key, level, total_fen AS amount FROM bill")
	q.keys = nil
	if codes, _ := lintCodes(t, q); !slices.Equal(codes, []string{"output"}) {
		t.Errorf("as a template: %v", codes)
	}
	q.exact = false
	if codes, text := lintCodes(t, q); len(codes) != 0 {
		t.Errorf("as a job: %s", text)
	}
}
