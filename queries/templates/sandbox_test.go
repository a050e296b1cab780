//go:build duckdb_arrow

package templates_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

// sandboxPeople is every insured person of 2017 with their columns as labels.
const sandboxPeople = `WITH ins AS (
  SELECT psn_key, (array_agg({'i': insutype, 'r': insu_admdvs} ORDER BY least("end", DATE '2017-12-31') DESC, greatest(begn, DATE '2017-01-01') DESC, insutype, insu_admdvs))[1] AS s
  FROM coverage WHERE begn <= DATE '2017-12-31' AND "end" >= DATE '2017-01-01' GROUP BY ALL),
enc AS (SELECT * FROM encounter WHERE begn >= DATE '2017-01-01' AND "end" <= DATE '2017-12-31'),
lvl AS (SELECT psn_key, arg_max(level, CASE level WHEN 'unknown' THEN 0 ELSE n * 10 + list_position(['primary', 'secondary', 'tertiary'], level) END) AS level
  FROM (SELECT psn_key, level, count(*) AS n FROM enc GROUP BY ALL) GROUP BY ALL),
num AS (SELECT psn_key, sum((med_type = '21')::INT) AS stays, sum(regexp_matches(med_type, '^1[1234]')::INT) AS visits FROM enc GROUP BY ALL),
pay AS (SELECT psn_key, sum(total_fen)::BIGINT AS total, sum(psn_fen)::BIGINT AS own FROM settlement WHERE year(setl_date) = 2017 GROUP BY ALL),
ill AS (SELECT psn_key, (count(*) FILTER (WHERE regexp_matches(dx_code, '^I1[01235]')) > 0)::INT + (count(*) FILTER (WHERE regexp_matches(dx_code, '^I6[0134]')) > 0)::INT AS n
  FROM diagnosis WHERE year(date) = 2017 AND system = 'icd10' GROUP BY ALL),
med AS (SELECT psn_key, count(DISTINCT ingredient) AS n FROM fee_line WHERE year(date) = 2017 AND ingredient <> 'unknown' GROUP BY ALL),
band AS (SELECT ins.psn_key, sex, s.i AS insutype, CASE s.r WHEN 'unknown' THEN 'unknown' ELSE s.r[1:2] END AS region,
  (2017 * 12 - (birth_ym // 100 * 12 + birth_ym % 100 - 1)) / 120.0 AS tens, birth_ym, coalesce(lvl.level, 'no care') AS level,
  coalesce(stays, 0) AS stays, coalesce(visits, 0) AS visits, coalesce(total, 0) AS total, own, coalesce(ill.n, 0) AS ill, coalesce(med.n, 0) AS med,
  CASE WHEN death_ym BETWEEN 201701 AND 201712 THEN 'yes' ELSE 'no' END AS died
  FROM ins JOIN person USING (psn_key) LEFT JOIN lvl USING (psn_key) LEFT JOIN num USING (psn_key) LEFT JOIN pay USING (psn_key) LEFT JOIN ill USING (psn_key) LEFT JOIN med USING (psn_key)),
person_columns AS (SELECT sex, insutype, region, level, died,
  CASE WHEN birth_ym IS NULL THEN 'unknown' WHEN tens >= 9 THEN '90+' WHEN tens < 0 THEN '0-9' ELSE floor(tens)::INT * 10 || '-' || floor(tens)::INT * 10 + 9 END AS age,
  CASE WHEN stays > 4 THEN '5+' ELSE stays::VARCHAR END AS stays,
  CASE WHEN visits = 0 THEN '0' WHEN visits <= 2 THEN '1-2' WHEN visits <= 5 THEN '3-5' WHEN visits <= 11 THEN '6-11' WHEN visits <= 23 THEN '12-23' ELSE '24+' END AS visits,
  CASE WHEN total < 100 THEN '0' WHEN total < 100000 THEN '1-999' WHEN total < 300000 THEN '1000-2999' WHEN total < 1000000 THEN '3000-9999'
    WHEN total < 3000000 THEN '10000-29999' WHEN total < 10000000 THEN '30000-99999' ELSE '100000+' END AS cost,
  CASE WHEN total = 0 THEN 'unknown' WHEN own < 0.2 * total THEN '0-19' WHEN own < 0.4 * total THEN '20-39' WHEN own < 0.6 * total THEN '40-59' WHEN own < 0.8 * total THEN '60-79' ELSE '80+' END AS self_pay,
  ill::VARCHAR AS chronic,
  CASE WHEN med < 2 THEN med::VARCHAR WHEN med < 4 THEN '2-3' WHEN med < 6 THEN '4-5' WHEN med < 10 THEN '6-9' ELSE '10+' END AS drugs
  FROM band)
`

