//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// covered is a question and its exact bounded answer, written again as plain
// SQL over the snapshot. unbound must give 0: then L0 and row caps bind nobody
// and no choice by hash enters the answer.
type covered struct {
	id      string
	given   map[string]string
	exact   string // keys, people, then the measures
	values  []string
	unbound string
	rho     float64
}

const (
	ageOn2017 = `((2017 * 12) - (birth_ym // 100 * 12 + birth_ym % 100 - 1)) // 12`
	in2017    = `BETWEEN DATE '2017-01-01' AND DATE '2017-12-31'`
)

var coverage = []covered{{
	id: "I2", rho: 0.08, given: map[string]string{"window": "2017-01-01..2017-12-31"}, values: []string{"claims", "person_days"},
	exact: `WITH cov AS (SELECT psn_key, sum(date_diff('day', greatest(begn, DATE '2017-01-01'), least("end", DATE '2017-12-31')) + 1) AS d
	  FROM coverage WHERE begn <= DATE '2017-12-31' AND "end" >= DATE '2017-01-01' GROUP BY 1),
	cl AS (SELECT psn_key, count(*) AS c FROM encounter WHERE begn >= DATE '2017-01-01' AND "end" <= DATE '2017-12-31' AND med_type = '21' GROUP BY 1),
	p AS (SELECT psn_key, sex, ` + ageOn2017 + ` AS age FROM person)
	SELECT CASE WHEN age >= 60 THEN '60+' ELSE (age // 20 * 20) || '-' || (age // 20 * 20 + 19) END, sex,
	  count(*), sum(least(6, coalesce(c, 0))), sum(least(366, d))
	FROM cov JOIN p USING (psn_key) LEFT JOIN cl USING (psn_key) WHERE age >= 0 GROUP BY 1, 2`,
}, {
	id: "P1", rho: 0.08, given: map[string]string{"window": "2017-01-01..2017-12-31", "codes": "hypertension", "washout": "0"},
	values: []string{"new_cases", "cases", "days_at_risk"},
	exact: `WITH dx AS (SELECT psn_key, min(date) AS first FROM diagnosis
	  WHERE date ` + in2017 + ` AND system = 'icd10' AND left(dx_code, 3) IN ('I10', 'I11', 'I12', 'I13', 'I15') GROUP BY 1),
	cov AS (SELECT psn_key, sum(greatest(0, date_diff('day', greatest(begn, DATE '2017-01-01'), least("end", DATE '2017-12-31', coalesce(first, "end"))) + 1)) AS d
	  FROM coverage LEFT JOIN dx USING (psn_key) WHERE begn <= DATE '2017-12-31' AND "end" >= DATE '2017-01-01' GROUP BY 1),
	p AS (SELECT psn_key, sex, ` + ageOn2017 + ` AS age FROM person)
	SELECT CASE WHEN age >= 70 THEN '70+' ELSE (age // 10 * 10) || '-' || (age // 10 * 10 + 9) END, sex,
	  count(*), count(first), count(first), sum(least(366, d))
	FROM cov JOIN p USING (psn_key) LEFT JOIN dx USING (psn_key) WHERE age >= 0 AND sex <> 'unknown' GROUP BY 1, 2`,
}, {
	id: "I3", rho: 0.9, given: map[string]string{"window": "2017-01-01..2017-04-30", "med_type": "pharmacy"}, values: []string{"severity", "claims"},
	exact: `WITH claim AS (SELECT psn_key, mdtrt_key, level, least(300000, sum(total_fen)) AS x FROM settlement
	  WHERE setl_date BETWEEN DATE '2017-01-01' AND DATE '2017-04-30' AND med_type = '41' GROUP BY 1, 2, 3),
	p AS (SELECT psn_key, ((2017 * 12) - (birth_ym // 100 * 12 + birth_ym % 100 - 1)) // 12 AS age FROM person),
	one AS (SELECT psn_key, CASE WHEN age >= 60 THEN '60+' ELSE (age // 30 * 30) || '-' || (age // 30 * 30 + 29) END AS age, level,
	  count(*) AS r, greatest(-120000, least(290000, sum(x - 10000))) AS s FROM claim JOIN p USING (psn_key) WHERE age >= 0 GROUP BY 1, 2, 3)
	SELECT age, level, count(*), 10000 + sum(s) / sum(r), sum(r) FROM one GROUP BY 1, 2`,
	unbound: `SELECT count(*) FROM (SELECT psn_key FROM settlement WHERE setl_date BETWEEN DATE '2017-01-01' AND DATE '2017-04-30' AND med_type = '41'
	  GROUP BY 1 HAVING count(DISTINCT level) > 2 OR count(DISTINCT mdtrt_key) > 12)`,
}, {
	id: "R2", rho: 0.08, given: map[string]string{"window": "2017-01-01..2017-12-31"}, values: []string{"payments/0", "payments/1", "payments/2", "payments/3"},
	exact: `WITH one AS (SELECT psn_key, quarter(setl_date) AS q, least(20000000, sum(f)) AS f FROM (
	    SELECT psn_key, setl_date, least(20000000, sum(fund_fen) OVER (PARTITION BY psn_key, insutype, year(setl_date) * 12 + month(setl_date))) /
	      count(*) OVER (PARTITION BY psn_key, insutype, year(setl_date) * 12 + month(setl_date)) AS f
	    FROM settlement WHERE setl_date ` + in2017 + `) GROUP BY 1, 2)
	SELECT count(DISTINCT psn_key), sum(f) FILTER (q = 1), sum(f) FILTER (q = 2), sum(f) FILTER (q = 3), sum(f) FILTER (q = 4) FROM one`,
}}