// sandboxLabels are the values of the columns, in the order of the catalogue.
var sandboxLabels = map[string]string{
	"sex": "male female unknown", "insutype": "employee resident other unknown", "level": "no_care tertiary secondary primary unknown",
	"age":    "0-9 10-19 20-29 30-39 40-49 50-59 60-69 70-79 80-89 90+ unknown",
	"region": "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 unknown",
	"stays":  "0 1 2 3 4 5+", "visits": "0 1-2 3-5 6-11 12-23 24+", "chronic": "0 1 2 3+", "drugs": "0 1 2-3 4-5 6-9 10+", "died": "no yes",
	"cost": "0 1-999 1000-2999 3000-9999 10000-29999 30000-99999 100000+", "self_pay": "0-19 20-39 40-59 60-79 80+ unknown",
}

// sandboxOracle counts people in every cell of every pair.
func sandboxOracle(columns string) string {
	names := strings.Split(columns, ",")
	counts := []string{"count(*)"}
	labels := func(column string) []string { return strings.Fields(sandboxLabels[column]) }
	for i, a := range names {
		for _, b := range names[i+1:] {
			for _, x := range labels(a) {
				for _, y := range labels(b) {
					counts = append(counts, strings.ReplaceAll(fmt.Sprintf("count(*) FILTER (WHERE %s = '%s' AND %s = '%s')", a, x, b, y), "no_care", "no care"))
				}
			}
		}
	}
	return sandboxPeople + "SELECT " + strings.Join(counts, ", ") + " FROM person_columns"
}

// The pair tables of every column, with every other within three groups of them.
func TestSandboxOracles(t *testing.T) {
	for _, columns := range []string{"sex,age,insutype,level,stays", "visits,cost,self_pay,chronic,drugs,died", "sex,region,cost"} {
		o := oracle{
			id: "A1", given: map[string]string{"window": "2017", "columns": columns, "diseases": "hypertension,stroke"},
			cells: []string{"marginals/tables"}, exact: sandboxOracle(columns),
		}
		t.Run(columns, func(t *testing.T) { checkOracle(t, o) })
	}
}

// table lays out the one pair of two columns with people in the given cells.
func table(rows, cols int, cells ...[2]int) []int64 {
	out := make([]int64, 1+rows*cols)
	out[0] = int64(len(cells))
	for _, c := range cells {
		out[1+c[0]*cols+c[1]]++
	}
	return out
}