// The released values agree with the exact bounded answers within their stated
// 95 % intervals 93 to 97 % of the time, in cells whose exact n is at least
// k + tau + 3 sigma. With 2,000 independent intervals or more a template, five
// standard deviations are under 2.5 %: the false alarm is below 1e-4.
func TestReleasedIntervalsHoldTheExactAnswers(t *testing.T) {
	domain, id := t.TempDir(), ""
	key, err := dataset.LoadOrCreateKey(domain + "/keys/person.key")
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := dataset.Synth(t.Context(), dataset.SynthOptions{Domain: domain, Key: key, People: 3000, Seed: 11, Open: duckdb.OpenWriter})
	if err != nil {
		t.Fatal(err)
	}
	id = m.ID
	db, err := duckdb.OpenSnapshot(t.Context(), duckdb.SnapshotOptions{Path: dataset.DataPath(domain, id)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("USE " + duckdb.SnapshotCatalog); err != nil {
		t.Fatal(err)
	}
	engine := open(t, duckdb.Options{Domain: domain})
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range coverage {
		t.Run(c.id, func(t *testing.T) {
			if c.unbound != "" {
				if n := exactRows(t, db, c.unbound, 0); n[0].values[0] != 0 {
					t.Fatalf("bounds bind %v people in this population", n[0].values[0])
				}
			}
			tpl, err := catalog.Find(c.id)
			if err != nil {
				t.Fatal(err)
			}
			q, err := catalog.Compile(tpl, true, c.given, queries.Source{Snapshot: id, MaxRows: m.MaxRows})
			if err != nil {
				t.Fatal(err)
			}
			q.Job.Spec.K = 20
			cover(t, engine, q, exactRows(t, db, c.exact, len(q.Job.Spec.Keys)), c)
		})
	}
}

type exactRow struct {
	keys   string
	people float64
	values []float64
}

// exactRows reads keys, people and values; with keys 0 a single number is a value.
func exactRows(t *testing.T, db *sql.DB, query string, keys int) []exactRow {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out []exactRow
	for rows.Next() {
		texts, numbers := make([]string, keys), make([]sql.NullFloat64, len(names)-keys)
		var into []any
		for i := range texts {
			into = append(into, &texts[i])
		}
		for i := range numbers {
			into = append(into, &numbers[i])
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		r := exactRow{keys: strings.Join(texts, "|"), people: numbers[0].Float64}
		for _, n := range numbers[min(1, len(numbers)-1):] {
			r.values = append(r.values, n.Float64)
		}
		out = append(out, r)
	}
	return out
}

func cover(t *testing.T, engine queries.Engine, q *queries.Question, exact []exactRow, c covered) {
	// A sigma of a few people: small enough for cells of a few hundred, large
	// enough that rounding to whole people does not widen the intervals.
	plan, err := dp.Price(q.Job.Spec, dp.Want{Rho: c.rho}, dp.DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	least := float64(q.Job.Spec.K) + float64(plan.Tau()) + 3*plan.Sigmas()["people"]
	held, all, cells := 0, 0, 0
	for _, e := range exact {
		if e.people >= least {
			cells++
		}
	}
	if cells == 0 {
		t.Fatal("no cell is large enough")
	}
	for all < 2000 {
		totals, err := engine.Run(context.Background(), q.Job)
		if err != nil {
			t.Fatal(err)
		}
		table, err := dp.Release(totals, plan)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range exact {
			if e.people < least {
				continue
			}
			got := released(t, table, e.keys)
			for i, want := range append([]float64{e.people}, e.values...) {
				v := got["people"]
				if i > 0 {
					var there bool
					if v, there = got[c.values[i-1]]; !there {
						continue // a mean whose noisy row count says nothing is left out
					}
				} else if plan.Sigmas()["people"] < 4 {
					continue // an interval of whole people holds more than 95 %
				}
				all++
				if v.Low <= want && want <= v.High {
					held++
				}
			}
		}
	}
	share := float64(held) / float64(all)
	t.Logf("%d groups, %d intervals: %.4f hold the exact bounded answer", cells, all, share)
	if math.Abs(share-0.95) > 0.02 {
		t.Errorf("%.4f of %d intervals hold the exact bounded answer, want 0.93 to 0.97", share, all)
	}
}

// released gives the measures of one shown group; positions as name/i.
func released(t *testing.T, table *dp.Table, keys string) map[string]dp.Point {
	t.Helper()
	for _, g := range table.Groups {
		if strings.Join(g.Keys, "|") != keys {
			continue
		}
		if g.Suppressed {
			t.Fatalf("%s is suppressed", keys)
		}
		out := map[string]dp.Point{}
		for _, m := range g.Measures {
			out[m.Name] = dp.Point{Value: m.Value, Low: m.Low, High: m.High}
			for i, p := range m.Values {
				out[fmt.Sprintf("%s/%d", m.Name, i)] = p
			}
		}
		return out
	}
	t.Fatalf("no group %s", keys)
	return nil
}