func TestSandboxByHand(t *testing.T) {
	a, b := enginetest.Person(1), enginetest.Person(2)
	covered := enginetest.World{
		"person": {{"psn_key": a, "sex": "male", "birth_ym": int64(195001), "death_ym": int64(201712)}, {"psn_key": b, "sex": "?", "death_ym": int64(201801)}},
		"coverage": {
			{"psn_key": a, "insutype": "resident", "insu_admdvs": "110000", "begn": enginetest.Day(-400), "end": enginetest.Day(200)},
			{"psn_key": a, "insutype": "employee", "insu_admdvs": "990000", "begn": enginetest.Day(100), "end": enginetest.Day(900)},
			{"psn_key": b, "insutype": "resident", "insu_admdvs": "650000", "begn": enginetest.Day(364), "end": enginetest.Day(364)},
		},
		"encounter": {
			{"psn_key": a, "mdtrt_key": int64(1), "med_type": "21", "level": "primary", "begn": enginetest.Day(0), "end": enginetest.Day(0)},
			{"psn_key": a, "mdtrt_key": int64(2), "med_type": "21", "level": "tertiary", "begn": enginetest.Day(2), "end": enginetest.Day(9)}, // overlaps the next
			{"psn_key": a, "mdtrt_key": int64(3), "med_type": "21", "level": "tertiary", "begn": enginetest.Day(5), "end": enginetest.Day(6)},
			{"psn_key": a, "mdtrt_key": int64(4), "med_type": "21", "level": "primary", "begn": enginetest.Day(364), "end": enginetest.Day(365)}, // leaves the window
			{"psn_key": a, "mdtrt_key": int64(5), "med_type": "?", "level": "primary", "begn": enginetest.Day(364), "end": enginetest.Day(364)},
			{"psn_key": b, "mdtrt_key": int64(6), "med_type": "11", "level": "?", "begn": enginetest.Day(364), "end": enginetest.Day(364)},
		},
		"settlement": {
			{"psn_key": a, "setl_key": int64(1), "setl_date": enginetest.Day(0), "total_fen": int64(60_000), "psn_fen": int64(12_000)},
			{"psn_key": a, "setl_key": int64(2), "setl_date": enginetest.Day(364), "total_fen": int64(40_000), "psn_fen": int64(8_000)},
			{"psn_key": a, "setl_key": int64(3), "setl_date": enginetest.Day(365), "total_fen": int64(90_000_000), "psn_fen": int64(1)},
			{"psn_key": b, "setl_key": int64(4), "setl_date": enginetest.Day(-1), "total_fen": int64(90_000_000), "psn_fen": int64(1)},
		},
		"diagnosis": {
			{"psn_key": a, "mdtrt_key": int64(1), "date": enginetest.Day(0), "dx_code": "I10", "system": "icd10"},
			{"psn_key": a, "mdtrt_key": int64(1), "date": enginetest.Day(1), "dx_code": "I11.9", "system": "icd10"}, // the same disease
			{"psn_key": a, "mdtrt_key": int64(1), "date": enginetest.Day(364), "dx_code": "E11", "system": "icd10"},
			{"psn_key": a, "mdtrt_key": int64(1), "date": enginetest.Day(365), "dx_code": "I63", "system": "icd10"},
			{"psn_key": b, "mdtrt_key": int64(6), "date": enginetest.Day(364), "dx_code": "Z99", "system": "icd10"},
		},
		"fee_line": {
			{"psn_key": a, "setl_key": int64(1), "date": enginetest.Day(0), "ingredient": "metformin"}, {"psn_key": a, "setl_key": int64(1), "date": enginetest.Day(3), "ingredient": "metformin"},
			{"psn_key": a, "setl_key": int64(1), "date": enginetest.Day(3), "ingredient": "unknown"}, {"psn_key": a, "setl_key": int64(1), "date": enginetest.Day(364), "ingredient": "amlodipine"},
		},
	}
	for _, h := range []struct {
		columns string
		given   map[string]string
		coarse  bool
		want    []int64
	}{
		// The second person's sex, age, scheme's province and level are no values or unknown.
		{columns: "sex,age", want: table(3, 11, [2]int{0, 6}, [2]int{2, 10})},
		{columns: "insutype,region", want: table(4, 32, [2]int{0, 31}, [2]int{1, 30})},
		{columns: "level,stays", want: table(5, 6, [2]int{1, 3}, [2]int{4, 0})}, // a tie of levels goes to the higher
		{columns: "visits,cost", want: table(6, 7, [2]int{0, 2}, [2]int{1, 0})},
		{columns: "cost,self_pay", want: table(7, 6, [2]int{2, 1}, [2]int{0, 5})},
		{columns: "chronic,drugs", want: table(4, 6, [2]int{2, 2}, [2]int{0, 0})},
		{columns: "drugs,died", want: table(6, 2, [2]int{2, 1}, [2]int{0, 0})},
		{columns: "sex,died", given: map[string]string{"insutype": "employee"}, want: table(3, 2, [2]int{0, 1})},
		{columns: "sex,died", given: map[string]string{"region": "65,11"}, want: table(3, 2, [2]int{0, 1}, [2]int{2, 0})},
		{columns: "age,stays", coarse: true, want: table(4, 3, [2]int{2, 2}, [2]int{3, 0})},
		{columns: "cost,self_pay", coarse: true, want: table(4, 3, [2]int{1, 0}, [2]int{0, 2})},
	} {
		given := map[string]string{"window": "2017", "columns": h.columns}
		for name, value := range h.given {
			given[name] = value
		}
		t.Run(fmt.Sprint(h.columns, h.given, h.coarse), func(t *testing.T) {
			checkHandmade(t, handmade{id: "A1", coarse: h.coarse, given: given, world: covered, cells: []string{"marginals/tables"}, want: map[string][]int64{"": h.want}})
		})
	}
	t.Run("nobody", func(t *testing.T) {
		uncovered := enginetest.World{"person": covered["person"], "encounter": slices.Clone(covered["encounter"])}
		checkHandmade(t, handmade{id: "A1", given: map[string]string{"window": "2017"}, world: uncovered, cells: []string{"marginals/tables"}, want: map[string][]int64{}})
	})
}
